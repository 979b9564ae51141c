// Which number goes with which: of tasks and their runs. In blocks, so that growing copies nothing.

/** Bits of a number that say which of those in its block it is. */
const BLOCK_BITS = 14;
const BLOCK_NUMBERS = 2 ** BLOCK_BITS;

/** For each number its partner, −1 for none. Numbers are added in ascending order. */
export class Partners {
  /** One more than the partner, so that what was never written has none. */
  readonly #blocks: Int32Array[] = [];

  /** The partner of a number that was added. */
  of(number: number): number {
    const block = this.#blocks[number >>> BLOCK_BITS] as Int32Array;
    return (block[number & (BLOCK_NUMBERS - 1)] as number) - 1;
  }

  /** Makes room for the numbers below `end`. */
  grow(end: number): void {
    while (this.#blocks.length * BLOCK_NUMBERS < end) this.#blocks.push(new Int32Array(BLOCK_NUMBERS));
  }

  /** Gives `count` numbers, from `number` on, as many partners, from `partner` on. */
  set(number: number, partner: number, count: number): void {
    for (let at = 0; at < count; at++) {
      const block = this.#blocks[(number + at) >>> BLOCK_BITS] as Int32Array;
      block[(number + at) & (BLOCK_NUMBERS - 1)] = partner + at + 1;
    }
  }

  /** Takes the partner of a number away. */
  clear(number: number): void {
    (this.#blocks[number >>> BLOCK_BITS] as Int32Array)[number & (BLOCK_NUMBERS - 1)] = 0;
  }
}
