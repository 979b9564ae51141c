// Pruning: ended records leave the state as events, a terminal task with all its runs as one unit, terminal
// runs alone while their repeat or cron task lives on. The journal keeps what was.
import { requireFields, requireInteger } from '../domain/check.js';
import type { Commit, PawlEvent } from '../domain/events.js';
import { isTerminal } from '../domain/run-state.js';
import type { RunRow, TaskRow } from '../projections/rows.js';
import { PRUNE_LOCK, type Command, type DecisionContext } from './command.js';

/** Most ids of one prune event. */
export const PRUNE_BATCH = 1_000;

/** What to prune. Both bounds must allow it. */
export interface PruneArgs {
  /** Prune what ended longer ago than this, milliseconds; default 0. */
  readonly olderThanMs?: number;
  /** Keep this many of the newest ended runs; default 0. */
  readonly keepNewest?: number;
}

/** What was pruned by one commit. */
export interface Pruned {
  readonly tasks: number;
  readonly runs: number;
}

/** Checks the arguments. Errors: `INVALID_INPUT`. */
export function checkPruneArgs(given: unknown): PruneArgs {
  const fields = requireFields(given, 'prune', ['olderThanMs', 'keepNewest', 'commandId', 'by', 'trace']);
  const read = (name: string): number => (fields[name] === undefined ? 0 : requireInteger(fields[name], `prune.${name}`, { min: 0 }));
  return { olderThanMs: read('olderThanMs'), keepNewest: read('keepNewest') };
}

/** One commit's worth of pruning; the caller repeats it until nothing is pruned. */
export const prune: Command<PruneArgs, Pruned> = {
  name: 'prune',
  admission: false,
  locks: () => [PRUNE_LOCK],
  decide(context, args) {
    const { taskIds, runIds } = choose(context, args);
    const events: PawlEvent[] = [];
    if (taskIds.length > 0) events.push({ type: 'TasksPruned', sequence: 0, at: 0, taskIds });
    if (runIds.length > 0) events.push({ type: 'RunsPruned', sequence: 0, at: 0, runIds });
    return events.length === 0 ? { events: [], answer: { tasks: 0, runs: 0 } } : { events };
  },
  result(commit: Commit) {
    let tasks = 0;
    let runs = 0;
    for (const event of commit.events) {
      if (event.type === 'TasksPruned') tasks += event.taskIds.length;
      if (event.type === 'RunsPruned') runs += event.runIds.length;
    }
    return { tasks, runs };
  },
};

function choose(context: DecisionContext, args: PruneArgs): { taskIds: string[]; runIds: string[] } {
  const endedBefore = context.now - (args.olderThanMs ?? 0);
  const ended = context.state.runs.terminalCount;
  let spare = Math.max(0, ended - (args.keepNewest ?? 0));
  const tasks = new Set<TaskRow>();
  const runIds: string[] = [];
  for (const row of context.state.runs.endedOldestFirst()) {
    if (spare <= 0 || tasks.size >= PRUNE_BATCH || runIds.length >= PRUNE_BATCH) break;
    if (row.lastStateChangeAt > endedBefore) break;
    spare--;
    if (tasks.has(row.task)) continue;
    if (taskMayGo(context, row.task, endedBefore)) tasks.add(row.task);
    else if (runMayGo(context, row)) runIds.push(row.id);
  }
  return { taskIds: [...tasks].map((task) => task.id), runIds };
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
  return !state.dependencies.hasOpenDependent(task.id) && !state.subscriptions.isWatched(task.id);
}

function runMayGo(context: DecisionContext, row: RunRow): boolean {
  if (row.task.shape.policy.kind === 'once' || context.state.tasks.isTerminal(row.task)) return false;
  const next = row.detail?.continuedTo ?? row.detail?.retriedBy;
  const successor = next === undefined ? undefined : context.state.runs.row(next);
  return successor === undefined || isTerminal(successor.state);
}
