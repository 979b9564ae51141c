// Makes the next segment, in the order of a rotation: header synced under a temporary name, renamed, directory synced;
// only then is anything appended. Until the rename a failure leaves the log as it was and may be tried again; from
// the rename on the outcome is unknown, except when the directory could not even be opened for its sync.
import { PawlError } from '../errors.js';
import type { DataDirPaths } from './data-dir.js';
import type { LogCursor } from './log-cursor.js';
import { removeIfThere } from './remove-if-there.js';
import type { SegmentInfo } from './segment-list.js';
import { SegmentWriter, poisonedAt } from './segment-writer.js';
import type { Storage, StorageFile } from './storage.js';
import { errnoOf, guarded, isOutOfFiles, storageFailure } from './storage-errors.js';

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

/** A segment that has its name, which is not durable yet. */
export interface NamedSegment {
  readonly info: SegmentInfo;
  readonly writer: SegmentWriter;
}

/** Makes a segment and gives it its name. Errors: those of the storage, and it may be tried again; `JOURNAL_POISONED`. */
export async function createSegment(request: NewSegment): Promise<NamedSegment> {
  const { storage, info, cursor, epoch, logId, instance } = request;
  const temporary = `${info.path}.tmp`;
  const previousSealCrc = cursor.begun ? cursor.previousCrc : undefined;
  const file = await guarded('create', temporary, () => openNew(storage, temporary));
  const position = { cursor: cursor.copy(), sizeBytes: 0 };
  const writer = new SegmentWriter(info, file, position, epoch);
  try {
    const { firstSequence } = info;
    await guarded('write to', temporary, () =>
      writer.begin({ logId, epoch, instance, firstSequence, previousSealCrc }),
    );
    await requireFree(request);
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
  try {
    await storage.rename(temporary, info.path);
  } catch (error) {
    throw outcomeUnknown(info, error);
  }
  info.sizeBytes = writer.sizeBytes;
  return { info, writer };
}

/** Makes the name durable. Errors: `STORAGE_FAILED` when no file could be opened: call it again; `JOURNAL_POISONED`. */
export async function syncName(
  { storage, paths }: Pick<NewSegment, 'storage' | 'paths'>,
  info: SegmentInfo,
): Promise<void> {
  try {
    await storage.syncDir(paths.wal);
  } catch (error) {
    if (isOutOfFiles(error)) throw notDone(storageFailure(error, 'sync', paths.wal));
    throw outcomeUnknown(info, error);
  }
}

/** Takes a segment away of which nothing was used, durably: a log with it and another first one would have a hole. Errors: as `syncName`. */
export async function removeNamed(
  request: Pick<NewSegment, 'storage' | 'paths'>,
  { info, writer }: NamedSegment,
): Promise<void> {
  await removeIfThere(request.storage, info.path);
  await syncName(request, info);
  await writer.file.close().catch(() => undefined);
}

/** A file that an earlier try left is not used again: after a failed fsync nobody knows what its pages are. */
async function openNew(storage: Storage, path: string): Promise<StorageFile> {
  try {
    return await storage.open(path, 'createNew');
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  await storage.unlink(path);
  return storage.open(path, 'createNew');
}

/** The same refusal, with the word that nothing of the batch is in the log. */
export function notDone(error: PawlError): PawlError {
  if (error.code === 'JOURNAL_POISONED' || error.data['outcome'] !== undefined) return error;
  return new PawlError(error.code, error.message, { ...error.data, outcome: 'notDone' }, error.cause);
}

/** Nobody but another writer makes a segment of this name, and a rename would take it away without a word. */
async function requireFree({ storage, info }: NewSegment): Promise<void> {
  const found = await guarded('look at', info.path, () => storage.stat(info.path));
  if (found === undefined) return;
  const { name: segment, path } = info;
  throw poisonedAt(
    { segment, offset: 0, path, cause: 'fenced', truncateOk: false },
    new Error(`another writer has made ${path} already`),
  );
}

function outcomeUnknown({ name: segment, path }: SegmentInfo, error: unknown): PawlError {
  return poisonedAt({ segment, offset: 0, path, cause: 'rename', truncateOk: false }, error);
}
