// The log as recovery would find it if the power went now and nothing unsynced had reached the disk: whole frames of
// commits, read from the platter of the simulated disk without any help of the engine's own reading.
import { crc32 } from '../../src/journal/crc.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, FrameHeader, LOG_MAGIC } from '../../src/journal/frame.js';
import { applyMask } from '../../src/journal/mask.js';
import type { FaultyStorage } from '../../src/testing/faulty-storage.js';

/** A commit on the platter. */
export interface DurableFrame {
  readonly firstSequence: number;
  readonly count: number;
  readonly payloadCrc: number;
  readonly batch: number;
  readonly epoch: number;
  /** Payload, its mask taken off. */
  readonly payload: () => Buffer;
}

/** Reads what is durable of the log under `<root>/wal`. */
export class DurableLog {
  readonly #header = new FrameHeader();
  #path = '';
  #offset = 0;

  constructor(
    readonly storage: FaultyStorage,
    readonly root: string,
  ) {}

  /** Paths of the durable segments, in order. */
  segments(): string[] {
    return this.#segmentsIn(`${this.root}/wal`);
  }

  #segmentsIn(directory: string): string[] {
    return this.storage
      .durableNames(directory)
      .filter((name) => name.endsWith('.wal'))
      .map((name) => `${directory}/${name}`);
  }

  /** Sequence with which the durable log begins; undefined when no segment is durable. */
  begin(): number | undefined {
    return sequenceOf(this.segments()[0]);
  }

  /** Every durable commit of what was moved to `archive/`, in order. */
  archived(): DurableFrame[] {
    return this.#segmentsIn(`${this.root}/archive`).flatMap((path) => this.#scan(path, 0).frames);
  }

  /** Sequences of the durable snapshots. */
  snapshots(): number[] {
    return this.storage
      .durableNames(`${this.root}/snapshots`)
      .filter((name) => name.endsWith('.snapshot'))
      .map((name) => Number.parseInt(name, 10));
  }

  /** The durable commits that were not handed out before. */
  fresh(): DurableFrame[] {
    const found: DurableFrame[] = [];
    for (const path of this.segments()) {
      if (path < this.#path) continue;
      const { frames, end } = this.#scan(path, path === this.#path ? this.#offset : 0);
      this.#path = path;
      this.#offset = end;
      found.push(...frames);
    }
    return found;
  }

  /** Forgets what was handed out: after a start the files are others. */
  forget(): void {
    this.#path = '';
    this.#offset = 0;
  }

  #scan(path: string, from: number): { frames: DurableFrame[]; end: number } {
    const bytes = this.storage.durable(path) ?? Buffer.alloc(0);
    const frames: DurableFrame[] = [];
    const header = this.#header;
    let at = from;
    while (at + FRAME_HEADER_BYTES <= bytes.length) {
      if (bytes.readUInt32LE(at) !== LOG_MAGIC || !header.read(bytes, at)) break;
      const start = at + FRAME_HEADER_BYTES;
      const end = start + header.length;
      if (end > bytes.length || crc32(bytes, start, end) !== header.payloadCrc) break;
      if (header.kind === FRAME_KIND.commit) frames.push(frameOf(header, bytes, start, end));
      at = end;
    }
    return { frames, end: at };
  }
}

function sequenceOf(path: string | undefined): number | undefined {
  return path === undefined ? undefined : Number.parseInt(path.slice(path.lastIndexOf('/') + 1), 10);
}

function frameOf(header: FrameHeader, bytes: Buffer, start: number, end: number): DurableFrame {
  const { firstSequence, count, payloadCrc, batch, epoch, mask } = header;
  return {
    firstSequence,
    count,
    payloadCrc,
    batch,
    epoch,
    payload() {
      const payload = Buffer.from(bytes.subarray(start, end));
      applyMask(payload, 0, payload.length, mask);
      return payload;
    },
  };
}
