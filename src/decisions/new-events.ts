// Events of the hot path, made with every field in one order: the engine, the codec and the folds then see
// one object shape a type.
import type { PawlEvent } from '../domain/events.js';
import type { Payload } from '../domain/payload.js';
import type { AttemptResult, ErrorRecord } from '../domain/run.js';
import type { RunState } from '../domain/run-state.js';

/** A change of state with nothing beside it. */
export function stateChanged(runId: string, from: RunState, to: RunState): PawlEvent<'RunStateChanged'> {
  return {
    type: 'RunStateChanged',
    sequence: 0,
    at: 0,
    runId,
    from,
    to,
    reason: undefined,
    wakeAt: undefined,
  };
}

/** A change of state with a reason, and the moment a retry wakes. */
export function stateChangedFor(
  change: { readonly runId: string; readonly from: RunState; readonly to: RunState },
  reason: string | undefined,
  wakeAt?: number,
): PawlEvent<'RunStateChanged'> {
  return { type: 'RunStateChanged', sequence: 0, at: 0, ...change, reason, wakeAt };
}

/** A lease taken. */
export function leaseAcquired(runId: string, owner: string, expiryAt: number): PawlEvent<'LeaseAcquired'> {
  return { type: 'LeaseAcquired', sequence: 0, at: 0, runId, owner, expiryAt };
}

/** A lease given back. */
export function leaseReleased(runId: string, owner: string, expiryAt: number): PawlEvent<'LeaseReleased'> {
  return { type: 'LeaseReleased', sequence: 0, at: 0, runId, owner, expiryAt };
}

/** An attempt begun. */
export function attemptStarted(
  runId: string,
  attemptId: string,
  number: number,
  owner: string,
): PawlEvent<'AttemptStarted'> {
  return { type: 'AttemptStarted', sequence: 0, at: 0, runId, attemptId, number, owner };
}

/** What an attempt came to. */
export interface AttemptEnd {
  readonly result: AttemptResult;
  readonly error?: ErrorRecord | undefined;
  readonly output?: Payload | undefined;
}

/** An attempt ended. */
export function attemptFinished(
  runId: string,
  attemptId: string,
  end: AttemptEnd,
): PawlEvent<'AttemptFinished'> {
  return {
    type: 'AttemptFinished',
    sequence: 0,
    at: 0,
    runId,
    attemptId,
    result: end.result,
    error: end.error,
    output: end.output,
  };
}

/** A run created by its policy. */
export function runCreated(run: {
  readonly runId: string;
  readonly taskId: string;
  readonly occurrence: number;
  readonly scheduledAt: number;
  readonly priority: number;
  readonly retryOf?: string;
}): PawlEvent<'RunCreated'> {
  return {
    type: 'RunCreated',
    sequence: 0,
    at: 0,
    runId: run.runId,
    taskId: run.taskId,
    occurrence: run.occurrence,
    scheduledAt: run.scheduledAt,
    priority: run.priority,
    continuedFrom: undefined,
    retryOf: run.retryOf,
    input: undefined,
    taskType: undefined,
  };
}
