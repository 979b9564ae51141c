// Opens a data directory for writing: lock, check, rewrite, in the order of contract §8. Until the check has
// passed nothing but the lock file and missing folders is written; a refusal lets go of the lock again.
import { checkLog, acknowledgedMissing, type CheckedLog } from './check-log.js';
import { dataDirPaths, prepareFolders, prepareRoot, requireDataDir, type DataDirPaths } from './data-dir.js';
import { lockDataDir } from './data-dir-lock.js';
import { readHead, type Head } from './head-file.js';
import type { BackendOpenRequest } from './journal-backend.js';
import { inDirectory } from './journal-errors.js';
import type { LogCursor } from './log-cursor.js';
import type { JournalRepair } from './repair-policy.js';
import { rewriteNewest } from './rewrite-segment.js';
import { listSegments, type SegmentInfo } from './segment-list.js';
import type { SegmentWriter } from './segment-writer.js';
import type { Storage, StorageLock } from './storage.js';
import { guarded } from './storage-errors.js';

/** A log that is open for writing. */
export interface WritableLog {
  readonly paths: DataDirPaths;
  readonly lock: StorageLock;
  readonly segments: SegmentInfo[];
  /** The newest segment when it is not sealed. */
  readonly writer: SegmentWriter | undefined;
  /** Stands at the end of the log. */
  readonly cursor: LogCursor;
  readonly epoch: number;
  readonly logId: string;
  readonly head: Head | undefined;
  readonly lastAt: number;
  readonly repaired: JournalRepair | undefined;
}

/** Opens the log under `root`. Errors: the typed errors of contract §9; nothing is held then. */
export async function openLog(
  storage: Storage,
  root: string,
  request: BackendOpenRequest,
): Promise<WritableLog> {
  const paths = dataDirPaths(root);
  if (request.expectExisting) await requireDataDir(storage, paths);
  else await prepareRoot(storage, paths);
  const lock = await lockDataDir(storage, paths.lock, { clock: request.clock, waitMs: request.lockWaitMs });
  try {
    return await openLocked({ storage, paths, lock, request });
  } catch (error) {
    await lock.release();
    throw inDirectory(error, root);
  }
}

interface LockedDir {
  readonly storage: Storage;
  readonly paths: DataDirPaths;
  readonly lock: StorageLock;
  readonly request: BackendOpenRequest;
}

async function openLocked(locked: LockedDir): Promise<WritableLog> {
  const { storage, paths, lock, request } = locked;
  await prepareFolders(storage, paths);
  const segments = await listSegments(storage, paths.wal);
  const head = await readHead(storage, paths.head);
  const { maxFrameBytes, repair, checkPayloads } = request;
  const decode = checkPayloads ? 'all' : 'last';
  const checked = await checkLog({ storage, segments, head, maxFrameBytes, repair, decode });
  const known = head?.durableSequence ?? 0;
  if (isEmpty(checked) && known > 0 && !request.allowEmptyBehindHead) throw acknowledgedMissing(known, 0);
  await removeTemporary(storage, paths);
  if (isEmpty(checked)) await removeEmptySegment(storage, paths, segments);
  const epoch = Math.max(checked.cursor.epoch, head?.epoch ?? 0) + 1;
  const logId = checked.cursor.logId || (head?.logId ?? '') || request.ids.nextId();
  const base = { paths, lock, segments, epoch, logId, head, lastAt: checked.lastAt };
  const newest = segments[segments.length - 1];
  if (newest === undefined || checked.end?.kind === 'sealed') {
    return { ...base, writer: undefined, cursor: checked.cursor, repaired: undefined };
  }
  const { writer, repaired } = await rewriteNewest({
    ...locked,
    clock: request.clock,
    maxFrameBytes,
    epoch,
    checked,
    newest,
  });
  if (repaired !== undefined) request.logger.warn({ component: 'journal', ...repaired }, 'log repaired');
  return { ...base, writer, cursor: writer.cursor, repaired };
}

/** True when no event is kept and none was ever removed. */
function isEmpty({ cursor }: CheckedLog): boolean {
  return cursor.firstSequence === 0 && !cursor.continues;
}

/** A segment without events, left by a crash before its first commit, would fix where the log begins. */
async function removeEmptySegment(
  storage: Storage,
  paths: DataDirPaths,
  segments: SegmentInfo[],
): Promise<void> {
  const info = segments.pop();
  if (info === undefined) return;
  await guarded('remove', info.path, () => storage.unlink(info.path));
  await guarded('sync', paths.wal, () => storage.syncDir(paths.wal));
}

async function removeTemporary(storage: Storage, paths: DataDirPaths): Promise<void> {
  for (const name of await guarded('list', paths.wal, () => storage.readdir(paths.wal))) {
    if (!name.endsWith('.wal.tmp')) continue;
    const path = `${paths.wal}/${name}`;
    await guarded('remove', path, () => storage.unlink(path));
  }
}
