// Reactions: what must follow from durable state, decided again and again until there is nothing left to do.
// The same functions serve the live engine and the start-up sweeps. Each takes only rows whose locks are held.
import type { PawlEvent } from '../domain/events.js';
import { occurrenceCount } from '../domain/task.js';
import type { RunRow, TaskRow } from '../projections/rows.js';
import type { SHUTDOWN } from './attempts.js';
import { finishEvents, lostError, pushRelease } from './attempts.js';
import type { DecisionContext } from './command.js';
import { policyStartAt, requireTransition } from './lookups.js';
import { stateChanged, stateChangedFor } from './new-events.js';
import { deriveRuns, isOverdue, keptByMisfire, overdueUnderived, type PolicyState } from './policies.js';
import { cancelEvents } from './runs.js';

/** scheduled → ready, or retryWait → ready. */
export function promoteEvents(context: DecisionContext, row: RunRow): PawlEvent[] {
  requireTransition(context, row, 'ready');
  return [stateChanged(row.id, row.state, 'ready')];
}

/** Where the policy of a task stands. */
export function policyStateOf(task: TaskRow): PolicyState {
  return {
    taskId: task.id,
    policy: task.shape.policy,
    startAt: policyStartAt(task),
    derived: task.derived,
    openRuns: task.openRuns,
    priority: task.shape.metadata.priority,
  };
}

/** Events that fill the policy's window; see `deriveRuns`. With `promote`, misfires are judged and due runs promoted. */
export function replenishEvents(context: DecisionContext, task: TaskRow, promote: boolean): PawlEvent[] {
  const bounds = { maxRuns: Math.max(1, Math.floor(context.limits.reactionBatch / 2)), promote };
  return deriveRuns(context, policyStateOf(task), bounds);
}

/** The open runs of a task, oldest first; walks back no further than the oldest of them. */
export function openRunsOf(task: TaskRow, limit: number): RunRow[] {
  const open: RunRow[] = [];
  for (let run = task.lastRun; run !== undefined && open.length < task.openRuns; run = run.previousOfTask) {
    if (run.state !== 'completed' && run.state !== 'failed' && run.state !== 'canceled') open.push(run);
  }
  open.reverse();
  return open.length > limit ? open.slice(0, limit) : open;
}

/** True when the due runs of a task need judging together: a misfire rule or an overlap rule says so. */
export function needsJudging(task: TaskRow): boolean {
  const { policy } = task.shape;
  if (policy.kind === 'once') return false;
  return policy.overlap !== 'allow' || policy.misfire.kind !== 'catchUp' || policy.misfire.cap !== undefined;
}

/** What becomes of the due runs of a task. */
export interface Judgement {
  readonly promote: readonly RunRow[];
  readonly misfired: readonly RunRow[];
  readonly overlapped: readonly RunRow[];
}

/** The scheduled runs of a task that are not due: after a jump back of the clock some that were due before. */
export function notDue({ now }: Pick<DecisionContext, 'now'>, task: TaskRow): RunRow[] {
  return openRunsOf(task, Number.MAX_SAFE_INTEGER).filter(
    (run) => run.state === 'scheduled' && run.scheduledAt > now,
  );
}

/** Judges the due scheduled runs of a task, by its misfire rule first and its overlap rule then. Writes nothing. */
export function judgeDueRuns(context: Pick<DecisionContext, 'now'>, task: TaskRow): Judgement {
  const { policy } = task.shape;
  if (policy.kind === 'once') return { promote: [], misfired: [], overlapped: [] };
  const open = openRunsOf(task, Number.MAX_SAFE_INTEGER);
  // A run that was run again by hand keeps its occurrence but stands at the end of the list.
  open.sort((left, right) => left.occurrence - right.occurrence);
  const due = open.filter((run) => run.state === 'scheduled' && run.scheduledAt <= context.now);
  const isLate = (at: number): boolean => isOverdue(at, context.now);
  const overdue = due.filter(
    (run) => isLate(run.scheduledAt) && isLate(consideredAt(run, open)) && run.detail?.retryOf === undefined,
  );
  const underived = overdueUnderived(context, policyStateOf(task), occurrenceCount(policy));
  const kept = keptByMisfire(policy.misfire, overdue.length + underived);
  const dropped = Math.min(overdue.length, Math.max(0, overdue.length - Math.max(0, kept - underived)));
  const misfired = new Set(overdue.slice(0, dropped));
  const rest = due.filter((run) => !misfired.has(run));
  if (policy.overlap === 'allow') return { promote: rest, misfired: [...misfired], overlapped: [] };
  let busy = open.some((run) => run.state !== 'scheduled' && run.occurrence < (rest[0]?.occurrence ?? 0));
  const promote: RunRow[] = [];
  const blocked: RunRow[] = [];
  for (const run of rest) {
    if (busy) blocked.push(run);
    else promote.push(run);
    busy = true;
  }
  const overlapped = policy.overlap === 'skip' ? blocked : blocked.slice(0, -1);
  return { promote, misfired: [...misfired], overlapped };
}

/**
 * Since when a due run could have started. One that waits behind an earlier occurrence (`bufferOne`) is not late
 * while that goes on, nor because of the time it took: a misfire is judged once, not again while it waits.
 */
function consideredAt(run: RunRow, open: readonly RunRow[]): number {
  const { policy } = run.task.shape;
  if (policy.kind === 'once' || policy.overlap !== 'bufferOne') return run.scheduledAt;
  const isBefore = (other: RunRow): boolean => other.occurrence < run.occurrence;
  if (open.some((other) => other.state !== 'scheduled' && isBefore(other))) return Number.MAX_SAFE_INTEGER;
  for (let other = run.task.lastRun; other !== undefined; other = other.previousOfTask) {
    if (other.attemptCount > 0 && isBefore(other)) return Math.max(run.scheduledAt, other.lastStateChangeAt);
  }
  return run.scheduledAt;
}

/** Events of a judgement, for the rows whose locks are held. */
export function judgementEvents(
  context: DecisionContext,
  judgement: Judgement,
  held: (row: RunRow) => boolean,
): PawlEvent[] {
  const events: PawlEvent[] = [];
  for (const row of judgement.misfired) if (held(row)) events.push(...cancelEvents(context, row, 'misfire'));
  for (const row of judgement.overlapped)
    if (held(row)) events.push(...cancelEvents(context, row, 'overlap'));
  for (const row of judgement.promote) if (held(row)) events.push(...promoteEvents(context, row));
  return events;
}

/** True when a run that has not started has passed `expireAfterMs`. */
export function isExpired(row: RunRow, now: number): boolean {
  const { expireAfterMs } = row.task.shape.constraints;
  if (expireAfterMs === undefined || row.attemptCount > 0) return false;
  return (row.state === 'scheduled' || row.state === 'ready') && row.scheduledAt + expireAfterMs <= now;
}

/**
 * Settles a run whose owner is gone: leased → ready; running → its attempt `lost`, then as the losses decide;
 * running without an open attempt → retryWait. Used by the sweep at start, by lease expiry and at shutdown.
 */
export function settleLost(
  context: DecisionContext,
  row: RunRow,
  code: 'LOST' | typeof SHUTDOWN,
): PawlEvent[] {
  if (row.state === 'leased') {
    requireTransition(context, row, 'ready');
    const events: PawlEvent[] = [];
    pushRelease(events, row);
    events.push(stateChangedFor({ runId: row.id, from: 'leased', to: 'ready' }, 'lost'));
    return events;
  }
  const open = row.detail?.open;
  if (open !== undefined) {
    const outcome = { kind: 'lost', error: lostError(code, open) } as const;
    return finishEvents(context, row, { attemptId: open.id, outcome, consumed: [] });
  }
  requireTransition(context, row, 'retryWait');
  const events: PawlEvent[] = [];
  pushRelease(events, row);
  events.push(stateChangedFor({ runId: row.id, from: 'running', to: 'retryWait' }, 'lost', context.now));
  return events;
}
