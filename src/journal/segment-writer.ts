// Writes frames to the newest segment: batches, marks, the seal. A failed write is cut back to the last durable
// end; when that fails, or any fsync, the outcome on disk is unknown and the error is JOURNAL_POISONED.
import { PawlError } from '../errors.js';
import { writeSeal, writeSegmentHeader, writeWatermark, type SegmentHeader } from './control-frames.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, LOG_MAGIC, closeFrame, type FrameFields } from './frame.js';
import type { EncodedBatch } from './journal-backend.js';
import { describe } from './journal-errors.js';
import type { LogCursor } from './log-cursor.js';
import { RecordWriter } from './record-writer.js';
import type { StorageFile } from './storage.js';
import { storageFailure } from './storage-errors.js';

const CONTROL_BYTES = 512;

/** The newest segment, open for writing. `cursor` stands at its durable end. */
export class SegmentWriter {
  private readonly control = new RecordWriter(CONTROL_BYTES);

  constructor(
    readonly name: string,
    readonly path: string,
    readonly file: StorageFile,
    private position: { cursor: LogCursor; sizeBytes: number },
    private readonly epoch: number,
  ) {}

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
  }

  /** Says that everything so far is durable. */
  async mark(): Promise<void> {
    const cursor = this.cursor.copy();
    this.openControl();
    writeWatermark(this.control, cursor.lastSequence);
    this.closeControl(cursor, FRAME_KIND.watermark, cursor.nextSequence);
    await this.persist(this.control.bytes, this.control.position, cursor);
  }

  /** Ends the segment. */
  async seal(): Promise<void> {
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
    try {
      await file.write(bytes, 0, length, sizeBytes);
    } catch (error) {
      await this.cutBack(error);
      const refused = storageFailure(error, 'write to', this.path);
      throw new PawlError(refused.code, refused.message, { ...refused.data, outcome: 'notDone' }, error);
    }
    try {
      await file.datasync();
    } catch (error) {
      throw this.poisoned('fsync', error, false);
    }
    this.position = { cursor, sizeBytes: sizeBytes + length };
  }

  private async cutBack(writeError: unknown): Promise<void> {
    try {
      await this.file.truncate(this.sizeBytes);
      await this.file.datasync();
    } catch (error) {
      throw this.poisoned('write', new AggregateError([writeError, error], describe(error)), false);
    }
  }

  /** The error after which nothing may be written any more. */
  poisoned(
    cause: 'write' | 'fsync' | 'rename' | 'directory',
    error: unknown,
    truncateOk: boolean,
  ): PawlError {
    return poisonedAt(
      { segment: this.name, offset: this.sizeBytes, path: this.path, cause, truncateOk },
      error,
    );
  }
}

/** An outcome on disk that nobody can know. */
export function poisonedAt(
  place: {
    readonly segment: string;
    readonly offset: number;
    readonly path: string;
    readonly cause: 'write' | 'fsync' | 'rename' | 'directory';
    readonly truncateOk: boolean;
  },
  error: unknown,
): PawlError {
  return new PawlError(
    'JOURNAL_POISONED',
    `The ${place.cause} of segment ${place.segment} at byte ${String(place.offset)} failed (${describe(error)}), so what is on disk behind it is unknown; open ${place.path} in a new process.`,
    place,
    error,
  );
}
