// Moments on the monotonic clock at which something is to be done: timeouts, grace, flushes. A heap with one
// armed timer, so that ten thousand attempts cost one timer of the host.
import type { Clock, TimerHandle } from '../clock.js';
import { TIMER_HORIZON_MS } from '../domain/limits.js';

/** A moment that is waited for; `cancel` is idempotent. */
export interface Deadline {
  cancel(): void;
}

class Entry implements Deadline {
  fire: (() => void) | undefined;
  readonly atMonoMs: number;
  readonly order: number;

  constructor(atMonoMs: number, order: number, fire: () => void) {
    this.atMonoMs = atMonoMs;
    this.order = order;
    this.fire = fire;
  }

  cancel(): void {
    this.fire = undefined;
  }
}

/** Deadlines in order of time; those of one moment in the order they were added. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #heap: Entry[] = [];
  #timer: TimerHandle | undefined;
  #armedForMs = Infinity;
  #added = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `fire` once `delayMs` have passed on the monotonic clock; never after `close`. */
  after(delayMs: number, fire: () => void): Deadline {
    const entry = new Entry(this.#clock.monotonicMs() + delayMs, this.#added++, fire);
    if (this.#closed) return entry;
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1);
    this.#arm();
    return entry;
  }

  /** Drops every deadline, also those that are added afterwards. */
  close(): void {
    this.#closed = true;
    this.#heap.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedForMs = Infinity;
  }

  #arm(): void {
    while (this.#heap[0] !== undefined && this.#heap[0].fire === undefined) this.#pop();
    const first = this.#heap[0];
    if (first === undefined) {
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#armedForMs = Infinity;
      return;
    }
    if (this.#timer !== undefined && this.#armedForMs <= first.atMonoMs) return;
    this.#timer?.cancel();
    const delayMs = Math.max(0, first.atMonoMs - this.#clock.monotonicMs());
    this.#armedForMs = first.atMonoMs;
    this.#timer = this.#clock.setTimer(Math.min(delayMs, TIMER_HORIZON_MS), () => {
      this.#timer = undefined;
      this.#armedForMs = Infinity;
      this.#runDue();
    });
  }

  #runDue(): void {
    const now = this.#clock.monotonicMs();
    for (let first = this.#heap[0]; first !== undefined && first.atMonoMs <= now; first = this.#heap[0]) {
      this.#pop();
      const { fire } = first;
      first.fire = undefined;
      fire?.();
    }
    this.#arm();
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    this.#down(0);
  }

  #up(from: number): void {
    const heap = this.#heap;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(heap[index], heap[parent])) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #down(from: number): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      let least = index;
      if (isBefore(heap[left], heap[least])) least = left;
      if (isBefore(heap[left + 1], heap[least])) least = left + 1;
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const first = heap[a];
    const second = heap[b];
    if (first === undefined || second === undefined) return;
    heap[a] = second;
    heap[b] = first;
  }
}

function isBefore(left: Entry | undefined, right: Entry | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  return left.atMonoMs === right.atMonoMs ? left.order < right.order : left.atMonoMs < right.atMonoMs;
}
