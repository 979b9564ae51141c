// Notes, as pairs go by, in which orders they are written: those of one kind most often are in all of them, and then
// nobody has to look at each once more.

import { numberAt, type NumberColumn } from './column-reader.js';

/** Rows of tasks, and as many of runs, each of which is a pair. */
export interface PairRows {
  readonly createdSequence: NumberColumn;
  /** The first row of the tasks. */
  readonly taskRow: number;
  readonly runs: {
    readonly stateSequence: NumberColumn;
    readonly priority: NumberColumn;
    readonly scheduledAt: NumberColumn;
    readonly createdAt: NumberColumn;
  };
  /** The first row of the runs. */
  readonly runRow: number;
  readonly count: number;
}

/** The orders that pairs keep. */
export class PairOrder {
  ascends = true;
  queues = true;
  /** The numbers of the pair before. Every first pair comes behind these, whose sequences are not 0. */
  #created = 0;
  #ready = 0;
  #priority = Infinity;
  #scheduledAt = -Infinity;
  #createdAt = -Infinity;

  /** Notes pairs. */
  note(pairs: PairRows): void {
    this.#noteSequences(pairs);
    this.#noteQueue(pairs);
  }

  #noteSequences({ createdSequence, taskRow, runs: { stateSequence }, runRow, count }: PairRows): void {
    let created = this.#created;
    let ready = this.#ready;
    for (let at = 0; at < count; at++) {
      const nextCreated = numberAt(createdSequence, taskRow + at);
      const nextReady = numberAt(stateSequence, runRow + at);
      if (nextCreated <= created || nextReady <= ready) this.ascends = false;
      created = nextCreated;
      ready = nextReady;
    }
    this.#created = created;
    this.#ready = ready;
  }

  #noteQueue({ runs: { priority, scheduledAt, createdAt }, runRow, count }: PairRows): void {
    let lastPriority = this.#priority;
    let lastScheduledAt = this.#scheduledAt;
    let lastCreatedAt = this.#createdAt;
    for (let row = runRow; row < runRow + count; row++) {
      const nextPriority = numberAt(priority, row);
      const nextScheduledAt = numberAt(scheduledAt, row);
      const nextCreatedAt = numberAt(createdAt, row);
      // Higher priorities go first.
      const later =
        lastPriority - nextPriority || nextScheduledAt - lastScheduledAt || nextCreatedAt - lastCreatedAt;
      if (later < 0) this.queues = false;
      lastPriority = nextPriority;
      lastScheduledAt = nextScheduledAt;
      lastCreatedAt = nextCreatedAt;
    }
    this.#priority = lastPriority;
    this.#scheduledAt = lastScheduledAt;
    this.#createdAt = lastCreatedAt;
  }
}
