// Judges the first bad place of the newest segment: torn, when it shows that a sector was never written and nothing
// proves that its batch was; else corrupt. The order of the questions is that of `docs/journal-format.md`.
import { FRAME_HEADER_BYTES, FrameHeader, LOG_MAGIC, showsTear } from './frame.js';
import type { LogCursor } from './log-cursor.js';
import { PIECE_BYTES } from './mask.js';
import type { CorruptionReason } from './repair-policy.js';
import { corrupt, readRange, type SegmentSource } from './segment-source.js';

/** The bad place. */
export interface BadPlace {
  readonly source: SegmentSource;
  readonly offset: number;
  /** Behind the last good frame. */
  readonly cursor: LogCursor;
  /** Header of the bad frame when its checksum is right. */
  readonly header: FrameHeader | undefined;
  readonly reason: CorruptionReason;
  readonly maxFrameBytes: number;
}

const WINDOW_BYTES = 1_048_576;
const MAGIC_BYTES = Buffer.from([0x50, 0x57, 0x4c, 0x01]);
/** A frame is never shorter. */
const MIN_FRAME_BYTES = FRAME_HEADER_BYTES + 1;
const TWO_32 = 0x1_0000_0000;

/** Returns when the place is torn. Errors: `JOURNAL_CORRUPT`. */
export async function judgeTail(place: BadPlace): Promise<void> {
  const { source, offset, cursor } = place;
  const expectedSeq = cursor.nextSequence;
  if (!source.newest) {
    const reason = place.reason === 'crcMismatch' ? 'crcMismatch' : 'sealMismatch';
    throw corrupt(source.name, offset, reason, 'the segment is not whole, and a later one follows', {
      expectedSeq,
    });
  }
  const later = await findLaterBatch(place);
  if (later !== undefined) {
    throw corrupt(
      source.name,
      offset,
      'crcMismatch',
      `a later batch follows at byte ${String(later.offset)}, so this one was durable`,
      {
        expectedSeq,
        laterValidSeq: later.sequence,
      },
    );
  }
  if (!(await isTorn(place))) {
    throw corrupt(source.name, offset, 'crcMismatch', 'nothing shows that a write was cut short here', {
      expectedSeq,
    });
  }
}

/** Looks for positive evidence that a write was cut short. */
async function isTorn({ source, offset, header, reason }: BadPlace): Promise<boolean> {
  if (reason === 'incompletePayload') return true;
  if (header !== undefined)
    return (
      !header.zeroPieces && (await anyZeroPiece(source, offset, offset + FRAME_HEADER_BYTES + header.length))
    );
  const left = source.sizeBytes - offset;
  if (left < FRAME_HEADER_BYTES && (await beginsLikeHeader(source, offset))) return true;
  // The header touches one sector or two; each is looked at as far as the file goes.
  const lastTouched = offset + Math.min(FRAME_HEADER_BYTES, left) - 1;
  const end = Math.min(source.sizeBytes, (Math.floor(lastTouched / PIECE_BYTES) + 1) * PIECE_BYTES);
  return anyZeroPiece(source, offset, end);
}

async function beginsLikeHeader(source: SegmentSource, offset: number): Promise<boolean> {
  const length = Math.min(MAGIC_BYTES.length, source.sizeBytes - offset);
  const found = Buffer.alloc(length);
  await readRange(source, found, 0, length, offset);
  return found.equals(MAGIC_BYTES.subarray(0, length));
}

async function anyZeroPiece(source: SegmentSource, from: number, end: number): Promise<boolean> {
  const window = Buffer.alloc(Math.min(WINDOW_BYTES, end - from + PIECE_BYTES));
  for (let position = from; position < end;) {
    // Windows after the first begin at a sector, so that no piece is cut in two.
    const room = window.length - ((position + window.length) % PIECE_BYTES);
    const length = Math.min(room, end - position);
    await readRange(source, window, 0, length, position);
    if (showsTear(window, 0, length, position)) return true;
    position += length;
  }
  return false;
}

interface LaterFrame {
  readonly offset: number;
  readonly sequence: number;
}

/** The first frame, valid in itself, of a batch that began only after the bad one's was durable. */
async function findLaterBatch(place: BadPlace): Promise<LaterFrame | undefined> {
  const { source, offset, header } = place;
  // What a right header calls payload may hold anything, whole frames included.
  let position = header === undefined ? offset + 1 : offset + FRAME_HEADER_BYTES + header.length;
  const window = Buffer.alloc(Math.max(0, Math.min(WINDOW_BYTES, source.sizeBytes - position)));
  while (position + MIN_FRAME_BYTES <= source.sizeBytes) {
    const length = Math.min(window.length, source.sizeBytes - position);
    await readRange(source, window, 0, length, position);
    const view = window.subarray(0, length);
    for (let at = view.indexOf(MAGIC_BYTES); at >= 0; at = view.indexOf(MAGIC_BYTES, at + 1)) {
      const sequence = await provenBy(place, position + at);
      if (sequence !== undefined) return { offset: position + at, sequence };
    }
    if (position + length >= source.sizeBytes) break;
    position += length - (MAGIC_BYTES.length - 1);
  }
  return undefined;
}

/** The sequence of the frame at `offset` when it proves that the bad place's batch was durable. */
async function provenBy(place: BadPlace, offset: number): Promise<number | undefined> {
  const { source, cursor, maxFrameBytes } = place;
  if (source.sizeBytes - offset < MIN_FRAME_BYTES) return undefined;
  const start = Buffer.alloc(FRAME_HEADER_BYTES);
  await readRange(source, start, 0, FRAME_HEADER_BYTES, offset);
  const header = new FrameHeader();
  if (start.readUInt32LE(0) !== LOG_MAGIC || !header.read(start, 0)) return undefined;
  const { length } = header;
  if (length === 0 || length > maxFrameBytes || offset + FRAME_HEADER_BYTES + length > source.sizeBytes)
    return undefined;
  const badBatch = place.header?.batch ?? cursor.batchOfNext;
  const later = (header.batch - badBatch + TWO_32) % TWO_32;
  const room = Math.floor((offset - place.offset) / MIN_FRAME_BYTES) + 1;
  if (later === 0 || later > room || header.epoch < cursor.epoch) return undefined;
  if (cursor.begun && header.firstSequence + header.count <= cursor.nextSequence && header.count > 0)
    return undefined;
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + length);
  await readRange(source, frame, 0, frame.length, offset);
  return header.payloadIsWhole(frame, 0) ? header.firstSequence : undefined;
}
