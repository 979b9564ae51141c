// Takes a snapshot of a directory that no orchestrator has open, so that its next start has less to read.
import { hostClock } from '../host-clock.js';
import { dataDirPaths } from './data-dir.js';
import { hostStorage } from './host-storage.js';
import { loadProjectionFromStorage, type LoadProjectionOptions } from './load-projection.js';
import { FileSnapshots } from './snapshot-store-files.js';
import { takeSnapshot, type SnapshotInfo } from './snapshot-store.js';

/** Options of `snapshotDirectory`. */
export type SnapshotDirectoryOptions = Pick<
  LoadProjectionOptions,
  'storage' | 'limits' | 'clock' | 'ids' | 'logger' | 'lockWaitMs'
>;

/**
 * Loads the state of `dir`, strictly, and writes a snapshot of it; the older ones but the newest are removed. Nothing
 * is appended to the log. Errors: those of `loadProjectionFromStorage`, and of the storage.
 */
export async function snapshotDirectory(
  dir: string,
  options: SnapshotDirectoryOptions = {},
): Promise<SnapshotInfo> {
  const loaded = await loadProjectionFromStorage(dir, { ...options, expectExisting: true });
  const { storage = hostStorage, clock = hostClock, logger } = options;
  try {
    const store = new FileSnapshots(storage, dataDirPaths(dir).snapshots);
    // They do not count among those that are kept.
    for (const { path } of loaded.snapshotsRejected) store.rejected.add(path);
    const { projections } = loaded;
    return await takeSnapshot(projections, store, {
      takenAt: clock.now(),
      ...(logger === undefined ? {} : { logger }),
    });
  } finally {
    await loaded.writer?.close();
  }
}
