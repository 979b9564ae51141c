// A disk in memory that fails the way real ones do: nothing unsynced is sure to survive `crash`, sector by sector
// and name by name; any operation can be made to fail, to be done in part, or to be the last one before the
// power goes; a failed fsync keeps the cache looking right. Everything follows from the seed of the crash.
import type {
  FileStat,
  LockOutcome,
  OpenMode,
  Storage,
  StorageFile,
  StorageLock,
} from '../journal/storage.js';
import { SimulatedFile, type SectorFate } from './simulated-file.js';

/** Operations that can be counted, failed and stopped at. */
export type StorageOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'datasync'
  | 'stat'
  | 'close'
  | 'mkdir'
  | 'rename'
  | 'unlink'
  | 'readdir'
  | 'syncDir'
  | 'lock';

/** What happens to an operation. `halt`: it and everything after it never answers, as when the power goes. */
export type Fault =
  | {
      readonly kind: 'fail';
      readonly errno: string;
      /** Bytes of a write that are done all the same. */ readonly writtenBytes?: number;
    }
  | { readonly kind: 'halt'; readonly when: 'before' | 'after'; readonly writtenBytes?: number };

/** Looks at each operation before it is done. `index` counts all of them from 0. */
export type FaultPlan = (operation: StorageOperation, path: string, index: number) => Fault | undefined;

interface NameChange {
  readonly directory: string;
  readonly apply: (names: Map<string, Entry>) => void;
}
type Entry = SimulatedFile | 'directory';

/** An error as the operating system gives it. */
export class SimulatedErrno extends Error {
  constructor(
    readonly code: string,
    path: string,
  ) {
    super(`${code}: simulated, ${path}`);
  }
}

/** The simulated disk. `/` exists; paths are absolute. */
export class FaultyStorage implements Storage {
  /** How often each operation was begun. */
  readonly counts: Record<StorageOperation, number> = {
    open: 0,
    read: 0,
    write: 0,
    truncate: 0,
    datasync: 0,
    stat: 0,
    close: 0,
    mkdir: 0,
    rename: 0,
    unlink: 0,
    readdir: 0,
    syncDir: 0,
    lock: 0,
  };
  /** Operations begun so far. */
  operations = 0;
  private plan: FaultPlan | undefined;
  private cached = new Map<string, Entry>([['/', 'directory']]);
  private platter = new Map<string, Entry>([['/', 'directory']]);
  private changes: NameChange[] = [];
  private readonly locks = new Map<string, { text: string; holder: object }>();
  private inodes = 1;
  private generation = 0;
  private halted = false;
  private syncGate: Promise<void> | undefined;

  /** Sets what happens to operations from now on; `undefined`: nothing bad. */
  setFaults(plan: FaultPlan | undefined): void {
    this.plan = plan;
  }

  /** The `nth` operation of a kind from now on (default the next one) fails once. */
  failNext(operation: StorageOperation, errno: string, { nth = 1, writtenBytes = 0 } = {}): void {
    let left = nth;
    this.plan = (begun) => {
      if (begun !== operation || --left !== 0) return undefined;
      this.plan = undefined;
      return { kind: 'fail', errno, writtenBytes };
    };
  }

  /** Every `datasync` waits until the returned function is called. */
  holdSyncs(): () => void {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.syncGate = gate;
    return () => {
      if (this.syncGate === gate) this.syncGate = undefined;
      release();
    };
  }

  /**
   * Cuts the power: every unsynced sector is old, new or zero, every unsynced change of a name happened or did not, as
   * `random` (uniform in [0, 1)) decides. Open files and locks are gone; what was waiting never answers.
   */
  crash(random: () => number): void {
    const fate = (): SectorFate => {
      const chance = random();
      return chance < 0.4 ? 'new' : chance < 0.8 ? 'old' : 'zero';
    };
    for (const change of this.changes) {
      if (random() < 0.5) change.apply(this.platter);
    }
    for (const file of this.files()) file.crash(fate);
    this.restart();
  }

  /** Ends the process without a power cut: everything in the cache survives. */
  kill(): void {
    for (const change of this.changes) change.apply(this.platter);
    for (const file of this.files()) file.sync();
    this.restart();
  }

  /** Bytes of a file as a process reads them, for assertions. */
  contents(path: string): Buffer {
    return Buffer.from(this.fileAt(path).contents());
  }

  /** Puts a file there, durably, with its directories: for test fixtures. */
  place(path: string, bytes: Buffer): void {
    const file = new SimulatedFile(this.inodes++);
    file.write(bytes, 0, bytes.length, 0);
    file.sync();
    file.links = 1;
    for (const names of [this.cached, this.platter]) {
      for (let parent = parentOf(path); parent !== '/'; parent = parentOf(parent))
        names.set(parent, 'directory');
      names.set(path, file);
    }
  }

  async open(path: string, mode: OpenMode): Promise<StorageFile> {
    return this.perform('open', path, () => {
      const found = this.cached.get(path);
      if (found === 'directory') throw new SimulatedErrno('EISDIR', path);
      if (found !== undefined) {
        if (mode === 'createNew') throw new SimulatedErrno('EEXIST', path);
        return this.handle(found, path);
      }
      if (mode === 'read' || mode === 'update') throw new SimulatedErrno('ENOENT', path);
      this.requireDirectory(parentOf(path));
      const file = new SimulatedFile(this.inodes++);
      this.change(parentOf(path), (names) => {
        link(names, path, file);
      });
      return this.handle(file, path);
    });
  }

  async mkdir(path: string): Promise<void> {
    await this.perform('mkdir', path, () => {
      if (this.cached.has(path)) throw new SimulatedErrno('EEXIST', path);
      this.requireDirectory(parentOf(path));
      this.change(parentOf(path), (names) => {
        names.set(path, 'directory');
      });
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.perform('rename', from, () => {
      const file = this.fileAt(from);
      this.change(parentOf(to), (names) => {
        if (names.get(from) === file) names.delete(from);
        link(names, to, file);
      });
    });
  }

  async unlink(path: string): Promise<void> {
    await this.perform('unlink', path, () => {
      const file = this.fileAt(path);
      this.change(parentOf(path), (names) => {
        if (names.get(path) === file) names.delete(path);
      });
      file.links = 0;
    });
  }

  async readdir(path: string): Promise<readonly string[]> {
    return this.perform('readdir', path, () => {
      this.requireDirectory(path);
      const prefix = path === '/' ? '/' : `${path}/`;
      return [...this.cached.keys()]
        .filter((name) => name !== '/' && name.startsWith(prefix) && !name.slice(prefix.length).includes('/'))
        .map((name) => name.slice(prefix.length))
        .sort();
    });
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return this.perform('stat', path, () => {
      const found = this.cached.get(path);
      return found === undefined ? undefined : statOf(found);
    });
  }

  async syncDir(path: string): Promise<void> {
    await this.perform('syncDir', path, () => {
      this.requireDirectory(path);
      this.changes = this.changes.filter((change) => {
        if (change.directory !== path) return true;
        change.apply(this.platter);
        return false;
      });
    });
  }

  async lock(path: string): Promise<LockOutcome> {
    return this.perform('lock', path, (): LockOutcome => {
      const taken = this.locks.get(path);
      if (taken !== undefined) return { kind: 'taken', text: taken.text };
      if (!this.cached.has(path)) {
        this.requireDirectory(parentOf(path));
        const file = new SimulatedFile(this.inodes++);
        this.change(parentOf(path), (names) => {
          link(names, path, file);
        });
      }
      const held = { text: '', holder: {} };
      this.locks.set(path, held);
      return { kind: 'held', lock: this.lockHandle(path, held) };
    });
  }

  holder(): Promise<Readonly<Record<string, string | number>>> {
    return Promise.resolve({
      pid: this.generation + 1,
      host: 'simulated',
      bootId: String(this.generation),
      startTime: '0',
    });
  }

  /** Runs an operation under the fault plan; used by the open files too. */
  async perform<T>(
    operation: StorageOperation,
    path: string,
    run: () => T,
    partly?: (bytes: number) => void,
  ): Promise<T> {
    const born = this.generation;
    await Promise.resolve();
    if (operation === 'datasync' && this.syncGate !== undefined) await this.syncGate;
    if (this.halted || born !== this.generation) return never();
    this.counts[operation]++;
    const fault = this.plan?.(operation, path, this.operations++);
    if (fault === undefined) return run();
    if (fault.kind === 'fail') {
      partly?.(fault.writtenBytes ?? 0);
      throw new SimulatedErrno(fault.errno, path);
    }
    if (fault.when === 'after') run();
    else if (fault.writtenBytes !== undefined) partly?.(fault.writtenBytes);
    this.halted = true;
    return never();
  }

  private handle(file: SimulatedFile, path: string): StorageFile {
    return {
      read: (into, from, length, position) =>
        this.perform('read', path, () => file.contents().copy(into, from, position, position + length)),
      write: (bytes, from, length, position) =>
        this.perform(
          'write',
          path,
          () => {
            file.write(bytes, from, length, position);
          },
          (done) => {
            file.write(bytes, from, Math.min(done, length), position);
          },
        ),
      truncate: (sizeBytes) =>
        this.perform('truncate', path, () => {
          file.truncate(sizeBytes);
        }),
      datasync: () =>
        this.perform(
          'datasync',
          path,
          () => {
            file.sync();
          },
          () => {
            file.failSync();
          },
        ),
      stat: () => this.perform('stat', path, () => statOf(file)),
      close: () => this.perform('close', path, () => undefined),
    };
  }

  private lockHandle(path: string, held: { text: string; holder: object }): StorageLock {
    return {
      describe: (text) => {
        held.text = text;
        return Promise.resolve();
      },
      release: () => {
        if (this.locks.get(path) === held) this.locks.delete(path);
        return Promise.resolve();
      },
    };
  }

  private change(directory: string, apply: (names: Map<string, Entry>) => void): void {
    apply(this.cached);
    this.changes.push({ directory, apply });
  }

  private restart(): void {
    this.generation++;
    this.changes = [];
    this.cached = new Map(this.platter);
    this.locks.clear();
    this.halted = false;
    this.plan = undefined;
    this.syncGate = undefined;
  }

  private *files(): Generator<SimulatedFile> {
    const seen = new Set<Entry>([...this.cached.values(), ...this.platter.values()]);
    for (const entry of seen) if (entry !== 'directory') yield entry;
  }

  private fileAt(path: string): SimulatedFile {
    const found = this.cached.get(path);
    if (found === undefined) throw new SimulatedErrno('ENOENT', path);
    if (found === 'directory') throw new SimulatedErrno('EISDIR', path);
    return found;
  }

  private requireDirectory(path: string): void {
    const found = this.cached.get(path);
    if (found === undefined) throw new SimulatedErrno('ENOENT', path);
    if (found !== 'directory') throw new SimulatedErrno('ENOTDIR', path);
  }
}

function link(names: Map<string, Entry>, path: string, file: SimulatedFile): void {
  const replaced = names.get(path);
  if (replaced !== undefined && replaced !== 'directory' && replaced !== file) replaced.links = 0;
  file.links = 1;
  names.set(path, file);
}

function statOf(entry: Entry): FileStat {
  if (entry === 'directory') return { sizeBytes: 0, isDirectory: true, device: 1, inode: 0, links: 1 };
  return {
    sizeBytes: entry.sizeBytes,
    isDirectory: false,
    device: 1,
    inode: entry.inode,
    links: entry.links,
  };
}

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
