// Writes one snapshot through the port, record by record: encoded into one buffer, made durable, read back in full
// and compared by digest before it takes its place. It gives the event loop back in between.
import type { Clock } from '../clock.js';
import type { SectionName, SectionRecords } from '../domain/snapshot-records.js';
import { PawlError } from '../errors.js';
import { readSnapshot } from './snapshot-loader-read.js';
import type { SnapshotCounts, SnapshotHeader } from './snapshot-model.js';
import type { SnapshotOutput } from './snapshot-store-port.js';
import { SnapshotEncoder } from './snapshot-writer-encoder.js';

/** Bytes that are written at a time. */
const CHUNK_BYTES = 262_144;
/** Records between two looks at the clock. */
const LOOK_EVERY = 32;

/** How long the encoder may hold the event loop. Without one it goes on until a chunk is full. */
export interface SnapshotPace {
  readonly clock: Pick<Clock, 'monotonicMs' | 'yieldTurn'>;
  /** Milliseconds. */
  readonly sliceMs: number;
}

/** A snapshot on its way to `output`; `header`, `section`…, `footer`, in that order. */
export class SnapshotStream {
  readonly #encoder: SnapshotEncoder;
  #sliceBeganMs: number;
  #sinceLook = 0;

  constructor(
    private readonly output: SnapshotOutput,
    epoch: number,
    private readonly pace?: SnapshotPace,
  ) {
    this.#encoder = new SnapshotEncoder(epoch);
    this.#sliceBeganMs = pace?.clock.monotonicMs() ?? 0;
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

  /** Encodes the records of a section; `check` is called with each before. */
  async section<N extends SectionName>(
    name: N,
    records: Iterable<SectionRecords[N]>,
    check?: (record: SectionRecords[N]) => void,
  ): Promise<void> {
    for (const record of records) {
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
    await this.output.sync();
    const input = await this.output.readBack();
    try {
      const digest = await readSnapshot(input);
      if (this.#encoder.digest?.equals(digest) !== true) throw notWhatWasWritten(this.output.path);
    } finally {
      await input.close();
    }
  }

  async #drain(): Promise<void> {
    await this.output.append(this.#encoder.take());
    this.#beginSlice();
  }

  async #rest(): Promise<void> {
    this.#sinceLook = 0;
    const { pace } = this;
    if (pace === undefined || pace.clock.monotonicMs() - this.#sliceBeganMs < pace.sliceMs) return;
    await new Promise<void>((resolve) => {
      pace.clock.yieldTurn(resolve);
    });
    this.#beginSlice();
  }

  #beginSlice(): void {
    this.#sinceLook = 0;
    if (this.pace !== undefined) this.#sliceBeganMs = this.pace.clock.monotonicMs();
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
