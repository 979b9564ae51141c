// What a check of a log refuses that lies not in one segment: how segments follow each other, how far the log must
// reach, and an end that was cut short.
import { PawlError } from '../errors.js';
import type { Head } from './head-file.js';
import type { LogCursor } from './log-cursor.js';
import type { CorruptionReason } from './repair-policy.js';
import type { SegmentInfo } from './segment-list.js';
import { corrupt } from './segment-source.js';

/** A segment goes on where the one before it ends. Errors: `JOURNAL_CORRUPT`, `SEGMENT_MISSING`. */
export function requireNext(cursor: LogCursor, info: SegmentInfo): void {
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

/** What is known to be durable must be there; an empty log is the caller's to judge. Errors: `JOURNAL_CORRUPT`, `ACKNOWLEDGED_DATA_MISSING`. */
export function requireKnown(
  head: Head | undefined,
  { cursor, newestName }: { readonly cursor: LogCursor; readonly newestName: string },
): void {
  if (head === undefined || cursor.firstSequence === 0) return;
  if (head.logId !== '' && head.logId !== cursor.logId) {
    throw corrupt(newestName, 0, 'sealMismatch', 'the file head belongs to another log', {
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

/** The newest segment ends in an incomplete batch. */
export function tornTail(
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
