// What the two ends of a segment say, without reading what lies between: whether it was closed, whether it follows
// what stands before it, and where it leads. What they cannot say is whether the frames between them are whole.
import { checkSegmentHeader, plainPayload } from './control-check.js';
import { readSeal, type Seal } from './control-frames.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, FrameHeader, LOG_MAGIC } from './frame.js';
import type { LogCursor } from './log-cursor.js';
import { readRange, type SegmentSource } from './segment-source.js';

/** Two ids of at most 128 characters and three integers: a segment header is never longer. */
const MAX_HEADER_BYTES = 512;
/** A seal is never longer: five MessagePack integers of at most nine bytes, in an array. */
const MAX_SEAL_BYTES = FRAME_HEADER_BYTES + 46;

/** A frame at an end of a segment, in the bytes that were read there. */
export interface EndFrame {
  readonly bytes: Buffer;
  readonly at: number;
  readonly header: FrameHeader;
}

/** A seal, and the frame it lies in. */
export interface FoundSeal extends EndFrame {
  readonly seal: Seal;
}

/**
 * The cursor behind a sealed segment, by its header, its seal and its length; undefined when these do not fit to each
 * other or to what stands before: reading it whole says where and why. Errors: `JOURNAL_CORRUPT`.
 */
export async function stepOver(source: SegmentSource, cursor: LogCursor): Promise<LogCursor | undefined> {
  const first = await headerAtStart(source);
  if (first === undefined || cursor.objection(first.header) !== undefined) return undefined;
  const found = await sealAtEnd(source);
  if (found === undefined) return undefined;
  const behind = cursor.copy();
  const payload = plainPayload(first.bytes, first.at, first.header);
  checkSegmentHeader(payload, first.header, { segment: source.name, offset: 0, cursor: behind });
  behind.beginSegment();
  behind.take(first.header, first.header.headerCrc, first.bytes, first.at);
  const { header, seal } = found;
  const events = header.firstSequence - first.header.firstSequence;
  if (seal.events !== events || seal.lastSequence !== header.firstSequence - 1) return undefined;
  if (events <= 0 || header.epoch < behind.epoch) return undefined;
  if (behind.firstSequence === 0) behind.firstSequence = first.header.firstSequence;
  behind.take(header, header.headerCrc, found.bytes, found.at);
  return behind;
}

async function headerAtStart(source: SegmentSource): Promise<EndFrame | undefined> {
  const bytes = Buffer.alloc(Math.min(MAX_HEADER_BYTES, source.sizeBytes));
  await readRange(source, bytes, 0, bytes.length, 0);
  return wholeFrame(bytes, 0, FRAME_KIND.segmentHeader);
}

/** The seal a segment ends in; undefined when nothing at its end is one. Whether what it counts is there is not asked. */
export async function sealAtEnd(source: SegmentSource): Promise<FoundSeal | undefined> {
  const bytes = Buffer.alloc(Math.min(MAX_SEAL_BYTES, source.sizeBytes));
  const from = source.sizeBytes - bytes.length;
  await readRange(source, bytes, 0, bytes.length, from);
  for (let at = 0; at + FRAME_HEADER_BYTES < bytes.length; at++) {
    const frame = wholeFrame(bytes, at, FRAME_KIND.seal);
    if (frame === undefined || at + FRAME_HEADER_BYTES + frame.header.length !== bytes.length) continue;
    const seal = decoded(plainPayload(bytes, at, frame.header));
    if (seal?.bytes === from + at) return { ...frame, seal };
  }
  return undefined;
}

/** The frame at `at`, when it is a frame of this kind that is all there. */
function wholeFrame(bytes: Buffer, at: number, kind: number): EndFrame | undefined {
  const header = new FrameHeader();
  if (bytes.length - at < FRAME_HEADER_BYTES || bytes.readUInt32LE(at) !== LOG_MAGIC) return undefined;
  if (!header.read(bytes, at) || !header.flagsKnown || header.kind !== kind) return undefined;
  if (header.length > bytes.length - at - FRAME_HEADER_BYTES || !header.payloadIsWhole(bytes, at))
    return undefined;
  return { bytes, at, header };
}

function decoded(payload: Buffer): Seal | undefined {
  try {
    return readSeal(payload);
  } catch {
    // What cannot be decoded is no seal.
    return undefined;
  }
}
