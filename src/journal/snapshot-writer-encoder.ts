// Turns the records of a snapshot into the frames of its file, rows or columns, in one buffer that is reused: nothing is
// allocated per record. The digest in the footer is over every byte before the footer. Bytes: `docs/snapshot-format.md`.
import { createHash, type Hash } from 'node:crypto';
import type { SavedTask } from '../domain/nouns.js';
import type { SavedRun } from '../domain/run.js';
import { SECTION_NAMES, type SectionName, type SectionRecords } from '../domain/snapshot-records.js';
import { isFull, type ColumnGroup } from './column-group.js';
import { RunGroup } from './column-runs.js';
import { TaskGroup } from './column-tasks.js';
import { closeFrame, FRAME_HEADER_BYTES, FRAME_KIND, SNAPSHOT_MAGIC } from './frame.js';
import { RecordWriter } from './record-writer.js';
import { SECTION_CODECS } from './snapshot-codec.js';
import {
  SNAPSHOT_FORMAT_VERSION,
  type SnapshotCounts,
  type SnapshotHeader,
  type SnapshotSink,
} from './snapshot-model.js';

/** A frame of rows is closed when its payload has this many bytes. */
const FRAME_BYTES = 65_536;
/** Fewer rows than these are not worth a frame of their own. */
const MIN_COLUMN_ROWS = 4;
/** A record with more bytes is written in pieces of this size: a frame holds 16 MiB at most, a run may hold more. */
const PIECE_BYTES = 1_048_576;
/** A buffer above this many bytes is given back after it was taken. */
const KEPT_BUFFER_BYTES = 4_194_304;
const INITIAL_BYTES = 65_536;
/** The array of a frame's rows has its count filled in last. */
const ARRAY_32 = 0xdd;
const ARRAY_32_BYTES = 5;

/** Encodes one snapshot. */
export class SnapshotEncoder implements SnapshotSink {
  #out = new RecordWriter(INITIAL_BYTES);
  readonly #hash: Hash = createHash('sha256');
  readonly #counts = new Map<SectionName, number>();
  #sequence = 0;
  /** Offset in the file of the first byte of the buffer. */
  #fileOffset = 0;
  #frames = 0;
  #previousCrc = 0;
  #section: SectionName | undefined;
  readonly #tasks = new TaskGroup();
  readonly #runs = new RunGroup();
  /** That of the two which something is gathered of. */
  #gathering: 'tasks' | 'runs' | undefined;
  #frameStart = 0;
  #rows = 0;
  #digest: Buffer | undefined;

  /** `epoch` is that of the log, 0 when it is not known. */
  constructor(private readonly epoch = 0) {}

  /** Bytes that wait to be taken, without those that are gathered for columns: these go on to be. */
  get pendingBytes(): number {
    return this.#out.position;
  }

  /** Bytes of the file so far, the waiting ones included; all of them once the footer is written. */
  get bytes(): number {
    return this.#fileOffset + this.#out.position;
  }

  /** The number of records of each section so far. */
  get counts(): SnapshotCounts {
    return Object.fromEntries(this.#counts);
  }

  /** Digest of all before the footer, once that is written. */
  get digest(): Buffer | undefined {
    return this.#digest;
  }

  header(header: SnapshotHeader): void {
    this.#sequence = header.sequence;
    this.#beginFrame();
    const out = this.#out;
    out.array(4);
    // Whatever was read, what is written is of the present version.
    out.uint(SNAPSHOT_FORMAT_VERSION);
    out.uint(header.schemaVersion);
    out.uint(header.takenAt);
    out.uint(header.sequence);
    this.#closeFrame(FRAME_KIND.snapshotHeader, 0);
  }

  record<N extends SectionName>(section: N, record: SectionRecords[N]): void {
    this.#counts.set(section, (this.#counts.get(section) ?? 0) + 1);
    if (section === 'tasks' && this.#gather('tasks', this.#tasks, record as SavedTask)) return;
    if (section === 'runs' && this.#gather('runs', this.#runs, record as SavedRun)) return;
    this.#closeGroup();
    this.#row(section, record);
  }

  /** Takes a record in that may stand among columns, behind those before it. False when it is a row. */
  #gather<N extends 'tasks' | 'runs'>(
    section: N,
    group: ColumnGroup<SectionRecords[N]>,
    record: SectionRecords[N],
  ): boolean {
    if (this.#gathering !== section) this.#closeGroup();
    if (!group.add(record)) {
      if (group.count === 0) return false;
      this.#closeGroup();
      if (!group.add(record)) return false;
    }
    this.#gathering = section;
    if (isFull(group)) this.#closeGroup();
    return true;
  }

  #closeGroup(): void {
    const section = this.#gathering;
    this.#gathering = undefined;
    if (section === 'tasks') this.#writeGroup(section, this.#tasks);
    else if (section === 'runs') this.#writeGroup(section, this.#runs);
  }

  /** Writes what was gathered, as columns or, when it is little, as rows. */
  #writeGroup<N extends 'tasks' | 'runs'>(section: N, group: ColumnGroup<SectionRecords[N]>): void {
    if (group.count < MIN_COLUMN_ROWS) {
      for (let row = 0; row < group.count; row++) this.#row(section, group.at(row));
    } else {
      this.#closeRows();
      this.#beginFrame();
      group.write(this.#out);
      this.#closeFrame(group.kind, group.count);
    }
    group.clear();
  }

  #row<N extends SectionName>(section: N, record: SectionRecords[N]): void {
    if (this.#section !== section) {
      this.#closeRows();
      this.#beginRows(section);
    }
    const out = this.#out;
    const start = out.position;
    SECTION_CODECS[section].write(out, record);
    this.#rows++;
    if (out.position - start > PIECE_BYTES) this.#cutRecord(section, start);
    else if (out.position - this.#frameStart > FRAME_BYTES) this.#closeRows();
  }

  /** Ends the file; the counts are those of what was encoded unless others are declared. */
  footer(declared: SnapshotCounts = this.counts): void {
    this.#closeGroup();
    this.#closeRows();
    const out = this.#out;
    const digest = this.#hash.copy().update(out.written()).digest();
    this.#digest = digest;
    this.#beginFrame();
    out.array(4);
    out.uint(this.#sequence);
    out.uint(this.#frames);
    this.#writeCounts(declared);
    out.bin(digest.toString('latin1'));
    this.#closeFrame(FRAME_KIND.snapshotFooter, 0);
  }

  /** The waiting bytes, valid until the next call of anything here. */
  take(): Buffer {
    this.#closeGroup();
    this.#closeRows();
    const bytes = this.#out.written();
    this.#hash.update(bytes);
    this.#fileOffset += bytes.length;
    if (this.#out.bytes.length > KEPT_BUFFER_BYTES) this.#out = new RecordWriter(INITIAL_BYTES);
    else this.#out.position = 0;
    return bytes;
  }

  #writeCounts(counts: SnapshotCounts): void {
    const named = SECTION_NAMES.filter((section) => (counts[section] ?? 0) > 0);
    this.#out.array(named.length);
    for (const section of named) {
      this.#out.array(2);
      this.#out.str(section);
      this.#out.uint(counts[section] as number);
    }
  }

  #beginFrame(): void {
    this.#frameStart = this.#out.position;
    this.#out.skip(FRAME_HEADER_BYTES);
  }

  #closeFrame(kind: number, count: number): void {
    const { bytes, position } = this.#out;
    const start = this.#frameStart;
    this.#previousCrc = closeFrame(
      { bytes, start, end: position, fileOffset: this.#fileOffset + start },
      {
        magic: SNAPSHOT_MAGIC,
        kind,
        lastOfBatch: false,
        epoch: this.epoch,
        batch: this.#frames,
        firstSequence: this.#sequence,
        count,
        previousCrc: this.#previousCrc,
      },
    );
    this.#frames++;
  }

  #beginRows(section: SectionName): void {
    this.#section = section;
    this.#rows = 0;
    this.#beginFrame();
    this.#out.skip(ARRAY_32_BYTES);
    this.#out.str(section);
  }

  #closeRows(): void {
    if (this.#section === undefined) return;
    this.#section = undefined;
    if (this.#rows === 0) {
      this.#out.position = this.#frameStart;
      return;
    }
    const { bytes } = this.#out;
    const at = this.#frameStart + FRAME_HEADER_BYTES;
    bytes[at] = ARRAY_32;
    bytes.writeUInt32BE(this.#rows + 1, at + 1);
    this.#closeFrame(FRAME_KIND.snapshotRows, this.#rows);
  }

  /** Takes the record that begins at `start` out of its frame again and writes it in pieces; the last counts as the row. */
  #cutRecord(section: SectionName, start: number): void {
    const record = Buffer.from(this.#out.written().subarray(start));
    this.#out.position = start;
    this.#rows--;
    this.#closeRows();
    for (let from = 0; from < record.length; from += PIECE_BYTES) {
      const piece = record.subarray(from, from + PIECE_BYTES);
      this.#beginFrame();
      this.#out.array(2);
      this.#out.str(section);
      this.#out.bin(piece.toString('latin1'));
      this.#closeFrame(FRAME_KIND.snapshotRows, from + PIECE_BYTES < record.length ? 0 : 1);
    }
  }
}
