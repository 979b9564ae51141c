// Checks what the frames without events say against what was read: the log a segment belongs to, its place in it, the
// number of frames before its seal, and the sequence a mark stands behind.
import { readSeal, readSegmentHeader, readWatermark } from './control-frames.js';
import { FRAME_HEADER_BYTES, type FrameHeader } from './frame.js';
import { describe } from './journal-errors.js';
import type { LogCursor } from './log-cursor.js';
import { applyMask } from './mask.js';
import { corrupt, sequenceOfName } from './segment-source.js';

/** Where a control frame stands; the cursor is before it. */
export interface ControlPlace {
  readonly segment: string;
  readonly offset: number;
  readonly cursor: LogCursor;
}

/** A copy, without its mask, of the payload of the frame at `at`. */
export function plainPayload(bytes: Buffer, at: number, { length, mask }: FrameHeader): Buffer {
  const from = at + FRAME_HEADER_BYTES;
  const payload = Buffer.from(bytes.subarray(from, from + length));
  applyMask(payload, 0, length, mask);
  return payload;
}

/** Errors: `JOURNAL_CORRUPT` when the header is of another log or another place in it. */
export function checkSegmentHeader(payload: Buffer, header: FrameHeader, place: ControlPlace): void {
  const { segment, cursor } = place;
  const found = decoded(place, () => readSegmentHeader(payload));
  const named = sequenceOfName(segment);
  const sameLog = cursor.logId === '' || cursor.logId === found.logId;
  const samePlace =
    found.firstSequence === header.firstSequence && (named === undefined || named === found.firstSequence);
  if (!sameLog || !samePlace || (found.previousSealCrc ?? 0) !== header.previousCrc) {
    throw corrupt(segment, 0, 'sealMismatch', 'its header belongs to another log or another place in it', {
      expectedSeq: named,
      found: found.firstSequence,
    });
  }
  cursor.logId = found.logId;
  if (!cursor.begun) cursor.continues = found.previousSealCrc !== undefined;
}

/** Errors: `JOURNAL_CORRUPT` when the seal counts other frames than were read. */
export function checkSeal(payload: Buffer, place: ControlPlace): void {
  const { segment, offset, cursor } = place;
  const seal = decoded(place, () => readSeal(payload));
  const whole =
    seal.bytes === offset &&
    seal.frames === cursor.segmentFrames &&
    seal.events === cursor.segmentEvents &&
    seal.lastSequence === cursor.lastSequence &&
    seal.runningCrc === cursor.runningCrc;
  if (!whole) {
    throw corrupt(segment, offset, 'sealMismatch', 'the seal counts other frames than the segment holds');
  }
}

/** Errors: `JOURNAL_CORRUPT` when the mark names another sequence than the one it stands behind. */
export function checkWatermark(payload: Buffer, header: FrameHeader, place: ControlPlace): void {
  if (decoded(place, () => readWatermark(payload)) === header.firstSequence - 1) return;
  throw corrupt(
    place.segment,
    place.offset,
    'sealMismatch',
    'a mark names a sequence it does not stand behind',
  );
}

function decoded<T>({ segment, offset }: ControlPlace, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw corrupt(segment, offset, 'decodeFailure', describe(error), {}, error);
  }
}
