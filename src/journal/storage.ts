// The file system as the journal needs it: a port, so that a simulated disk can take its place. Operations fail
// with an error whose `code` is the errno name (`ENOSPC`, `EIO`, …), as Node's do; nothing here retries.

/** What a file or directory is. */
export interface FileStat {
  readonly sizeBytes: number;
  readonly isDirectory: boolean;
  readonly device: number;
  readonly inode: number;
  /** 0 once the file was removed while it is open. */
  readonly links: number;
}

/** What a file system says of itself. */
export interface FileSystemFacts {
  /** Its number, as `statfs(2)` gives it. */
  readonly type: number;
  readonly freeBytes: number;
}

/** How a file is opened: `read`; `update` reads and writes one that exists; `create` makes it if need be; `createNew` refuses one that exists. */
export type OpenMode = 'read' | 'update' | 'create' | 'createNew';

/** An open file. Never two writes at a time. */
export interface StorageFile {
  /** Reads up to `length` bytes at `position` into `into[from…]`; fewer than `length` only at the end of the file. */
  read(into: Buffer, from: number, length: number, position: number): Promise<number>;
  /** Writes all of `bytes[from, from + length)` at `position`, or fails; how much was written is then unknown. */
  write(bytes: Buffer, from: number, length: number, position: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** Makes the contents, and the size, durable. */
  datasync(): Promise<void>;
  stat(): Promise<FileStat>;
  close(): Promise<void>;
}

/** A kernel lock that is held. */
export interface StorageLock {
  /** Replaces the text of the lock file: information for people. */
  describe(text: string): Promise<void>;
  release(): Promise<void>;
}

/** What happened to an attempt to lock. */
export type LockOutcome =
  | { readonly kind: 'held'; readonly lock: StorageLock }
  /** Another holder has it; `text` is what it wrote. */
  | { readonly kind: 'taken'; readonly text: string };

/** A file system. Paths are those of the host. */
export interface Storage {
  open(path: string, mode: OpenMode): Promise<StorageFile>;
  /** Creates one directory. `EEXIST` when it is there. */
  mkdir(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Names in a directory, sorted. */
  readdir(path: string): Promise<readonly string[]>;
  /** Undefined when nothing is there. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Makes the names in a directory durable. */
  syncDir(path: string): Promise<void>;
  /** Of the file system that holds `path`; absent where nothing is known of it. */
  fileSystem?(path: string): Promise<FileSystemFacts>;
  /** Tries once to lock the file, creating it. Errors: `LOCK_UNAVAILABLE`. */
  lock(path: string): Promise<LockOutcome>;
  /** Who this process is, for the text of the lock. */
  holder(): Promise<Readonly<Record<string, string | number>>>;
}
