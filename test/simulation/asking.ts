// A storage that notes what it was asked to do and passes it on: to see that somebody touches nothing.
import type { FileStat, LockOutcome, OpenMode, Storage, StorageFile } from '../../src/journal/storage.js';

/** Notes the names of the operations, in order. */
export class Asking implements Storage {
  constructor(
    readonly storage: Storage,
    readonly asked: string[],
  ) {}

  open(path: string, mode: OpenMode): Promise<StorageFile> {
    this.asked.push(`open ${mode}`);
    return this.storage.open(path, mode);
  }

  mkdir(path: string): Promise<void> {
    this.asked.push('mkdir');
    return this.storage.mkdir(path);
  }

  rename(from: string, to: string): Promise<void> {
    this.asked.push('rename');
    return this.storage.rename(from, to);
  }

  unlink(path: string): Promise<void> {
    this.asked.push('unlink');
    return this.storage.unlink(path);
  }

  readdir(path: string): Promise<readonly string[]> {
    this.asked.push('readdir');
    return this.storage.readdir(path);
  }

  stat(path: string): Promise<FileStat | undefined> {
    this.asked.push('stat');
    return this.storage.stat(path);
  }

  syncDir(path: string): Promise<void> {
    this.asked.push('syncDir');
    return this.storage.syncDir(path);
  }

  lock(path: string): Promise<LockOutcome> {
    this.asked.push('lock');
    return this.storage.lock(path);
  }

  holder(): Promise<Readonly<Record<string, string | number>>> {
    return this.storage.holder();
  }
}
