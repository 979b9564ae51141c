// Removes a file that may not be there: what a crash left under a name that is needed again.
import { errnoOf, guarded } from './storage-errors.js';
import type { Storage } from './storage.js';

/** Removes the file at `path`, if there is one. Errors: those of the storage. */
export async function removeIfThere(storage: Pick<Storage, 'unlink'>, path: string): Promise<void> {
  await guarded('remove', path, async () => {
    try {
      await storage.unlink(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  });
}
