// Makes a new data directory from what is whole in a damaged one, which stays as it is. The new one is built beside its
// place, read back as an opening would, and renamed when it is durable; what was lost is told, event by event.
import { dirname } from 'node:path';
import { requireText, requireFields } from '../domain/check.js';
import type { Limits } from '../domain/limits.js';
import { PawlError, isPawlError } from '../errors.js';
import { hostClock, hostRandom, uuidV7 } from '../host-clock.js';
import { CommitDecoder } from './commit-codec.js';
import { dataDirPaths, requireDataDir } from './data-dir.js';
import { HeadWriter, readHead } from './head-file.js';
import { hostStorage } from './host-storage.js';
import { checkJournalOptions } from './journal-options.js';
import { decodeOrRefuse } from './journal-errors.js';
import { loadProjectionFromStorage } from './load-projection.js';
import { checkSnapshots, type CheckedSnapshot } from './offline-snapshots.js';
import { openJournal, type JournalHandle, type JournalOptions } from './open-journal.js';
import { commitsOf, piecesOf, type DamagedPlace, type Piece, type SearchParts } from './salvage-pieces.js';
import { planSalvage, type SalvagePlan, type SequenceRange } from './offline-salvage-plan.js';
import { listSegments } from './segment-list.js';
import { FileSnapshots, SnapshotFileOutput } from './snapshot-store-files.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** Options of `salvage`. */
export type SalvageOptions = Pick<JournalOptions, 'storage' | 'limits'>;

/** What a salvage came to. */
export interface SalvageReport {
  /** The new directory. */
  readonly target: string;
  /** First and last sequence of the new log; both 0 when a snapshot alone was whole. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly commits: number;
  /** Snapshots that were taken over, newest first. */
  readonly snapshots: readonly string[];
  /** Snapshots that cannot be used. */
  readonly snapshotsRejected: readonly CheckedSnapshot[];
  /** Places of the old log that are not whole. */
  readonly damaged: readonly DamagedPlace[];
  /** Events that are lost. */
  readonly lost: readonly SequenceRange[];
  /** Events that are whole and are not in the new log, since what lies before them is lost: `dump` does not show them either. */
  readonly unused: readonly SequenceRange[];
  /** Why the new directory cannot be opened by an orchestrator all the same; its log stays readable. */
  readonly refused?: { readonly code: string; readonly message: string };
}

/** Commits that wait for their fsync at a time, and bytes of them; both fit into the queue of the log. */
const COMMITS_IN_FLIGHT = 512;
const BYTES_IN_FLIGHT = 8_388_608;
const COPY_BYTES = 1_048_576;

/**
 * Writes what is whole in `dir` to the new directory `target`, whose parent must exist. `dir` is only read.
 * Errors: `INVALID_INPUT`, `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`, `TARGET_EXISTS`, `NOTHING_TO_SALVAGE`, those of the storage.
 */
export async function salvage(
  dir: string,
  target: string,
  options: SalvageOptions = {},
): Promise<SalvageReport> {
  requireFields(options, 'options', ['storage', 'limits']);
  const limits = checkJournalOptions(dir, options);
  const { maxFrameBytes } = limits;
  requireText(target, 'target', 4_096);
  const { storage = hostStorage } = options;
  const parts = { storage, maxFrameBytes };
  await requireDataDir(storage, dataDirPaths(dir));
  await requireNothing(storage, target);
  const { plan, found } = await look(parts, dir);
  const building = `${target}.salvaging`;
  await requireNothing(storage, building);
  const commits = await build(parts, building, plan, { ...options, limits, epoch: found.epoch });
  const refused = await whyRefused(building, options);
  await guarded('rename', building, () => storage.rename(building, target));
  await guarded('sync', dirname(target), () => storage.syncDir(dirname(target)));
  return {
    target,
    firstSequence: plan.pieces[0]?.firstSequence ?? 0,
    lastSequence: plan.pieces.length === 0 ? 0 : plan.lastSequence,
    commits,
    snapshots: plan.snapshots.map(({ path }) => path),
    snapshotsRejected: found.snapshots.filter(({ error }) => error !== undefined),
    damaged: found.damaged,
    lost: plan.lost,
    unused: plan.unused,
    ...(refused === undefined ? {} : { refused }),
  };
}

interface Found {
  readonly damaged: readonly DamagedPlace[];
  readonly snapshots: readonly CheckedSnapshot[];
  /** The highest that was seen. */
  readonly epoch: number;
}

async function look(parts: SearchParts, dir: string): Promise<{ plan: SalvagePlan; found: Found }> {
  const { storage } = parts;
  const paths = dataDirPaths(dir);
  const head = await readHead(storage, paths.head);
  const pieces: Piece[] = [];
  const damaged: DamagedPlace[] = [];
  const segments = await listSegments(storage, paths.wal);
  for (const [index, info] of segments.entries()) {
    const found = await piecesOf(parts, info, index + 1 === segments.length);
    pieces.push(...found.pieces);
    damaged.push(...found.damaged);
  }
  const snapshots = await checkSnapshots(storage, paths.snapshots);
  const from = segments[0]?.firstSequence ?? 1;
  const plan = planSalvage(pieces, snapshots, { from, to: head?.durableSequence ?? 0 });
  if (plan === undefined) {
    throw new PawlError(
      'NOTHING_TO_SALVAGE',
      `Nothing in ${dir} can be used: no whole commit from the first on, and no whole snapshot. Restore a backup.`,
      { path: dir, damaged },
    );
  }
  const epoch = Math.max(head?.epoch ?? 0, ...pieces.map((piece) => piece.epoch));
  return { plan, found: { damaged, snapshots, epoch } };
}

async function requireNothing(storage: Storage, path: string): Promise<void> {
  const parent = dirname(path);
  const above = await guarded('look at', parent, () => storage.stat(parent));
  if (above?.isDirectory !== true)
    throw new PawlError(
      'DATA_DIR_MISSING',
      `${path} cannot be made: its parent ${parent} does not exist; create it first.`,
      { path },
    );
  if ((await guarded('look at', path, () => storage.stat(path))) === undefined) return;
  throw new PawlError(
    'TARGET_EXISTS',
    `${path} is there already; remove it or name a directory that is not there.`,
    { path },
  );
}

/** Writes the new directory; the number of its commits. */
async function build(
  parts: SearchParts,
  building: string,
  plan: SalvagePlan,
  options: SalvageOptions & { readonly limits: Limits; readonly epoch: number },
): Promise<number> {
  const { storage } = parts;
  const { epoch, ...journalOptions } = options;
  const paths = dataDirPaths(building);
  for (const folder of [paths.root, paths.snapshots])
    await guarded('create', folder, () => storage.mkdir(folder));
  // Later writers must have a higher epoch than every one whose events are taken over.
  const head = new HeadWriter(storage, paths, 0);
  const logId = uuidV7(hostClock, hostRandom()).nextId();
  await guarded('write', paths.head, () =>
    head.write({ epoch, durableSequence: 0, segment: 0, batch: 0, logId }),
  );
  await head.close();
  for (const { path, sequence } of plan.snapshots)
    await copySnapshot(storage, path, paths.snapshots, sequence);
  if (plan.pieces.length === 0) {
    await guarded('create', paths.wal, () => storage.mkdir(paths.wal));
    await guarded('sync', paths.root, () => storage.syncDir(paths.root));
    return 0;
  }
  const journal = await openJournal(building, journalOptions);
  try {
    return await appendAll(parts, journal, plan.pieces, options.limits);
  } finally {
    await journal.close();
  }
}

async function appendAll(
  parts: SearchParts,
  journal: JournalHandle,
  pieces: readonly Piece[],
  { maxQueuedCommands, maxQueuedBytes }: Limits,
): Promise<number> {
  const mostCommits = Math.min(COMMITS_IN_FLIGHT, maxQueuedCommands);
  const mostBytes = Math.min(BYTES_IN_FLIGHT, maxQueuedBytes / 2);
  const decoder = new CommitDecoder();
  let commits = 0;
  let waiting: Promise<unknown>[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    for await (const frames of commitsOf(parts, piece)) {
      for (const frame of frames) {
        const { header, events } = decodeOrRefuse(decoder, frame);
        const { at: _at, ...rest } = header;
        const appended = journal.append(events, rest);
        // Refused while the next ones are read, it is told when all are waited for.
        appended.catch(() => undefined);
        waiting.push(appended);
        bytes += frame.end - frame.from;
        commits++;
        if (waiting.length < mostCommits && bytes < mostBytes) continue;
        await Promise.all(waiting);
        waiting = [];
        bytes = 0;
      }
    }
  }
  await Promise.all(waiting);
  return commits;
}

/** Byte by byte: it was validated, and its digest goes along. */
async function copySnapshot(
  storage: Storage,
  path: string,
  directory: string,
  sequence: number,
): Promise<void> {
  const input = await new FileSnapshots(storage, dirname(path)).read({ path, sequence });
  const output = await SnapshotFileOutput.create(storage, `${directory}/${String(sequence)}.snapshot`);
  try {
    const buffer = Buffer.allocUnsafe(COPY_BYTES);
    for (let position = 0; ;) {
      const count = await input.read(buffer, 0, position);
      if (count === 0) break;
      await output.append(buffer.subarray(0, count));
      position += count;
    }
    await output.sync();
    await output.publish();
  } finally {
    await input.close();
    await output.abandon();
  }
}

async function whyRefused(
  dir: string,
  options: SalvageOptions,
): Promise<{ readonly code: string; readonly message: string } | undefined> {
  try {
    await loadProjectionFromStorage(dir, { ...options, readOnly: true });
    return undefined;
  } catch (error) {
    if (!isPawlError(error)) throw error;
    return { code: error.code, message: error.message };
  }
}
