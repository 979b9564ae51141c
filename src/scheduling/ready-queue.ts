// The runs that could start: ordered by priority (higher first), then scheduledAt, createdAt and id. A run that
// is blocked sits elsewhere (behind its key, or without a handler) and costs nothing until what blocks it ends.
import { RunHeap } from '../projections/run-heap.js';
import type { RunRow } from '../projections/rows.js';

/** Order of dispatch: negative when `left` goes first. */
export function compareReady(left: RunRow, right: RunRow): number {
  if (left.priority !== right.priority) return right.priority - left.priority;
  if (left.scheduledAt !== right.scheduledAt) return left.scheduledAt - right.scheduledAt;
  if (left.createdAt !== right.createdAt) return left.createdAt - right.createdAt;
  return left.id < right.id ? -1 : 1;
}

/** What the queue asks about a run. */
export interface ReadyGates {
  /** True when this process has a handler for the run's type. */
  hasHandler(row: RunRow): boolean;
  /** The run's concurrency key, scoped by tenant; undefined when it has none. */
  keyOf(row: RunRow): string | undefined;
  /** True when another run holds the key, or is about to. */
  isKeyTaken(key: string, row: RunRow): boolean;
  /** Offers runs that were not offered yet if one of them may go before this one; false when there are none. */
  offerBefore(row: RunRow | undefined): boolean;
}

/** Ready runs, in order, apart from those that are blocked. */
export class ReadyQueue {
  readonly #gates: ReadyGates;
  readonly #ready = new RunHeap(compareReady);
  readonly #behindKey = new Map<string, RunHeap>();
  readonly #withoutHandler = new Set<RunRow>();
  #behindKeys = 0;

  constructor(gates: ReadyGates) {
    this.#gates = gates;
  }

  /** Runs that nothing but a slot keeps from starting. */
  get size(): number {
    return this.#ready.size;
  }

  /** Runs that wait for a key. */
  get waitingForKeys(): number {
    return this.#behindKeys;
  }

  /** Runs whose type this process has no handler for. */
  get withoutHandler(): ReadonlySet<RunRow> {
    return this.#withoutHandler;
  }

  /** Takes in a run that became ready, or that was popped and could not be claimed. */
  offer(row: RunRow): void {
    if (!this.#isBlocked(row)) this.#ready.insert(row);
  }

  /** Takes in the runs that are ready at a start, all at once; those that a sweep made ready are in already. */
  fill(rows: Iterable<RunRow>): void {
    const free: RunRow[] = [];
    for (const row of rows) if (row.heapIndex < 0 && !this.#isBlocked(row)) free.push(row);
    this.#ready.fill(free);
  }

  /** Forgets a run that is no longer ready. */
  remove(row: RunRow): void {
    if (this.#withoutHandler.delete(row) || row.heapIndex < 0) return;
    if (this.#ready.has(row)) {
      this.#ready.remove(row);
      return;
    }
    const key = this.#gates.keyOf(row);
    const waiting = key === undefined ? undefined : this.#behindKey.get(key);
    if (key === undefined || waiting?.has(row) !== true) return;
    waiting.remove(row);
    this.#behindKeys--;
    if (waiting.size === 0) this.#behindKey.delete(key);
  }

  /** Puts a run whose priority has changed in its new place. */
  reorder(row: RunRow): void {
    if (row.heapIndex < 0) return;
    if (this.#ready.has(row)) {
      this.#ready.update(row);
      return;
    }
    const key = this.#gates.keyOf(row);
    const waiting = key === undefined ? undefined : this.#behindKey.get(key);
    if (waiting?.has(row) === true) waiting.update(row);
  }

  /** The first run that may start; runs whose key was taken meanwhile are put behind it. */
  peek(): RunRow | undefined {
    for (;;) {
      const row = this.#ready.peek();
      if (this.#gates.offerBefore(row)) continue;
      if (row === undefined) return undefined;
      const key = this.#gates.keyOf(row);
      if (key === undefined || !this.#gates.isKeyTaken(key, row)) return row;
      this.#ready.pop();
      this.#wait(key, row);
    }
  }

  /** Takes the first run out; call after `peek`. */
  pop(): RunRow | undefined {
    return this.#ready.pop();
  }

  /** A key was given back: the first of its waiters may be claimed. */
  keyReleased(key: string): void {
    const waiting = this.#behindKey.get(key);
    const row = waiting?.pop();
    if (waiting === undefined || row === undefined) return;
    this.#behindKeys--;
    if (waiting.size === 0) this.#behindKey.delete(key);
    this.#ready.insert(row);
  }

  /** True, and the run is put where it waits, when something else than a slot keeps it from starting. */
  #isBlocked(row: RunRow): boolean {
    if (!this.#gates.hasHandler(row)) {
      this.#withoutHandler.add(row);
      return true;
    }
    const key = this.#gates.keyOf(row);
    if (key === undefined || !this.#gates.isKeyTaken(key, row)) return false;
    this.#wait(key, row);
    return true;
  }

  #wait(key: string, row: RunRow): void {
    let waiting = this.#behindKey.get(key);
    if (waiting === undefined) this.#behindKey.set(key, (waiting = new RunHeap(compareReady)));
    waiting.insert(row);
    this.#behindKeys++;
  }
}
