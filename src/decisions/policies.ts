// From a policy to runs: which occurrences exist now, which of the overdue ones run, which are skipped. What is
// skipped is a fact, so that a replay never judges again.
import { PawlError } from '../errors.js';
import type { PawlEvent } from '../domain/events.js';
import { occurrenceCount, type Misfire, type Policy } from '../domain/task.js';
import type { DecisionContext } from './command.js';
import { runCreated, stateChanged } from './new-events.js';

/** Largest time that a JavaScript date can show. */
const MAX_TIME = 8_640_000_000_000_000;
/** A run that is late by no more than this is on time: timers fire late, and a fsync takes its time. */
export const MISFIRE_AFTER_MS = 1_000;

/** Where a policy stands. */
export interface PolicyState {
  readonly taskId: string;
  readonly policy: Policy;
  /** Moment of occurrence 0. */
  readonly startAt: number;
  /** Occurrences 0 … derived−1 are settled. */
  readonly derived: number;
  /** Runs of the task that are not terminal. */
  readonly openRuns: number;
  readonly priority: number;
}

/** Refuses a policy with an occurrence beyond the representable times: `POLICY_OVERFLOW`. */
export function requireRepresentable(policy: Policy, startAt: number): void {
  if (policy.kind !== 'repeat') return;
  const lastAt = startAt + (policy.count - 1) * policy.intervalMs;
  if (lastAt <= MAX_TIME) return;
  throw new PawlError(
    'POLICY_OVERFLOW',
    `Occurrence ${String(policy.count - 1)} would be at ${String(lastAt)} ms, beyond ${String(MAX_TIME)}; use fewer or closer occurrences.`,
    { count: policy.count, intervalMs: policy.intervalMs, startAt },
  );
}

/** Moment of an occurrence. */
export function occurrenceAt(state: Pick<PolicyState, 'policy' | 'startAt'>, occurrence: number): number {
  return state.policy.kind === 'repeat'
    ? state.startAt + occurrence * state.policy.intervalMs
    : state.startAt;
}

/** What is derived at most in one commit. */
export interface DeriveBounds {
  /** Runs to create at most. */
  readonly maxRuns: number;
  /** False while the engine is paused or the task waits: due runs then stay scheduled. */
  readonly promote: boolean;
}

/**
 * Events that bring the policy up to `now`: PolicyAdvanced for what a misfire skips, RunCreated for the next
 * occurrences while the window has room, and the promotion of those that are due. Empty when nothing is to do.
 */
export function deriveRuns(context: DecisionContext, state: PolicyState, bounds: DeriveBounds): PawlEvent[] {
  const total = occurrenceCount(state.policy);
  let next = state.derived;
  if (next >= total) return [];
  const events: PawlEvent[] = [];
  const room = Math.min(context.limits.repeatWindow - state.openRuns, bounds.maxRuns);
  if (room <= 0) return events;
  const skip = bounds.promote ? skippedUnderived(context, state, total) : 0;
  if (skip > 0) {
    next += skip;
    events.push(policyAdvanced(state, { from: state.derived, to: next }));
  }
  const promoteDue = bounds.promote && (state.policy.kind === 'once' || state.policy.overlap === 'allow');
  for (const end = Math.min(total, next + room); next < end; next++) {
    const runId = context.newId();
    const scheduledAt = occurrenceAt(state, next);
    events.push(
      runCreated({ runId, taskId: state.taskId, occurrence: next, scheduledAt, priority: state.priority }),
    );
    if (promoteDue && scheduledAt <= context.now) events.push(stateChanged(runId, 'scheduled', 'ready'));
  }
  return events;
}

/** Number of overdue occurrences from `derived` on, of `total` in all. */
export function overdueUnderived(
  context: Pick<DecisionContext, 'now'>,
  state: PolicyState,
  total: number,
): number {
  if (state.policy.kind !== 'repeat') return 0;
  const latestOverdueAt = context.now - MISFIRE_AFTER_MS - 1;
  const through = Math.min(
    total - 1,
    Math.floor((latestOverdueAt - state.startAt) / state.policy.intervalMs),
  );
  return Math.max(0, through - state.derived + 1);
}

/** How many of `overdue` occurrences still run under a misfire rule; the newest ones. */
export function keptByMisfire(misfire: Misfire, overdue: number): number {
  switch (misfire.kind) {
    case 'catchUp':
      return misfire.cap === undefined ? overdue : Math.min(overdue, misfire.cap);
    case 'skip':
      return 0;
    case 'coalesce':
      return Math.min(overdue, 1);
  }
}

/** True when an occurrence scheduled at this moment is late enough to be judged. */
export function isOverdue(scheduledAt: number, now: number): boolean {
  return scheduledAt + MISFIRE_AFTER_MS < now;
}

function skippedUnderived(context: DecisionContext, state: PolicyState, total: number): number {
  if (state.policy.kind !== 'repeat') return 0;
  const overdue = overdueUnderived(context, state, total);
  return overdue - keptByMisfire(state.policy.misfire, overdue);
}

function policyAdvanced(
  state: PolicyState,
  range: { readonly from: number; readonly to: number },
): PawlEvent {
  return {
    type: 'PolicyAdvanced',
    sequence: 0,
    at: 0,
    taskId: state.taskId,
    throughOccurrence: range.to - 1,
    throughAt: occurrenceAt(state, range.to - 1),
    skipped: range.to - range.from,
    reason: 'misfire',
  };
}
