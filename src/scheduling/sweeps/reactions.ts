// Sweep: cancellation cascades and policy windows. Marks every task with something to follow from; the reactor,
// the same code that runs live, then decides until nothing is left.
import { openDescendants } from '../../decisions/lookups.js';
import type { Projections } from '../../projections/projections.js';
import type { TaskRow } from '../../projections/rows.js';

/** Tasks for which a reaction may be due: canceled ones with open work, and repeating ones. */
export function* tasksToReactOn(state: Projections): Iterable<TaskRow> {
  for (const task of state.tasks.rows()) {
    if (task.extra?.canceledAt !== undefined) {
      if (task.openRuns > 0 || hasOpenDescendant(state, task)) yield task;
    } else if (task.shape.policy.kind !== 'once' && !state.tasks.isTerminal(task)) {
      yield task;
    }
  }
}

function hasOpenDescendant(state: Projections, task: TaskRow): boolean {
  for (const _open of openDescendants({ state }, task)) return true;
  return false;
}
