// The machine's file system behind the storage port. A short write is an error that has not been told yet: the
// rest is written again and the error of that is thrown. Data is synced with fdatasync, names with an fsync of
// their directory. A small write goes to the page cache on the spot: the way to the thread pool and back costs more.
import {
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  mkdir,
  open,
  read,
  readdir,
  rename,
  stat,
  statfs,
  unlink,
  write,
  writeSync,
} from 'node:fs';
import { devNull } from 'node:os';
import { promisify } from 'node:util';
import type { Stats } from 'node:fs';
import { closeDescriptor } from './host-close.js';
import { lockHolder, tryLock } from './host-lock.js';
import type { FileStat, OpenMode, Storage, StorageFile } from './storage.js';
import { errnoOf } from './storage-errors.js';

const FLAGS: Record<OpenMode, string | number> = { read: 'r', update: 'r+', create: 'a+', createNew: 'wx+' };
const FILE_MODE = 0o644;
/** Writes up to this size hold the event loop for some microseconds; see `bench/write-path.ts`. */
const WRITE_HERE_BYTES = 65_536;

const openAsync = promisify(open);
const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const ftruncateAsync = promisify(ftruncate);
const fstatAsync = promisify(fstat);

/**
 * An open file. The number of a closed one may soon mean another file, so nothing is asked of it after `close`,
 * and `close` waits for what is under way.
 */
class HostFile implements StorageFile {
  private running = 0;
  private closing: Promise<void> | undefined;
  private whenQuiet: (() => void) | undefined;

  constructor(private readonly fd: number) {}

  read(into: Buffer, from: number, length: number, position: number): Promise<number> {
    return this.run(async (fd) => {
      let done = 0;
      while (done < length) {
        const count = await readOnce(fd, into, {
          from: from + done,
          length: length - done,
          position: position + done,
        });
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  write(bytes: Buffer, from: number, length: number, position: number): Promise<void> {
    return this.run(async (fd) => {
      let done = 0;
      while (done < length) {
        const rest = { from: from + done, length: length - done, position: position + done };
        done += length > WRITE_HERE_BYTES ? await writeOnce(fd, bytes, rest) : writeHere(fd, bytes, rest);
      }
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.run((fd) => ftruncateAsync(fd, sizeBytes));
  }

  datasync(): Promise<void> {
    return this.run((fd) => fdatasyncAsync(fd));
  }

  stat(): Promise<FileStat> {
    return this.run(async (fd) => fileStat(await fstatAsync(fd)));
  }

  close(): Promise<void> {
    this.closing ??= this.closeWhenQuiet();
    return this.closing;
  }

  private async run<T>(operation: (fd: number) => Promise<T>): Promise<T> {
    if (this.closing !== undefined) throw Object.assign(new Error('the file is closed'), { code: 'EBADF' });
    this.running++;
    try {
      return await operation(this.fd);
    } finally {
      this.running--;
      if (this.running === 0) this.whenQuiet?.();
    }
  }

  private async closeWhenQuiet(): Promise<void> {
    if (this.running > 0) {
      await new Promise<void>((resolve) => {
        this.whenQuiet = resolve;
      });
    }
    await closeDescriptor(this.fd);
  }
}

interface Range {
  readonly from: number;
  readonly length: number;
  readonly position: number;
}

function readOnce(fd: number, into: Buffer, { from, length, position }: Range): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, from, length, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

function writeOnce(fd: number, bytes: Buffer, { from, length, position }: Range): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, length, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/**
 * A descriptor held for the moment when the process has no other left. A directory is synced behind a rename that
 * cannot be taken back: not to find a descriptor then would poison a journal whose disk is well.
 */
const spare: number[] = [];

async function keepSpare(): Promise<void> {
  if (spare.length > 0) return;
  try {
    spare.push(await openAsync(devNull, 'r', FILE_MODE));
  } catch {
    // There is none to spare: the next call tries again.
  }
}

async function openToSync(path: string): Promise<number> {
  try {
    return await openAsync(path, 'r', FILE_MODE);
  } catch (error) {
    const freed = errnoOf(error) === 'EMFILE' ? spare.pop() : undefined;
    if (freed === undefined) throw error;
    await closeDescriptor(freed);
    return await openAsync(path, 'r', FILE_MODE);
  }
}

function writeHere(fd: number, bytes: Buffer, { from, length, position }: Range): number {
  return writeSync(fd, bytes, from, length, position);
}

/** The machine's file system. */
export const hostStorage: Storage = {
  async open(path, mode) {
    // Append mode would ignore positions, so a missing file is created first and opened for update then.
    if (mode === 'create') {
      await closeDescriptor(await openAsync(path, FLAGS.create, FILE_MODE));
      return new HostFile(await openAsync(path, FLAGS.update, FILE_MODE));
    }
    return new HostFile(await openAsync(path, FLAGS[mode], FILE_MODE));
  },
  mkdir: async (path) => {
    await promisify(mkdir)(path);
  },
  rename: promisify(rename),
  unlink: promisify(unlink),
  readdir: async (path) => (await promisify(readdir)(path)).sort(),
  async stat(path) {
    try {
      return fileStat(await promisify(stat)(path));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  },
  async syncDir(path) {
    const fd = await openToSync(path);
    try {
      await fsyncAsync(fd);
    } finally {
      await closeDescriptor(fd);
      await keepSpare();
    }
  },
  async fileSystem(path) {
    const { type, bavail, bsize } = await promisify(statfs)(path);
    return { type, freeBytes: bavail * bsize };
  },
  async lock(path) {
    const outcome = await tryLock(path);
    await keepSpare();
    return outcome;
  },
  holder: lockHolder,
};

function fileStat(found: Stats): FileStat {
  return {
    sizeBytes: found.size,
    isDirectory: found.isDirectory(),
    device: found.dev,
    inode: found.ino,
    links: found.nlink,
  };
}
