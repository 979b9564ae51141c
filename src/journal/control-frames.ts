// The frames without events: what a segment begins with, what it ends with, and the mark that says everything
// before it is durable. Payloads as in `docs/journal-format.md`.
import { DecodeError } from './byte-reader.js';
import { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

/** First frame of a segment. */
export interface SegmentHeader {
  readonly logId: string;
  readonly epoch: number;
  readonly instance: string;
  readonly firstSequence: number;
  /** headerCRC of the seal of the segment before; undefined where the log begins. */
  readonly previousSealCrc: number | undefined;
}

/** Last frame of a segment that is complete. */
export interface Seal {
  readonly events: number;
  readonly lastSequence: number;
  /** CRC over the headerCRCs of the frames before the seal. */
  readonly runningCrc: number;
  readonly frames: number;
  /** Offset of the seal. */
  readonly bytes: number;
}

/** Writes the payload of a segment header. */
export function writeSegmentHeader(out: RecordWriter, header: SegmentHeader): void {
  out.array(5);
  out.str(header.logId);
  out.uint(header.epoch);
  out.str(header.instance);
  out.uint(header.firstSequence);
  out.optUint(header.previousSealCrc);
}

/** Writes the payload of a seal. */
export function writeSeal(out: RecordWriter, seal: Seal): void {
  out.array(5);
  out.uint(seal.events);
  out.uint(seal.lastSequence);
  out.uint(seal.runningCrc);
  out.uint(seal.frames);
  out.uint(seal.bytes);
}

/** Writes the payload of a watermark. */
export function writeWatermark(out: RecordWriter, durableSequence: number): void {
  out.array(1);
  out.uint(durableSequence);
}

/** Reads the payload of a segment header. Errors: `DecodeError`. */
export function readSegmentHeader(payload: Buffer): SegmentHeader {
  return whole(payload, 5, (input) => ({
    logId: input.str(),
    epoch: input.uint(),
    instance: input.str(),
    firstSequence: input.uint(),
    previousSealCrc: input.optUint(),
  }));
}

/** Reads the payload of a seal. Errors: `DecodeError`. */
export function readSeal(payload: Buffer): Seal {
  return whole(payload, 5, (input) => ({
    events: input.uint(),
    lastSequence: input.uint(),
    runningCrc: input.uint(),
    frames: input.uint(),
    bytes: input.uint(),
  }));
}

/** Reads the payload of a watermark. Errors: `DecodeError`. */
export function readWatermark(payload: Buffer): number {
  return whole(payload, 1, (input) => input.uint());
}

function whole<T>(payload: Buffer, fields: number, read: (input: RecordReader) => T): T {
  const input = new RecordReader();
  input.reset(payload, 0, payload.length);
  const extra = input.open(fields);
  const value = read(input);
  input.close(extra);
  if (input.position !== payload.length) throw new DecodeError('bytes after the record');
  return value;
}
