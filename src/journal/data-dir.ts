// The data directory: its layout, and the checks before anything in it is touched. A missing parent, a foreign
// directory, one that cannot be written: each is refused with its path, and nothing has been created then.
import { dirname, join } from 'node:path';
import { PawlError } from '../errors.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** Paths of a data directory. */
export interface DataDirPaths {
  readonly root: string;
  readonly wal: string;
  readonly snapshots: string;
  readonly quarantine: string;
  readonly lock: string;
  readonly head: string;
  readonly reserve: string;
}

const OURS: ReadonlySet<string> = new Set([
  'wal',
  'snapshots',
  'quarantine',
  'archive',
  'lock',
  'head',
  'reserve',
]);
/** What file systems and desktops leave in an empty directory. */
const IGNORED: ReadonlySet<string> = new Set(['lost+found', '.DS_Store', 'desktop.ini']);
/** How many of the files that are not ours a refusal names. */
const NAMED = 3;

/** The layout of contract §9 under `root`. */
export function dataDirPaths(root: string): DataDirPaths {
  return {
    root,
    wal: join(root, 'wal'),
    snapshots: join(root, 'snapshots'),
    quarantine: join(root, 'quarantine'),
    lock: join(root, 'lock'),
    head: join(root, 'head'),
    reserve: join(root, 'reserve'),
  };
}

/** Checks that the directory is there and ours. Errors: `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`. Changes nothing. */
export async function requireDataDir(storage: Storage, paths: DataDirPaths): Promise<void> {
  const found = await guarded('look at', paths.root, () => storage.stat(paths.root));
  if (found === undefined)
    throw missing(
      paths.root,
      `${paths.root} does not exist; check the path, or open it for writing to create it`,
    );
  if (!found.isDirectory) throw foreign(paths.root, 'it is a file');
  await requireOurs(storage, paths);
  const wal = await guarded('look at', paths.wal, () => storage.stat(paths.wal));
  if (wal === undefined)
    throw missing(paths.root, `${paths.root} holds no log (no ${paths.wal}); check the path`);
}

/** Makes sure that the root is there, creating it when its parent is. Errors: `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`. */
export async function prepareRoot(storage: Storage, paths: DataDirPaths): Promise<void> {
  const { root } = paths;
  const found = await guarded('look at', root, () => storage.stat(root));
  if (found !== undefined) {
    if (!found.isDirectory) throw foreign(root, 'it is a file');
    await requireOurs(storage, paths);
    return;
  }
  const parent = dirname(root);
  const above = await guarded('look at', parent, () => storage.stat(parent));
  if (above?.isDirectory !== true)
    throw missing(root, `its parent ${parent} does not exist; create it first`);
  await guarded('create', root, () => storage.mkdir(root));
  await guarded('sync', parent, () => storage.syncDir(parent));
}

/** Creates the folders that are not there. Call it under the lock. */
export async function prepareFolders(storage: Storage, paths: DataDirPaths): Promise<void> {
  const names = new Set(await guarded('list', paths.root, () => storage.readdir(paths.root)));
  let created = false;
  for (const folder of ['wal', 'snapshots', 'quarantine'] as const) {
    if (names.has(folder)) continue;
    await guarded('create', paths[folder], () => storage.mkdir(paths[folder]));
    created = true;
  }
  if (created) await guarded('sync', paths.root, () => storage.syncDir(paths.root));
}

async function requireOurs(storage: Storage, { root }: DataDirPaths): Promise<void> {
  const names = (await guarded('list', root, () => storage.readdir(root))).filter(
    (name) => !IGNORED.has(name),
  );
  if (names.length === 0 || names.some((name) => OURS.has(name))) return;
  throw foreign(
    root,
    `it holds ${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ', …' : ''} and nothing of Pawl's`,
    names.slice(0, NAMED),
  );
}

function missing(path: string, what: string): PawlError {
  return new PawlError('DATA_DIR_MISSING', `The data directory ${path} cannot be opened: ${what}.`, { path });
}

function foreign(path: string, what: string, found?: readonly string[]): PawlError {
  return new PawlError(
    'DATA_DIR_FOREIGN',
    `${path} is not a data directory of Pawl: ${what}. Give an empty or a new directory.`,
    { path, ...(found === undefined ? {} : { found }) },
  );
}
