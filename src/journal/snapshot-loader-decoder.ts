// Takes the file of a snapshot apart, frame by frame, and judges it: every frame whole and in its place, the footer
// last, its digest right. What was handed out before the footer is to be trusted only when `finish` has returned.
import { createHash, type Hash } from 'node:crypto';
import type { PlainRun } from '../domain/run.js';
import type { SectionName } from '../domain/snapshot-records.js';
import { PawlError } from '../errors.js';
import { DecodeError } from './byte-reader.js';
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FrameHeader,
  judgeMagic,
  SNAPSHOT_MAGIC,
  SNAPSHOT_MAGIC_V1,
} from './frame.js';
import type { ColumnFrame } from './column-reader.js';
import { readPackedRuns } from './packed-runs.js';
import { readPackedTasks, type LikeTasks } from './packed-tasks.js';
import type { CorruptionReason } from './repair-policy.js';
import { RecordReader } from './record-reader.js';
import { SECTION_CODECS, sectionNamed } from './snapshot-codec.js';
import { readRunInto, RunHead, runOfHead } from './snapshot-codec-run.js';
import { SNAPSHOT_FORMAT_VERSION, type SnapshotCounts, type SnapshotSink } from './snapshot-model.js';
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
  #magic = SNAPSHOT_MAGIC;
  /** What the tasks of the last frame of columns have in common. */
  #like: LikeTasks | undefined;
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
    if (sink?.pairs !== undefined)
      this.#packer = new SnapshotPacker({
        task: (task) => sink.record('tasks', task),
        run: (run) => {
          this.#giveRun(run);
        },
      });
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
    const isFirst = this.#frames === 0;
    if (isFirst && judgeMagic(bytes, at, SNAPSHOT_MAGIC_V1) === 'ours') this.#magic = SNAPSHOT_MAGIC_V1;
    const verdict = judgeMagic(bytes, at, this.#magic);
    if (isFirst && verdict === 'otherVersion') throw this.#unsupported(bytes.readUInt8(at + 3));
    if (verdict !== 'ours' || !frame.read(bytes, at)) throw this.#corrupt('crcMismatch');
    if (frame.length === 0 || frame.length > MAX_FRAME_BYTES) throw this.#corrupt('decodeFailure');
    if (!frame.flagsKnown) throw this.#unsupported(this.#version);
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
    try {
      this.#readPayload(bytes, end);
    } catch (error) {
      if (error instanceof DecodeError) throw this.#corrupt('decodeFailure', error);
      throw error;
    }
    this.#previousCrc = frame.headerCrc;
    this.#frames++;
  }

  /** Of the file, as its magic says. */
  get #version(): number {
    return this.#magic === SNAPSHOT_MAGIC ? SNAPSHOT_FORMAT_VERSION : 1;
  }

  #readPayload(bytes: Buffer, end: number): void {
    const { kind, count } = this.#frame;
    if (this.#frames === 0) {
      if (kind !== FRAME_KIND.snapshotHeader)
        throw new DecodeError('a file that does not begin with its header');
      this.#readSnapshotHeader();
    } else if (kind === FRAME_KIND.snapshotRows) {
      if (this.sink !== undefined) this.#readRows();
    } else if (kind === FRAME_KIND.snapshotTasks && this.#hasColumns) {
      if (this.sink !== undefined) this.#readTasks({ bytes, end, count });
    } else if (kind === FRAME_KIND.snapshotRuns && this.#hasColumns) {
      if (this.sink !== undefined) this.#readRuns({ bytes, end, count });
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
    if (header.formatVersion !== this.#version)
      throw new DecodeError('a header of another version than its magic');
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
    for (let left = values; left > 0; left--) this.#readRow(input, section);
  }

  /** Version 1 has rows only. */
  get #hasColumns(): boolean {
    return this.#magic === SNAPSHOT_MAGIC;
  }

  #readTasks(frame: ColumnFrame): void {
    const tasks = readPackedTasks(this.#reader, frame, this.#like);
    this.#like = tasks.like;
    if (this.#packer !== undefined) this.#packer.tasks(tasks, frame.bytes);
    else for (let row = 0; row < tasks.count; row++) this.sink?.record('tasks', tasks.task(row));
  }

  #readRuns(frame: ColumnFrame): void {
    const runs = readPackedRuns(this.#reader, frame);
    if (this.#packer !== undefined) this.#packer.runs(runs, frame.bytes);
    else for (let row = 0; row < runs.count; row++) this.#giveRun(runs.run(row, this.#head));
  }

  #giveRun(run: PlainRun): void {
    const { sink } = this;
    if (sink?.plainRun === undefined) sink?.record('runs', runOfHead(run));
    else sink.plainRun(run);
  }

  #readRow(input: RecordReader, section: SectionName): void {
    const { sink } = this;
    if (section !== 'runs') {
      sink?.record(section, SECTION_CODECS[section].read(input));
      return;
    }
    const head = this.#head;
    const whole = readRunInto(input, head);
    this.#packer?.pass(head);
    if (whole === undefined) this.#giveRun(head);
    else sink?.record('runs', whole);
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
      `${this.path} has format version ${String(found)} or flags that this release does not read; it reads versions 1 to ${String(SNAPSHOT_FORMAT_VERSION)}.`,
      {
        path: this.path,
        offset: this.#offset,
        reason: 'unsupportedVersion',
        found,
        supported: SNAPSHOT_FORMAT_VERSION,
      },
    );
  }
}

function isBin(tag: number): boolean {
  return tag >= 0xc4 && tag <= 0xc6;
}
