// The share of the event loop that the writing of a snapshot takes: one slice in a turn, never two, and as long as the
// rest of a turn takes on the average. What an operation of the disk completes runs in the same turn as what was put off
// to its end, so whoever goes on writing there takes the turn twice.
import type { Clock } from '../clock.js';

/** How long the event loop may be held. */
export interface SnapshotPace {
  readonly clock: Pick<Clock, 'monotonicMs' | 'yieldTurn'>;
  /** A slice lasts so long beside an idle engine, milliseconds. */
  readonly minMs: number;
  /** And no longer than this beside a busy one, so that the snapshot still gets on. */
  readonly maxMs: number;
  /** Gets the length of each slice, milliseconds; for measurements. */
  readonly onSlice?: ((ms: number) => void) | undefined;
}

/**
 * The average is that of about so many turns, none of which counts for more than the longest slice: one long turn, such
 * as one with a collection of garbage in it, must not make long slices, behind which turns stay long.
 */
const TURNS = 16;
const NOTHING = Promise.resolve();

/** Cuts work into slices. Without a pace there is one, and only operations of the disk interrupt it. */
export class SnapshotSlices {
  #beganMs: number;
  /** What the rest of a turn takes. */
  #othersMs = 0;

  /** The first slice begins now. */
  constructor(private readonly pace?: SnapshotPace) {
    this.#beganMs = pace?.clock.monotonicMs() ?? 0;
  }

  /** True when the slice has lasted long enough. */
  get isOver(): boolean {
    const { pace } = this;
    if (pace === undefined) return false;
    const sliceMs = Math.min(pace.maxMs, Math.max(pace.minMs, this.#othersMs));
    return pace.clock.monotonicMs() - this.#beganMs >= sliceMs;
  }

  /** Ends the slice and begins the next one in a later turn. */
  async pause(): Promise<void> {
    const { pace } = this;
    if (pace === undefined) return;
    const endedMs = pace.clock.monotonicMs();
    await this.during(NOTHING);
    const restMs = Math.min(this.#beganMs - endedMs, pace.maxMs);
    this.#othersMs += (restMs - this.#othersMs) / TURNS;
  }

  /** Ends the slice, waits for an operation of the disk, and begins the next slice in a turn of its own. */
  async during<T>(operation: Promise<T>): Promise<T> {
    const { pace } = this;
    if (pace === undefined) return await operation;
    const { clock, onSlice } = pace;
    onSlice?.(clock.monotonicMs() - this.#beganMs);
    const result = await operation;
    await new Promise<void>((resolve) => {
      clock.yieldTurn(resolve);
    });
    this.#beganMs = clock.monotonicMs();
    return result;
  }
}
