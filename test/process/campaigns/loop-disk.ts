// A disk whose power can be cut, without hardware: a file system on a loop image in memory. Cutting it is the file
// system's own shutdown: from that moment nothing reaches the image any more, not even the journal of the file system.
// Everything is mounted in a mount namespace of its own, so that it is gone with the last process in it.
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** File systems that can be shut down. */
export type FileSystem = 'ext4' | 'xfs';

/** mkfs.xfs makes nothing smaller than 300 MB; the image is sparse. */
const IMAGE_BYTES: Readonly<Record<FileSystem, number>> = { ext4: 67_108_864, xfs: 335_544_320 };
const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
};
const UNMOUNT_TRIES = 100;
const UNMOUNT_PAUSE_MS = 50;

/** Runs a tool of the machine. Throws with what it complained about. */
export function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Mounts memory at `path`, which is made. */
export function mountMemory(path: string, sizeMiB: number): void {
  mkdirSync(path, { recursive: true });
  run('mount', '-t', 'tmpfs', '-o', `size=${String(sizeMiB)}m`, 'pawl-test', path);
}

/** Unmounts; a process that is about to be gone may hold it for a moment. */
export async function unmount(path: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      run('umount', path);
      return;
    } catch (error) {
      if (tries === UNMOUNT_TRIES) throw error;
      await sleep(UNMOUNT_PAUSE_MS);
    }
  }
}

/** Drops everything the kernel remembers of disks and could read again. */
export function dropCaches(): void {
  run('sync');
  run('sh', '-c', 'echo 3 > /proc/sys/vm/drop_caches');
}

/** How an image is made. */
export interface ImageOptions {
  readonly bytes?: number;
  /** For the tool that makes the file system. */
  readonly options?: readonly string[];
}

/** A file system on a loop image. */
export class LoopDisk {
  readonly mountPoint: string;
  readonly #image: string;
  #mounted = false;

  constructor(
    home: string,
    readonly fileSystem: FileSystem,
    { bytes = IMAGE_BYTES[fileSystem], options = [] }: ImageOptions = {},
  ) {
    this.mountPoint = join(home, 'mount');
    this.#image = join(home, 'image');
    mkdirSync(this.mountPoint, { recursive: true });
    const fd = openSync(this.#image, 'w');
    ftruncateSync(fd, bytes);
    closeSync(fd);
    const [command = '', ...args] = MAKE[fileSystem];
    run(command, ...args, ...options, this.#image);
  }

  /** Mounts it, which replays the journal of the file system. */
  mount(how: 'rw' | 'ro' = 'rw'): void {
    run('mount', '-t', this.fileSystem, '-o', `loop,${how}`, this.#image, this.mountPoint);
    this.#mounted = true;
  }

  /** The power cut. */
  cut(): void {
    run('xfs_io', '-x', '-c', 'shutdown', this.mountPoint);
  }

  async unmount(): Promise<void> {
    if (this.#mounted) await unmount(this.mountPoint);
    this.#mounted = false;
  }

  /** Unmounts and removes the image. */
  async dispose(): Promise<void> {
    await this.unmount();
    rmSync(this.#image);
  }
}
