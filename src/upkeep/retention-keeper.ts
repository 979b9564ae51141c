// When retention looks at the log: a while after each snapshot and after the start, never while a snapshot is being
// written. A segment that an open reader still wants is kept for it, for ten minutes at most.
import type { Clock } from '../clock.js';
import type { KeptSegment } from '../journal/journal-backend.js';
import { retain, type RetainParts } from '../journal/retention.js';
import type { Deadline, Deadlines } from '../scheduling/deadlines.js';

/** How long after a snapshot retention looks, milliseconds. */
export const RETENTION_DELAY_MS = 1_000;
/** How long an open reader holds a segment back, milliseconds. */
export const PIN_MAX_MS = 600_000;
/** How soon it looks again when a reader held something back, milliseconds. */
const PINNED_LOOK_MS = 10_000;

/** Somebody who reads the log. */
export interface LogReader {
  /** Sequence of the last event it has. */
  readonly position: number;
}

/** What the keeper works with. */
export interface RetentionKeeperParts extends Omit<RetainParts, 'isStopped' | 'wantedFrom'> {
  readonly clock: Pick<Clock, 'monotonicMs' | 'yieldTurn'>;
  readonly deadlines: Pick<Deadlines, 'after'>;
  /** Those who read the log now. */
  readonly readers: () => Iterable<LogReader>;
  /** True while a snapshot is being written. */
  readonly isSnapshotting: () => boolean;
}

interface Pin {
  /** First sequence of the segment that is held. */
  readonly segment: number;
  readonly sinceMs: number;
}

/** Lets go of old segments in the background. */
export class RetentionKeeper {
  readonly #parts: RetentionKeeperParts;
  #pins = new Map<LogReader, Pin>();
  #next: Deadline | undefined;
  #look: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: RetentionKeeperParts) {
    this.#parts = parts;
  }

  /** True while segments are looked at or removed. */
  get busy(): boolean {
    return this.#look !== undefined;
  }

  /** Looks in a while. */
  soon(): void {
    this.#arm(RETENTION_DELAY_MS);
  }

  /** Removes nothing more; resolves when the removal that is under way is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#next?.cancel();
    await this.#look;
  }

  #arm(delayMs: number): void {
    if (this.#stopped || this.#next !== undefined) return;
    this.#next = this.#parts.deadlines.after(delayMs, () => {
      this.#next = undefined;
      if (this.#look !== undefined || this.#parts.isSnapshotting()) this.soon();
      else
        this.#look = this.#run().finally(() => {
          this.#look = undefined;
        });
    });
  }

  async #run(): Promise<void> {
    try {
      const { heldBack } = await retain({
        ...this.#parts,
        isStopped: () => this.#stopped || this.#parts.isSnapshotting(),
        wantedFrom: (segments) => this.#wantedFrom(segments),
      });
      if (heldBack) this.#arm(PINNED_LOOK_MS);
    } catch (error) {
      const { logger } = this.#parts;
      logger.warn({ component: 'retention', err: error }, 'segments could not be removed, the log goes on');
    }
  }

  /** The first sequence that a reader still wants and may still hold back. */
  #wantedFrom(segments: readonly KeptSegment[]): number {
    const nowMs = this.#parts.clock.monotonicMs();
    const pins = new Map<LogReader, Pin>();
    let wantedFrom = Infinity;
    for (const reader of this.#parts.readers()) {
      const wanted = reader.position + 1;
      const segment = segments.findLast(({ firstSequence }) => firstSequence <= wanted)?.firstSequence;
      // What it wants is gone already: it will be told.
      if (segment === undefined) continue;
      const known = this.#pins.get(reader);
      const pin = known?.segment === segment ? known : { segment, sinceMs: nowMs };
      pins.set(reader, pin);
      if (nowMs - pin.sinceMs < PIN_MAX_MS) wantedFrom = Math.min(wantedFrom, wanted);
    }
    this.#pins = pins;
    return wantedFrom;
  }
}
