// Looks at the snapshots of a data directory without loading them: whether each is whole, follows every rule, and
// what it holds. Records are judged as they are read, so that memory stays small.
import { requireFields } from '../domain/check.js';
import { isPawlError } from '../errors.js';
import { dataDirPaths, requireDataDir } from './data-dir.js';
import { hostStorage } from './host-storage.js';
import { checkJournalOptions } from './journal-options.js';
import type { JournalOptions } from './open-journal.js';
import { readSnapshot } from './snapshot-loader-read.js';
import type { SnapshotCounts, SnapshotHeader, SnapshotSink } from './snapshot-model.js';
import { FileSnapshots } from './snapshot-store-files.js';
import { validated } from './snapshot-validate.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** A snapshot that was looked at. */
export interface CheckedSnapshot {
  readonly path: string;
  /** As its name says. */
  readonly sequence: number;
  readonly bytes: number;
  /** Records in each section, when it is usable. */
  readonly counts?: SnapshotCounts;
  /** Milliseconds since the Unix epoch, when it is usable. */
  readonly takenAt?: number;
  /** Why it cannot be used; absent when it can. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Reads every snapshot of the data directory `dir`, newest first. Errors: `INVALID_INPUT`, `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`. */
export async function verifySnapshots(
  dir: string,
  options: Pick<JournalOptions, 'storage' | 'limits'> = {},
): Promise<readonly CheckedSnapshot[]> {
  requireFields(options, 'options', ['storage', 'limits']);
  checkJournalOptions(dir, options);
  const { storage = hostStorage } = options;
  const paths = dataDirPaths(dir);
  await requireDataDir(storage, paths);
  return await checkSnapshots(storage, paths.snapshots);
}

/** Reads every snapshot in a directory, newest first. Errors: those of the storage when it cannot be listed. */
export async function checkSnapshots(
  storage: Storage,
  directory: string,
): Promise<readonly CheckedSnapshot[]> {
  const store = new FileSnapshots(storage, directory);
  const checked: CheckedSnapshot[] = [];
  for (const entry of await store.list()) {
    const { path, sequence } = entry;
    const found = await guarded('look at', path, () => storage.stat(path));
    const bytes = found?.sizeBytes ?? 0;
    try {
      const sink = new HeaderAndCounts();
      const input = await store.read(entry);
      try {
        await readSnapshot(input, validated(sink));
      } finally {
        await input.close();
      }
      checked.push({ path, sequence, bytes, ...sink.found(path, sequence) });
    } catch (error) {
      if (!isPawlError(error)) throw error;
      checked.push({ path, sequence, bytes, error: { code: error.code, message: error.message } });
    }
  }
  return checked;
}

class HeaderAndCounts implements SnapshotSink {
  #header: SnapshotHeader | undefined;
  #counts: SnapshotCounts = {};

  header(header: SnapshotHeader): void {
    this.#header = header;
  }

  record(): void {
    // Judged by the rules in front of this sink.
  }

  footer(counts: SnapshotCounts): void {
    this.#counts = counts;
  }

  found(path: string, sequence: number): Pick<CheckedSnapshot, 'counts' | 'takenAt' | 'error'> {
    const header = this.#header;
    if (header?.sequence !== sequence) {
      const message = `${path} holds the snapshot of sequence ${String(header?.sequence)}; give it the name it had.`;
      return { error: { code: 'SNAPSHOT_CORRUPT', message } };
    }
    return { counts: this.#counts, takenAt: header.takenAt };
  }
}
