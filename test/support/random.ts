// Chance from a seed, so that what failed once fails again.

/** Draws from a seeded sequence. */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) >>> 0 || 1;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    // A 32-bit xorshift: short, and good enough to choose actions.
    let next = this.#state;
    next ^= next << 13;
    next ^= next >>> 17;
    next ^= next << 5;
    this.#state = next >>> 0;
    return this.#state / 0x1_0000_0000;
  }

  /** A whole number from 0 to `bound` − 1. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of the items; `undefined` when there are none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
}
