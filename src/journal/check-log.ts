// Checks a log from its first segment to its end and says what is there. It writes nothing: opening, verifying
// and the readers without a lock share it, and what it finds wrong is thrown with segment and offset.
import { PawlError } from '../errors.js';
import { DecodeError } from './byte-reader.js';
import { CommitDecoder } from './commit-codec.js';
import type { Head } from './head-file.js';
import { LogCursor } from './log-cursor.js';
import type { CorruptionReason, RepairPolicy } from './repair-policy.js';
import { scanSegment, type ScannedChunk, type ScannedCommit, type SegmentEnd } from './scan.js';
import { MARK_EVERY_BYTES, addMark, type SegmentInfo } from './segment-list.js';
import { corrupt } from './segment-source.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** What is checked, and how strictly. */
export interface CheckRequest {
  readonly storage: Storage;
  readonly segments: readonly SegmentInfo[];
  readonly head: Head | undefined;
  readonly maxFrameBytes: number;
  readonly repair: RepairPolicy;
  /** Which commits are decoded: all, the last of each chunk (for its time), or none. */
  readonly decode: 'all' | 'last' | 'none';
}

/** What was found. */
export interface CheckedLog {
  /** Stands behind the last good frame. */
  readonly cursor: LogCursor;
  /** Stands before the newest segment: where a second reading of it begins. */
  readonly beforeNewest: LogCursor;
  /** How the newest segment ends; undefined when there is none. */
  readonly end: SegmentEnd | undefined;
  /** `at` of the last commit; 0 when there is none. */
  readonly lastAt: number;
  readonly commits: number;
}

/** Reads every byte of every segment. Errors: the typed errors of contract §9. */
export async function checkLog(request: CheckRequest): Promise<CheckedLog> {
  const { segments } = request;
  const state = checkSegments(request);
  await state.run();
  requireKnown(request, state);
  const newest = segments[segments.length - 1];
  if (state.end?.kind === 'torn' && request.repair === 'strict' && newest !== undefined) {
    throw tornTail(newest, state.end, state.cursor);
  }
  const { cursor, beforeNewest, end, lastAt, commits } = state;
  return { cursor, beforeNewest, end, lastAt, commits };
}

/** Begins a check that the caller runs and may look into when it throws. */
export function checkSegments(request: CheckRequest): SegmentsState {
  return new SegmentsState(request);
}

/** Where a check stands. */
export class SegmentsState {
  readonly cursor = new LogCursor();
  beforeNewest = new LogCursor();
  end: SegmentEnd | undefined;
  lastAt = 0;
  commits = 0;
  /** The newest batch that holds commits. */
  lastBatch = { batch: -1, firstSequence: 0 };
  private readonly decoder = new CommitDecoder();

  constructor(private readonly request: CheckRequest) {}

  /** Reads every segment. Errors: the damage that is found first. */
  async run(): Promise<void> {
    const { segments } = this.request;
    for (const [index, info] of segments.entries()) {
      requireNext(this.cursor, info);
      await this.checkSegment(info, index + 1 === segments.length);
    }
  }

  private async checkSegment(info: SegmentInfo, newest: boolean): Promise<void> {
    const { storage, maxFrameBytes } = this.request;
    this.beforeNewest = this.cursor.copy();
    const file = await guarded('open', info.path, () => storage.open(info.path, 'read'));
    try {
      const { sizeBytes } = await guarded('look at', info.path, () => file.stat());
      const scan = scanSegment({ name: info.name, file, sizeBytes, newest }, this.cursor, {
        maxFrameBytes,
        unmask: true,
      });
      let step = await scan.next();
      for (; step.done !== true; step = await scan.next()) {
        this.checkChunk(info, step.value);
        info.sizeBytes = step.value.offset + step.value.end - step.value.from;
      }
      this.end = step.value;
      info.sizeBytes = step.value.offset;
      info.sealed = step.value.kind === 'sealed';
    } finally {
      await file.close();
    }
  }

  private decoded(commits: readonly ScannedCommit[]): readonly ScannedCommit[] {
    const { decode } = this.request;
    return decode === 'all' ? commits : decode === 'last' ? commits.slice(-1) : [];
  }

  private checkChunk(info: SegmentInfo, { commits }: ScannedChunk): void {
    this.commits += commits.length;
    for (const { batch, firstSequence } of commits) {
      if (batch !== this.lastBatch.batch) this.lastBatch = { batch, firstSequence };
    }
    const first = commits[0];
    if (first === undefined) return;
    addMark(info, { sequence: first.firstSequence, offset: first.offset }, MARK_EVERY_BYTES);
    const toDecode = this.decoded(commits);
    for (const commit of toDecode) {
      try {
        this.lastAt = this.decoder.decode(commit).header.at;
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        throw corrupt(
          info.name,
          commit.offset,
          'decodeFailure',
          error.message,
          { expectedSeq: commit.firstSequence },
          error,
        );
      }
    }
  }
}

function requireNext(cursor: LogCursor, info: SegmentInfo): void {
  if (!cursor.begun || info.firstSequence === cursor.nextSequence) return;
  if (info.firstSequence < cursor.nextSequence) {
    throw corrupt(
      info.name,
      0,
      'sequenceGap',
      `its name says ${String(info.firstSequence)}, but the log is already at ${String(cursor.lastSequence)}`,
      {
        expectedSeq: cursor.nextSequence,
        found: info.firstSequence,
      },
    );
  }
  throw new PawlError(
    'SEGMENT_MISSING',
    `The log ends at ${String(cursor.lastSequence)} and goes on at ${String(info.firstSequence)} (${info.name}); restore the segment that holds ${String(cursor.nextSequence)}.`,
    { expectedSeq: cursor.nextSequence, found: info.firstSequence, segment: info.name, offset: 0 },
  );
}

/** What is known to be durable must be there; an empty log is the caller's to judge. */
function requireKnown({ head, segments }: CheckRequest, { cursor }: SegmentsState): void {
  if (head === undefined || cursor.firstSequence === 0) return;
  const newest = segments[segments.length - 1];
  if (head.logId !== '' && head.logId !== cursor.logId) {
    throw corrupt(newest?.name ?? 'head', 0, 'sealMismatch', 'the file head belongs to another log', {
      found: cursor.logId,
    });
  }
  if (head.durableSequence > cursor.lastSequence)
    throw acknowledgedMissing(head.durableSequence, cursor.lastSequence);
}

/** Events that were acknowledged are not there. */
export function acknowledgedMissing(watermark: number, found: number): PawlError {
  return new PawlError(
    'ACKNOWLEDGED_DATA_MISSING',
    `The log ends at ${String(found)}, but events up to ${String(watermark)} were acknowledged; restore the newest segments from a backup.`,
    { watermark, found },
  );
}

function tornTail(
  info: SegmentInfo,
  end: { readonly offset: number; readonly reason: CorruptionReason },
  cursor: LogCursor,
): PawlError {
  return new PawlError(
    'TORN_TAIL',
    `Segment ${info.name} ends in an incomplete batch at byte ${String(end.offset)} (${end.reason}), after sequence ${String(cursor.lastSequence)}; it holds nothing acknowledged. Open with repair 'truncate-partial' to cut it and keep a copy.`,
    {
      segment: info.name,
      offset: end.offset,
      reason: end.reason,
      batch: cursor.batchOfNext,
      lastSeq: cursor.lastSequence,
    },
  );
}
