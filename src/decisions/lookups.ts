// Finding what a command is about. An id that is not there is refused by what is known of it.
import { PawlError } from '../errors.js';
import type { RunState } from '../domain/run-state.js';
import type { RunRow, TaskRow } from '../projections/rows.js';
import type { DecisionContext } from './command.js';

/** What is remembered of what was pruned. */
type Pruned = Pick<DecisionContext['state']['pruned'], 'hasRun' | 'hasTask'>;

/** The run. Errors: `RUN_PRUNED`, `RUN_UNKNOWN`. */
export function findRun({ state }: Pick<DecisionContext, 'state'>, runId: string): RunRow {
  const row = state.runs.row(runId);
  if (row === undefined) throw missingRun(state.pruned, runId);
  return row;
}

/** The task. Errors: `TASK_PRUNED`, `TASK_UNKNOWN`. */
export function findTask({ state }: Pick<DecisionContext, 'state'>, taskId: string): TaskRow {
  const row = state.tasks.row(taskId);
  if (row === undefined) throw missingTask(state.pruned, taskId);
  return row;
}

/** `RUN_PRUNED` or `RUN_UNKNOWN`, for a run that is not there. */
export function missingRun(pruned: Pick<Pruned, 'hasRun'>, runId: string): PawlError {
  return pruned.hasRun(runId)
    ? new PawlError('RUN_PRUNED', `Run ${runId} was pruned; its events may still be in the journal.`, {
        runId,
      })
    : new PawlError('RUN_UNKNOWN', `No run has the id ${runId}; check the id and the data directory.`, {
        runId,
      });
}

/** `TASK_PRUNED` or `TASK_UNKNOWN`, for a task that is not there. */
export function missingTask(pruned: Pick<Pruned, 'hasTask'>, taskId: string): PawlError {
  return pruned.hasTask(taskId)
    ? new PawlError('TASK_PRUNED', `Task ${taskId} was pruned; its events may still be in the journal.`, {
        taskId,
      })
    : new PawlError('TASK_UNKNOWN', `No task has the id ${taskId}; check the id and the data directory.`, {
        taskId,
      });
}

/** `INVALID_TRANSITION` for a run, naming what can follow. */
export function illegalTransition(
  context: Pick<DecisionContext, 'transitions'>,
  row: RunRow,
  to: RunState,
): PawlError {
  const next = context.transitions.validTransitions(row.state);
  const hint = next.length === 0 ? 'it has ended' : `it can go to ${next.join(', ')}`;
  return new PawlError(
    'INVALID_TRANSITION',
    `Run ${row.id} is ${row.state} and cannot become ${to}; ${hint}.`,
    {
      runId: row.id,
      from: row.state,
      to,
    },
  );
}

/** Throws `INVALID_TRANSITION` unless the run may become `to`. */
export function requireTransition(
  context: Pick<DecisionContext, 'transitions'>,
  row: RunRow,
  to: RunState,
): void {
  if (!context.transitions.isValidTransition(row.state, to)) throw illegalTransition(context, row, to);
}

/** True when the task or one of its ancestors is canceled. */
export function isCanceledInTree(task: TaskRow): boolean {
  for (let level: TaskRow | undefined = task; level !== undefined; level = level.extra?.parent) {
    if (level.extra?.canceledAt !== undefined) return true;
  }
  return false;
}

/**
 * The tasks below one that are to be canceled with it: the first on each way down that has not ended. What has ended
 * may still have open tasks below it; what is canceled already takes along its own.
 */
export function* openDescendants(
  { state }: Pick<DecisionContext, 'state'>,
  task: TaskRow,
): Iterable<TaskRow> {
  const ended = [task];
  for (let above = ended.pop(); above !== undefined; above = ended.pop()) {
    for (const child of above.extra?.children ?? []) {
      if (child.extra?.canceledAt !== undefined) continue;
      if (state.tasks.isTerminal(child)) ended.push(child);
      else yield child;
    }
  }
}

/**
 * The moment of the policy's first occurrence: as it was passed, else as the first run that is kept tells
 * (the wall clock at submission, which the stamp of the commit may be ahead of), else the stamp.
 */
export function policyStartAt(task: TaskRow): number {
  const given = task.startAt;
  if (given !== undefined) return given;
  const { policy } = task.shape;
  const first = task.firstRun;
  if (policy.kind !== 'repeat' || first === undefined || first.detail?.retryOf !== undefined)
    return task.createdAt;
  return first.scheduledAt - first.occurrence * policy.intervalMs;
}
