// Takes the file of a snapshot apart, frame by frame, and judges it: every frame whole and in its place, the footer
// last, its digest right. What was handed out before the footer is to be trusted only when `finish` has returned.
import { createHash, type Hash } from 'node:crypto';
import type { SectionName } from '../domain/snapshot-records.js';
import { PawlError } from '../errors.js';
import { DecodeError } from './byte-reader.js';
import {
  FORMAT_VERSION,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FrameHeader,
  judgeMagic,
  SNAPSHOT_MAGIC,
} from './frame.js';
import type { CorruptionReason } from './repair-policy.js';
import { RecordReader } from './record-reader.js';
import { SECTION_CODECS, sectionNamed } from './snapshot-codec.js';
import { readRunInto, RunHead } from './snapshot-codec-run.js';
import type { SnapshotCounts, SnapshotSink } from './snapshot-model.js';
import { SnapshotPacker } from './snapshot-packer.js';

/** Bytes of a frame at most. */
const MAX_FRAME_BYTES = 16_777_216;
/** Pieces of one record at most, so that a lying file cannot fill the memory. */
const MAX_PIECES = 4_096;

/** Reads one snapshot. */
export class SnapshotDecoder {
  readonly #frame = new FrameHeader();
  readonly #reader = new RecordReader();
  readonly #hash: Hash = createHash('sha256');
  readonly #head = new RunHead();
  #frames = 0;
  #previousCrc = 0;
  #sequence = 0;
  #offset = 0;
  #pieces: Buffer[] = [];
  #digest: Buffer | undefined;
  /** Keeps what the sink wants packed. */
  readonly #packer: SnapshotPacker | undefined;

  /** Without a sink the frames and the digest are checked and the rows are not decoded. */
  constructor(
    private readonly path: string,
    private readonly sink?: SnapshotSink,
  ) {
    if (sink?.pairs !== undefined) this.#packer = new SnapshotPacker((task) => sink.record('tasks', task));
  }

  /** Takes the whole frames that `bytes[from, end)` holds and returns how many bytes they have. May change the bytes. */
  feed(bytes: Buffer, from: number, end: number): number {
    let at = from;
    for (;;) {
      const left = end - at;
      if (left < FRAME_HEADER_BYTES) return at - from;
      this.#readHeader(bytes, at);
      const size = FRAME_HEADER_BYTES + this.#frame.length;
      if (left < size) return at - from;
      this.#readFrame(bytes, at);
      at += size;
      this.#offset += size;
    }
  }

  /** True when what was handed out refers to these bytes, which must not be used again then. */
  keeps(bytes: Buffer): boolean {
    return this.#packer?.keeps(bytes) ?? false;
  }

  /** Says that the file has ended, with so many bytes that are no whole frame; returns the digest. */
  finish(bytesLeft: number): Buffer {
    if (this.#digest !== undefined && bytesLeft === 0) return this.#digest;
    throw this.#corrupt(bytesLeft < FRAME_HEADER_BYTES ? 'incompleteHeader' : 'incompletePayload');
  }

  #readHeader(bytes: Buffer, at: number): void {
    const frame = this.#frame;
    if (this.#digest !== undefined) throw this.#corrupt('sealMismatch');
    if (judgeMagic(bytes, at, SNAPSHOT_MAGIC) === 'otherVersion')
      throw this.#unsupported(bytes.readUInt8(at + 3));
    if (judgeMagic(bytes, at, SNAPSHOT_MAGIC) === 'foreign' || !frame.read(bytes, at))
      throw this.#corrupt('crcMismatch');
    if (frame.length === 0 || frame.length > MAX_FRAME_BYTES) throw this.#corrupt('decodeFailure');
    if (!frame.flagsKnown) throw this.#unsupported(FORMAT_VERSION);
    if (frame.batch !== this.#frames || frame.previousCrc !== this.#previousCrc)
      throw this.#corrupt('sealMismatch');
  }

  #readFrame(bytes: Buffer, at: number): void {
    const frame = this.#frame;
    if (!frame.payloadIsWhole(bytes, at)) throw this.#corrupt('crcMismatch');
    const from = at + FRAME_HEADER_BYTES;
    const end = from + frame.length;
    const isFooter = frame.kind === FRAME_KIND.snapshotFooter;
    if (!isFooter) this.#hash.update(bytes.subarray(at, end));
    frame.unmask(bytes, at);
    this.#reader.reset(bytes, from, end);
    this.#reader.begin(0);
    this.#packer?.frame(bytes, end);
    try {
      this.#readPayload();
    } catch (error) {
      if (error instanceof DecodeError) throw this.#corrupt('decodeFailure', error);
      throw error;
    }
    this.#previousCrc = frame.headerCrc;
    this.#frames++;
  }

  #readPayload(): void {
    const { kind } = this.#frame;
    if (this.#frames === 0) {
      if (kind !== FRAME_KIND.snapshotHeader)
        throw new DecodeError('a file that does not begin with its header');
      this.#readSnapshotHeader();
    } else if (kind === FRAME_KIND.snapshotRows) {
      if (this.sink !== undefined) this.#readRows();
    } else if (kind === FRAME_KIND.snapshotFooter) {
      this.#readFooter();
    } else {
      throw new DecodeError(`a frame of kind ${String(kind)} among the rows`);
    }
  }

  #readSnapshotHeader(): void {
    const input = this.#reader;
    const extra = input.open(4);
    const header = {
      formatVersion: input.uint(),
      schemaVersion: input.uint(),
      takenAt: input.uint(),
      sequence: input.uint(),
    };
    input.close(extra);
    this.#sequence = header.sequence;
    this.sink?.header(header);
  }

  #readRows(): void {
    const input = this.#reader;
    const values = input.open(1);
    const section = this.#section(input.str());
    if (isBin(input.peek())) {
      this.#readPiece(section);
      return;
    }
    if (values !== this.#frame.count) throw new DecodeError('another number of rows than the frame says');
    const packer = this.#packer;
    if (packer !== undefined && section === 'tasks') this.#packTasks(packer, values);
    else if (packer !== undefined && section === 'runs') this.#packRuns(packer, values);
    else for (let left = values; left > 0; left--) this.#readRow(input, section);
  }

  // Two loops, each of which is compiled for what it does.
  #packTasks(packer: SnapshotPacker, count: number): void {
    const input = this.#reader;
    for (let left = count; left > 0; left--) {
      const from = input.position;
      const end = packer.task(from);
      if (end >= 0) {
        input.position = end;
        continue;
      }
      const task = SECTION_CODECS.tasks.read(input);
      packer.learn(from, task);
      this.sink?.record('tasks', task);
    }
  }

  #packRuns(packer: SnapshotPacker, count: number): void {
    const input = this.#reader;
    for (let left = count; left > 0; left--) {
      const end = packer.run(input.position);
      if (end >= 0) input.position = end;
      else this.#readRow(input, 'runs');
    }
  }

  #readRow(input: RecordReader, section: SectionName): void {
    const { sink } = this;
    if (section !== 'runs' || sink?.plainRun === undefined) {
      sink?.record(section, SECTION_CODECS[section].read(input));
      return;
    }
    const whole = readRunInto(input, this.#head);
    if (whole === undefined) sink.plainRun(this.#head);
    else sink.record('runs', whole);
  }

  #readPiece(section: SectionName): void {
    this.#pieces.push(Buffer.from(this.#reader.bin(), 'latin1'));
    if (this.#pieces.length > MAX_PIECES) throw new DecodeError('a record in too many pieces');
    if (this.#frame.count === 0) return;
    const record = Buffer.concat(this.#pieces);
    this.#pieces = [];
    const whole = new RecordReader();
    whole.reset(record, 0, record.length);
    this.#readRow(whole, section);
  }

  #readFooter(): void {
    const input = this.#reader;
    const extra = input.open(4);
    const sequence = input.uint();
    const frames = input.uint();
    const counts = this.#readCounts(input);
    const digest = Buffer.from(input.bin(), 'latin1');
    input.close(extra);
    if (sequence !== this.#sequence || frames !== this.#frames || this.#pieces.length > 0)
      throw this.#corrupt('sealMismatch');
    if (!this.#hash.digest().equals(digest)) throw this.#corrupt('sealMismatch');
    this.#digest = digest;
    const pairs = this.#packer?.finish();
    if (pairs !== undefined) this.sink?.pairs?.(pairs);
    this.sink?.footer(counts);
  }

  #readCounts(input: RecordReader): SnapshotCounts {
    const counts: Partial<Record<SectionName, number>> = {};
    for (let left = input.array(); left > 0; left--) {
      const extra = input.open(2);
      const section = this.#section(input.str());
      counts[section] = input.uint();
      input.close(extra);
    }
    return counts;
  }

  #section(name: string): SectionName {
    const section = sectionNamed(name);
    if (section === undefined) throw new DecodeError(`no section is named ${JSON.stringify(name)}`);
    return section;
  }

  #corrupt(reason: CorruptionReason, cause?: unknown): PawlError {
    const offset = this.#offset;
    return new PawlError(
      'SNAPSHOT_CORRUPT',
      `${this.path} is damaged at byte ${String(offset)} (${reason}); an older snapshot or the log is used instead.`,
      { path: this.path, offset, reason },
      cause,
    );
  }

  #unsupported(found: number): PawlError {
    return new PawlError(
      'UNSUPPORTED_FORMAT',
      `${this.path} has format version ${String(found)} or flags that this release does not read; it reads version ${String(FORMAT_VERSION)}.`,
      {
        path: this.path,
        offset: this.#offset,
        reason: 'unsupportedVersion',
        found,
        supported: FORMAT_VERSION,
      },
    );
  }
}

function isBin(tag: number): boolean {
  return tag >= 0xc4 && tag <= 0xc6;
}
