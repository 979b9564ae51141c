// The one queue from which observers are called. Work is done in units, at most `sliceMs` of it in one turn of
// the event loop, whoever asks for it and however often; the rest follows in later turns, one job after the
// other in turn. A job that is woken from inside a unit waits its turn: observers never nest.
import type { Clock } from '../clock.js';

/** Something with work to do in small units. */
export interface SliceJob {
  /** Does one unit. Returns false when it found nothing to do; it then must be woken by `run` again. */
  step(): boolean;
}

/** Longest time observers are called in one turn of the event loop, milliseconds. */
export const SLICE_MS = 5;

/** Runs jobs in slices. */
export class Slicer {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #onFault: (error: unknown) => void;
  #queue: SliceJob[] = [];
  #running = false;
  /** True while a later turn is booked that begins the next slice. */
  #booked = false;
  #spentMs = 0;

  constructor(clock: Clock, onFault: (error: unknown) => void, sliceMs = SLICE_MS) {
    this.#clock = clock;
    this.#onFault = onFault;
    this.#sliceMs = sliceMs;
  }

  /** True when no job has work left. */
  get idle(): boolean {
    return this.#queue.length === 0;
  }

  /** Runs a job: now, while this turn's slice lasts, and in later turns. */
  run(job: SliceJob): void {
    if (!this.#queue.includes(job)) this.#queue.push(job);
    if (!this.#running && this.#spentMs < this.#sliceMs) this.#slice();
  }

  #slice(): void {
    const startMs = this.#clock.monotonicMs();
    const leftMs = this.#sliceMs - this.#spentMs;
    this.#running = true;
    let usedMs = 0;
    for (let job = this.#queue[0]; job !== undefined && usedMs < leftMs; job = this.#queue[0]) {
      if (!this.#step(job)) this.#queue.shift();
      usedMs = this.#clock.monotonicMs() - startMs;
    }
    this.#running = false;
    this.#spentMs += usedMs;
    if (this.#booked) return;
    this.#booked = true;
    this.#clock.yieldTurn(() => {
      this.#nextTurn();
    });
  }

  #nextTurn(): void {
    this.#booked = false;
    this.#spentMs = 0;
    const interrupted = this.#queue.shift();
    if (interrupted === undefined) return;
    this.#queue.push(interrupted);
    this.#slice();
  }

  #step(job: SliceJob): boolean {
    try {
      return job.step();
    } catch (error) {
      // What observers throw is caught where they are called; this is a defect, and must not reach the journal.
      this.#onFault(error);
      return false;
    }
  }
}
