// Records in the order in which they came, found by id: append-only, or a window that forgets the oldest. The
// links are never changed, so a capture is no more than the first link and a count.
import { ShardedMap } from './sharded-map.js';
import type { SectionCapture } from './snapshot-section.js';

interface Link<R> {
  readonly id: string;
  readonly record: R;
  next: Link<R> | undefined;
}

/** A queue of frozen records. */
export class RecordQueue<R extends object> {
  readonly #byId = new ShardedMap<Link<R>>();
  #first: Link<R> | undefined;
  #last: Link<R> | undefined;
  #length = 0;

  /** Records in the queue, one that a later one of the same id replaced included. */
  get size(): number {
    return this.#length;
  }

  /** The latest record with this id. */
  get(id: string): R | undefined {
    return this.#byId.get(id)?.record;
  }

  /** The oldest record. */
  oldest(): R | undefined {
    return this.#first?.record;
  }

  /** Appends a record and freezes it. */
  push(id: string, record: R): void {
    const link: Link<R> = { id, record: Object.freeze(record), next: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#length++;
    this.#byId.set(id, link);
  }

  /** Forgets the oldest record. */
  shift(): void {
    const first = this.#first;
    if (first === undefined) return;
    this.#first = first.next;
    if (first.next === undefined) this.#last = undefined;
    this.#length--;
    if (this.#byId.get(first.id) === first) this.#byId.delete(first.id);
  }

  /** The records, oldest first. */
  records(): IterableIterator<R> {
    return walk(this.#first, this.#length);
  }

  /** The records as they are now, whatever is pushed or shifted later. */
  capture(): SectionCapture<R> {
    let first = this.#first;
    const count = this.#length;
    return {
      count,
      savedRecords: 0,
      records: () => walk(first, count),
      release: () => {
        first = undefined;
      },
    };
  }
}

function* walk<R>(first: Link<R> | undefined, count: number): IterableIterator<R> {
  let link = first;
  for (let left = count; left > 0 && link !== undefined; left--) {
    yield link.record;
    link = link.next;
  }
}
