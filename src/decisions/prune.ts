// Pruning: ended records leave the state as events, a terminal task with all its runs as one unit, terminal
// runs alone while their repeat or cron task lives on. The journal keeps what was.
import { requireFields, requireInteger } from '../domain/check.js';
import type { PawlEvent } from '../domain/events.js';
import { isTerminal } from '../domain/run-state.js';
import type { Projections } from '../projections/projections.js';
import type { RunRow, TaskRow } from '../projections/rows.js';
import type { DecisionContext } from './command.js';

/** Most ids of one prune event. */
export const PRUNE_BATCH = 1_000;
/** Runs that a commit drops at most, but for those of its last task: dropping them takes its time. */
const PRUNED_RUNS = 10_000;

/** What to prune. Both bounds must allow it. */
export interface PruneArgs {
  /** Prune what ended longer ago than this, milliseconds; default 0. */
  readonly olderThanMs?: number;
  /** Keep this many of the newest ended runs; default 0. */
  readonly keepNewest?: number;
}

/** How much was pruned. `runs` counts those of pruned tasks too. */
export interface Pruned {
  readonly tasks: number;
  readonly runs: number;
}

/** What one commit prunes. */
export interface Prunable {
  readonly taskIds: readonly string[];
  readonly runIds: readonly string[];
  /** Runs that go, those of the tasks included. */
  readonly runs: number;
}

/** Checks the arguments. Errors: `INVALID_INPUT`. */
export function checkPruneArgs(given: unknown): PruneArgs {
  const fields = requireFields(given, 'prune', ['olderThanMs', 'keepNewest']);
  const read = (name: string): number =>
    fields[name] === undefined ? 0 : requireInteger(fields[name], `prune.${name}`, { min: 0 });
  return { olderThanMs: read('olderThanMs'), keepNewest: read('keepNewest') };
}

/** Chooses up to `PRUNE_BATCH` records, oldest first; `take` locks the ids of a record, or says no. */
export function choosePrunable(
  context: DecisionContext,
  args: PruneArgs,
  take: (ids: readonly string[]) => boolean,
): Prunable {
  const endedBefore = context.now - (args.olderThanMs ?? 0);
  const { runs: known } = context.state;
  let spare = known.count - known.nonTerminal - (args.keepNewest ?? 0);
  const unseen = new Map<TaskRow, number>();
  const taskIds: string[] = [];
  const runIds: string[] = [];
  let runs = 0;
  for (const row of endedOldestFirst(known.states)) {
    if (spare <= 0 || runs >= PRUNED_RUNS || taskIds.length >= PRUNE_BATCH || runIds.length >= PRUNE_BATCH)
      break;
    if (row.lastStateChangeAt > endedBefore) break;
    spare--;
    const { task } = row;
    const left = (unseen.get(task) ?? runCountOf(task)) - 1;
    unseen.set(task, left);
    // Judged at the last of its runs to end: only then is none of them among the newest, which are to be kept.
    if (left === 0) {
      const ids = idsOf(task);
      if (taskMayGo(context, task, endedBefore) && take(ids)) {
        taskIds.push(task.id);
        runs += ids.length - 1;
      }
    }
    if (runMayGo(context, row) && take([row.id])) {
      runIds.push(row.id);
      runs++;
    }
  }
  return { taskIds, runIds, runs };
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

/** The ended runs in the order in which they ended: a merge of the three lists that keep it. */
function* endedOldestFirst(states: Projections['runs']['states']): Iterable<RunRow> {
  const heads = [states.first('completed'), states.first('failed'), states.first('canceled')];
  for (;;) {
    let oldest = -1;
    for (const [index, head] of heads.entries()) {
      const best = heads[oldest];
      if (head !== undefined && (best === undefined || head.stateSequence < best.stateSequence))
        oldest = index;
    }
    const row = heads[oldest];
    if (row === undefined) return;
    heads[oldest] = row.nextInState;
    yield row;
  }
}

function runCountOf(task: TaskRow): number {
  let count = 0;
  for (let run = task.firstRun; run !== undefined; run = run.nextOfTask) count++;
  return count;
}

function idsOf(task: TaskRow): string[] {
  const ids = [task.id];
  for (let run = task.firstRun; run !== undefined; run = run.nextOfTask) ids.push(run.id);
  return ids;
}

function taskMayGo(context: DecisionContext, task: TaskRow, endedBefore: number): boolean {
  const { state } = context;
  if (!state.tasks.isTerminal(task) || task.openRuns > 0) return false;
  const parent = task.extra?.parent;
  if (parent !== undefined && !state.tasks.isTerminal(parent)) return false;
  for (const child of task.extra?.children ?? []) if (!state.tasks.isTerminal(child)) return false;
  for (let run = task.firstRun; run !== undefined; run = run.nextOfTask) {
    if (!isTerminal(run.state) || run.lastStateChangeAt > endedBefore) return false;
  }
  for (const dependent of state.dependencies.dependentsOf(task.id)) {
    const row = state.tasks.row(dependent);
    if (row !== undefined && !state.tasks.isTerminal(row)) return false;
  }
  return state.subscriptions
    .watching(task.id)
    .every((watch) => watch.spentBy !== undefined || watch.canceledAt !== undefined);
}

function runMayGo(context: DecisionContext, row: RunRow): boolean {
  if (row.task.shape.policy.kind === 'once' || context.state.tasks.isTerminal(row.task)) return false;
  const next = row.detail?.continuedTo ?? row.detail?.retriedBy;
  const successor = next === undefined ? undefined : context.state.runs.row(next);
  return successor === undefined || isTerminal(successor.state);
}
