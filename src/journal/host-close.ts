// Closes a descriptor. Nothing durable hangs on a close: what must last was synced before it, and the descriptor is
// gone whatever it returns. So what the disk says then is no reason to refuse anything; a wrong number is a defect.
import { close } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf } from './storage-errors.js';

const closeAsync = promisify(close);

/** Closes. Fails only with `EBADF`. */
export async function closeDescriptor(fd: number): Promise<void> {
  try {
    await closeAsync(fd);
  } catch (error) {
    if (errnoOf(error) === 'EBADF') throw error;
  }
}
