// Reads a snapshot file back whole, and judges it twice: the bytes by their digest, the records by the rules of
// contract §9. Recovery does the same record by record, straight into the projections.
import type { SectionName, SectionRecords } from '../domain/snapshot-records.js';
import { hostStorage } from './host-storage.js';
import type { Storage } from './storage.js';
import { readSnapshot } from './snapshot-loader-read.js';
import type { Snapshot, SnapshotCounts, SnapshotHeader, SnapshotSink } from './snapshot-model.js';
import { openSnapshotFile } from './snapshot-store-files.js';
import type { SnapshotInput } from './snapshot-store-port.js';
import { validated } from './snapshot-validate.js';

/** Options of `SnapshotLoader` and `SnapshotWriter`. */
export interface SnapshotFileOptions {
  /** Default: the machine's file system. */
  readonly storage?: Storage;
}

/** Loads the snapshot of a file. */
export class SnapshotLoader {
  readonly #storage: Storage;

  constructor(
    readonly path: string,
    options: SnapshotFileOptions = {},
  ) {
    this.#storage = options.storage ?? hostStorage;
  }

  /**
   * The snapshot, validated; `undefined` when there is no such file.
   * Errors: `SNAPSHOT_CORRUPT{path, offset, reason}`, `UNSUPPORTED_FORMAT`, `SNAPSHOT_INVALID{rule}`, those of the storage.
   */
  async load(): Promise<Snapshot | undefined> {
    if ((await this.#storage.stat(this.path)) === undefined) return undefined;
    const input = await openSnapshotFile(this.#storage, this.path);
    try {
      return await collectSnapshot(input);
    } finally {
      await input.close();
    }
  }
}

/** Reads and validates a whole snapshot into memory. */
export async function collectSnapshot(input: SnapshotInput): Promise<Snapshot> {
  const collector = new Collector();
  await readSnapshot(input, validated(collector));
  return collector.snapshot();
}

class Collector implements SnapshotSink {
  #header: SnapshotHeader | undefined;
  #counts: SnapshotCounts = {};
  readonly #sections = new Map<SectionName, unknown[]>();

  header(header: SnapshotHeader): void {
    this.#header = header;
  }

  record<N extends SectionName>(section: N, record: SectionRecords[N]): void {
    const records = this.#sections.get(section);
    if (records === undefined) this.#sections.set(section, [record]);
    else records.push(record);
  }

  footer(counts: SnapshotCounts): void {
    this.#counts = counts;
  }

  snapshot(): Snapshot {
    const sections: Record<string, unknown> = Object.fromEntries(this.#sections);
    for (const single of ['epoch', 'engine'] as const) {
      const [record] = this.#sections.get(single) ?? [];
      if (record !== undefined) sections[single] = record;
    }
    return { ...sections, header: this.#header, counts: this.#counts } as Snapshot;
  }
}
