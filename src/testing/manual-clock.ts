// A clock that stands still until a test moves it. `advance` goes from due moment to due moment; at each it waits
// until everything that follows has settled, so what a test sees next does not depend on the machine's speed. A timer
// that only looks after things, again and again, is no due moment: a day costs no more than what happens in it.
import type { Clock, TimerHandle } from '../clock.js';
import { PawlError } from '../errors.js';
import { hostTurn, onHostTurn, realMonotonicMs } from './host-turn.js';

/** Turns of the event loop that must pass without work before things count as settled. */
const QUIET_TURNS = 3;

/** Tells a clock whether something still goes on by itself. */
export interface QuietProbe {
  /** True when nothing is in flight but what waits for the clock or for the test. */
  isQuiet(sleepers: number): boolean;
  /** What is not quiet, for the message of a test that hangs. */
  describe(): string;
}

interface ManualTimer {
  readonly atMonoMs: number;
  readonly order: number;
  fire: (() => void) | undefined;
  /** May be late: it is fired at the next moment that time comes to anyway. */
  background: boolean;
}

/** Options of a manual clock. */
export interface ManualClockOptions {
  /** Wall time at the beginning, milliseconds since the Unix epoch. Default 1 700 000 000 000. */
  readonly startAt?: number;
  /** Real milliseconds after which waiting for quiet fails. Default 5 000. */
  readonly settleMs?: number;
}

/** The clock. */
export class ManualClock implements Clock {
  readonly #settleMs: number;
  readonly #probes = new Set<QuietProbe>();
  readonly #timers: ManualTimer[] = [];
  #wallMs: number;
  #monoMs = 0;
  #order = 0;
  #sleepers = 0;

  constructor(options: ManualClockOptions = {}) {
    this.#wallMs = options.startAt ?? 1_700_000_000_000;
    this.#settleMs = options.settleMs ?? 5_000;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monoMs;
  }

  setTimer(delayMs: number, fire: () => void): TimerHandle {
    const atMonoMs = this.#monoMs + Math.max(0, delayMs);
    const timer: ManualTimer = { atMonoMs, order: this.#order++, fire, background: false };
    this.#timers.push(timer);
    return {
      cancel: () => {
        timer.fire = undefined;
      },
      background: () => {
        timer.background = true;
      },
    };
  }

  yieldTurn(task: () => void): void {
    onHostTurn(task);
  }

  /** Resolves after `ms` of this clock; for handlers and tests. */
  sleep(ms: number): Promise<void> {
    this.#sleepers++;
    return new Promise((resolve) => {
      this.setTimer(ms, () => {
        this.#sleepers--;
        resolve();
      });
    });
  }

  /** Watches something until the returned function is called. */
  watch(probe: QuietProbe): () => void {
    this.#probes.add(probe);
    return () => {
      this.#probes.delete(probe);
    };
  }

  /** Moves the wall clock alone, as an operator or NTP would. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }

  /**
   * Lets `ms` pass: runs everything that is due on the way, in order, and returns when all is quiet. What repeats in the
   * background (the upkeep of the log, once a second) runs once at each moment at which something else is due, and at
   * the end.
   */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#monoMs + ms;
    await this.settle();
    for (
      let next = this.#next(isForeground);
      next !== undefined && next.atMonoMs <= targetMs;
      next = this.#next(isForeground)
    ) {
      this.#moveTo(Math.max(this.#monoMs, next.atMonoMs));
      this.#fireDue();
      await this.settle();
    }
    this.#moveTo(targetMs);
    await this.settle();
  }

  /** Waits until everything watched is quiet. Fails after `settleMs` of real time, naming what is not. */
  async settle(): Promise<void> {
    const startedMs = realMonotonicMs();
    for (let quietTurns = 0; quietTurns < QUIET_TURNS;) {
      this.#fireDue();
      await hostTurn();
      const busy = [...this.#probes].filter((probe) => !probe.isQuiet(this.#sleepers));
      const due = this.#next();
      quietTurns =
        busy.length === 0 && (due === undefined || due.atMonoMs > this.#monoMs) ? quietTurns + 1 : 0;
      if (realMonotonicMs() - startedMs > this.#settleMs) {
        throw new PawlError(
          'INTERNAL',
          `Not quiet after ${String(this.#settleMs)} ms: ${busy.map((probe) => probe.describe()).join('; ')}.`,
        );
      }
    }
  }

  #moveTo(monoMs: number): void {
    this.#wallMs += Math.round(monoMs - this.#monoMs);
    this.#monoMs = monoMs;
  }

  #fireDue(): void {
    for (let next = this.#next(); next !== undefined && next.atMonoMs <= this.#monoMs; next = this.#next()) {
      const { fire } = next;
      next.fire = undefined;
      fire?.();
    }
  }

  #next(counts: (timer: ManualTimer) => boolean = isTimer): ManualTimer | undefined {
    let first: ManualTimer | undefined;
    let kept = 0;
    for (const timer of this.#timers) {
      if (timer.fire === undefined) continue;
      this.#timers[kept++] = timer;
      if (!counts(timer)) continue;
      if (
        first === undefined ||
        timer.atMonoMs < first.atMonoMs ||
        (timer.atMonoMs === first.atMonoMs && timer.order < first.order)
      )
        first = timer;
    }
    this.#timers.length = kept;
    return first;
  }
}

function isTimer(): boolean {
  return true;
}

function isForeground({ background }: ManualTimer): boolean {
  return !background;
}
