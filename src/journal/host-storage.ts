// The machine's file system behind the storage port. A short write is an error that has not been told yet: the
// rest is written again and the error of that is thrown. Data is synced with fdatasync, names with an fsync of
// their directory.
import {
  close,
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
  unlink,
  write,
} from 'node:fs';
import { promisify } from 'node:util';
import type { Stats } from 'node:fs';
import { lockHolder, tryLock } from './host-lock.js';
import type { FileStat, OpenMode, Storage, StorageFile } from './storage.js';
import { errnoOf } from './storage-errors.js';

const FLAGS: Record<OpenMode, string | number> = { read: 'r', update: 'r+', create: 'a+', createNew: 'wx+' };
const FILE_MODE = 0o644;

const openAsync = promisify(open);
const closeAsync = promisify(close);
const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const ftruncateAsync = promisify(ftruncate);
const fstatAsync = promisify(fstat);

class HostFile implements StorageFile {
  constructor(private readonly fd: number) {}

  async read(into: Buffer, from: number, length: number, position: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const count = await this.readOnce(into, from + done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async write(bytes: Buffer, from: number, length: number, position: number): Promise<void> {
    let done = 0;
    while (done < length) done += await this.writeOnce(bytes, from + done, length - done, position + done);
  }

  truncate(sizeBytes: number): Promise<void> {
    return ftruncateAsync(this.fd, sizeBytes);
  }

  datasync(): Promise<void> {
    return fdatasyncAsync(this.fd);
  }

  async stat(): Promise<FileStat> {
    return fileStat(await fstatAsync(this.fd));
  }

  close(): Promise<void> {
    return closeAsync(this.fd);
  }

  private readOnce(into: Buffer, from: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.fd, into, from, length, position, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }

  private writeOnce(bytes: Buffer, from: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.fd, bytes, from, length, position, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }
}

/** The machine's file system. */
export const hostStorage: Storage = {
  async open(path, mode) {
    // Append mode would ignore positions, so a missing file is created first and opened for update then.
    if (mode === 'create') {
      await closeAsync(await openAsync(path, FLAGS.create, FILE_MODE));
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
    const fd = await openAsync(path, 'r', FILE_MODE);
    try {
      await fsyncAsync(fd);
    } finally {
      await closeAsync(fd);
    }
  },
  lock: tryLock,
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
