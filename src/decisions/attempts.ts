// How an attempt begins and ends. A dispatch and a finish are one commit each: what starts an attempt also
// takes the lease, what ends it also gives the lease back and moves the run on.
import { PawlError } from '../errors.js';
import type { PawlEvent } from '../domain/events.js';
import type { Payload } from '../domain/payload.js';
import type { ErrorRecord } from '../domain/run.js';
import type { AttemptRow, RunRow } from '../projections/rows.js';
import { backoffDelayMs } from './backoff.js';
import type { DecisionContext } from './command.js';
import { findRun, illegalTransition, requireTransition } from './lookups.js';
import {
  attemptFinished,
  attemptStarted,
  leaseAcquired,
  leaseReleased,
  stateChanged,
  stateChangedFor,
  type AttemptEnd,
} from './new-events.js';

/** Code of the error of an attempt that ended because its process was closed; it counts as no loss. */
export const SHUTDOWN = 'SHUTDOWN';

/** What a handler used of a budget, since its last commit. */
export interface Consumption {
  readonly dimension: string;
  readonly amount: number;
}

/** How an attempt ended, as the executor saw it. */
export type Outcome =
  | { readonly kind: 'success'; readonly output?: Payload | undefined }
  | { readonly kind: 'failure'; readonly error: ErrorRecord }
  | { readonly kind: 'timeout'; readonly error: ErrorRecord }
  | {
      readonly kind: 'suspended';
      readonly output?: Payload | undefined;
      readonly reason?: string | undefined;
    }
  | { readonly kind: 'lost'; readonly error: ErrorRecord }
  | { readonly kind: 'canceled'; readonly reason?: string | undefined };

/** The claim of a run by an owner. */
export interface Claim {
  readonly owner: string;
  readonly attemptId: string;
  readonly expiryAt: number;
}

/** ready → leased → running in one commit. Errors: `INVALID_TRANSITION`, `LEASE_HELD`. */
export function decideDispatch(context: DecisionContext, row: RunRow, claim: Claim): PawlEvent[] {
  requireTransition(context, row, 'leased');
  if (!context.transitions.isValidTransition('leased', 'running'))
    throw illegalTransition(context, row, 'running');
  if (row.detail?.lease !== undefined) {
    throw new PawlError(
      'LEASE_HELD',
      `Run ${row.id} is leased by ${row.detail.lease.owner}; wait for its end.`,
      {
        runId: row.id,
        owner: row.detail.lease.owner,
      },
    );
  }
  return [
    stateChanged(row.id, row.state, 'leased'),
    leaseAcquired(row.id, claim.owner, claim.expiryAt),
    stateChanged(row.id, 'leased', 'running'),
    attemptStarted(row.id, claim.attemptId, row.attemptCount + 1, claim.owner),
  ];
}

/** What a finish is about. */
export interface Finish {
  readonly runId: string;
  readonly attemptId: string;
  readonly owner: string;
  readonly outcome: Outcome;
  readonly consumed: readonly Consumption[];
}

/**
 * The end of the open attempt, in one commit: AttemptFinished, BudgetConsumed…, LeaseReleased, RunStateChanged.
 * Errors: `RUN_UNKNOWN`, `RUN_CANCELED`, `LEASE_LOST`, `ATTEMPT_MISMATCH`, `ATTEMPT_UNKNOWN`: see `decideRefusal`.
 */
export function decideFinish(context: DecisionContext, finish: Finish): PawlEvent[] {
  const row = findRun(context, finish.runId);
  const open = row.detail?.open;
  if (open?.id !== finish.attemptId || row.state !== 'running') throw lateResult(row, finish);
  return finishEvents(context, row, finish);
}

/** Events that end the open attempt of a running run with `finish.outcome`. */
export function finishEvents(
  context: DecisionContext,
  row: RunRow,
  finish: Pick<Finish, 'attemptId' | 'outcome' | 'consumed'>,
): PawlEvent[] {
  const { outcome } = finish;
  const events: PawlEvent[] = [attemptFinished(row.id, finish.attemptId, attemptEnd(context, row, outcome))];
  for (const used of finish.consumed) events.push(...consumedEvents(context, row, used));
  pushRelease(events, row);
  pushFollowing(context, events, row, outcome);
  return events;
}

/** One `BudgetConsumed` for the task, and one for every ancestor with an allocation in the dimension. */
export function consumedEvents(context: DecisionContext, row: RunRow, used: Consumption): PawlEvent[] {
  const events: PawlEvent[] = [];
  const charge = (taskId: string): void => {
    events.push({
      type: 'BudgetConsumed',
      sequence: 0,
      at: 0,
      taskId,
      dimension: used.dimension,
      amount: used.amount,
      runId: row.id,
    });
  };
  charge(row.task.id);
  for (let level = row.task.extra?.parent; level !== undefined; level = level.extra?.parent) {
    if (context.state.budgets.get(level.id, used.dimension) !== undefined) charge(level.id);
  }
  return events;
}

/** Gives the lease back, when there is one. */
export function pushRelease(events: PawlEvent[], row: RunRow): void {
  const lease = row.detail?.lease;
  if (lease !== undefined) events.push(leaseReleased(row.id, lease.owner, lease.expiryAt));
}

/** The typed refusal of a result whose attempt is no longer open. */
export function lateResult(row: RunRow, finish: Pick<Finish, 'attemptId' | 'owner'>): PawlError {
  const data = { runId: row.id, attemptId: finish.attemptId, state: row.state };
  if (row.state === 'canceled') {
    return new PawlError(
      'RUN_CANCELED',
      `Run ${row.id} is canceled; the result of attempt ${finish.attemptId} is not applied.`,
      data,
    );
  }
  const attempts = row.detail?.attempts ?? [];
  const attempt = attempts.find((known) => known.id === finish.attemptId);
  // Of a run with many attempts those in the middle are forgotten: one that is not found may have been one of them.
  if (attempt === undefined && row.attemptCount <= attempts.length) {
    return new PawlError(
      'ATTEMPT_UNKNOWN',
      `Run ${row.id} has no attempt ${finish.attemptId}; its result is not applied.`,
      data,
    );
  }
  if (attempt?.result === 'lost' || attempt?.result === 'timeout') {
    return new PawlError(
      'LEASE_LOST',
      `Attempt ${finish.attemptId} of run ${row.id} ended as ${attempt.result}; its late result is not applied.`,
      data,
    );
  }
  return new PawlError(
    'ATTEMPT_MISMATCH',
    `Attempt ${finish.attemptId} of run ${row.id} is not open (the run is ${row.state}); its result is not applied.`,
    data,
  );
}

/** The fact that a late result was refused; nothing when it was recorded before, or the attempt is forgotten or still open. */
export function decideRefusal(
  row: RunRow,
  finish: Pick<Finish, 'attemptId' | 'owner'>,
  why: string,
): PawlEvent[] {
  const attempt = row.detail?.attempts.find((known) => known.id === finish.attemptId);
  // What a close could not write for want of room has not ended, durably: the next start settles it.
  if (attempt === undefined || attempt.refused || row.detail?.open?.id === attempt.id) return [];
  return [
    {
      type: 'AttemptRefused',
      sequence: 0,
      at: 0,
      runId: row.id,
      attemptId: finish.attemptId,
      owner: finish.owner,
      why,
    },
  ];
}

function attemptEnd(context: DecisionContext, row: RunRow, outcome: Outcome): AttemptEnd {
  switch (outcome.kind) {
    case 'success':
    case 'suspended':
      return { result: outcome.kind, output: outcome.output };
    case 'failure':
    case 'timeout':
    case 'lost':
      return { result: outcome.kind, error: outcome.error };
    case 'canceled':
      return { result: 'canceled' };
  }
}

function pushFollowing(context: DecisionContext, events: PawlEvent[], row: RunRow, outcome: Outcome): void {
  const runId = row.id;
  switch (outcome.kind) {
    case 'success':
      requireTransition(context, row, 'completed');
      events.push(stateChanged(runId, 'running', 'completed'));
      return;
    case 'suspended':
      requireTransition(context, row, 'suspended');
      events.push(stateChangedFor({ runId, from: 'running', to: 'suspended' }, outcome.reason));
      return;
    case 'canceled':
      requireTransition(context, row, 'canceled');
      events.push(stateChangedFor({ runId, from: 'running', to: 'canceled' }, outcome.reason));
      return;
    case 'failure':
    case 'timeout':
      events.push(afterFailure(context, row, outcome));
      return;
    case 'lost':
      pushAfterLoss(context, events, row, outcome.error);
      return;
  }
}

function afterFailure(
  context: DecisionContext,
  row: RunRow,
  outcome: { readonly kind: 'failure' | 'timeout'; readonly error: ErrorRecord },
): PawlEvent {
  const { constraints } = row.task.shape;
  const failures = row.failedAttempts + 1;
  const runId = row.id;
  if (!outcome.error.retryable || failures >= constraints.maxAttempts) {
    requireTransition(context, row, 'failed');
    const why = outcome.error.retryable ? outcome.kind : 'terminal';
    return stateChangedFor({ runId, from: 'running', to: 'failed' }, why);
  }
  requireTransition(context, row, 'retryWait');
  const wakeAt = context.now + backoffDelayMs(constraints.backoff, failures, context.random);
  return stateChangedFor({ runId, from: 'running', to: 'retryWait' }, outcome.kind, wakeAt);
}

function pushAfterLoss(context: DecisionContext, events: PawlEvent[], row: RunRow, error: ErrorRecord): void {
  const { constraints } = row.task.shape;
  const runId = row.id;
  const byShutdown = error.code === SHUTDOWN;
  const losses = row.lostAttempts + (byShutdown ? 0 : 1);
  if (!byShutdown && (losses >= constraints.maxLostAttempts || constraints.safety === 'transactional')) {
    requireTransition(context, row, 'failed');
    events.push(stateChangedFor({ runId, from: 'running', to: 'failed' }, 'LOST'));
    return;
  }
  requireTransition(context, row, 'retryWait');
  const atOnce = byShutdown || losses === 1;
  const wakeAt = atOnce
    ? context.now
    : context.now + backoffDelayMs(constraints.backoff, losses - 1, context.random);
  events.push(
    stateChangedFor({ runId, from: 'running', to: 'retryWait' }, byShutdown ? 'shutdown' : 'lost', wakeAt),
  );
  if (!atOnce) return;
  if (!context.transitions.isValidTransition('retryWait', 'ready'))
    throw illegalTransition(context, row, 'ready');
  events.push(stateChanged(runId, 'retryWait', 'ready'));
}

/** The error of an attempt whose process or lease ended before its result was durable. */
export function lostError(code: 'LOST' | typeof SHUTDOWN, attempt: AttemptRow): ErrorRecord {
  const message =
    code === SHUTDOWN
      ? `The orchestrator was closed before attempt ${String(attempt.number)} had ended.`
      : `The process or lease of ${attempt.owner} ended before attempt ${String(attempt.number)} had ended.`;
  return { name: 'LostError', message, code, retryable: true };
}
