// How the projections give themselves to a snapshot and take themselves back. A section is read either at once,
// or through a capture, which shows it as it was at one commit boundary while commits go on being applied.
import type { ImageKeeper, SectionName, SectionRecords } from '../domain/snapshot-records.js';

/** What the folds must know of a snapshot's header. */
export interface LoadHeader {
  /** Sequence of the last event that the snapshot stands for. */
  readonly sequence: number;
  readonly takenAt: number;
}

/** One section of a snapshot. */
export interface SnapshotSection<N extends SectionName = SectionName> {
  readonly name: N;
  /** Number of records now. */
  count(): number;
  /** The records now. Read to the end before anything is applied; else take a capture. */
  records(): Iterable<SectionRecords[N]>;
  /** Takes a record back, into projections to which nothing was applied yet. References are resolved by `finishLoad`. */
  load(record: SectionRecords[N]): void;
  /** Begins to keep the section as it is now, what changes with `images`; see `StateCapture`. */
  capture(images?: ImageKeeper): SectionCapture<SectionRecords[N]>;
}

/** A section as it was when the capture was taken. */
export interface SectionCapture<R> {
  readonly count: number;
  /**
   * The records, once, each valid until the next is asked for. Between two steps of the iterator commits may be applied.
   * `undefined` is none: so many rows that are not to be shown were passed that whoever reads may want to rest.
   */
  records(): Iterable<R | undefined>;
  /** Records that were saved because they were about to change before they were read. */
  readonly savedRecords: number;
  /** Ends the capture; idempotent. */
  release(): void;
}

/**
 * The whole state at one commit boundary, from `Projections.capture()`. One at a time. It costs a copy of each
 * record that changes before it was read, so it must be released, also after a failure.
 */
export interface StateCapture {
  /** Sequence of the last event applied. */
  readonly sequence: number;
  /** Time of the last commit applied. */
  readonly lastAt: number;
  readonly sections: readonly CapturedSection[];
  /** Records saved so far, over all sections. */
  readonly savedRecords: number;
  /** Idempotent. */
  release(): void;
}

/** A captured section with its name. */
export interface CapturedSection<N extends SectionName = SectionName> extends SectionCapture<
  SectionRecords[N]
> {
  readonly name: N;
}
