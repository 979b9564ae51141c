// The world of one simulated history: its time, and everything that waits to go on. One thing at a time is drawn by
// the seed and let go on until nothing follows from it any more, so a history follows from its seed alone. What
// belongs to a process that has ended never goes on.
import { nextTick } from 'node:process';
import type { Clock, TimerHandle } from '../../src/clock.js';
import { Random } from '../support/random.js';

/** Wall time at which every history begins. */
export const BEGINNING = 1_700_000_000_000;

interface Timer {
  readonly atMonoMs: number;
  fire: (() => void) | undefined;
}

/** Everything that waits, and the time. */
export class World {
  readonly random: Random;
  /** Things that went on so far. */
  steps = 0;
  #wallMs = BEGINNING;
  #monoMs = 0;
  #waiting: (() => void)[] = [];
  #timers: Timer[] = [];
  #life = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** Wall time. */
  get now(): number {
    return this.#wallMs;
  }

  /** Ends the process: nothing of it goes on. */
  endLife(): void {
    this.#life++;
    this.#waiting = [];
    this.#timers = [];
  }

  /** Resolves when it is drawn; never once the process has ended. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves after `ms`; never once the process has ended. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#setTimer(ms, resolve);
    });
  }

  /** The clock of the process that lives now. */
  clock(): Clock {
    const life = this.#life;
    const lives = (): boolean => life === this.#life;
    return {
      now: () => this.#wallMs,
      monotonicMs: () => this.#monoMs,
      setTimer: (delayMs, fire) => (lives() ? this.#setTimer(delayMs, fire) : { cancel: () => undefined }),
      yieldTurn: (task) => {
        if (lives()) this.#waiting.push(task);
      },
    };
  }

  /** Lets one waiting thing go on, drawn by the seed, and all that follows from it at once. False when nothing waits. */
  step(): Promise<boolean> {
    return this.#waiting.length > 0 ? this.#next() : this.#nextAfterAll();
  }

  async #nextAfterAll(): Promise<boolean> {
    await drained();
    return this.#waiting.length > 0 ? await this.#next() : false;
  }

  #next(): Promise<boolean> {
    const waiting = this.#waiting;
    const index = waiting.length === 1 ? 0 : this.random.below(waiting.length);
    const goOn = waiting[index];
    const last = waiting.pop();
    if (index < waiting.length && last !== undefined) waiting[index] = last;
    this.steps++;
    goOn?.();
    return drained();
  }

  /** Moves the wall clock alone. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** Moves time to the next timer, at most `ms` ahead, and makes what is due then wait for its turn. Returns how far it went. */
  elapse(ms: number): number {
    let next: Timer | undefined;
    this.#timers = this.#timers.filter((timer) => timer.fire !== undefined);
    for (const timer of this.#timers) if (next === undefined || timer.atMonoMs < next.atMonoMs) next = timer;
    const untilMs = Math.min(this.#monoMs + ms, Math.max(this.#monoMs, next?.atMonoMs ?? Infinity));
    const wentMs = untilMs - this.#monoMs;
    this.#monoMs = untilMs;
    this.#wallMs += wentMs;
    const due = this.#timers.filter((timer) => timer.atMonoMs <= untilMs);
    if (due.length === 0) return wentMs;
    this.#timers = this.#timers.filter((timer) => timer.atMonoMs > untilMs);
    // Timers of one moment fire in the order they were set; only against other things is their turn drawn.
    this.#waiting.push(() => {
      for (const timer of due) {
        const { fire } = timer;
        timer.fire = undefined;
        fire?.();
      }
    });
    return wentMs;
  }

  #setTimer(delayMs: number, fire: () => void): TimerHandle {
    const timer: Timer = { atMonoMs: this.#monoMs + Math.max(0, Math.ceil(delayMs)), fire };
    this.#timers.push(timer);
    return {
      cancel: () => {
        timer.fire = undefined;
      },
    };
  }
}

/** Resolves, with true, when no promise is left that can go on by itself. */
function drained(): Promise<true> {
  return new Promise((resolve) => {
    nextTick(resolve, true);
  });
}
