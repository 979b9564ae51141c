// A storage that counts the bytes which are read from each file.
import type { Storage } from '../../src/journal/storage.js';

/** A storage and what was read through it. */
export interface Counted {
  readonly storage: Storage;
  readonly bytesRead: ReadonlyMap<string, number>;
}

/** Counts the bytes that are read from each file. */
export function counting(storage: Storage): Counted {
  const bytesRead = new Map<string, number>();
  const open: Storage['open'] = async (path, mode) => {
    const file = await storage.open(path, mode);
    const read: typeof file.read = async (into, from, length, position) => {
      const count = await file.read(into, from, length, position);
      bytesRead.set(path, (bytesRead.get(path) ?? 0) + count);
      return count;
    };
    return Object.assign(Object.create(file) as typeof file, { read });
  };
  return { storage: Object.assign(Object.create(storage) as Storage, { open }), bytesRead };
}
