// Opens a data directory for writing: lock, check, rewrite, in the order of contract §8. Until the check has
// passed nothing but the lock file and missing folders is written; a refusal lets go of the lock again.
import { checkLog, type CheckedLog, type Coverage } from './check-log.js';
import { acknowledgedMissing } from './check-log-refusals.js';
import { dataDirPaths, prepareFolders, prepareRoot, requireDataDir, type DataDirPaths } from './data-dir.js';
import { lockDataDir } from './data-dir-lock.js';
import { readHead, type Head } from './head-file.js';
import type { BackendOpenRequest } from './journal-backend.js';
import { inDirectory } from './journal-errors.js';
import { LogCursor } from './log-cursor.js';
import type { JournalRepair } from './repair-policy.js';
import { SegmentCopy, quarantine } from './rewrite-segment.js';
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
  readonly coverage: Coverage;
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
  const { storage, paths, request } = locked;
  await prepareFolders(storage, paths);
  const segments = await listSegments(storage, paths.wal);
  const head = await readHead(storage, paths.head);
  const { maxFrameBytes, repair, load } = request;
  const consumer = load && { from: await load.from(), apply: load.apply.bind(load) };
  const copies: { newest?: SegmentCopy } = {};
  const copyNewest = async (newest: SegmentInfo): Promise<SegmentCopy> =>
    (copies.newest = await SegmentCopy.begin(storage, paths.wal, newest));
  try {
    const decode = request.checkPayloads ? 'all' : load === undefined ? 'last' : 'none';
    const checked = await checkLog({
      storage,
      segments,
      head,
      maxFrameBytes,
      repair,
      decode,
      copyNewest,
      wholeFrom: request.checkRestLater && consumer !== undefined ? consumer.from : 0,
      ...(consumer === undefined ? {} : { consumer }),
    });
    requireFit({ checked, segments, head, request });
    return await takeOver({ ...locked, checked, segments, head, copy: copies.newest });
  } catch (error) {
    await copies.newest?.abandon();
    throw error;
  }
}

interface FoundLog {
  readonly checked: CheckedLog;
  readonly segments: SegmentInfo[];
  readonly head: Head | undefined;
}

/** The last questions before anything of the log is changed. */
function requireFit({ checked, segments, head, request }: FoundLog & Pick<LockedDir, 'request'>): void {
  const empty = checked.isEmpty;
  const knownSequence = head?.durableSequence ?? 0;
  if (request.load === undefined) {
    if (empty && knownSequence > 0) throw acknowledgedMissing(knownSequence, 0);
    return;
  }
  const [first] = segments;
  const firstSequence = empty || first === undefined ? 0 : first.firstSequence;
  const lastSequence = empty ? 0 : checked.cursor.lastSequence;
  request.load.end({ firstSequence, lastSequence, knownSequence });
}

/** Makes the log ours: from here on it is written to. */
async function takeOver(
  found: LockedDir & FoundLog & { readonly copy: SegmentCopy | undefined },
): Promise<WritableLog> {
  const { storage, paths, lock, request, checked, segments, head, copy } = found;
  const { cursor, coverage } = checked;
  await removeTemporary(storage, paths, copy?.name);
  const lastAt = Math.max(checked.lastAt, request.load?.lastAt ?? 0);
  const epoch = Math.max(cursor.epoch, head?.epoch ?? 0) + 1;
  const logId = cursor.logId || (head?.logId ?? '') || request.ids.nextId();
  const base = { paths, lock, segments, epoch, logId, head, lastAt, coverage };
  if (checked.isEmpty) {
    await copy?.abandon();
    await removeEmptySegment(storage, paths, segments);
    return { ...base, writer: undefined, cursor: new LogCursor(), repaired: undefined };
  }
  const newest = segments[segments.length - 1];
  if (newest === undefined || copy === undefined) {
    return { ...base, writer: undefined, cursor, repaired: undefined };
  }
  const repaired =
    checked.end?.kind === 'torn'
      ? await quarantine({ storage, paths, clock: request.clock, newest }, checked.end.offset)
      : undefined;
  const writer = await copy.finish(cursor, epoch);
  if (checked.end?.kind === 'sealed') {
    await writer.file.close();
    return { ...base, writer: undefined, cursor: writer.cursor, repaired: undefined };
  }
  if (repaired !== undefined) request.logger.warn({ component: 'journal', ...repaired }, 'log repaired');
  return { ...base, writer, cursor: writer.cursor, repaired };
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

/** Removes what crashes left of segments that were being made. */
async function removeTemporary(
  storage: Storage,
  paths: DataDirPaths,
  inUse: string | undefined,
): Promise<void> {
  for (const name of await guarded('list', paths.wal, () => storage.readdir(paths.wal))) {
    if (!name.endsWith('.wal.tmp') || name === inUse) continue;
    const path = `${paths.wal}/${name}`;
    await guarded('remove', path, () => storage.unlink(path));
  }
}
