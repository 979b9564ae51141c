// The batch that commits are encoded into while the one before it is being made durable. Two of them take
// turns, so a commit costs no allocation but its own object; a refused commit leaves no trace.
import type { Commit } from '../domain/events.js';
import type { PawlError } from '../errors.js';
import { encodeCommit, type CommitBody } from './commit-codec.js';
import { FRAME_HEADER_BYTES } from './frame.js';
import type { EncodedBatch } from './journal-backend.js';
import { RecordWriter } from './record-writer.js';

/** Told once, when the fate of a commit is known. */
export type Acknowledge = (error: PawlError | undefined, commit: Commit) => void;

/** Someone who waits for a batch to be durable. */
export interface FlushWaiter {
  readonly resolve: () => void;
  readonly reject: (error: PawlError) => void;
}

/** A buffer above this many bytes is given back after its batch. */
const KEPT_BUFFER_BYTES = 4_194_304;
const INITIAL_BYTES = 16_384;

/** Gathers commits. */
export class GatheringBatch implements EncodedBatch {
  readonly commits: Commit[] = [];
  readonly acks: Acknowledge[] = [];
  /** Which of the commits may use what is kept for a full disk. */
  readonly insisting: boolean[] = [];
  waiters: FlushWaiter[] = [];
  private out = new RecordWriter(INITIAL_BYTES);
  private readonly starts: number[] = [];

  get bytes(): Buffer {
    return this.out.bytes;
  }

  get end(): number {
    return this.out.position;
  }

  get size(): number {
    return this.commits.length;
  }

  get firstSequence(): number {
    return this.commits[0]?.firstSequence ?? 0;
  }

  get lastSequence(): number {
    const last = this.commits[this.commits.length - 1];
    return last === undefined ? 0 : last.firstSequence + last.events.length - 1;
  }

  /** Time of the last commit. */
  get lastAt(): number {
    return this.commits[this.commits.length - 1]?.header.at ?? 0;
  }

  startOf(index: number): number {
    return this.starts[index] ?? this.out.position;
  }

  eventsOf(index: number): number {
    return this.commits[index]?.events.length ?? 0;
  }

  /** Encodes a commit behind a gap and returns the bytes of its payload; `keep` or `drop` must follow. */
  encode(body: CommitBody): number {
    const { out } = this;
    const start = out.position;
    this.starts.push(start);
    try {
      out.skip(FRAME_HEADER_BYTES);
      encodeCommit(body, out);
    } catch (error) {
      this.drop();
      throw error;
    }
    return out.position - start - FRAME_HEADER_BYTES;
  }

  keep(commit: Commit, ack: Acknowledge, insists: boolean): void {
    this.commits.push(commit);
    this.acks.push(ack);
    this.insisting.push(insists);
  }

  /** Takes back what `encode` wrote. */
  drop(): void {
    this.out.position = this.starts.pop() ?? 0;
  }

  /** Empties the batch for its next turn. */
  reset(): void {
    this.commits.length = 0;
    this.acks.length = 0;
    this.insisting.length = 0;
    this.starts.length = 0;
    this.waiters = [];
    this.out.position = 0;
    if (this.out.bytes.length > KEPT_BUFFER_BYTES) this.out = new RecordWriter(INITIAL_BYTES);
  }
}
