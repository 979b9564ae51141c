// The port between snapshots and what keeps them: files beside the log, memory, later a database. A snapshot is
// there whole and durable, or not at all; the one it replaces stays until then.

/** A snapshot that is kept. */
export interface SnapshotEntry {
  /** Sequence of the last event it stands for, as its name says. */
  readonly sequence: number;
  /** Where it is: a file, or a name for messages. */
  readonly path: string;
}

/** The bytes of a kept snapshot. */
export interface SnapshotInput {
  readonly path: string;
  /** Fills `into` from offset `from` with what lies at `position`; returns how many bytes, 0 at the end. */
  read(into: Buffer, from: number, position: number): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A snapshot that is being written. Nothing of it is seen before `publish`. */
export interface SnapshotOutput {
  /** Where it will be. */
  readonly path: string;
  /** Appends bytes; they may be reused when it resolves. */
  append(bytes: Buffer): Promise<void>;
  /** Throws away what was appended. */
  restart(): Promise<void>;
  /** Makes durable what was appended. */
  sync(): Promise<void>;
  /** Reads what was appended, from where it is kept. */
  readBack(): Promise<SnapshotInput>;
  /** Puts it in its place, durably. To be called after `sync`. */
  publish(): Promise<void>;
  /** Leaves nothing behind. Idempotent; does nothing after `publish`. */
  abandon(): Promise<void>;
}

/** Keeps snapshots. */
export interface SnapshotStore {
  /** Paths of kept snapshots that were found unusable; they do not count among those to be kept. */
  readonly rejected: Set<string>;
  /** Paths of kept snapshots that this process has read in full and found whole. */
  readonly verified: Set<string>;
  /** The kept snapshots, newest first. */
  list(): Promise<readonly SnapshotEntry[]>;
  /** Opens one for reading. */
  read(entry: SnapshotEntry): Promise<SnapshotInput>;
  /** Begins one. */
  write(sequence: number): Promise<SnapshotOutput>;
  /** Removes one. */
  remove(entry: SnapshotEntry): Promise<void>;
  /**
   * Makes the names of the kept snapshots durable, once a process: one that failed to fsync them may have left some. Says
   * why that cannot be known, which is so after an fsync of them has failed; undefined when they are durable.
   */
  namesInDoubt(): Promise<string | undefined>;
  /** Removes what crashes left behind. Only for the holder of the lock. */
  tidy(): Promise<void>;
}
