// A binary heap of runs that know their place in it, so that one can be taken out or moved without a search.
// A run is in one heap at a time: the timers, the ready queue or the waiters of a key.
import { PawlError } from '../errors.js';
import type { RunRow } from './rows.js';

/** Negative when `left` comes first, positive when `right` does. Must be total, and stable while a run is in. */
export type RunOrder = (left: RunRow, right: RunRow) => number;

/** Where a run keeps its place in a heap; −1 when it is not in. */
export interface HeapSlot {
  get(row: RunRow): number;
  set(row: RunRow, index: number): void;
}

const DEFAULT_SLOT: HeapSlot = {
  get: (row) => row.heapIndex,
  set: (row, index) => {
    row.heapIndex = index;
  },
};

/** A heap of runs; the first in order is on top. */
export class RunHeap {
  readonly #rows: RunRow[] = [];

  /** `slot`: for a heap beside the one that `RunRow.heapIndex` stands for. */
  constructor(
    private readonly compare: RunOrder,
    private readonly slot: HeapSlot = DEFAULT_SLOT,
  ) {}

  get size(): number {
    return this.#rows.length;
  }

  has(row: RunRow): boolean {
    const index = this.slot.get(row);
    return index >= 0 && this.#rows[index] === row;
  }

  /** The first run. */
  peek(): RunRow | undefined {
    return this.#rows[0];
  }

  /** Adds a run that is in no heap. */
  insert(row: RunRow): void {
    this.#requireOut(row);
    this.#rows.push(row);
    this.#up(row, this.#rows.length - 1);
  }

  /** Adds runs that are in no heap, all at once: a comparison or two for each, however many there are. */
  fill(added: readonly RunRow[]): void {
    const rows = this.#rows;
    for (const row of added) {
      this.#requireOut(row);
      this.slot.set(row, rows.length);
      rows.push(row);
    }
    if (added.length === 0) return;
    for (let index = (rows.length >> 1) - 1; index >= 0; index--) {
      const row = rows[index];
      if (row !== undefined) this.#down(row, index);
    }
  }

  /** Takes the first run out. */
  pop(): RunRow | undefined {
    const top = this.#rows[0];
    if (top !== undefined) this.remove(top);
    return top;
  }

  /** Takes a run out; false when it is not in. */
  remove(row: RunRow): boolean {
    if (!this.has(row)) return false;
    const index = this.slot.get(row);
    this.slot.set(row, -1);
    const last = this.#rows.pop();
    if (last === undefined || last === row) return true;
    this.#place(last, index);
    return true;
  }

  /** Moves a run to its place after what orders it has changed; does nothing when it is not in. */
  update(row: RunRow): void {
    if (this.has(row)) this.#place(row, this.slot.get(row));
  }

  /** The runs, in no order; not to be changed meanwhile. */
  rows(): readonly RunRow[] {
    return this.#rows;
  }

  #requireOut(row: RunRow): void {
    if (this.slot.get(row) === -1) return;
    throw new PawlError('INTERNAL', `Run ${row.id} (${row.state}) is in a heap already.`, {
      runId: row.id,
      state: row.state,
    });
  }

  #place(row: RunRow, index: number): void {
    this.#up(row, index);
    this.#down(row, this.slot.get(row));
  }

  #up(row: RunRow, from: number): void {
    const rows = this.#rows;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = rows[above];
      if (parent === undefined || this.compare(row, parent) >= 0) break;
      rows[index] = parent;
      this.slot.set(parent, index);
      index = above;
    }
    rows[index] = row;
    this.slot.set(row, index);
  }

  #down(row: RunRow, from: number): void {
    const rows = this.#rows;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      let child = rows[below];
      if (child === undefined) break;
      const right = rows[below + 1];
      if (right !== undefined && this.compare(right, child) < 0) {
        child = right;
        below++;
      }
      if (this.compare(row, child) <= 0) break;
      rows[index] = child;
      this.slot.set(child, index);
      index = below;
    }
    rows[index] = row;
    this.slot.set(row, index);
  }
}
