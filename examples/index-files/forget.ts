// `--fresh`: removes what an earlier start left in the data directory, and nothing else: not the directory of a process
// that is running, and not a directory that holds anything but Pawl's own files.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isPawlError } from 'pawl';
import { openJournal } from 'pawl/journal';

const OWN_NAMES = new Set(['wal', 'snapshots', 'quarantine', 'archive', 'lock', 'head', 'reserve']);

/** Empties a data directory. Throws when it is not one, or in use. */
export async function forget(dataDir: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(dataDir);
  } catch (error) {
    const { code } = error as { code?: unknown };
    // There is nothing to forget; what is wrong with a file in its place, opening says better.
    if (code === 'ENOENT' || code === 'ENOTDIR') return;
    throw error;
  }
  const foreign = names.filter((name) => !isOwn(name));
  if (foreign.length > 0) {
    throw new Error(
      `--fresh would empty ${dataDir}, but it holds ${foreign.slice(0, 3).join(', ')}, which Pawl did not write; remove it by hand or pass another --data.`,
    );
  }
  await requireUnused(dataDir);
  // The lock file stays: two processes must never hold locks on two files of one name.
  for (const name of names.filter((own) => own !== 'lock'))
    await rm(join(dataDir, name), { recursive: true, force: true });
}

function isOwn(name: string): boolean {
  return OWN_NAMES.has(name) || OWN_NAMES.has(name.split('.')[0] ?? '');
}

/** Throws `DATA_DIR_LOCKED` when another process works there. A damaged log is no reason not to begin again. */
async function requireUnused(dataDir: string): Promise<void> {
  try {
    await (await openJournal(dataDir, { repair: 'truncate-partial' })).close();
  } catch (error) {
    if (isPawlError(error, 'DATA_DIR_LOCKED') || isPawlError(error, 'LOCK_UNAVAILABLE')) throw error;
  }
}
