// Durable histories in the fewest words: a task, its run, and that run in each of the nine states.
import type { SubmitOptions } from '../../../src/domain/submission.js';
import { DEFAULT_LIMITS } from '../../../src/domain/limits.js';
import { encodePayload } from '../../../src/domain/payload.js';
import type { RunState } from '../../../src/domain/run-state.js';
import type { TaskSpec } from '../../../src/domain/task.js';
import { resolveSpec } from '../../../src/decisions/task-spec.js';
import type { EventDraft, GivenCommit } from '../../../src/testing/given.js';

/** Owner of the leases in these histories. */
export const OWNER = 'owner-1';
/** End of those leases. */
export const EXPIRY_AT = 31_000;

/** A specification with its defaults, as the door would make it. */
export function spec(id: string, options: SubmitOptions = {}, input?: unknown): TaskSpec {
  return resolveSpec({ type: 'work', input, options: { ...options, id } }, DEFAULT_LIMITS, () => 'unused');
}

/** The creation of a task. */
export function taskCreated(id: string, options: SubmitOptions = {}): EventDraft<'TaskCreated'> {
  return { type: 'TaskCreated', spec: spec(id, options) };
}

/** The creation of a run. */
export function runCreated(
  runId: string,
  fields: Partial<EventDraft<'RunCreated'>> = {},
): EventDraft<'RunCreated'> {
  return {
    type: 'RunCreated',
    runId,
    taskId: 't1',
    occurrence: 0,
    scheduledAt: 1_000,
    priority: 0,
    ...fields,
  };
}

/** A change of state. */
export function changed(
  runId: string,
  from: RunState,
  to: RunState,
  more: { readonly reason?: string; readonly wakeAt?: number } = {},
): EventDraft<'RunStateChanged'> {
  return { type: 'RunStateChanged', runId, from, to, ...more };
}

/** ready → running with lease and attempt. */
export function dispatched(runId: string, attemptId: string, number = 1): EventDraft[] {
  return [
    changed(runId, 'ready', 'leased'),
    { type: 'LeaseAcquired', runId, owner: OWNER, expiryAt: EXPIRY_AT },
    changed(runId, 'leased', 'running'),
    { type: 'AttemptStarted', runId, attemptId, number, owner: OWNER },
  ];
}

/** The lease given back. */
export function released(runId: string): EventDraft<'LeaseReleased'> {
  return { type: 'LeaseReleased', runId, owner: OWNER, expiryAt: EXPIRY_AT };
}

/** The end of the attempt `a1` by this result, the run going on to `to`. */
export function ended(
  runId: string,
  result: EventDraft<'AttemptFinished'>['result'],
  to: RunState,
  more: { readonly reason?: string; readonly wakeAt?: number; readonly attemptId?: string } = {},
): EventDraft[] {
  const { attemptId = 'a1', ...change } = more;
  const failed = result === 'failure' || result === 'timeout' || result === 'lost';
  return [
    {
      type: 'AttemptFinished',
      runId,
      attemptId,
      result,
      ...(failed ? { error: { name: 'Error', message: 'no', retryable: true } } : {}),
    },
    released(runId),
    changed(runId, 'running', to, change),
  ];
}

/** Task `t1` with its run `r1` in the given state, each step a commit of its own. */
export function runIn(state: RunState, options: SubmitOptions = {}): GivenCommit[] {
  const created: GivenCommit = [taskCreated('t1', options), runCreated('r1')];
  const ready = changed('r1', 'scheduled', 'ready');
  const leased: EventDraft[] = dispatched('r1', 'a1').slice(0, 2);
  const running = dispatched('r1', 'a1');
  switch (state) {
    case 'scheduled':
      return [created];
    case 'ready':
      return [created, ready];
    case 'leased':
      return [created, ready, leased];
    case 'running':
      return [created, ready, running];
    case 'retryWait':
      return [created, ready, running, ended('r1', 'failure', 'retryWait', { wakeAt: 60_000 })];
    case 'suspended':
      return [created, ready, running, ended('r1', 'suspended', 'suspended')];
    case 'completed':
      return [created, ready, running, ended('r1', 'success', 'completed')];
    case 'failed':
      return [created, ready, running, ended('r1', 'failure', 'failed')];
    case 'canceled':
      return [created, changed('r1', 'scheduled', 'canceled')];
  }
}

/** A payload of a JSON value. */
export function payload(value: unknown): ReturnType<typeof encodePayload> {
  return encodePayload(value, DEFAULT_LIMITS);
}
