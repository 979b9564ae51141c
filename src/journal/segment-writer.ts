// Writes frames to the newest segment: batches, marks, the seal; zeros ahead of them, so that an fsync need not write
// the file's size too. A failed write is cut back to the last durable end; when that fails, or any fsync, the
// outcome on disk is unknown and the error is JOURNAL_POISONED. Never two writes at a time.
import { PawlError } from '../errors.js';
import { writeSeal, writeSegmentHeader, writeWatermark, type SegmentHeader } from './control-frames.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, LOG_MAGIC, closeFrame, type FrameFields } from './frame.js';
import type { EncodedBatch } from './journal-backend.js';
import { describe } from './journal-errors.js';
import type { LogCursor } from './log-cursor.js';
import { RecordWriter } from './record-writer.js';
import type { SegmentInfo } from './segment-list.js';
import type { StorageFile } from './storage.js';
import { isReadOnly, storageFailure } from './storage-errors.js';

const CONTROL_BYTES = 512;
/** A log that is smaller than this is as large as what it holds. */
const SMALL_BYTES = 65_536;
const ZERO_BYTES = 262_144;

/** What happened to the write path, of which nobody can know the outcome. */
export type PoisonCause = 'write' | 'fsync' | 'seal' | 'rename' | 'directory' | 'fenced';

/** The newest segment, open for writing. `cursor` stands at its durable end. */
export class SegmentWriter {
  private readonly control = new RecordWriter(CONTROL_BYTES);
  /** How far ahead zeros are written, and up to where; 0: not. */
  private aheadBytes = 0;
  private aheadLimit = 0;
  /** Bytes of the file; zero from the durable end on. */
  private allocated: number;
  /** True once zeros may lie behind the durable end. */
  private hasTail = false;

  constructor(
    readonly info: SegmentInfo,
    readonly file: StorageFile,
    private position: { cursor: LogCursor; sizeBytes: number },
    private readonly epoch: number,
  ) {
    this.allocated = position.sizeBytes;
  }

  /** Writes zeros ahead from now on, `stepBytes` at a time, up to a size of `limitBytes`; with 0, none. */
  writeAhead(stepBytes: number, limitBytes: number): void {
    this.aheadBytes = stepBytes;
    this.aheadLimit = limitBytes;
  }

  /** Durable end. */
  get sizeBytes(): number {
    return this.position.sizeBytes;
  }

  /** Stands at the durable end. */
  get cursor(): LogCursor {
    return this.position.cursor;
  }

  /** Makes the commits of a batch durable. */
  async append(batch: EncodedBatch): Promise<void> {
    const cursor = this.cursor.copy();
    const { nextBatch } = cursor;
    for (let index = 0; index < batch.size; index++) {
      const last = index + 1 === batch.size;
      const start = batch.startOf(index);
      const end = last ? batch.end : batch.startOf(index + 1);
      this.close(
        cursor,
        batch.bytes,
        { start, end, at: this.sizeBytes + start },
        {
          kind: FRAME_KIND.commit,
          lastOfBatch: last,
          batch: nextBatch,
          firstSequence: index === 0 ? batch.firstSequence : cursor.nextSequence,
          count: batch.eventsOf(index),
        },
      );
    }
    await this.persist(batch.bytes, batch.end, cursor);
  }

  /** Writes the segment header: the first frame, whose durability the caller takes care of. */
  async begin(header: SegmentHeader): Promise<void> {
    const { control, cursor } = this;
    cursor.beginSegment();
    this.openControl();
    writeSegmentHeader(control, header);
    this.closeControl(cursor, FRAME_KIND.segmentHeader, header.firstSequence);
    await this.file.write(control.bytes, 0, control.position, 0);
    await this.file.datasync();
    this.position = { cursor, sizeBytes: control.position };
    this.allocated = control.position;
  }

  /** Says that everything so far is durable. */
  async mark(): Promise<void> {
    const cursor = this.cursor.copy();
    this.openControl();
    writeWatermark(this.control, cursor.lastSequence);
    this.closeControl(cursor, FRAME_KIND.watermark, cursor.nextSequence);
    await this.persist(this.control.bytes, this.control.position, cursor);
  }

  /** Ends the segment. The zeros behind it go first, durably: nothing ever follows a seal. */
  async seal(): Promise<void> {
    await this.cutTail();
    const cursor = this.cursor.copy();
    this.openControl();
    writeSeal(this.control, {
      events: cursor.segmentEvents,
      lastSequence: cursor.lastSequence,
      runningCrc: cursor.runningCrc,
      frames: cursor.segmentFrames,
      bytes: this.sizeBytes,
    });
    this.closeControl(cursor, FRAME_KIND.seal, cursor.nextSequence);
    await this.persist(this.control.bytes, this.control.position, cursor);
  }

  private openControl(): void {
    this.control.position = FRAME_HEADER_BYTES;
  }

  private closeControl(cursor: LogCursor, kind: number, firstSequence: number): void {
    const { control } = this;
    const place = {
      start: 0,
      end: control.position,
      at: kind === FRAME_KIND.segmentHeader ? 0 : this.sizeBytes,
    };
    this.close(cursor, control.bytes, place, {
      kind,
      lastOfBatch: true,
      batch: cursor.nextBatch,
      firstSequence,
      count: 0,
    });
  }

  private close(
    cursor: LogCursor,
    bytes: Buffer,
    { start, end, at }: { readonly start: number; readonly end: number; readonly at: number },
    fields: Omit<FrameFields, 'magic' | 'epoch' | 'previousCrc'>,
  ): void {
    // Field by field, since it runs for every commit: a spread costs more than the checksums do.
    const full: FrameFields = {
      magic: LOG_MAGIC,
      kind: fields.kind,
      lastOfBatch: fields.lastOfBatch,
      epoch: this.epoch,
      batch: fields.batch,
      firstSequence: fields.firstSequence,
      count: fields.count,
      previousCrc: cursor.previousCrc,
    };
    const headerCrc = closeFrame({ bytes, start, end, fileOffset: at }, full);
    cursor.take(full, headerCrc, bytes, start);
  }

  /** One write, one fsync; only then the new end counts. */
  private async persist(bytes: Buffer, length: number, cursor: LogCursor): Promise<void> {
    const { file, sizeBytes } = this;
    await this.extend(sizeBytes + length);
    try {
      await file.write(bytes, 0, length, sizeBytes);
    } catch (error) {
      await this.cutBack(error, length);
      const refused = storageFailure(error, 'write to', this.info.path);
      throw new PawlError(refused.code, refused.message, { ...refused.data, outcome: 'notDone' }, error);
    }
    try {
      await file.datasync();
    } catch (error) {
      throw this.poisoned('fsync', error, false);
    }
    this.position = { cursor, sizeBytes: sizeBytes + length };
    if (this.sizeBytes > this.allocated) this.allocated = this.sizeBytes;
  }

  /** Sees to it that zeros lie behind `end`. That there is no room for them, or any other failure, is no failure of the log. */
  private async extend(end: number): Promise<void> {
    const to = Math.min(end + this.aheadBytes, this.aheadLimit);
    if (this.aheadBytes === 0 || end < SMALL_BYTES || end <= this.allocated || to <= end) return;
    const zeros = Buffer.alloc(Math.min(ZERO_BYTES, to - end));
    this.hasTail = true;
    try {
      for (let at = end; at < to; at += zeros.length) {
        await this.file.write(zeros, 0, Math.min(zeros.length, to - at), at);
      }
      this.allocated = to;
    } catch {
      // Whatever was written of them is zero; the log goes on growing by its batches.
      this.aheadBytes = 0;
    }
  }

  private async cutTail(): Promise<void> {
    // Not even for the seal itself.
    this.aheadBytes = 0;
    if (!this.hasTail) return;
    try {
      await this.file.truncate(this.sizeBytes);
      await this.file.datasync();
    } catch (error) {
      throw this.poisoned('seal', error, false);
    }
    this.hasTail = false;
    this.allocated = this.sizeBytes;
  }

  private async cutBack(writeError: unknown, length: number): Promise<void> {
    let truncateOk = false;
    try {
      await this.file.truncate(this.sizeBytes);
      truncateOk = true;
      await this.file.datasync();
      this.hasTail = false;
      this.allocated = this.sizeBytes;
    } catch (error) {
      if (!truncateOk && isReadOnly(error) && (await this.isUntouched(length))) return;
      throw this.poisoned('write', new AggregateError([writeError, error], describe(error)), false);
    }
  }

  /** True when nothing of the `length` bytes behind the durable end was written: there is nothing to cut then. */
  private async isUntouched(length: number): Promise<boolean> {
    const found = Buffer.alloc(length);
    try {
      const count = await this.file.read(found, 0, length, this.sizeBytes);
      return found.subarray(0, count).every((byte) => byte === 0);
    } catch {
      return false;
    }
  }

  /** The error after which nothing may be written any more. */
  poisoned(cause: PoisonCause, error: unknown, truncateOk: boolean): PawlError {
    const { name: segment, path } = this.info;
    return poisonedAt({ segment, offset: this.sizeBytes, path, cause, truncateOk }, error);
  }
}

/** An outcome on disk that nobody can know. */
export function poisonedAt(
  place: {
    readonly segment: string;
    readonly offset: number;
    readonly path: string;
    readonly cause: PoisonCause;
    readonly truncateOk: boolean;
  },
  error: unknown,
): PawlError {
  const { cause, segment, offset, path } = place;
  const where = `segment ${segment} at byte ${String(offset)}`;
  const message =
    cause === 'directory' || cause === 'fenced'
      ? `The log can write no more at ${where}: ${describe(error)}. Find out who did that before you open ${path} in a new process.`
      : `The ${cause} of ${where} failed (${describe(error)}), so what is on disk behind it is unknown; open ${path} in a new process.`;
  return new PawlError('JOURNAL_POISONED', message, place, error);
}
