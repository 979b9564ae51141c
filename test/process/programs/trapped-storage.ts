// The machine's disk with a trap: once armed, the process is gone at the chosen point of the next write to the log,
// or of the sync after it. What reached the file by then stays there, as after any `kill -9`.
import { basename, dirname } from 'node:path';
import { hostStorage } from '../../../src/journal/host-storage.js';
import type { Storage, StorageFile } from '../../../src/journal/storage.js';
import type { TrapPoint } from './protocol.js';
import { die } from './tell.js';

/** A disk with a trap. */
export interface TrappedStorage {
  readonly storage: Storage;
  /** From now on the next write to the log is the last. */
  arm(): void;
}

/** Puts the trap around the log's files; everything else is left alone. */
export function trappedStorage(point: TrapPoint): TrappedStorage {
  let armed = false;
  const trapped = (file: StorageFile): StorageFile => ({
    read: (...args) => file.read(...args),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    stat: () => file.stat(),
    close: () => file.close(),
    async write(bytes, from, length, position) {
      if (armed && point === 'beforeWrite') die();
      await file.write(bytes, from, armed && point === 'halfWritten' ? length >> 1 : length, position);
      if (armed && point !== 'synced') die();
    },
    async datasync() {
      await file.datasync();
      if (armed) die();
    },
  });
  return {
    storage: {
      ...hostStorage,
      async open(path, mode) {
        const file = await hostStorage.open(path, mode);
        // A segment is made under another name and renamed, so it is known by its folder.
        return basename(dirname(path)) === 'wal' ? trapped(file) : file;
      },
    },
    arm() {
      armed = true;
    },
  };
}
