// What the two ends of a segment say, without reading what lies between: whether it was closed, and whether it
// follows what stands before it.
import { DecodeError } from './byte-reader.js';
import { plainPayload } from './control-check.js';
import { readSeal, type Seal } from './control-frames.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, FrameHeader, LOG_MAGIC } from './frame.js';
import { readRange, type SegmentSource } from './segment-source.js';

/** A seal is never longer: five MessagePack integers of at most nine bytes, in an array. */
const MAX_SEAL_BYTES = FRAME_HEADER_BYTES + 46;

/** A seal, and the header of its frame. */
export interface FoundSeal {
  readonly header: FrameHeader;
  readonly seal: Seal;
}

/** The seal a segment ends in; undefined when nothing at its end is one. Whether what it counts is there is not asked. */
export async function sealAtEnd(source: SegmentSource): Promise<FoundSeal | undefined> {
  const length = Math.min(MAX_SEAL_BYTES, source.sizeBytes);
  const bytes = Buffer.alloc(length);
  await readRange(source, bytes, 0, length, source.sizeBytes - length);
  for (let at = 0; at + FRAME_HEADER_BYTES < length; at++) {
    const header = new FrameHeader();
    if (bytes.readUInt32LE(at) !== LOG_MAGIC || !header.read(bytes, at)) continue;
    if (header.kind !== FRAME_KIND.seal || at + FRAME_HEADER_BYTES + header.length !== length) continue;
    if (!header.payloadIsWhole(bytes, at)) continue;
    const seal = decoded(plainPayload(bytes, at, header));
    if (seal?.bytes === source.sizeBytes - length + at) return { header, seal };
  }
  return undefined;
}

function decoded(payload: Buffer): Seal | undefined {
  try {
    return readSeal(payload);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
}
