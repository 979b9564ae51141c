// Runs whose type is not that of their task: those that continue another run under a new type. Few, so they
// have a list of their own beside the index over tasks.
import type { RunRow } from './rows.js';
import { ShardedMap } from './sharded-map.js';

interface Place {
  readonly row: RunRow;
  next: Place | undefined;
  previous: Place | undefined;
}

interface OverrideList {
  first: Place | undefined;
  last: Place | undefined;
  count: number;
}

/** The type of a run. */
export function typeOf(row: RunRow): string {
  return row.detail?.taskType ?? row.task.shape.type;
}

/** Runs with a type of their own, by that type. */
export class TypeOverrides {
  readonly #lists = new ShardedMap<OverrideList>();
  readonly #places = new ShardedMap<Place>();

  /** Number of runs that have this type but whose task has not. */
  count(type: string): number {
    return this.#lists.get(type)?.count ?? 0;
  }

  /** The runs of a type, in the order in which they were added, after the given one. */
  *after(type: string, runId?: string): IterableIterator<RunRow> {
    const known = runId === undefined ? undefined : this.#places.get(runId);
    let place = known === undefined ? this.#lists.get(type)?.first : known.next;
    for (; place !== undefined; place = place.next) yield place.row;
  }

  /** Adds a run, if it has a type of its own. */
  add(row: RunRow): void {
    const type = typeOf(row);
    if (type === row.task.shape.type) return;
    const list = this.#lists.get(type) ?? { first: undefined, last: undefined, count: 0 };
    const place: Place = { row, next: undefined, previous: list.last };
    if (list.last === undefined) list.first = place;
    else list.last.next = place;
    list.last = place;
    list.count++;
    this.#lists.set(type, list);
    this.#places.set(row.id, place);
  }

  /** Removes a run, if it is in. */
  remove(row: RunRow): void {
    const place = this.#places.get(row.id);
    const list = this.#lists.get(typeOf(row));
    if (place === undefined || list === undefined) return;
    if (place.previous === undefined) list.first = place.next;
    else place.previous.next = place.next;
    if (place.next === undefined) list.last = place.previous;
    else place.next.previous = place.previous;
    list.count--;
    this.#places.delete(row.id);
    if (list.count === 0) this.#lists.delete(typeOf(row));
  }
}
