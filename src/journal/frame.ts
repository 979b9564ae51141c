// The frame around every record of logs and snapshots: 44 bytes of header that name epoch, batch, sequence and
// the frame before, and two checksums. Writing fills the gap in front of a payload in place; reading allocates
// nothing, and judges a length only after the header's own checksum has vouched for it.
import { crc32 } from './crc.js';
import { applyMask, hasZeroPiece, maskPayload } from './mask.js';

/** Bytes of a frame's header. */
export const FRAME_HEADER_BYTES = 44;
/** First four bytes of the frames of a log, as a little-endian number: `PWL` and the version. */
export const LOG_MAGIC = 0x014c5750;
/** The same for snapshots: `PWS` and the version. */
export const SNAPSHOT_MAGIC = 0x02535750;
/** Of snapshots of the version before, which are read and not written. */
export const SNAPSHOT_MAGIC_V1 = 0x01535750;
/** Format version of logs. */
export const FORMAT_VERSION = 1;

/** What a frame holds. */
export const FRAME_KIND = Object.freeze({
  commit: 0,
  segmentHeader: 1,
  seal: 2,
  watermark: 3,
  snapshotHeader: 16,
  snapshotRows: 17,
  snapshotFooter: 18,
  snapshotTasks: 19,
  snapshotRuns: 20,
});

const LAST_OF_BATCH = 0x1_0000;
const ZERO_PIECES = 0x2_0000;
const KNOWN_FLAGS = 0x3_ffff;
const TWO_32 = 0x1_0000_0000;
const CRC_OFFSET = 40;

/** What the writer of a frame decides. */
export interface FrameFields {
  readonly magic: number;
  readonly kind: number;
  readonly lastOfBatch: boolean;
  readonly epoch: number;
  readonly batch: number;
  readonly firstSequence: number;
  readonly count: number;
  /** headerCRC of the frame before. */
  readonly previousCrc: number;
}

/** Where a frame is written: `bytes[start]` is the first of its 44 reserved bytes, `end` one past its payload. */
export interface FramePlace {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Offset in the file at which `bytes[start]` will lie. */
  readonly fileOffset: number;
}

/** Masks the payload where it stands, fills the header in front of it and returns the headerCRC. */
export function closeFrame(place: FramePlace, fields: FrameFields): number {
  const { bytes, start, end, fileOffset } = place;
  const mask = maskPayload({ bytes, from: start, end, fileOffset }, FRAME_HEADER_BYTES);
  const payloadStart = start + FRAME_HEADER_BYTES;
  const flags =
    (mask < 0 ? ZERO_PIECES : mask) | (fields.kind << 8) | (fields.lastOfBatch ? LAST_OF_BATCH : 0);
  bytes.writeUInt32LE(fields.magic, start);
  bytes.writeUInt32LE(end - payloadStart, start + 4);
  bytes.writeUInt32LE(crc32(bytes, payloadStart, end), start + 8);
  bytes.writeUInt32LE(flags, start + 12);
  bytes.writeUInt32LE(fields.epoch, start + 16);
  bytes.writeUInt32LE(fields.batch, start + 20);
  putU64(bytes, fields.firstSequence, start + 24);
  bytes.writeUInt32LE(fields.count, start + 32);
  bytes.writeUInt32LE(fields.previousCrc, start + 36);
  const headerCrc = crc32(bytes, start, start + CRC_OFFSET);
  bytes.writeUInt32LE(headerCrc, start + CRC_OFFSET);
  return headerCrc;
}

/** What four bytes that should be a magic are. */
export type MagicVerdict = 'ours' | 'otherVersion' | 'foreign';

/** Judges a magic; the version is judged before the checksum, which a later version may keep elsewhere. */
export function judgeMagic(bytes: Buffer, at: number, magic: number): MagicVerdict {
  const found = bytes.readUInt32LE(at);
  if (found === magic) return 'ours';
  return (found & 0xffffff) === (magic & 0xffffff) && found >>> 24 !== 0 ? 'otherVersion' : 'foreign';
}

/** A header that was read. One object is reused for many frames. */
export class FrameHeader {
  length = 0;
  payloadCrc = 0;
  flags = 0;
  epoch = 0;
  batch = 0;
  firstSequence = 0;
  count = 0;
  previousCrc = 0;
  headerCrc = 0;

  get mask(): number {
    return this.flags & 0xff;
  }

  get kind(): number {
    return (this.flags >>> 8) & 0xff;
  }

  get lastOfBatch(): boolean {
    return (this.flags & LAST_OF_BATCH) !== 0;
  }

  /** True when an all-zero piece of this frame is evidence of nothing. */
  get zeroPieces(): boolean {
    return (this.flags & ZERO_PIECES) !== 0;
  }

  /** True when the flags hold nothing that a later release may have added. */
  get flagsKnown(): boolean {
    return (this.flags & ~KNOWN_FLAGS) === 0;
  }

  /** Reads the 44 bytes at `at`. False when their checksum is wrong: the fields then mean nothing. */
  read(bytes: Buffer, at: number): boolean {
    this.headerCrc = bytes.readUInt32LE(at + CRC_OFFSET);
    if (crc32(bytes, at, at + CRC_OFFSET) !== this.headerCrc) return false;
    this.length = bytes.readUInt32LE(at + 4);
    this.payloadCrc = bytes.readUInt32LE(at + 8);
    this.flags = bytes.readUInt32LE(at + 12);
    this.epoch = bytes.readUInt32LE(at + 16);
    this.batch = bytes.readUInt32LE(at + 20);
    this.firstSequence = getU64(bytes, at + 24);
    this.count = bytes.readUInt32LE(at + 32);
    this.previousCrc = bytes.readUInt32LE(at + 36);
    return true;
  }

  /** True when the payload of the frame at `at` has the checksum its header gives. */
  payloadIsWhole(bytes: Buffer, at: number): boolean {
    const from = at + FRAME_HEADER_BYTES;
    return crc32(bytes, from, from + this.length) === this.payloadCrc;
  }

  /** Takes the mask off the payload of the frame at `at`, in place. */
  unmask(bytes: Buffer, at: number): void {
    const from = at + FRAME_HEADER_BYTES;
    applyMask(bytes, from, from + this.length, this.mask);
  }
}

/** True when some piece of `bytes[from, end)`, lying at `fileOffset`, is all zero: evidence of a tear. */
export function showsTear(bytes: Buffer, from: number, end: number, fileOffset: number): boolean {
  return hasZeroPiece({ bytes, from, end, fileOffset });
}

/** Writes an unsigned 64-bit little-endian number. */
export function putU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value >>> 0, at);
  bytes.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
}

/**
 * Reads an unsigned 64-bit little-endian number; above the safe integers it is not exact. A small one does not go
 * through floating-point arithmetic: V8 would keep the result as a float, and the first such sequence that is put
 * into a row makes it rewrite every row there is.
 */
export function getU64(bytes: Buffer, at: number): number {
  const low = bytes.readUInt32LE(at);
  const high = bytes.readUInt32LE(at + 4);
  return high === 0 ? low : low + high * TWO_32;
}
