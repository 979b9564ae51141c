// The port between the journal and whatever keeps its bytes: a directory, memory, later a database. A backend
// makes batches durable, one at a time, and reads them back; it knows nothing of events. The same contract
// suite (`test/journal/backend-contract.ts`) runs on every one.
import type { Clock, IdSource } from '../clock.js';
import type { PawlError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { CommitFrame } from './commit-codec.js';
import type { JournalRepair, RepairPolicy } from './repair-policy.js';
import type { SnapshotStore } from './snapshot-store-port.js';

/** Commits that become durable together: each payload stands in `bytes` behind a gap a frame header fits in. */
export interface EncodedBatch {
  readonly bytes: Buffer;
  /** One past the last byte. */
  readonly end: number;
  /** Number of commits. */
  readonly size: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** First byte of the gap of commit `index`; its payload ends where the next gap begins. */
  startOf(index: number): number;
  /** Number of events of commit `index`. */
  eventsOf(index: number): number;
}

/** What a backend is opened with. */
export interface BackendOpenRequest {
  readonly repair: RepairPolicy;
  /** Identity of this opening; names the embedded executor in leases. */
  readonly instance: string;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly maxFrameBytes: number;
  readonly segmentBytes: number;
  /** Zeros are written ahead of the log in steps of this; 0: not. */
  readonly preallocateBytes: number;
  /** Space that is kept for a full disk; 0: none. */
  readonly reserveBytes: number;
  /** Refuse instead of creating anything. */
  readonly expectExisting: boolean;
  readonly lockWaitMs: number;
  /** Decode every commit while checking, not only its checksums. */
  readonly checkPayloads: boolean;
  /** Takes the commits in while the log is checked, so that a start reads it once. Only it can accept an empty log of which more was durable. */
  readonly load?: LogConsumer;
  /** Leave for `checkRest` what lies between the ends of segments of which `load` wants nothing. */
  readonly checkRestLater: boolean;
  /** Called when a segment is being closed, and when that is over. */
  readonly onRotation: (phase: 'began' | 'ended') => void;
  /** Called when it shows, while nothing is being written, that nothing may be written any more. */
  readonly onLost: (error: PawlError) => void;
  /** Called when what `makeRoom` gave away is there again. */
  readonly onRoom: () => void;
}

/** How far a log reaches. */
export interface LogReach {
  /** First sequence that is kept; 0 when no event is and none was ever removed. */
  readonly firstSequence: number;
  /** Last durable sequence; 0 when there is none. */
  readonly lastSequence: number;
  /** Highest sequence that is known to have been durable. */
  readonly knownSequence: number;
}

/** Takes in a log while it is read for the first time: recovery, seen from the log. */
export interface LogConsumer {
  /** Called once, with the lock held and before the log is read: the sequence from which on commits are wanted. */
  from(): Promise<number>;
  /**
   * Commits with an event of that range, in order, some at a time; the bytes are valid during the call. What it throws
   * refuses the opening, unless the log turns out to be damaged: then that is told instead.
   */
  apply(frames: readonly CommitFrame[]): void;
  /** Called when the log was read to its end and found whole, before anything of it is changed: the last chance to refuse. */
  end(reach: LogReach): void;
  /** Time of the last commit it stands for; asked behind `end`. */
  readonly lastAt: number;
}

/** How much of a log an opening checked, and what it left for `checkRest`. */
export interface CheckedLogReport {
  /** Segments and bytes of which everything was checked. */
  readonly segments: number;
  readonly bytes: number;
  /** Segments and bytes of which only header, seal, length and place in the chain were. */
  readonly laterSegments: number;
  readonly laterBytes: number;
}

/** What was found. */
export interface OpenedLog {
  /** Greater than that of every earlier writer. */
  readonly epoch: number;
  /** First sequence that is kept; 0 when no event is. */
  readonly firstSequence: number;
  /** Last durable sequence; 0 when no event is kept. */
  readonly lastSequence: number;
  /** `at` of the last commit; 0 when there is none. */
  readonly lastAt: number;
  /** Highest sequence that is known to have been durable; above `lastSequence` only when no event is kept. */
  readonly knownSequence: number;
  /** What opening cut. */
  readonly repaired?: JournalRepair;
  /** How much was checked; absent when there is nothing to check. */
  readonly checked?: CheckedLogReport;
}

/** A segment as retention sees it. */
export interface KeptSegment {
  readonly name: string;
  readonly firstSequence: number;
  readonly sizeBytes: number;
}

/** The segments of an open log, for retention. */
export interface LogSegments {
  /** Oldest first, the newest included. */
  list(): readonly KeptSegment[];
  /** Why what is kept is not what this process knows of its log; undefined when all agree. */
  disagreement(): Promise<string | undefined>;
  /** Removes the oldest segment, never the newest; resolves when that is durable. One call at a time. */
  removeOldest(how: 'archive' | 'delete'): Promise<void>;
}

/** Keeps the bytes of one log. */
export interface JournalBackend {
  /** Where snapshots of what the log comes to are kept; without it there are none. */
  readonly snapshots?: SnapshotStore;
  /** What retention removes from; without it the whole log is kept. */
  readonly segments?: LogSegments;
  /** Takes the lock, checks what is there and hands it to `load`. Errors: the typed errors of contract §9. */
  open(request: BackendOpenRequest): Promise<OpenedLog>;
  /**
   * Makes a batch durable: resolves after the fsync. Never called while another call is running. `JOURNAL_POISONED`:
   * it is unknown whether the batch is durable, and nothing can be written any more. Any other error: nothing of the
   * batch is in the log, and the next append may succeed. May change the bytes of the batch.
   */
  append(batch: EncodedBatch): Promise<void>;
  /** Gives away the space that is kept for a full disk; true when there was some. Called between two appends. Never fails. */
  makeRoom?(): Promise<boolean>;
  /**
   * Ends the newest segment, unless nothing is in it: what is appended next begins one. Never called while another call
   * is running. Absent when the log has no segments. Errors: as `append`; with any but `JOURNAL_POISONED` the segment goes on.
   */
  endSegment?(): Promise<void>;
  /** Says, durably, that everything so far is durable; called when the log is idle. Errors: as `append`. */
  settle?(): Promise<void>;
  /**
   * Durable commits that hold an event of `[from, to]`, in order, some at a time; the bytes are valid until the next
   * ones are asked for. Errors: `HISTORY_GONE`, `JOURNAL_CORRUPT`.
   */
  read(from: number, to: number): AsyncIterable<readonly CommitFrame[]>;
  /**
   * Checks what opening left unchecked, at a low rate, and resolves when that is done or the log is closed. Errors:
   * `JOURNAL_CORRUPT`.
   */
  checkRest?(): Promise<void>;
  /** Seals the log and lets go of it. With `abandon`, writes nothing. Idempotent. */
  close(options: { readonly abandon: boolean }): Promise<void>;
}
