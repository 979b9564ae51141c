// Sweep: cancellation cascades and policy windows. Marks every task with something to follow from; the reactor,
// the same code that runs live, then decides until nothing is left. Which these are is read from the state: the list
// of canceled tasks, and the shapes whose policy derives more; a plain task is not even looked at.
import { openDescendants } from '../../decisions/lookups.js';
import { tasksOfShapes } from '../../projections/bucket-walk.js';
import type { Projections } from '../../projections/projections.js';
import type { TaskRow } from '../../projections/rows.js';

/** Tasks for which a reaction may be due: canceled ones with open work, and repeating ones. */
export function* tasksToReactOn(state: Projections): Iterable<TaskRow> {
  const { tasks } = state;
  for (const task of tasks.canceled) {
    if (task.openRuns > 0 || hasOpenDescendant(state, task)) yield task;
  }
  for (const task of tasksOfShapes(tasks.index.list('all', ''), ({ policy }) => policy.kind !== 'once')) {
    if (!tasks.isTerminal(task)) yield task;
  }
}

function hasOpenDescendant(state: Projections, task: TaskRow): boolean {
  for (const _open of openDescendants({ state }, task)) return true;
  return false;
}
