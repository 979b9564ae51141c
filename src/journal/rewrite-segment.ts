// Before a log without a seal is trusted, the good frames of its newest segment are written to a new file, synced
// and renamed over it: after a failed fsync the cache may show what the disk does not have, and only bytes that
// were checked in memory and written anew are sure to be there. What is cut is kept in quarantine first.
import { join } from 'node:path';
import type { Clock } from '../clock.js';
import type { CheckedLog } from './check-log.js';
import type { DataDirPaths } from './data-dir.js';
import type { LogCursor } from './log-cursor.js';
import type { JournalRepair } from './repair-policy.js';
import { scanSegment } from './scan.js';
import type { SegmentInfo } from './segment-list.js';
import { corrupt, readRange } from './segment-source.js';
import { SegmentWriter, poisonedAt } from './segment-writer.js';
import type { Storage, StorageFile } from './storage.js';
import { guarded } from './storage-errors.js';

const COPY_BYTES = 1_048_576;

/** What rewriting needs. */
export interface RewriteRequest {
  readonly storage: Storage;
  readonly paths: DataDirPaths;
  readonly clock: Clock;
  readonly maxFrameBytes: number;
  readonly epoch: number;
  readonly checked: CheckedLog;
  readonly newest: SegmentInfo;
}

/** The segment, open for writing, and what was cut from it. */
export interface RewrittenSegment {
  readonly writer: SegmentWriter;
  readonly repaired: JournalRepair | undefined;
}

/** Rewrites the newest segment. A crash anywhere leaves the old file or the new one; doing it again is harmless. */
export async function rewriteNewest(request: RewriteRequest): Promise<RewrittenSegment> {
  const { storage, newest, paths, checked } = request;
  const repaired = checked.end?.kind === 'torn' ? await quarantine(request, checked.end.offset) : undefined;
  const temporary = `${newest.path}.tmp`;
  const file = await guarded('create', temporary, () => storage.open(temporary, 'create'));
  try {
    await guarded('truncate', temporary, () => file.truncate(0));
    const { cursor, sizeBytes } = await copyGoodFrames(request, file);
    const writer = new SegmentWriter(newest.name, newest.path, file, { cursor, sizeBytes }, request.epoch);
    // The last batch may have lost its end: a mark closes it, so that the next batch is told from it.
    if (!cursor.batchEnded) await writer.mark();
    await guarded('sync', temporary, () => file.datasync());
    await guarded('rename', temporary, () => storage.rename(temporary, newest.path));
    await guarded('sync', paths.wal, () => storage.syncDir(paths.wal));
    newest.sizeBytes = writer.sizeBytes;
    return { writer, repaired };
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

async function copyGoodFrames(
  request: RewriteRequest,
  target: StorageFile,
): Promise<{ cursor: LogCursor; sizeBytes: number }> {
  const { storage, newest, checked, maxFrameBytes } = request;
  const cursor = checked.beforeNewest.copy();
  const sizeBytes = newest.sizeBytes;
  const file = await guarded('open', newest.path, () => storage.open(newest.path, 'read'));
  try {
    const source = { name: newest.name, file, sizeBytes, newest: true };
    for await (const { bytes, from, end, offset } of scanSegment(source, cursor, {
      maxFrameBytes,
      unmask: false,
    })) {
      await guarded('write to', newest.path, () => target.write(bytes, from, end - from, offset));
    }
  } finally {
    await file.close();
  }
  if (cursor.previousCrc !== checked.cursor.previousCrc) {
    throw corrupt(newest.name, sizeBytes, 'io', 'it read differently the second time');
  }
  return { cursor, sizeBytes };
}

/** Copies what is cut to `quarantine/<segment>.<offset>.<ms>`, durably. */
async function quarantine(
  { storage, paths, clock, newest }: RewriteRequest,
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
      await copy.close();
    }
    await guarded('sync', paths.quarantine, () => storage.syncDir(paths.quarantine));
    return { segment: newest.name, offset, bytes: sizeBytes - offset, quarantine: `quarantine/${name}` };
  } finally {
    await file.close();
  }
}

/** What creating a segment needs. */
export interface NewSegment {
  readonly storage: Storage;
  readonly paths: DataDirPaths;
  readonly info: SegmentInfo;
  readonly cursor: LogCursor;
  readonly epoch: number;
  readonly logId: string;
  readonly instance: string;
}

/**
 * Makes the next segment: header synced under a temporary name, renamed, directory synced. Until the rename a failure
 * leaves the log as it was; from the rename on the outcome is unknown and the error is `JOURNAL_POISONED`.
 */
export async function createSegment({
  storage,
  paths,
  info,
  cursor,
  epoch,
  logId,
  instance,
}: NewSegment): Promise<SegmentWriter> {
  const temporary = `${info.path}.tmp`;
  const previousSealCrc = cursor.begun ? cursor.previousCrc : undefined;
  const file = await guarded('create', temporary, () => storage.open(temporary, 'create'));
  const position = { cursor: cursor.copy(), sizeBytes: 0 };
  const writer = new SegmentWriter(info.name, info.path, file, position, epoch);
  try {
    await guarded('write to', temporary, async () => {
      await file.truncate(0);
      await writer.begin({ logId, epoch, instance, firstSequence: info.firstSequence, previousSealCrc });
    });
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
  try {
    await storage.rename(temporary, info.path);
    await storage.syncDir(paths.wal);
  } catch (error) {
    throw poisonedAt(
      { segment: info.name, offset: 0, path: info.path, cause: 'rename', truncateOk: false },
      error,
    );
  }
  info.sizeBytes = writer.sizeBytes;
  return writer;
}
