// The tasks that were canceled, linked through their rare fields: what has to follow from a cancellation is found
// at a start without looking at every task, and no table grows with a task more.
import type { TaskRow } from './rows.js';

/** The canceled tasks that are kept. A canceled task has rare fields, so each has its links. */
export class CanceledTasks implements Iterable<TaskRow> {
  #first: TaskRow | undefined;

  /** Adds a task that is not in. */
  add(row: TaskRow): void {
    if (row.extra === undefined) return;
    row.extra.nextCanceled = this.#first;
    if (this.#first?.extra !== undefined) this.#first.extra.previousCanceled = row;
    this.#first = row;
  }

  /** Takes out a task that is in. */
  remove({ extra }: TaskRow): void {
    if (extra === undefined) return;
    const { nextCanceled, previousCanceled } = extra;
    if (previousCanceled?.extra === undefined) this.#first = nextCanceled;
    else previousCanceled.extra.nextCanceled = nextCanceled;
    if (nextCanceled?.extra !== undefined) nextCanceled.extra.previousCanceled = previousCanceled;
    extra.nextCanceled = undefined;
    extra.previousCanceled = undefined;
  }

  *[Symbol.iterator](): Iterator<TaskRow> {
    for (let row = this.#first; row !== undefined; row = row.extra?.nextCanceled) yield row;
  }
}
