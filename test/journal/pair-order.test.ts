// The orders that pairs keep, judged one by one: what `Unpacking` does not look at again.
import { describe, expect, it } from '@jest/globals';
import { PairOrder } from '../../src/journal/pair-order.js';

/** Sequence of the creation, of the state, priority, time it is scheduled for, time of its creation. */
type Numbers = readonly [number, number, number, number, number];

function orders(pairs: readonly Numbers[]): { ascends: boolean; queues: boolean } {
  const order = new PairOrder();
  // Not at the beginning of the array, as the second of two places.
  for (const pair of pairs) order.note(Float64Array.of(9, 9, 9, 9, 9, ...pair), 5);
  return { ascends: order.ascends, queues: order.queues };
}

const FIRST: Numbers = [10, 12, 0, 500, 400];

describe('pairs', () => {
  it.each([
    ['behind it in everything', [13, 15, 0, 501, 401], true, true],
    ['at the same times', [13, 15, 0, 500, 400], true, true],
    ['of a lower priority, though earlier', [13, 15, -1, 400, 300], true, true],
    ['of a higher priority', [13, 15, 1, 501, 401], true, false],
    ['scheduled before it', [13, 15, 0, 499, 401], true, false],
    ['scheduled after it, though made before it', [13, 15, 0, 501, 399], true, true],
    ['made before it by the clock', [13, 15, 0, 500, 399], true, false],
    ['created before it', [9, 15, 0, 501, 401], false, true],
    ['that became ready before it', [13, 11, 0, 501, 401], false, true],
    ['of the same sequences', [10, 12, 0, 501, 401], false, true],
  ] as const)('one %s', (_what, second, ascends, queues) => {
    expect(orders([FIRST, second])).toEqual({ ascends, queues });
    // And what was broken once stays broken.
    expect(orders([FIRST, second, [90, 91, -9, 900, 900]])).toEqual({ ascends, queues });
  });

  it('none, and one, are in every order; a sequence of 0 is in none', () => {
    expect(orders([])).toEqual({ ascends: true, queues: true });
    expect(orders([[1, 2, 7, -500, -500]])).toEqual({ ascends: true, queues: true });
    expect(orders([[0, 2, 7, 0, 0]]).ascends).toBe(false);
  });
});
