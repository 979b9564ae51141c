// A simulated disk as one process has it. What a process that has ended still asks for, because its promises live on in
// this one, is neither done nor answered: a dead process writes nothing.
import type {
  FileStat,
  FileSystemFacts,
  LockOutcome,
  OpenMode,
  Storage,
  StorageFile,
} from '../journal/storage.js';

/** A storage that always knows its file system. */
export interface SimulatedDisk extends Storage {
  fileSystem(): Promise<FileSystemFacts>;
}

/** The storage of one process, as long as `isAlive` says so. */
export class ProcessStorage implements Storage {
  constructor(
    private readonly storage: SimulatedDisk,
    private readonly isAlive: () => boolean,
  ) {}

  open(path: string, mode: OpenMode): Promise<StorageFile> {
    return this.ask(() => this.storage.open(path, mode));
  }

  mkdir(path: string): Promise<void> {
    return this.ask(() => this.storage.mkdir(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.ask(() => this.storage.rename(from, to));
  }

  unlink(path: string): Promise<void> {
    return this.ask(() => this.storage.unlink(path));
  }

  readdir(path: string): Promise<readonly string[]> {
    return this.ask(() => this.storage.readdir(path));
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.ask(() => this.storage.stat(path));
  }

  syncDir(path: string): Promise<void> {
    return this.ask(() => this.storage.syncDir(path));
  }

  fileSystem(): Promise<FileSystemFacts> {
    return this.ask(() => this.storage.fileSystem());
  }

  lock(path: string): Promise<LockOutcome> {
    return this.ask(() => this.storage.lock(path));
  }

  holder(): Promise<Readonly<Record<string, string | number>>> {
    return this.ask(() => this.storage.holder());
  }

  private ask<T>(operation: () => Promise<T>): Promise<T> {
    return this.isAlive() ? operation() : new Promise<T>(() => undefined);
  }
}
