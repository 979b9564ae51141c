// A disk in memory that fails the way real ones do: nothing unsynced is sure to survive `crash`, sector by sector
// and name by name; any operation can be made to fail, to be done in part, or to be the last one before the
// power goes; a failed fsync keeps the cache looking right. Everything follows from the seed of the crash.
import type {
  FileStat,
  FileSystemFacts,
  LockOutcome,
  OpenMode,
  Storage,
  StorageFile,
  StorageLock,
} from '../journal/storage.js';
import { STORAGE_OPERATIONS, SimulatedErrno, type FaultPlan, type StorageOperation } from './fault-plan.js';
import { ProcessStorage } from './process-storage.js';
import { SimulatedFile, type SectorFate } from './simulated-file.js';
import { SimulatedNames, fileStat } from './simulated-names.js';

export { SimulatedErrno, type Fault, type FaultPlan, type StorageOperation } from './fault-plan.js';

/** Options of a simulated disk. */
export interface FaultyStorageOptions {
  /**
   * Awaited by every operation before it is done, so that a test decides in which order waiting operations go on. One
   * that never resolves never answers. Default: a turn of the microtask queue.
   */
  readonly turn?: (operation: StorageOperation, path: string) => Promise<void>;
}

interface Perform {
  /** Does the first bytes of a write, or what a failed fsync leaves behind. */
  readonly partly?: (bytes: number) => void;
  /** Process that asks. */
  readonly born?: number;
}

/** What `statfs(2)` says of ext4. */
const EXT4_TYPE = 0xef53;
const FREE_BYTES = 4_194_304;

/** The simulated disk. `/` exists; paths are absolute. */
export class FaultyStorage implements Storage {
  /** How often each operation was begun. */
  readonly counts: Record<StorageOperation, number> = zeroCounts();
  /** Operations begun so far. */
  operations = 0;
  private readonly names = new SimulatedNames();
  private readonly locks = new Map<string, { text: string }>();
  private plan: FaultPlan | undefined;
  /** Number of the process: what an earlier one asked for is never answered. */
  private generation = 0;
  private stopped = false;
  private syncGate: Promise<void> | undefined;
  private readonly turn: (operation: StorageOperation, path: string) => Promise<void>;

  constructor(options: FaultyStorageOptions = {}) {
    this.turn = options.turn ?? (() => Promise.resolve());
  }

  /** True once an operation met a `halt`: nothing answers until `crash`, `kill` or `forgetProcess`. */
  get halted(): boolean {
    return this.stopped;
  }

  /** The storage as the process has it that runs now: once it has ended, nothing it asks for is done or answered. */
  asProcess(): Storage {
    const born = this.generation;
    return new ProcessStorage(this, () => this.generation === born);
  }

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
    const files = [...this.names.files()];
    this.names.crash(() => random() < 0.5);
    for (const file of files) file.crash(fate);
    this.forgetProcess();
  }

  /** Ends the process, and later the machine in good order: everything in the cache survives. */
  kill(): void {
    const files = [...this.names.files()];
    this.names.crash(() => true);
    for (const file of files) file.sync();
    this.forgetProcess();
  }

  /** Ends the process and nothing else: the cache stays as it is, synced or not; its open files and locks are gone. */
  forgetProcess(): void {
    this.generation++;
    this.locks.clear();
    this.stopped = false;
    this.plan = undefined;
    this.syncGate = undefined;
  }

  /** Bytes of a file as a process reads them, for assertions. */
  contents(path: string): Buffer {
    return Buffer.from(this.names.file(path).contents());
  }

  /** Bytes of a file that a power cut would leave if nothing unsynced reached the disk; undefined when it would be gone. Not a copy. */
  durable(path: string): Buffer | undefined {
    return this.names.durable(path)?.durableContents();
  }

  /** Names that such a power cut would leave in a directory, sorted. */
  durableNames(directory: string): string[] {
    return this.names.listDurable(directory);
  }

  /** Puts a file there, durably, with its directories: for test fixtures. */
  place(path: string, bytes: Buffer): void {
    const file = new SimulatedFile(0);
    file.write(bytes, 0, bytes.length, 0);
    file.sync();
    this.names.place(path, file);
  }

  async open(path: string, mode: OpenMode): Promise<StorageFile> {
    return this.perform('open', path, () => {
      const found = this.names.find(path);
      if (found !== undefined && mode === 'createNew') throw new SimulatedErrno('EEXIST', path);
      if (found !== undefined) return this.handle(found);
      if (mode === 'read' || mode === 'update') throw new SimulatedErrno('ENOENT', path);
      return this.handle(this.names.create(path));
    });
  }

  async mkdir(path: string): Promise<void> {
    await this.perform('mkdir', path, () => {
      this.names.mkdir(path);
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.perform('rename', from, () => {
      this.names.rename(from, to);
    });
  }

  async unlink(path: string): Promise<void> {
    await this.perform('unlink', path, () => {
      this.names.unlink(path);
    });
  }

  async readdir(path: string): Promise<readonly string[]> {
    return this.perform('readdir', path, () => this.names.list(path));
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return this.perform('stat', path, () => this.names.stat(path));
  }

  async syncDir(path: string): Promise<void> {
    await this.perform('syncDir', path, () => {
      this.names.sync(path);
    });
  }

  async lock(path: string): Promise<LockOutcome> {
    return this.perform('lock', path, (): LockOutcome => {
      const taken = this.locks.get(path);
      if (taken !== undefined) return { kind: 'taken', text: taken.text };
      if (this.names.find(path) === undefined) this.names.create(path);
      const held = { text: '' };
      this.locks.set(path, held);
      return { kind: 'held', lock: this.lockHandle(path, held) };
    });
  }

  /** A small disk: a reserve of the default size finds no room on it, which would only be memory. */
  fileSystem(): Promise<FileSystemFacts> {
    return Promise.resolve({ type: EXT4_TYPE, freeBytes: FREE_BYTES });
  }

  holder(): Promise<Readonly<Record<string, string | number>>> {
    const bootId = String(this.generation);
    return Promise.resolve({ pid: this.generation + 1, host: 'simulated', bootId, startTime: '0' });
  }

  /** Runs an operation under the fault plan. */
  private async perform<T>(
    operation: StorageOperation,
    path: string,
    run: () => T,
    more: Perform = {},
  ): Promise<T> {
    const { partly, born = this.generation } = more;
    await this.turn(operation, path);
    if (operation === 'datasync' && this.syncGate !== undefined) await this.syncGate;
    if (this.stopped || born !== this.generation) return never();
    this.counts[operation]++;
    const index = this.operations++;
    const fault = this.plan?.(operation, path, index);
    if (fault === undefined) return run();
    if (fault.kind === 'fail') {
      partly?.(fault.writtenBytes ?? 0);
      throw new SimulatedErrno(fault.errno, path);
    }
    if (fault.when === 'after') run();
    else if (operation === 'write') partly?.(fault.writtenBytes ?? 0);
    this.stopped = true;
    return never();
  }

  /** An open file belongs to the process that opened it: after a crash it never answers. */
  private handle(file: SimulatedFile): StorageFile {
    const born = this.generation;
    const perform = <T>(
      operation: StorageOperation,
      run: () => T,
      partly?: (bytes: number) => void,
    ): Promise<T> =>
      this.perform(operation, file.path, run, partly === undefined ? { born } : { born, partly });
    return {
      read: (into, from, length, position) => perform('read', () => file.read(into, from, length, position)),
      write: (bytes, from, length, position) => {
        const put = (count: number) => (): void => {
          file.write(bytes, from, Math.min(count, length), position);
        };
        return perform('write', put(length), (count) => {
          put(count)();
        });
      },
      truncate: (sizeBytes) =>
        perform('truncate', () => {
          file.truncate(sizeBytes);
        }),
      datasync: () =>
        perform(
          'datasync',
          () => {
            file.sync();
          },
          () => {
            file.failSync();
          },
        ),
      stat: () => perform('stat', () => fileStat(file)),
      close: () => perform('close', () => undefined),
    };
  }

  private lockHandle(path: string, held: { text: string }): StorageLock {
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
}

function zeroCounts(): Record<StorageOperation, number> {
  return Object.fromEntries(STORAGE_OPERATIONS.map((name) => [name, 0])) as Record<StorageOperation, number>;
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
