// When the pairs of a snapshot are taken apart: those that must be at once, while it is loaded; the others when someone
// asks for them, or the queue comes to them. Then it goes in the order in which their runs became ready, a block at a
// time, so that every list they belong to only ever grows at one place.
import { PAIR_FIELDS, type PackedPairs, type Pair } from '../domain/packed-pairs.js';
import { PawlError } from '../errors.js';
import type { RunRow } from './rows.js';
import { sortBySequence } from './sort-by-sequence.js';

/** Pairs that are taken apart together: about a millisecond of work. */
const BLOCK_PAIRS = 256;

const {
  createdSequence: CREATED,
  stateSequence: READY,
  priority: PRIORITY,
  scheduledAt: SCHEDULED,
  createdAt: CREATED_AT,
} = PAIR_FIELDS;

/** What takes the pairs in. */
export interface PairRows {
  /** While the snapshot is loaded: what the pair becomes is put in order with everything else. */
  load(pair: Pair): void;
  /** Once it is loaded: what the pair becomes goes to its place in every list. `kind` is an index in `PackedPairs.kinds`. */
  link(pair: Pair, kind: number): void;
}

/** What is kept of the pairs once all of them are taken apart. */
const NO_PAIRS: PackedPairs = Object.freeze({
  places: 0,
  size: 0,
  isUnique: true,
  ascends: true,
  queues: true,
  kinds: [],
  has: () => false,
  get: () => 0,
  kindOf: () => 0,
  placeOfTask: () => -1,
  placeOfRun: () => -1,
  read(place: number): never {
    throw new PawlError('INTERNAL', `No pair is left at place ${String(place)}.`);
  },
});

/** Pairs that were not taken apart yet. */
export class Unpacking {
  #pairs: PackedPairs;
  readonly #rows: PairRows;
  /** The places in the order in which their runs became ready. */
  #order = new Uint32Array(0);
  /** How many of them are taken apart. */
  #taken = 0;
  /** For each block: the place of the run that goes first of all in it and behind it. */
  #firsts: number[] = [];

  constructor(pairs: PackedPairs, rows: PairRows) {
    this.#pairs = pairs;
    this.#rows = rows;
  }

  /** Number of pairs that are left. */
  get size(): number {
    return this.#pairs.size;
  }

  /** True when the pair of a task is left. */
  hasTask(taskId: string): boolean {
    return this.#pairs.placeOfTask(taskId) >= 0;
  }

  /** While the snapshot is loaded: loads the pair of a task, if there is one, for something refers to it. */
  loadTask(taskId: string): void {
    this.#load(this.#pairs.placeOfTask(taskId));
  }

  /** The same for a run. */
  loadRun(runId: string): void {
    this.#load(this.#pairs.placeOfRun(runId));
  }

  /**
   * Ends the loading: puts the rest in order and loads those that are not in the same order by their creation, and the
   * first of each kind that was created before `loaded`, by kind the sequence of one that is loaded. Returns how many
   * are left of each kind.
   */
  settle(loaded: readonly number[]): readonly number[] {
    const pairs = this.#pairs;
    const left = this.#placesLeft();
    const order = pairs.ascends ? left : this.#putInOrder(left);
    this.#order = this.#withoutOldest(order, loaded);
    // Without pairs that were put in order, each block begins with the first of it and of those behind it.
    this.#firsts = pairs.ascends && pairs.queues ? this.#begins() : this.#findFirsts();
    if (pairs.kinds.length === 1) return [this.#order.length];
    const counts = pairs.kinds.map(() => 0);
    for (const place of this.#order) {
      const kind = pairs.kindOf(place);
      counts[kind] = (counts[kind] as number) + 1;
    }
    return counts;
  }

  /** Loads the first of each kind when it was created before the one that is loaded, and leaves it out. */
  #withoutOldest(order: Uint32Array<ArrayBuffer>, loaded: readonly number[]): Uint32Array<ArrayBuffer> {
    const pairs = this.#pairs;
    const before = pairs.size;
    const met = new Set<number>();
    for (let at = 0; at < order.length && met.size < loaded.length; at++) {
      const place = order[at] as number;
      const kind = pairs.kindOf(place);
      if (met.has(kind)) continue;
      met.add(kind);
      if (pairs.get(place, CREATED) < (loaded[kind] as number)) this.#load(place);
    }
    return pairs.size === before ? order : order.filter((place) => pairs.has(place));
  }

  #placesLeft(): Uint32Array<ArrayBuffer> {
    const pairs = this.#pairs;
    if (pairs.size === pairs.places) return new Uint32Array(pairs.size).map((_place, at) => at);
    const left = new Uint32Array(pairs.size);
    let count = 0;
    for (let place = 0; place < pairs.places; place++) if (pairs.has(place)) left[count++] = place;
    return left;
  }

  /** The places in the order of readiness; loads the pairs that do not ascend by their creation then. */
  #putInOrder(places: Uint32Array): Uint32Array<ArrayBuffer> {
    const pairs = this.#pairs;
    const order = new Uint32Array(places.length);
    let settled = 0;
    let lastCreated = 0;
    let lastReady = 0;
    for (const place of sortBySequence([...places], (at) => pairs.get(at, READY))) {
      const created = pairs.get(place, CREATED);
      const ready = pairs.get(place, READY);
      if (created <= lastCreated || ready <= lastReady) {
        this.#load(place);
        continue;
      }
      lastCreated = created;
      lastReady = ready;
      order[settled++] = place;
    }
    return order.subarray(0, settled);
  }

  /** Takes apart the pair of a task, with all before it; false when there is none. */
  bringTask(taskId: string): boolean {
    return this.#bring(this.#pairs.placeOfTask(taskId));
  }

  /** The same for a run. */
  bringRun(runId: string): boolean {
    return this.#bring(this.#pairs.placeOfRun(runId));
  }

  /** Takes all of them apart. */
  bringAll(): void {
    while (this.size > 0) this.bringBlock();
  }

  /** Takes the next of them apart. */
  bringBlock(): void {
    const end = Math.min(this.#order.length, this.#taken - (this.#taken % BLOCK_PAIRS) + BLOCK_PAIRS);
    while (this.#taken < end) {
      const place = this.#order[this.#taken++];
      if (place !== undefined) this.#rows.link(this.#pairs.read(place), this.#pairs.kindOf(place));
    }
    if (this.size > 0) return;
    // What was known of them takes about a quarter of what the rows take that they became.
    this.#pairs = NO_PAIRS;
    this.#order = new Uint32Array(0);
    this.#firsts = [];
  }

  /** True when one of them may go before this run in the order of dispatch; without a run, when there is one. */
  mayPrecede(row: RunRow | undefined): boolean {
    if (this.size === 0) return false;
    const place = this.#firsts[Math.floor(this.#taken / BLOCK_PAIRS)];
    if (row === undefined || place === undefined) return true;
    const pairs = this.#pairs;
    const ahead =
      row.priority - pairs.get(place, PRIORITY) ||
      pairs.get(place, SCHEDULED) - row.scheduledAt ||
      pairs.get(place, CREATED_AT) - row.createdAt;
    return ahead <= 0;
  }

  #load(place: number): void {
    if (place >= 0) this.#rows.load(this.#pairs.read(place));
  }

  #bring(place: number): boolean {
    if (place < 0) return false;
    while (this.#pairs.has(place)) this.bringBlock();
    return true;
  }

  #begins(): number[] {
    const order = this.#order;
    return Array.from(
      { length: Math.ceil(order.length / BLOCK_PAIRS) },
      (_value, block) => order[block * BLOCK_PAIRS] as number,
    );
  }

  #findFirsts(): number[] {
    const pairs = this.#pairs;
    const order = this.#order;
    const firsts = new Array<number>(Math.ceil(order.length / BLOCK_PAIRS)).fill(0);
    let first = order.at(-1) ?? 0;
    let [priority, scheduledAt, createdAt] = [-Infinity, Infinity, Infinity];
    for (let at = order.length - 1; at >= 0; at--) {
      const place = order[at] as number;
      // As far as it shows without their ids.
      const ahead =
        priority - pairs.get(place, PRIORITY) ||
        pairs.get(place, SCHEDULED) - scheduledAt ||
        pairs.get(place, CREATED_AT) - createdAt;
      if (ahead < 0) {
        first = place;
        priority = pairs.get(place, PRIORITY);
        scheduledAt = pairs.get(place, SCHEDULED);
        createdAt = pairs.get(place, CREATED_AT);
      }
      if (at % BLOCK_PAIRS === 0) firsts[at / BLOCK_PAIRS] = first;
    }
    return firsts;
  }
}
