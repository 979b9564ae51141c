// Ports for time, ids and randomness. Nothing but the host implementations touches the machine,
// so a test can hold time still and a simulation can replay a seed.

/** A timer that was armed; `cancel` is idempotent. */
export interface TimerHandle {
  cancel(): void;
  /**
   * Says that the timer only looks after things: the process may end although it is armed, and a clock of a test need
   * not stop for it. Absent where that makes no difference.
   */
  background?(): void;
}

/** Wall and monotonic time. */
export interface Clock {
  /** Wall time, integer milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic time in milliseconds, may be fractional; only differences mean anything. */
  monotonicMs(): number;
  /** Calls `fire` once, `delayMs` ≥ 0 monotonic milliseconds from now. Never synchronously. */
  setTimer(delayMs: number, fire: () => void): TimerHandle;
  /** Runs `task` in a later turn of the event loop, letting I/O go first. */
  yieldTurn(task: () => void): void;
}

/** Makes unique ids. */
export interface IdSource {
  /** A new UUIDv7, 36 characters, increasing within the process. */
  nextId(): string;
}

/** Makes random numbers. */
export interface RandomSource {
  /** Uniform in [0, 1). */
  nextUnit(): number;
  /** Uniform integer in [0, 2^32). */
  nextU32(): number;
}
