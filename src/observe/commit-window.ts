// The latest durable commits, kept once for all who still have to see them: never more than `emitBacklog`
// events (but always the newest commit), and nothing at all while no cursor is open. Who is further behind
// reads from the journal, so a slow subscriber costs no memory.
import type { Commit } from '../domain/events.js';
import { lastSequenceOf } from './ports.js';

/** A place in the stream that commits are kept for. */
export interface WindowReader {
  /** Sequence of the last event that was taken. */
  readonly position: number;
}

const COMPACT_AFTER = 1_024;

/** The shared window of recent commits. */
export class CommitWindow {
  readonly #readers = new Set<WindowReader>();
  readonly #maxEvents: number;
  #commits: (Commit | undefined)[] = [];
  #head = 0;
  #events = 0;
  #latest: number;

  constructor(latest: number, maxEvents: number) {
    this.#latest = latest;
    this.#maxEvents = maxEvents;
  }

  /** Sequence of the last event that was emitted. */
  get latest(): number {
    return this.#latest;
  }

  /** Events that are kept. */
  get events(): number {
    return this.#events;
  }

  /** Those for whom commits are kept. */
  get readers(): Iterable<WindowReader> {
    return this.#readers;
  }

  /** Keeps commits for a reader from now on. */
  add(reader: WindowReader): void {
    this.#readers.add(reader);
  }

  /** Forgets a reader. */
  remove(reader: WindowReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#clear();
  }

  /** Takes in the next durable commit. */
  push(commit: Commit): void {
    this.#latest = lastSequenceOf(commit);
    if (this.#readers.size === 0) return;
    this.#dropTaken();
    this.#commits.push(commit);
    this.#events += commit.events.length;
    while (this.#events > this.#maxEvents && this.#commits.length - this.#head > 1) this.#dropFirst();
  }

  /** The kept commit with the event after `position`; undefined when it is not kept, or not there yet. */
  after(position: number): Commit | undefined {
    const wanted = position + 1;
    const first = this.#commits[this.#head];
    if (first === undefined || first.firstSequence > wanted || this.#latest < wanted) return undefined;
    let low = this.#head;
    if (lastSequenceOf(first) >= wanted) return first;
    let high = this.#commits.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#commits[middle]?.firstSequence ?? 0) <= wanted) low = middle;
      else high = middle - 1;
    }
    return this.#commits[low];
  }

  /** Drops what every reader has taken. */
  #dropTaken(): void {
    let taken = Number.MAX_SAFE_INTEGER;
    for (const { position } of this.#readers) if (position < taken) taken = position;
    for (let first = this.#commits[this.#head]; first !== undefined; first = this.#commits[this.#head]) {
      if (lastSequenceOf(first) > taken) return;
      this.#dropFirst();
    }
  }

  #dropFirst(): void {
    this.#events -= this.#commits[this.#head]?.events.length ?? 0;
    this.#commits[this.#head] = undefined;
    this.#head++;
    if (this.#head === this.#commits.length) this.#clear();
    else if (this.#head >= COMPACT_AFTER && this.#head * 2 >= this.#commits.length) {
      this.#commits = this.#commits.slice(this.#head);
      this.#head = 0;
    }
  }

  #clear(): void {
    this.#commits = [];
    this.#head = 0;
    this.#events = 0;
  }
}
