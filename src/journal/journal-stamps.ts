// Which sequence comes next and what time it is: the stamps of commits that are queued, and how far they are
// durable. After a refusal the queue is empty again and the stamps go back to what is durable.
import type { PawlEvent } from '../domain/events.js';
import { PawlError } from '../errors.js';
import type { OpenedLog } from './journal-backend.js';
import { emptyBehindHead } from './journal-errors.js';

/** What a batch says of itself. */
export interface DurableBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Time of its last commit. */
  readonly lastAt: number;
}

/** Counts sequences. */
export class JournalStamps {
  current: number;
  durable: number;
  lastAt: number;
  private durableAt: number;
  private first: number;
  /** True once the beginning of an empty log was fixed by a snapshot. */
  private anchored = false;
  /** Highest sequence that is known to have been durable. */
  readonly known: number;

  constructor(opened: OpenedLog) {
    this.current = this.durable = opened.lastSequence;
    this.lastAt = this.durableAt = opened.lastAt;
    this.first = opened.firstSequence;
    this.known = opened.knownSequence;
  }

  get firstSequence(): number {
    return this.first === 0 ? this.durable + 1 : this.first;
  }

  /** True while no event is kept or queued and nothing fixed the beginning: any sequence may come next. */
  get free(): boolean {
    return this.empty && !this.anchored;
  }

  /** True while no event is kept or queued, and none was ever removed. */
  get empty(): boolean {
    return this.first === 0 && this.current === this.durable;
  }

  /** Throws when events that were acknowledged are not there, and nothing stands for them. */
  assertComplete(): void {
    if (this.known > this.current && this.empty) throw emptyBehindHead(this.known, this.current);
  }

  /** Gives the events of a commit their sequences and time; returns the first. `begin` is where a free log begins. */
  stamp(events: readonly PawlEvent[], at: number, begin: number | undefined): number {
    if (begin !== undefined && this.free) this.current = begin - 1;
    const first = this.current + 1;
    let sequence = this.current;
    for (const event of events) {
      const stamped: { sequence: number; at: number } = event;
      stamped.sequence = ++sequence;
      stamped.at = at;
    }
    this.current = sequence;
    this.lastAt = at;
    return first;
  }

  /** Everything of a batch is durable. */
  durableUpTo({ firstSequence, lastSequence, lastAt }: DurableBatch): void {
    if (this.first === 0) this.first = firstSequence;
    this.durable = lastSequence;
    this.durableAt = lastAt;
  }

  /** Older events are no longer kept. */
  keptFrom(sequence: number): void {
    this.first = Math.max(this.first, sequence);
  }

  /** Forgets what was queued. */
  rewind(): void {
    this.current = this.durable;
    this.lastAt = this.durableAt;
  }

  /** Lets an empty log begin behind `sequence`, and no earlier than `at`. */
  beginAt(sequence: number, at = 0): void {
    if (!this.empty) {
      throw new PawlError(
        'SNAPSHOT_AHEAD',
        `The log holds events up to ${String(this.current)} and cannot begin at ${String(sequence + 1)}; restore its newest segments, or remove the snapshot.`,
        { snapshotSequence: sequence, journalSequence: this.current },
      );
    }
    if (this.known > sequence) throw emptyBehindHead(this.known, sequence);
    this.current = this.durable = sequence;
    if (sequence > 0) this.anchored = true;
    this.lastAt = this.durableAt = Math.max(this.durableAt, at);
  }
}
