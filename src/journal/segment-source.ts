// A segment as a reader sees it: its name, its size when it was opened, and its bytes in chunks.
import { PawlError } from '../errors.js';
import type { CorruptionReason } from './repair-policy.js';
import type { StorageFile } from './storage.js';
import { describe } from './journal-errors.js';

const NAME = /^(\d{20})\.wal$/;
const CHUNK_BYTES = 65_536;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/** File name of the segment whose first event has this sequence. */
export function segmentName(firstSequence: number): string {
  return `${String(firstSequence).padStart(20, '0')}.wal`;
}

/** First sequence a segment's file name gives; undefined when it is not one. */
export function sequenceOfName(name: string): number | undefined {
  const match = NAME.exec(name);
  const sequence = match === null ? NaN : Number(match[1]);
  return Number.isSafeInteger(sequence) && sequence > 0 ? sequence : undefined;
}

/** An open segment. */
export interface SegmentSource {
  readonly name: string;
  readonly file: StorageFile;
  /** Bytes to look at; what lies beyond is not ours to judge. */
  readonly sizeBytes: number;
  /** True for the last segment of the log: only that one may end without a seal. */
  readonly newest: boolean;
}

/** Reads a range of a segment. Errors: `JOURNAL_CORRUPT` with reason `io`. */
export async function readRange(
  source: SegmentSource,
  into: Buffer,
  from: number,
  length: number,
  position: number,
): Promise<void> {
  let count: number;
  try {
    count = await source.file.read(into, from, length, position);
  } catch (error) {
    throw corrupt(source.name, position, 'io', `reading it failed: ${describe(error)}`, {}, error);
  }
  if (count < length)
    throw corrupt(source.name, position + count, 'io', 'it became shorter while it was read');
}

/** True when everything from `offset` on is zero. */
export async function isZeroFrom(source: SegmentSource, offset: number): Promise<boolean> {
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, source.sizeBytes - offset));
  for (let position = offset; position < source.sizeBytes; position += chunk.length) {
    const length = Math.min(chunk.length, source.sizeBytes - position);
    await readRange(source, chunk, 0, length, position);
    if (chunk.compare(ZEROS, 0, length, 0, length) !== 0) return false;
  }
  return true;
}

/** Damage at a place: everything before it is readable. */
export function corrupt(
  segment: string,
  offset: number,
  reason: CorruptionReason,
  what: string,
  more: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): PawlError {
  return new PawlError(
    'JOURNAL_CORRUPT',
    `Segment ${segment} is damaged at byte ${String(offset)} (${reason}): ${what}. Everything before it is readable with openJournal(dir, { readOnly: true }); restore the segment from a backup, or take what is whole with pawl salvage.`,
    { segment, offset, reason, ...more },
    cause,
  );
}

/** A frame of a version that this release does not read. */
export function unsupported(segment: string, offset: number, found: number): PawlError {
  return new PawlError(
    'UNSUPPORTED_FORMAT',
    `Segment ${segment} has format version ${String(found)} at byte ${String(offset)}; this release reads version 1. Open the directory with the release that wrote it.`,
    { segment, offset, reason: 'unsupportedVersion', found, supported: [1] },
  );
}

/** A frame of this version with a kind or flags that this release does not know. */
export function unknownKind(segment: string, offset: number, flags: number): PawlError {
  return new PawlError(
    'UNSUPPORTED_FORMAT',
    `Segment ${segment} has a frame at byte ${String(offset)} of a kind this release does not know; open the directory with a newer release.`,
    { segment, offset, reason: 'unsupportedVersion', flags },
  );
}
