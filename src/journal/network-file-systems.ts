// File systems of which other machines may be writers too, and whose locks and fsyncs are a matter of their servers:
// the log works on them as far as they keep their word, and opening says so.
import type { Logger } from '../logger.js';
import type { Storage } from './storage.js';

/** By the number that `statfs(2)` gives. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xfe534d42, 'smb2'],
  [0xff534d42, 'cifs'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x00c36400, 'ceph'],
  [0x0bd00bd0, 'lustre'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'afs'],
  [0x73757245, 'coda'],
  [0x564c, 'ncp'],
  [0x47504653, 'gpfs'],
  [0x786f4256, 'vboxsf'],
]);

/** The name of a file system that is not this machine's own; undefined for one that is, or that nobody knows. */
export function networkFileSystem(type: number): string | undefined {
  return NETWORK_FILE_SYSTEMS.get(type);
}

/** Logs a warning when the directory is on such a file system. Never fails: it is advice. */
export async function warnOfNetwork(storage: Storage, dataDir: string, logger: Logger): Promise<void> {
  try {
    const facts = await storage.fileSystem?.(dataDir);
    const fileSystem = facts === undefined ? undefined : networkFileSystem(facts.type);
    if (fileSystem === undefined) return;
    logger.warn({ component: 'journal', dataDir, fileSystem }, 'data directory on a network file system');
  } catch {
    // What cannot be asked cannot be warned of.
  }
}
