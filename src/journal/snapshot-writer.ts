// Writes a whole snapshot to a file. The target is untouched until `close` has renamed the finished, fsynced and
// read-back file over it; a write that is given up leaves the old target and no temporary file.
import { PawlError } from '../errors.js';
import { SECTION_NAMES, type SectionName } from '../domain/snapshot-records.js';
import { hostStorage } from './host-storage.js';
import type { SnapshotFileOptions } from './snapshot-loader.js';
import { sectionOf, type Snapshot } from './snapshot-model.js';
import { SnapshotFileOutput } from './snapshot-store-files.js';
import { validateSnapshot } from './snapshot-validate.js';
import { SnapshotStream } from './snapshot-writer-stream.js';
import type { Storage } from './storage.js';

/** Writes the snapshot of a file: `write`, perhaps `flush`, then `close`, or `abandon`. One call at a time. */
export class SnapshotWriter implements AsyncDisposable {
  readonly #storage: Storage;
  #output: SnapshotFileOutput | undefined;
  #written: SnapshotStream | undefined;
  #closed = false;

  constructor(
    readonly path: string,
    options: SnapshotFileOptions = {},
  ) {
    this.#storage = options.storage ?? hostStorage;
  }

  /**
   * Validates a snapshot and writes it to the temporary file, in place of one that was written before.
   * Errors: `CLOSED`, `SNAPSHOT_INVALID{rule}`, `UNSUPPORTED_FORMAT`, `INVALID_INPUT`, those of the storage.
   */
  async write(snapshot: Snapshot): Promise<void> {
    this.#requireOpen();
    validateSnapshot(snapshot);
    this.#written = undefined;
    if (this.#output === undefined) this.#output = await SnapshotFileOutput.create(this.#storage, this.path);
    else await this.#output.restart();
    const stream = new SnapshotStream(this.#output, snapshot.epoch?.epoch ?? 0);
    stream.header(snapshot.header);
    for (const name of SECTION_NAMES) await writeSection(stream, snapshot, name);
    await stream.footer();
    this.#written = stream;
  }

  /** Makes the temporary file durable; the target stays as it is. Errors: `CLOSED`, those of the storage. */
  async flush(): Promise<void> {
    this.#requireOpen();
    await this.#output?.sync();
  }

  /**
   * Makes the snapshot durable, reads it back in full and renames it over the target. When it fails, the target is
   * as it was, the temporary file is gone and the writer is closed. Errors: `CLOSED`, `INVALID_INPUT` when nothing was
   * written, `SNAPSHOT_CORRUPT`, those of the storage.
   */
  async close(): Promise<void> {
    this.#requireOpen();
    const output = this.#output;
    const written = this.#written;
    this.#closed = true;
    try {
      if (output === undefined || written === undefined) throw nothingWritten(this.path);
      await written.verify();
      await output.publish();
    } finally {
      await output?.abandon();
    }
  }

  /** Gives the write up. Idempotent; does nothing after `close`. */
  async abandon(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#output?.abandon();
  }

  /** Abandons what was not closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.abandon();
  }

  #requireOpen(): void {
    if (this.#closed) {
      throw new PawlError('CLOSED', `The snapshot writer of ${this.path} is closed; make a new one.`, {
        path: this.path,
      });
    }
  }
}

function writeSection(stream: SnapshotStream, snapshot: Snapshot, name: SectionName): Promise<void> {
  return stream.section(name, sectionOf(snapshot, name));
}

function nothingWritten(path: string): PawlError {
  return new PawlError(
    'INVALID_INPUT',
    `No snapshot was written to ${path}; call write before close, or abandon.`,
    {
      path: 'snapshot',
      rule: 'write before close',
    },
  );
}
