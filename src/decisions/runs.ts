// Commands about one run: cancel, suspend, resume, change its priority, run it again. Each takes the lock of
// the run, and decides on what is durable about it.
import { PawlError } from '../errors.js';
import { requireInteger } from '../domain/check.js';
import type { Commit, PawlEvent } from '../domain/events.js';
import { requireId } from '../domain/ids.js';
import type { Payload } from '../domain/payload.js';
import type { RunRow } from '../projections/rows.js';
import { finishEvents, pushRelease } from './attempts.js';
import type { Command, DecisionContext } from './command.js';
import { findRun, illegalTransition, isCanceledInTree, requireTransition } from './lookups.js';
import { runCreated, stateChanged, stateChangedFor } from './new-events.js';

const MAX_REASON_CHARS = 1_024;

/** Whether a command changed anything. */
export interface Changed {
  readonly changed: boolean;
}

/** Arguments of `cancelRun`. */
export interface CancelRunArgs {
  readonly runId: string;
  readonly reason?: string | undefined;
}

/** Events that cancel a run from any state that can be canceled; an open attempt ends `canceled` in the same commit. */
export function cancelEvents(context: DecisionContext, row: RunRow, reason: string | undefined): PawlEvent[] {
  const open = row.detail?.open;
  if (row.state === 'running' && open !== undefined) {
    return finishEvents(context, row, {
      attemptId: open.id,
      outcome: { kind: 'canceled', reason },
      consumed: [],
    });
  }
  requireTransition(context, row, 'canceled');
  const events: PawlEvent[] = [];
  pushRelease(events, row);
  events.push(stateChangedFor({ runId: row.id, from: row.state, to: 'canceled' }, reason));
  return events;
}

/** Follows `continuedTo` to the run that stands for the chain. */
export function lastOfChain(context: Pick<DecisionContext, 'state'>, row: RunRow): RunRow {
  let last = row;
  for (let next = last.detail?.continuedTo; next !== undefined; next = last.detail?.continuedTo) {
    const following = context.state.runs.row(next);
    if (following === undefined) break;
    last = following;
  }
  return last;
}

/** Cancels a run; canceled already → `{ changed: false }`; completed or failed → `INVALID_TRANSITION`. */
export const cancelRun: Command<CancelRunArgs, Changed> = {
  name: 'cancelRun',
  admission: false,
  // The run that is canceled too: its own end may be on the way.
  locks(args, state) {
    const row = state.runs.row(requireId(args.runId, 'runId'));
    const last = row === undefined ? undefined : lastOfChain({ state }, row);
    return last === undefined || last === row ? [args.runId] : [args.runId, last.id];
  },
  decide(context, args) {
    const row = lastOfChain(context, findRun(context, args.runId));
    if (row.state === 'canceled') return { events: [], answer: { changed: false } };
    return { events: cancelEvents(context, row, args.reason) };
  },
  result: () => ({ changed: true }),
};

/** Suspends a running run: its attempt ends `suspended` and its late result is refused. */
export const suspendRun: Command<CancelRunArgs, Changed> = {
  name: 'suspendRun',
  admission: false,
  locks: (args) => [requireId(args.runId, 'runId')],
  decide(context, args) {
    const row = findRun(context, args.runId);
    const open = row.detail?.open;
    if (row.state !== 'running' || open === undefined) throw illegalTransition(context, row, 'suspended');
    const outcome = { kind: 'suspended', reason: args.reason ?? 'operator' } as const;
    return { events: finishEvents(context, row, { attemptId: open.id, outcome, consumed: [] }) };
  },
  result: () => ({ changed: true }),
};

/** Arguments of `resumeRun`. */
export interface ResumeRunArgs {
  readonly runId: string;
  readonly value?: Payload | undefined;
}

/** Resumes a suspended run with a value; open waits must be ended instead: `RUN_WAITING{waits}`. */
export const resumeRun: Command<ResumeRunArgs, Changed> = {
  name: 'resumeRun',
  admission: false,
  locks: (args) => [requireId(args.runId, 'runId')],
  decide(context, args) {
    const row = findRun(context, args.runId);
    requireTransition(context, row, 'ready');
    if (row.state !== 'suspended') {
      throw new PawlError(
        'INVALID_TRANSITION',
        `Run ${row.id} is ${row.state}; only a suspended run can be resumed.`,
        {
          runId: row.id,
          from: row.state,
          to: 'ready',
        },
      );
    }
    const waits = [...(row.detail?.waits?.values() ?? [])]
      .filter((wait) => wait.endedAt === undefined)
      .map((wait) => wait.name);
    if (waits.length > 0) {
      throw new PawlError(
        'RUN_WAITING',
        `Run ${row.id} waits for ${waits.join(', ')}; end those waits instead.`,
        { runId: row.id, waits },
      );
    }
    return {
      events: [
        stateChanged(row.id, 'suspended', 'ready'),
        { type: 'RunResumed', sequence: 0, at: 0, runId: row.id, value: args.value },
      ],
    };
  },
  result: () => ({ changed: true }),
};

/** Arguments of `setRunPriority`. */
export interface SetRunPriorityArgs {
  readonly runId: string;
  /** int32; higher first. */
  readonly priority: number;
}

/** Changes the priority of a scheduled or ready run. */
export const setRunPriority: Command<SetRunPriorityArgs, Changed> = {
  name: 'setRunPriority',
  admission: false,
  locks: (args) => [requireId(args.runId, 'runId')],
  decide(context, args) {
    const priority = requireInteger(args.priority, 'priority', { min: -2_147_483_648, max: 2_147_483_647 });
    const row = findRun(context, args.runId);
    if (row.state !== 'scheduled' && row.state !== 'ready') {
      throw new PawlError(
        'INVALID_TRANSITION',
        `Run ${row.id} is ${row.state}; its priority can change only while it is scheduled or ready.`,
        { runId: row.id, from: row.state, to: row.state },
      );
    }
    if (row.priority === priority) return { events: [], answer: { changed: false } };
    return { events: [{ type: 'RunPriorityChanged', sequence: 0, at: 0, runId: row.id, priority }] };
  },
  result: () => ({ changed: true }),
};

/** Arguments of `retryRun`. */
export interface RetryRunArgs {
  readonly runId: string;
  /** Run it again also when dependents were canceled by its end; they stay canceled. Default false. */
  readonly detached?: boolean | undefined;
}

/** The run that took the old one's place. */
export interface Retried {
  readonly runId: string;
}

/**
 * Runs a failed or canceled run again, as a new run of the same occurrence.
 * Errors: `INVALID_TRANSITION`, `TASK_CANCELED`, `RUN_HAS_DEPENDENTS{dependents}`.
 */
export const retryRun: Command<RetryRunArgs, Retried> = {
  name: 'retryRun',
  admission: true,
  // The task too: nothing of it is created once it is being canceled.
  locks(args, state) {
    const row = state.runs.row(requireId(args.runId, 'runId'));
    return row === undefined ? [args.runId] : [args.runId, row.task.id];
  },
  decide(context, args) {
    const row = findRun(context, args.runId);
    if (row.state !== 'failed' && row.state !== 'canceled') {
      throw new PawlError(
        'INVALID_TRANSITION',
        `Run ${row.id} is ${row.state}; only a failed or canceled run can be run again.`,
        {
          runId: row.id,
          from: row.state,
          to: 'scheduled',
        },
      );
    }
    const retriedBy = row.detail?.retriedBy;
    if (retriedBy !== undefined) {
      throw new PawlError(
        'INVALID_TRANSITION',
        `Run ${row.id} was run again as ${retriedBy} already; use that one.`,
        {
          runId: row.id,
          from: row.state,
          to: 'scheduled',
          retriedBy,
        },
      );
    }
    if (isCanceledInTree(row.task)) {
      throw new PawlError(
        'TASK_CANCELED',
        `Task ${row.task.id} of run ${row.id} is canceled; submit a new task.`,
        {
          runId: row.id,
          taskId: row.task.id,
        },
      );
    }
    if (args.detached !== true) requireNoCanceledDependents(context, row);
    return { events: [retryEvent(context, row)] };
  },
  result: (commit) => ({ runId: createdRunIds(commit)[0] ?? '' }),
};

/** Ids of the runs that a commit created. */
export function createdRunIds(commit: Commit): string[] {
  const ids: string[] = [];
  for (const event of commit.events) if (event.type === 'RunCreated') ids.push(event.runId);
  return ids;
}

/** A reason as it is passed: absent, or 1–1024 characters. */
export function checkReason(reason: string | undefined): string | undefined {
  if (reason === undefined) return undefined;
  if (typeof reason === 'string' && reason.length >= 1 && reason.length <= MAX_REASON_CHARS) return reason;
  throw new PawlError(
    'INVALID_INPUT',
    `reason is not a string of 1 to ${String(MAX_REASON_CHARS)} characters.`,
    { path: 'reason' },
  );
}

function requireNoCanceledDependents(context: DecisionContext, row: RunRow): void {
  const { dependencies, tasks } = context.state;
  const dependents = [...dependencies.dependentsOf(row.task.id)].filter(
    (taskId) => tasks.row(taskId)?.extra?.cancelReason === 'prerequisite',
  );
  if (dependents.length === 0) return;
  throw new PawlError(
    'RUN_HAS_DEPENDENTS',
    `The end of run ${row.id} canceled ${dependents.join(', ')}, which stay canceled; pass detached: true to run it again.`,
    { runId: row.id, taskId: row.task.id, dependents },
  );
}

function retryEvent(context: DecisionContext, row: RunRow): PawlEvent {
  return runCreated({
    runId: context.newId(),
    taskId: row.task.id,
    occurrence: row.occurrence,
    scheduledAt: context.now,
    priority: row.priority,
    retryOf: row.id,
  });
}
