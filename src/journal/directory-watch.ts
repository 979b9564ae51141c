// Looks whether the data directory is still the one that was opened and we are still its writer. A file that was
// removed takes writes and fsyncs without a word; whoever removed the lock file may have let another writer in,
// which shows in the lock file itself and in the epoch of `head`.
import type { DataDirPaths } from './data-dir.js';
import { readHeadEpoch } from './head-file.js';
import type { SegmentWriter } from './segment-writer.js';
import type { FileStat, Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** Why nothing may be written any more. */
export interface LostDirectory {
  /** `directory`: files were removed or replaced; `fenced`: another writer has taken over. */
  readonly cause: 'directory' | 'fenced';
  readonly error: Error;
}

/** Watches one data directory for one writer. */
export class DirectoryWatch {
  private constructor(
    private readonly storage: Storage,
    private readonly paths: DataDirPaths,
    private readonly epoch: number,
    private readonly lockFile: FileStat | undefined,
  ) {}

  /** Remembers what is there. To be called under the lock. */
  static async begin(storage: Storage, paths: DataDirPaths, epoch: number): Promise<DirectoryWatch> {
    const lockFile = await guarded('look at', paths.lock, () => storage.stat(paths.lock));
    return new DirectoryWatch(storage, paths, epoch, lockFile);
  }

  /** What is wrong, or undefined. Errors: those of looking, which prove nothing. */
  async look(writer: SegmentWriter | undefined): Promise<LostDirectory | undefined> {
    const { storage, paths, lockFile, epoch } = this;
    const named = await guarded('look at', paths.lock, () => storage.stat(paths.lock));
    if (!isSame(lockFile, named))
      return lost('directory', `${paths.lock} was removed or replaced, so another process may write here`);
    if (writer !== undefined) {
      const { path } = writer.info;
      const open = await guarded('look at', path, () => writer.file.stat());
      const there = await guarded('look at', path, () => storage.stat(path));
      if (open.links === 0 || !isSame(open, there))
        return lost('directory', `${path} was removed or replaced while it was open`);
    }
    const found = await readHeadEpoch(storage, paths.head);
    if (found > epoch) return fencedBy(found, epoch);
    return undefined;
  }
}

/** Another writer has opened the directory after us. */
export function fencedBy(found: number, epoch: number): LostDirectory {
  return lost(
    'fenced',
    `another writer has taken over: head has epoch ${String(found)}, and this writer has ${String(epoch)}`,
  );
}

function lost(cause: LostDirectory['cause'], what: string): LostDirectory {
  return { cause, error: new Error(what) };
}

function isSame(known: FileStat | undefined, found: FileStat | undefined): boolean {
  return known?.inode === found?.inode && known?.device === found?.device;
}
