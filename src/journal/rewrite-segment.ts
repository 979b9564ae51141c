// Before a log without a seal is trusted, the good frames of its newest segment are written to a new file, synced
// and renamed over it: after a failed fsync the cache may show what the disk does not have, and only bytes that
// were checked in memory and written anew are sure to be there. What is cut is kept in quarantine first.
import { join } from 'node:path';
import type { Clock } from '../clock.js';
import type { FrameSink } from './check-log.js';
import type { DataDirPaths } from './data-dir.js';
import type { LogCursor } from './log-cursor.js';
import { removeIfThere } from './remove-if-there.js';
import type { JournalRepair } from './repair-policy.js';
import type { ScannedChunk } from './scan.js';
import type { SegmentInfo } from './segment-list.js';
import { readRange } from './segment-source.js';
import { SegmentWriter } from './segment-writer.js';
import type { Storage, StorageFile } from './storage.js';
import { guarded } from './storage-errors.js';

const COPY_BYTES = 1_048_576;

/** The newest segment, written anew while it is checked. Nothing is replaced before `finish`. */
export class SegmentCopy implements FrameSink {
  private constructor(
    private readonly storage: Storage,
    private readonly wal: string,
    private readonly newest: SegmentInfo,
    private readonly file: StorageFile,
  ) {}

  /** Begins a new file beside the segment. What a crash left under its name goes: its pages are not to be trusted either. */
  static async begin(storage: Storage, wal: string, newest: SegmentInfo): Promise<SegmentCopy> {
    const temporary = temporaryOf(newest);
    await removeIfThere(storage, temporary);
    const file = await guarded('create', temporary, () => storage.open(temporary, 'createNew'));
    return new SegmentCopy(storage, wal, newest, file);
  }

  /** Name of the file. */
  get name(): string {
    return temporaryOf(this.newest).slice(this.wal.length + 1);
  }

  async take({
    bytes,
    from,
    end,
    offset,
  }: Pick<ScannedChunk, 'bytes' | 'from' | 'end' | 'offset'>): Promise<void> {
    const length = end - from;
    await guarded('write to', this.newest.path, () => this.file.write(bytes, from, length, offset));
  }

  /** Makes the copy durable and puts it in the segment's place. A crash anywhere leaves the old file or the new one. */
  async finish(cursor: LogCursor, epoch: number): Promise<SegmentWriter> {
    const { storage, newest, file, wal } = this;
    const temporary = temporaryOf(newest);
    const position = { cursor, sizeBytes: newest.sizeBytes };
    const writer = new SegmentWriter(newest, file, position, epoch);
    // The last batch may have lost its end: a mark closes it, so that the next batch is told from it.
    if (!cursor.batchEnded) await writer.mark();
    await guarded('sync', temporary, () => file.datasync());
    await guarded('rename', temporary, () => storage.rename(temporary, newest.path));
    await guarded('sync', wal, () => storage.syncDir(wal));
    newest.sizeBytes = writer.sizeBytes;
    return writer;
  }

  /** Gives the copy up. What cannot be removed now is removed by the next opening. */
  async abandon(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await this.storage.unlink(temporaryOf(this.newest)).catch(() => undefined);
  }
}

function temporaryOf({ path }: SegmentInfo): string {
  return `${path}.tmp`;
}

/** What keeping the cut bytes needs. */
export interface QuarantineRequest {
  readonly storage: Storage;
  readonly paths: Pick<DataDirPaths, 'quarantine'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly newest: SegmentInfo;
}

/** Copies what is cut to `quarantine/<segment>.<offset>.<ms>`, durably. */
export async function quarantine(
  { storage, paths, clock, newest }: QuarantineRequest,
  offset: number,
): Promise<JournalRepair> {
  const file = await guarded('open', newest.path, () => storage.open(newest.path, 'read'));
  try {
    const { sizeBytes } = await guarded('look at', newest.path, () => file.stat());
    const name = `${newest.name}.${String(offset)}.${String(clock.now())}`;
    const path = join(paths.quarantine, name);
    const copy = await guarded('create', path, () => storage.open(path, 'create'));
    try {
      const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, sizeBytes - offset));
      const source = { name: newest.name, file, sizeBytes, newest: true };
      for (let position = offset; position < sizeBytes; position += buffer.length) {
        const length = Math.min(buffer.length, sizeBytes - position);
        await readRange(source, buffer, 0, length, position);
        await guarded('write to', path, () => copy.write(buffer, 0, length, position - offset));
      }
      await guarded('sync', path, () => copy.datasync());
    } finally {
      await guarded('close', path, () => copy.close());
    }
    await guarded('sync', paths.quarantine, () => storage.syncDir(paths.quarantine));
    return { segment: newest.name, offset, bytes: sizeBytes - offset, quarantine: `quarantine/${name}` };
  } finally {
    await guarded('close', newest.path, () => file.close());
  }
}
