// Watches the wall clock against the monotonic one. A difference is a fact; after a long jump forward within one
// process what is due by the wall clock holds still, until the clock has agreed with itself or is accepted.
import type { Clock } from '../clock.js';

/** How long the clock must agree with itself before a hold ends. */
const AGREE_MS = 60_000;

/** Bounds of a clock watch. */
export interface ClockWatchSettings {
  readonly clockJumpMs: number;
  readonly clockJumpHoldMs: number;
}

/** A jump of the wall clock. */
export interface ClockJump {
  /** What the wall clock should have shown. */
  readonly fromAt: number;
  /** What it showed. */
  readonly toAt: number;
}

/** The watch. */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #settings: ClockWatchSettings;
  #wallMs: number;
  #monoMs: number;
  #heldSinceMonoMs: number | undefined;

  constructor(clock: Clock, settings: ClockWatchSettings) {
    this.#clock = clock;
    this.#settings = settings;
    this.#wallMs = clock.now();
    this.#monoMs = clock.monotonicMs();
  }

  /** True while promotion, expiry and misfire hold still. */
  get holding(): boolean {
    return this.#heldSinceMonoMs !== undefined;
  }

  /** Compares the clocks; returns the jump, if there was one since the last call. */
  check(): ClockJump | undefined {
    const wallMs = this.#clock.now();
    const monoMs = this.#clock.monotonicMs();
    const expectedMs = this.#wallMs + (monoMs - this.#monoMs);
    this.#wallMs = wallMs;
    this.#monoMs = monoMs;
    const byMs = wallMs - expectedMs;
    if (Math.abs(byMs) > this.#settings.clockJumpMs) {
      // A hold begins with a long jump forward, and begins anew with every further jump.
      if (byMs > this.#settings.clockJumpHoldMs || this.holding) this.#heldSinceMonoMs = monoMs;
      return { fromAt: Math.max(0, Math.round(expectedMs)), toAt: wallMs };
    }
    if (this.#heldSinceMonoMs !== undefined && monoMs - this.#heldSinceMonoMs >= AGREE_MS)
      this.#heldSinceMonoMs = undefined;
    return undefined;
  }

  /** Ends a hold at once. */
  accept(): void {
    this.#heldSinceMonoMs = undefined;
  }
}
