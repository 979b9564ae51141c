// The kernel's lock on a file, without native code. Linux: flock(1) locks the open file description it inherits
// from us, which we keep and the kernel frees however we end. macOS: O_EXLOCK. Windows: exclusive share mode.
// The last two are untested until a CI has them. No lock to be had is an error, never a pid file.
import { spawn } from 'node:child_process';
import { constants, ftruncate, open, read, readFile, write } from 'node:fs';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import { PawlError } from '../errors.js';
import { closeDescriptor } from './host-close.js';
import type { LockOutcome, StorageLock } from './storage.js';
import { errnoOf } from './storage-errors.js';

/** From <fcntl.h> of macOS; Node does not name it. */
const O_EXLOCK_DARWIN = 0x20;
/** libuv's flag for a share mode of none. */
const UV_FS_O_EXLOCK_WINDOWS = 0x1000_0000;
const MAX_TEXT_BYTES = 4_096;
const FILE_MODE = 0o644;

const openAsync = promisify(open);

class HostLock implements StorageLock {
  private released = false;

  constructor(private readonly fd: number) {}

  async describe(text: string): Promise<void> {
    const bytes = Buffer.from(text, 'utf8');
    await promisify(ftruncate)(this.fd, 0);
    await new Promise<void>((resolve, reject) => {
      write(this.fd, bytes, 0, bytes.length, 0, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    await closeDescriptor(this.fd);
  }
}

/** Tries once to lock the file at `path`; `command` is the flock(1) to use. Errors: `LOCK_UNAVAILABLE`, and those of opening the file. */
export async function tryLock(path: string, command = 'flock'): Promise<LockOutcome> {
  if (process.platform === 'darwin')
    return lockWhileOpening(path, O_EXLOCK_DARWIN | constants.O_NONBLOCK, ['EAGAIN', 'EWOULDBLOCK']);
  if (process.platform === 'win32')
    return lockWhileOpening(path, UV_FS_O_EXLOCK_WINDOWS, ['EBUSY', 'EACCES', 'EPERM']);
  const fd = await openAsync(path, constants.O_RDWR | constants.O_CREAT, FILE_MODE);
  try {
    if (await flock(fd, path, command)) return { kind: 'held', lock: new HostLock(fd) };
    const text = await textOf(fd);
    await closeDescriptor(fd);
    return { kind: 'taken', text };
  } catch (error) {
    await closeDescriptor(fd);
    throw error;
  }
}

async function lockWhileOpening(path: string, flag: number, taken: readonly string[]): Promise<LockOutcome> {
  try {
    const fd = await openAsync(path, constants.O_RDWR | constants.O_CREAT | flag, FILE_MODE);
    return { kind: 'held', lock: new HostLock(fd) };
  } catch (error) {
    if (!taken.includes(errnoOf(error))) throw error;
    const text = await promisify(readFile)(path, 'utf8').catch(() => '');
    return { kind: 'taken', text };
  }
}

/** True when the lock is ours, false when another has it. Exit code 1 of flock(1) with `-n` is "taken". */
function flock(fd: number, path: string, command: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, ['-n', '-x', '3'], { stdio: ['ignore', 'ignore', 'pipe', fd] });
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString('utf8');
    });
    child.once('error', (error) => {
      reject(unavailable(path, error.message));
    });
    child.once('close', (code) => {
      if (code === 0) resolve(true);
      else if (code === 1 && complaint === '') resolve(false);
      else reject(unavailable(path, complaint.trim()));
    });
  });
}

function unavailable(path: string, why: string): PawlError {
  return new PawlError(
    'LOCK_UNAVAILABLE',
    `Cannot lock ${path}: ${why}. Install flock (util-linux or busybox) and put it on the PATH, and keep the directory on a local disk.`,
    { path, why },
  );
}

async function textOf(fd: number): Promise<string> {
  const bytes = Buffer.alloc(MAX_TEXT_BYTES);
  const count = await new Promise<number>((resolve) => {
    read(fd, bytes, 0, bytes.length, 0, (error, found) => {
      resolve(error === null ? found : 0);
    });
  });
  return bytes.toString('utf8', 0, count);
}

/** Who this process is: what survives in the lock file for people. */
export async function lockHolder(): Promise<Readonly<Record<string, string | number>>> {
  const readText = promisify(readFile);
  const bootId = await readText('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const stat = await readText('/proc/self/stat', 'utf8').catch(() => '');
  // Field 22, counted behind the command name, which may itself hold blanks.
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return { pid: process.pid, host: hostname(), bootId: bootId.trim(), startTime };
}
