// Writes one snapshot through the port, record by record: encoded into one buffer, made durable, read back in full
// and compared by digest before it takes its place. It gives the event loop back in between.
import type { SectionName, SectionRecords } from '../domain/snapshot-records.js';
import { PawlError } from '../errors.js';
import { readSnapshot } from './snapshot-loader-read.js';
import type { SnapshotCounts, SnapshotHeader } from './snapshot-model.js';
import { SnapshotSlices, type SnapshotPace } from './snapshot-slices.js';
import type { SnapshotInput, SnapshotOutput } from './snapshot-store-port.js';
import { SnapshotEncoder } from './snapshot-writer-encoder.js';

/** Bytes that are written at a time. */
const CHUNK_BYTES = 262_144;
/** Records between two looks at the clock. */
const LOOK_EVERY = 16;

/** A snapshot on its way to `output`; `header`, `section`…, `footer`, in that order. */
export class SnapshotStream {
  readonly #encoder: SnapshotEncoder;
  readonly #slices: SnapshotSlices;
  #sinceLook = 0;

  constructor(
    private readonly output: SnapshotOutput,
    epoch: number,
    pace?: SnapshotPace,
  ) {
    this.#encoder = new SnapshotEncoder(epoch);
    this.#slices = new SnapshotSlices(pace);
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#encoder.bytes;
  }

  /** The number of records of each section so far. */
  get counts(): SnapshotCounts {
    return this.#encoder.counts;
  }

  header(header: SnapshotHeader): void {
    this.#encoder.header(header);
  }

  /**
   * Encodes the records of a section; `check` is called with each before. Without a pace it goes on until a chunk is full.
   * `undefined` is no record: looking for the next one took its time.
   */
  async section<N extends SectionName>(
    name: N,
    records: Iterable<SectionRecords[N] | undefined>,
    check?: (record: SectionRecords[N]) => void,
  ): Promise<void> {
    for (const record of records) {
      if (record === undefined) {
        await this.#rest();
        continue;
      }
      check?.(record);
      this.#encoder.record(name, record);
      if (this.#encoder.pendingBytes >= CHUNK_BYTES) await this.#drain();
      else if (++this.#sinceLook >= LOOK_EVERY) await this.#rest();
    }
  }

  /** Ends the bytes. */
  async footer(): Promise<void> {
    this.#encoder.footer();
    await this.#drain();
  }

  /** Makes durable what was written and reads it back in full. Errors: `SNAPSHOT_CORRUPT`. */
  async verify(): Promise<void> {
    const input = await this.#slices.during(this.#written());
    try {
      const digest = await readSnapshot(input, undefined, this.#slices);
      if (this.#encoder.digest?.equals(digest) !== true) throw notWhatWasWritten(this.output.path);
    } finally {
      await input.close();
    }
  }

  async #written(): Promise<SnapshotInput> {
    await this.output.sync();
    return await this.output.readBack();
  }

  async #drain(): Promise<void> {
    const bytes = this.#encoder.take();
    this.#sinceLook = 0;
    await this.#slices.during(this.output.append(bytes));
  }

  async #rest(): Promise<void> {
    this.#sinceLook = 0;
    if (this.#slices.isOver) await this.#slices.pause();
  }
}

function notWhatWasWritten(path: string): PawlError {
  return new PawlError(
    'SNAPSHOT_CORRUPT',
    `${path} does not hold what was written to it; the one before stays.`,
    {
      path,
      reason: 'sealMismatch',
    },
  );
}
