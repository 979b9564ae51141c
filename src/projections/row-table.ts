// The rows of the tasks, or of the runs, by id, and in the order in which they are linked with each other. A capture
// shows them as they were at one moment, in that order, while they go on changing: so what a snapshot loads next to
// each other is used next to each other. Each row says which capture has it; nothing else is kept a row.
import type { KeptImage } from '../domain/snapshot-records.js';
import type { SectionCapture } from './snapshot-section.js';
import { IdTable } from './id-table.js';

/** What a table asks of its rows. */
export interface TableRow {
  readonly id: string;
  /** Number of the latest capture that has the row, or that the row came after. */
  capturedIn: number;
}

/** The order of the rows. A row is in it before `willChange` is called for its removal, and not after that. */
export interface RowOrder<V> {
  first(): V | undefined;
  next(row: V): V | undefined;
}

/** Rows that are made when they are asked for. */
export interface PackedRows {
  /** Number of them that were not made yet. */
  readonly size: number;
  /** Makes the row with this id, and perhaps others; false when there is none. */
  bring(id: string): boolean;
  bringAll(): void;
}

const NOTHING_PACKED: PackedRows = { size: 0, bring: () => false, bringAll: () => undefined };

/** Rows by id; whoever is about to change, add or remove one says so first. */
export class RowTable<V extends TableRow, R> extends IdTable<V> {
  /** What a snapshot has handed over packed. */
  packed = NOTHING_PACKED;
  #capture: RowCapture<V, R> | undefined;
  #captures = 0;

  /**
   * `toRecord` makes the saved form of a row. `drafts` gives what makes records that are valid until the next is made,
   * for a capture, which is read a record at a time; default: `toRecord`.
   */
  constructor(
    readonly toRecord: (row: V) => R,
    private readonly order: RowOrder<V>,
    private readonly drafts: () => (row: V) => R = () => toRecord,
  ) {
    super();
  }

  override get size(): number {
    return super.size + this.packed.size;
  }

  override get(id: string): V | undefined {
    const row = super.get(id);
    if (row !== undefined || this.packed.size === 0) return row;
    return this.packed.bring(id) ? super.get(id) : undefined;
  }

  override values(): IterableIterator<V> {
    this.packed.bringAll();
    return super.values();
  }

  /** To be called before each change of a row, its removal included. */
  willChange(row: V): void {
    this.#capture?.save(row);
  }

  /** Adds a row, which no open capture will show. */
  add(row: V): void {
    row.capturedIn = this.#captures;
    this.set(row);
  }

  /** Begins to keep the rows as they are now, those that change with `keep`. One capture at a time. */
  capture(keep: (record: R) => KeptImage<R> = asItIs): SectionCapture<R> {
    this.#capture?.release();
    this.packed.bringAll();
    const { order, toRecord, size } = this;
    const table = { order, toRecord, toDraft: this.drafts(), keep, count: size };
    const capture = new RowCapture<V, R>(++this.#captures, table, () => {
      if (this.#capture === capture) this.#capture = undefined;
    });
    this.#capture = capture;
    return capture;
  }

  /** The records as they are now. */
  *records(): IterableIterator<R> {
    const { order } = this;
    this.packed.bringAll();
    for (let row = order.first(); row !== undefined; row = order.next(row)) yield this.toRecord(row);
  }
}

/**
 * Rows that a capture passes in one step because it need not show them. At the end of a walk there are all that were
 * added meanwhile: a hundred thousand of them held the event loop for 100 ms.
 */
const PASSED_AT_ONCE = 512;
/** Says that there are no more records. */
const END = Symbol('end');

function asItIs<R>(record: R): KeptImage<R> {
  return { read: () => record };
}

interface CapturedTable<V, R> {
  readonly order: RowOrder<V>;
  readonly toRecord: (row: V) => R;
  readonly toDraft: (row: V) => R;
  /** Keeps a record until it is read. May release the capture. */
  readonly keep: (record: R) => KeptImage<R>;
  readonly count: number;
}

class RowCapture<V extends TableRow, R> implements SectionCapture<R> {
  readonly count: number;
  /** The row to be read next; it is linked as long as it is that. */
  #next: V | undefined;
  /** Before-images that are not read yet. */
  #images: KeptImage<R>[] = [];
  #saved = 0;
  #released = false;

  constructor(
    private readonly number: number,
    private readonly table: CapturedTable<V, R>,
    private readonly onRelease: () => void,
  ) {
    this.count = table.count;
    this.#next = table.order.first();
  }

  get savedRecords(): number {
    return this.#saved;
  }

  /** Saves what a row is, before its first change. */
  save(row: V): void {
    if (row === this.#next) this.#next = this.table.order.next(row);
    if (row.capturedIn === this.number) return;
    row.capturedIn = this.number;
    this.#images.push(this.table.keep(this.table.toRecord(row)));
    this.#saved++;
  }

  records(): Iterable<R | undefined> {
    return { [Symbol.iterator]: () => steps(() => this.#take()) };
  }

  /** The next record, or `undefined` for a rest. */
  #take(): R | undefined | typeof END {
    if (this.#released) return END;
    const image = this.#images.pop();
    if (image !== undefined) return image.read();
    const { order, toDraft } = this.table;
    for (let left = PASSED_AT_ONCE; left > 0; left--) {
      const row = this.#next;
      if (row === undefined) return END;
      this.#next = order.next(row);
      if (row.capturedIn === this.number) continue;
      row.capturedIn = this.number;
      return toDraft(row);
    }
    return undefined;
  }

  release(): void {
    this.#released = true;
    this.#images = [];
    this.#next = undefined;
    this.onRelease();
  }
}

/** An iterator whose steps are one object: a generator makes a new one for each of a million rows. */
function steps<R>(take: () => R | typeof END): Iterator<R> {
  let step: { done: false; value: R } | undefined;
  return {
    next() {
      const value = take();
      if (value === END) return { done: true, value: undefined };
      step ??= { done: false, value };
      step.value = value;
      return step;
    },
  };
}
