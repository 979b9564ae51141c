// Finds what is whole in a damaged log. A piece is a run of good frames that hang together and are anchored: it begins
// where a segment begins, or goes on to where one ends. A frame that lies alone between two damaged places may be
// anything, an old one or the payload of another, so it is never taken for a commit.
import { isPawlError, type PawlError } from '../errors.js';
import { FRAME_HEADER_BYTES, FrameHeader, LOG_MAGIC } from './frame.js';
import { LogCursor } from './log-cursor.js';
import { scanSegment, type ScannedCommit } from './scan.js';
import type { SegmentInfo } from './segment-list.js';
import { readRange, type SegmentSource } from './segment-source.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** Commits of one segment that stand next to each other. */
export interface Piece {
  readonly segment: SegmentInfo;
  /** Its frames are the bytes `[fromOffset, endOffset)` of the segment. */
  readonly fromOffset: number;
  readonly endOffset: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly commits: number;
  readonly epoch: number;
  /** Empty when the piece does not reach back to the header of its segment. */
  readonly logId: string;
}

/** Bytes that are not whole frames. */
export interface DamagedPlace {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  readonly code: string;
  readonly message: string;
}

/** What a segment holds. */
export interface SegmentPieces {
  readonly pieces: readonly Piece[];
  readonly damaged: readonly DamagedPlace[];
}

/** What a search needs. */
export interface SearchParts {
  readonly storage: Storage;
  readonly maxFrameBytes: number;
}

const WINDOW_BYTES = 1_048_576;
const MAGIC_BYTES = Buffer.alloc(4);
MAGIC_BYTES.writeUInt32LE(LOG_MAGIC);

/** The pieces of one segment. Errors: those of the storage when the file cannot be opened. */
export async function piecesOf(
  parts: SearchParts,
  info: SegmentInfo,
  newest: boolean,
): Promise<SegmentPieces> {
  const file = await guarded('open', info.path, () => parts.storage.open(info.path, 'read'));
  try {
    const { sizeBytes } = await guarded('look at', info.path, () => file.stat());
    // Judged like the newest, so that a torn end is told from damage; whether it may end so is not asked here.
    const source = { name: info.name, file, sizeBytes, newest: true };
    return await search(parts, info, source, newest);
  } finally {
    await guarded('close', info.path, () => file.close());
  }
}

/** The commits of a piece, in order; valid until the next ones are asked for. */
export async function* commitsOf(
  { storage, maxFrameBytes }: SearchParts,
  { segment, fromOffset, endOffset }: Piece,
): AsyncGenerator<readonly ScannedCommit[], void, undefined> {
  const file = await guarded('open', segment.path, () => storage.open(segment.path, 'read'));
  try {
    const source = { name: segment.name, file, sizeBytes: endOffset, newest: true };
    const options = { maxFrameBytes, unmask: true, ...(fromOffset === 0 ? {} : { fromOffset }) };
    for await (const { commits } of scanSegment(source, new LogCursor(), options)) yield commits;
  } finally {
    await guarded('close', segment.path, () => file.close());
  }
}

interface Run {
  readonly piece: Piece | undefined;
  readonly endOffset: number;
  /** True when it ends in an incomplete batch; zeros behind the last one are none. */
  readonly torn: boolean;
  readonly failure: PawlError | undefined;
}

async function search(
  parts: SearchParts,
  info: SegmentInfo,
  source: SegmentSource,
  newest: boolean,
): Promise<SegmentPieces> {
  const pieces: Piece[] = [];
  const damaged: DamagedPlace[] = [];
  const first = await follow(parts, info, source, 0);
  if (first.piece !== undefined) pieces.push(first.piece);
  if (first.failure === undefined) {
    // A segment that others follow must end in a seal; what is missing behind it is told by the sequences.
    if (newest && first.torn) damaged.push(tornPlace(source, first.endOffset));
    return { pieces, damaged };
  }
  const behind = await lastRun(parts, info, source, first.endOffset);
  const end = behind?.fromOffset ?? source.sizeBytes;
  const { code, message } = first.failure;
  damaged.push({
    segment: source.name,
    offset: first.endOffset,
    bytes: end - first.endOffset,
    code,
    message,
  });
  if (behind !== undefined) pieces.push(behind);
  return { pieces, damaged };
}

function tornPlace({ name, sizeBytes }: SegmentSource, offset: number): DamagedPlace {
  const message = `The last batch of ${name} is incomplete; it holds nothing acknowledged.`;
  return { segment: name, offset, bytes: sizeBytes - offset, code: 'TORN_TAIL', message };
}

/** Reads good frames from an offset on, as far as they go. */
async function follow(
  { maxFrameBytes }: SearchParts,
  info: SegmentInfo,
  source: SegmentSource,
  fromOffset: number,
): Promise<Run> {
  const cursor = new LogCursor();
  const options = { maxFrameBytes, unmask: false, ...(fromOffset === 0 ? {} : { fromOffset }) };
  const scan = scanSegment(source, cursor, options);
  let endOffset = fromOffset;
  let commits = 0;
  let torn = false;
  let failure: PawlError | undefined;
  try {
    let step = await scan.next();
    for (; step.done !== true; step = await scan.next()) {
      const { offset, from, end } = step.value;
      endOffset = offset + end - from;
      commits += step.value.commits.length;
    }
    torn = step.value.kind === 'torn';
  } catch (error) {
    if (!isPawlError(error)) throw error;
    failure = error;
  }
  const { firstSequence, lastSequence, epoch, logId } = cursor;
  const place = { segment: info, fromOffset, endOffset };
  const piece = commits === 0 ? undefined : { ...place, firstSequence, lastSequence, commits, epoch, logId };
  return { piece, endOffset, torn, failure };
}

/** The run of good frames behind a damaged place that goes on to the end of the segment. */
async function lastRun(
  parts: SearchParts,
  info: SegmentInfo,
  source: SegmentSource,
  damagedAt: number,
): Promise<Piece | undefined> {
  let position = await behindPayload(source, damagedAt);
  for (;;) {
    const at = await nextFrame(parts, source, position);
    if (at === undefined) return undefined;
    const run = await follow(parts, info, source, at);
    if (run.failure === undefined) return run.piece;
    position = Math.max(at + 1, run.endOffset);
  }
}

/** Behind the payload of a header that is right: it may hold anything, whole frames included. */
async function behindPayload(source: SegmentSource, offset: number): Promise<number> {
  if (source.sizeBytes - offset < FRAME_HEADER_BYTES) return source.sizeBytes;
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES);
  await readRange(source, bytes, 0, bytes.length, offset);
  const header = new FrameHeader();
  const right = bytes.readUInt32LE(0) === LOG_MAGIC && header.read(bytes, 0);
  return right ? offset + FRAME_HEADER_BYTES + header.length : offset + 1;
}

/** Where the next frame begins that is whole in itself. */
async function nextFrame(
  { maxFrameBytes }: SearchParts,
  source: SegmentSource,
  from: number,
): Promise<number | undefined> {
  const window = Buffer.alloc(WINDOW_BYTES);
  let position = from;
  while (position + FRAME_HEADER_BYTES < source.sizeBytes) {
    const length = Math.min(window.length, source.sizeBytes - position);
    await readRange(source, window, 0, length, position);
    const view = window.subarray(0, length);
    for (let at = view.indexOf(MAGIC_BYTES); at >= 0; at = view.indexOf(MAGIC_BYTES, at + 1)) {
      if (await isWhole(source, position + at, maxFrameBytes)) return position + at;
    }
    if (position + length >= source.sizeBytes) return undefined;
    position += length - (MAGIC_BYTES.length - 1);
  }
  return undefined;
}

async function isWhole(source: SegmentSource, offset: number, maxFrameBytes: number): Promise<boolean> {
  if (source.sizeBytes - offset < FRAME_HEADER_BYTES) return false;
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  await readRange(source, head, 0, head.length, offset);
  const header = new FrameHeader();
  if (!header.read(head, 0) || header.length > maxFrameBytes) return false;
  const frameBytes = FRAME_HEADER_BYTES + header.length;
  if (offset + frameBytes > source.sizeBytes) return false;
  const frame = Buffer.alloc(frameBytes);
  await readRange(source, frame, 0, frameBytes, offset);
  return header.payloadIsWhole(frame, 0);
}
