// Pruning: ended records leave the state as events, a terminal task with all its runs as one unit, terminal
// runs alone while their repeat or cron task lives on. The journal keeps what was.
import { invalid, requireFields, requireInteger } from '../domain/check.js';
import type { PawlEvent } from '../domain/events.js';
import { isTerminal } from '../domain/run-state.js';
import type { RunRow, TaskRow } from '../projections/rows.js';
import type { DecisionContext } from './command.js';
import type { PruneWalk } from './prune-walk.js';

/** Most ids of one prune event. */
export const PRUNE_BATCH = 1_000;
/** Runs that a commit drops at most, but for those of its last task: dropping them takes its time. */
const PRUNED_RUNS = 4_096;
/** Records that are looked at for one commit: those that may not go cost time too. */
const LOOKS = 8_192;

/** What to prune. Both bounds must allow it. */
export interface PruneArgs {
  /** Prune what ended longer ago than this, milliseconds; default 0. */
  readonly olderThanMs?: number;
  /** Keep this many of the newest ended runs; default 0. */
  readonly keepNewest?: number;
}

/** What is pruned by itself, and how often that is looked for. */
export interface PrunePolicy extends PruneArgs {
  /** Milliseconds. Default 10 000. */
  readonly everyMs?: number;
}

/** How much was pruned. */
export interface Pruned {
  /** Tasks, each with all its runs. */
  readonly tasks: number;
  /** Runs that went alone, of tasks that go on. */
  readonly runs: number;
}

/** What one commit prunes. */
export interface Prunable {
  readonly taskIds: readonly string[];
  readonly runIds: readonly string[];
  /** Runs that go, those of the tasks included. */
  readonly runs: number;
  /** True when the walk is over: nothing is left to be looked at. */
  readonly last: boolean;
}

const DEFAULT_EVERY_MS = 10_000;
const ARGS = ['olderThanMs', 'keepNewest'] as const;

/** Checks the arguments. Errors: `INVALID_INPUT`. */
export function checkPruneArgs(given: unknown): Required<PruneArgs> {
  return argsOf(requireFields(given, 'prune', ARGS), 'prune');
}

/** Checks the option `prune` and fills in defaults. Errors: `INVALID_INPUT`. */
export function checkPrunePolicy(given: unknown): Required<PrunePolicy> {
  const fields = requireFields(given, 'options.prune', [...ARGS, 'everyMs']);
  if (ARGS.every((name) => fields[name] === undefined))
    throw invalid('options.prune', 'say olderThanMs, keepNewest or both', given);
  const { everyMs = DEFAULT_EVERY_MS } = fields;
  return {
    ...argsOf(fields, 'options.prune'),
    everyMs: requireInteger(everyMs, 'options.prune.everyMs', { min: 1 }),
  };
}

function argsOf(fields: Readonly<Record<string, unknown>>, path: string): Required<PruneArgs> {
  const read = (name: string): number =>
    fields[name] === undefined ? 0 : requireInteger(fields[name], `${path}.${name}`, { min: 0 });
  return { olderThanMs: read('olderThanMs'), keepNewest: read('keepNewest') };
}

/** What stands between a choice and what else is being decided. */
export interface PruneLocks {
  /** Locks the ids of a record, or says no. */
  take(ids: readonly string[]): boolean;
  /** True when a command that is on its way builds on a task, or would change it. */
  isNeeded(taskId: string): boolean;
}

/** Chooses what the next commit of a walk prunes. */
export function choosePrunable(
  context: DecisionContext,
  args: PruneArgs,
  walk: PruneWalk,
  locks: PruneLocks,
): Prunable {
  const endedBefore = context.now - (args.olderThanMs ?? 0);
  const bounds = { endedBefore, keepNewest: args.keepNewest ?? 0 };
  const taskIds: string[] = [];
  const runIds: string[] = [];
  let runs = 0;
  const goWith = (task: TaskRow): void => {
    const ids = idsOf(task);
    if (locks.isNeeded(task.id) || !locks.take(ids)) return;
    taskIds.push(task.id);
    runs += ids.length - 1;
  };
  for (let looks = 0; looks < LOOKS; looks++) {
    if (runs >= PRUNED_RUNS || taskIds.length >= PRUNE_BATCH || runIds.length >= PRUNE_BATCH) break;
    const next = walk.next(bounds);
    if (next === undefined) return { taskIds, runIds, runs, last: true };
    const { task, run } = next;
    if (context.state.tasks.isTerminal(task)) {
      // Judged at the last of its runs to end: only then is none of them among the newest, which are to be kept.
      const judged = run === undefined ? endOfRunless(task) <= endedBefore : isLastToEnd(run);
      if (judged && taskMayGo(context, task, locks)) goWith(task);
    } else if (run !== undefined && runMayGo(context, run) && locks.take([run.id])) {
      runIds.push(run.id);
      runs++;
    }
  }
  return { taskIds, runIds, runs, last: false };
}

/** The events of a choice. */
export function pruneEvents(chosen: Prunable): PawlEvent[] {
  const events: PawlEvent[] = [];
  if (chosen.taskIds.length > 0)
    events.push({ type: 'TasksPruned', sequence: 0, at: 0, taskIds: chosen.taskIds });
  if (chosen.runIds.length > 0)
    events.push({ type: 'RunsPruned', sequence: 0, at: 0, runIds: chosen.runIds });
  return events;
}

/** What events of pruning say. */
export function prunedBy(events: readonly PawlEvent[]): Pruned {
  let tasks = 0;
  let runs = 0;
  for (const event of events) {
    if (event.type === 'TasksPruned') tasks += event.taskIds.length;
    else if (event.type === 'RunsPruned') runs += event.runIds.length;
  }
  return { tasks, runs };
}

function idsOf(task: TaskRow): string[] {
  const ids = [task.id];
  for (let run = task.firstRun; run !== undefined; run = run.nextOfTask) ids.push(run.id);
  return ids;
}

/** True when no run of the task ended later. Looks from the newest on, which is most often the one that did. */
function isLastToEnd(row: RunRow): boolean {
  for (let run = row.task.lastRun; run !== undefined; run = run.previousOfTask) {
    if (run.stateSequence > row.stateSequence) return false;
  }
  return true;
}

/** When a task without runs ended, as far as is known: its runs are pruned, or it never had one. */
function endOfRunless({ extra, createdAt }: TaskRow): number {
  return extra?.canceledAt ?? Math.max(createdAt, extra?.derivedThroughAt ?? 0);
}

/** Whether a terminal task may go. One that may be about to be run again counts as one that goes on. */
function taskMayGo(context: DecisionContext, task: TaskRow, locks: PruneLocks): boolean {
  const { state } = context;
  const goesOn = (row: TaskRow): boolean => !state.tasks.isTerminal(row) || locks.isNeeded(row.id);
  if (task.openRuns > 0) return false;
  const parent = task.extra?.parent;
  if (parent !== undefined && goesOn(parent)) return false;
  for (const child of task.extra?.children ?? []) if (goesOn(child)) return false;
  for (const dependent of state.dependencies.dependentsOf(task.id)) {
    const row = state.tasks.row(dependent);
    if (row !== undefined && goesOn(row)) return false;
  }
  return state.subscriptions
    .watching(task.id)
    .every((watch) => watch.spentBy !== undefined || watch.canceledAt !== undefined);
}

/** Whether an ended run of a task that goes on may go alone. */
function runMayGo(context: DecisionContext, row: RunRow): boolean {
  if (row.task.shape.policy.kind === 'once') return false;
  const next = row.detail?.continuedTo ?? row.detail?.retriedBy;
  const successor = next === undefined ? undefined : context.state.runs.row(next);
  return successor === undefined || isTerminal(successor.state);
}
