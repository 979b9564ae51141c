// Snapshots as files: `<sequence>.snapshot` in a directory. One is written to a temporary name, made
// durable, and renamed over its place; the directory is fsynced before anything that it replaces may go.
import { dirname, join } from 'node:path';
import { removeIfThere } from './remove-if-there.js';
import { guarded } from './storage-errors.js';
import type { Storage, StorageFile } from './storage.js';
import type { SnapshotEntry, SnapshotInput, SnapshotOutput, SnapshotStore } from './snapshot-store-port.js';

const NAME = /^(\d{1,20})\.snapshot$/;
const TEMPORARY = '.tmp';

/** The file name of the snapshot taken at a sequence. */
export function snapshotFileName(sequence: number): string {
  return `${String(sequence)}.snapshot`;
}

/** Keeps snapshots in a directory, which is made when the first is written. */
export class FileSnapshots implements SnapshotStore {
  readonly rejected = new Set<string>();
  readonly verified = new Set<string>();
  /** True once the names that an earlier process left are fsynced. */
  #fsynced = false;
  /** True after an fsync of the directory has failed: fsyncing again makes nothing true. */
  #unknown = false;

  constructor(
    private readonly storage: Storage,
    private readonly directory: string,
  ) {}

  async list(): Promise<readonly SnapshotEntry[]> {
    const entries: SnapshotEntry[] = [];
    for (const name of await this.#names()) {
      const digits = NAME.exec(name)?.[1];
      if (digits !== undefined) entries.push({ sequence: Number(digits), path: join(this.directory, name) });
    }
    return entries.sort((left, right) => right.sequence - left.sequence);
  }

  read(entry: SnapshotEntry): Promise<SnapshotInput> {
    return openSnapshotFile(this.storage, entry.path);
  }

  async write(sequence: number): Promise<SnapshotOutput> {
    const { directory, storage } = this;
    if ((await guarded('look at', directory, () => storage.stat(directory))) === undefined) {
      await guarded('create', directory, () => storage.mkdir(directory));
      await guarded('fsync', dirname(directory), () => storage.syncDir(dirname(directory)));
    }
    return await SnapshotFileOutput.create(storage, join(directory, snapshotFileName(sequence)), () =>
      this.#sync(),
    );
  }

  async remove(entry: SnapshotEntry): Promise<void> {
    await guarded('remove', entry.path, () => this.storage.unlink(entry.path));
  }

  async namesInDoubt(): Promise<string | undefined> {
    if (!this.#fsynced && !this.#unknown) {
      await this.#sync();
      this.#fsynced = true;
    }
    return this.#unknown
      ? `an fsync of ${this.directory} has failed; open the data directory again`
      : undefined;
  }

  async #sync(): Promise<void> {
    try {
      await guarded('fsync', this.directory, () => this.storage.syncDir(this.directory));
    } catch (error) {
      this.#unknown = true;
      throw error;
    }
  }

  async tidy(): Promise<void> {
    for (const name of await this.#names()) {
      const path = join(this.directory, name);
      if (name.endsWith(TEMPORARY)) await guarded('remove', path, () => this.storage.unlink(path));
    }
  }

  async #names(): Promise<readonly string[]> {
    return await guarded('list', this.directory, async () =>
      (await this.storage.stat(this.directory)) === undefined
        ? []
        : await this.storage.readdir(this.directory),
    );
  }
}

/** Opens the file of a snapshot for reading. Errors: those of the storage. */
export async function openSnapshotFile(storage: Storage, path: string): Promise<SnapshotInput> {
  const file = await guarded('open', path, () => storage.open(path, 'read'));
  let open = true;
  return {
    path,
    read: (into, from, position) =>
      guarded('read', path, () => file.read(into, from, into.length - from, position)),
    async close() {
      if (!open) return;
      open = false;
      await guarded('close', path, () => file.close());
    },
  };
}

/** A snapshot's file while it is written. */
export class SnapshotFileOutput implements SnapshotOutput {
  #file: StorageFile | undefined;
  #position = 0;
  #settled = false;

  private constructor(
    private readonly storage: Storage,
    readonly path: string,
    file: StorageFile,
    private readonly syncName: () => Promise<void>,
  ) {
    this.#file = file;
  }

  /**
   * Makes the temporary file; `syncName` fsyncs its directory. A directory that is missing is an error: the parent is not
   * ours to make.
   */
  static async create(
    storage: Storage,
    path: string,
    syncName = (): Promise<void> => guarded('fsync', dirname(path), () => storage.syncDir(dirname(path))),
  ): Promise<SnapshotFileOutput> {
    const temporary = path + TEMPORARY;
    // What a crash left: a new file, since after a failed fsync the old one is not to be trusted with new bytes.
    await removeIfThere(storage, temporary);
    const file = await guarded('create', temporary, () => storage.open(temporary, 'createNew'));
    return new SnapshotFileOutput(storage, path, file, syncName);
  }

  async append(bytes: Buffer): Promise<void> {
    const file = this.#open();
    await guarded('write', this.#temporary, () => file.write(bytes, 0, bytes.length, this.#position));
    this.#position += bytes.length;
  }

  async restart(): Promise<void> {
    const file = this.#open();
    await guarded('truncate', this.#temporary, () => file.truncate(0));
    this.#position = 0;
  }

  async sync(): Promise<void> {
    const file = this.#open();
    await guarded('fsync', this.#temporary, () => file.datasync());
  }

  readBack(): Promise<SnapshotInput> {
    return openSnapshotFile(this.storage, this.#temporary);
  }

  async publish(): Promise<void> {
    const { path, storage } = this;
    await this.#close();
    await guarded('rename', path, () => storage.rename(this.#temporary, path));
    this.#settled = true;
    await this.syncName();
  }

  async abandon(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    await this.#close().catch(() => undefined);
    await removeIfThere(this.storage, this.#temporary);
  }

  get #temporary(): string {
    return this.path + TEMPORARY;
  }

  #open(): StorageFile {
    if (this.#file === undefined) throw new TypeError('the snapshot was published or abandoned');
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) await guarded('close', this.#temporary, () => file.close());
  }
}
