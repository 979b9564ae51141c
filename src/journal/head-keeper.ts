// Writes `head` behind the log: after the first batch of a writer, at once when asked, else once a second or every
// thousand batches, one at a time; only the first is waited for. A failure costs the outside witness, not the log,
// and is only logged; another writer's epoch in it is told.
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { HeadTakenOver, HeadWriter, type Head } from './head-file.js';
import type { Storage } from './storage.js';

const EVERY_MS = 1_000;
const EVERY_BATCHES = 1_000;

type Position = Omit<Head, 'generation'>;

/** Decides when `head` is written. */
export class HeadKeeper {
  private readonly writer: HeadWriter;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private batches = 0;
  private writtenMs: number;
  private writing: Promise<void> | undefined;
  private begun = false;

  constructor(
    storage: Storage,
    paths: { readonly root: string; readonly head: string },
    generation: number,
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
    private readonly onTakenOver: (epoch: number) => void = () => undefined,
  ) {
    this.writer = new HeadWriter(storage, paths, generation);
    this.clock = clock;
    this.logger = logger;
    this.writtenMs = clock.monotonicMs();
  }

  /** A batch is durable up to `position`. Resolves at once, but for the first: whoever opens next must find our epoch. */
  async after(position: Position): Promise<void> {
    if (!this.begun) {
      await this.write(position);
      return;
    }
    this.batches++;
    if (this.writing !== undefined) return;
    if (this.batches < EVERY_BATCHES && this.clock.monotonicMs() - this.writtenMs < EVERY_MS) return;
    void this.write(position);
  }

  /** Writes now, after what is being written. */
  async now(position: Position): Promise<void> {
    await this.writing;
    await this.write(position);
  }

  async close(): Promise<void> {
    await this.writing;
    await this.writer.close().catch(() => undefined);
  }

  private async write(position: Position): Promise<void> {
    this.begun = true;
    this.batches = 0;
    this.writtenMs = this.clock.monotonicMs();
    this.writing = this.writer.write(position).catch((error: unknown) => {
      if (error instanceof HeadTakenOver) this.onTakenOver(error.epoch);
      else this.logger.warn({ component: 'journal', err: error }, 'head not written');
    });
    await this.writing;
    this.writing = undefined;
  }
}
