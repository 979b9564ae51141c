// The orders that pairs keep, judged one by one: what `Unpacking` does not look at again.
import { describe, expect, it } from '@jest/globals';
import type { NumberColumn } from '../../src/journal/column-reader.js';
import { PairOrder, type PairRows } from '../../src/journal/pair-order.js';

/** Sequence of the creation, of the state, priority, time it is scheduled for, time of its creation. */
type Numbers = readonly [number, number, number, number, number];

/** Pairs whose tasks have two rows before them, and whose runs have one. */
function rowsOf(pairs: readonly Numbers[]): PairRows {
  const column = (field: number, before: number): NumberColumn => {
    const view = new DataView(new ArrayBuffer(8 * (before + pairs.length)));
    for (const [at, pair] of pairs.entries()) view.setFloat64(8 * (before + at), pair[field] as number, true);
    return { view, from: 0, step: 8 };
  };
  return {
    createdSequence: column(0, 2),
    taskRow: 2,
    runs: {
      stateSequence: column(1, 1),
      priority: column(2, 1),
      scheduledAt: column(3, 1),
      createdAt: column(4, 1),
    },
    runRow: 1,
    count: pairs.length,
  };
}

function orders(pairs: readonly Numbers[]): { ascends: boolean; queues: boolean } {
  const order = new PairOrder();
  // In two parts, as pairs of two frames, the rows of the tasks and of the runs not the same.
  const half = pairs.length >> 1;
  order.note(rowsOf(pairs.slice(0, half)));
  order.note(rowsOf(pairs.slice(half)));
  const whole = new PairOrder();
  whole.note(rowsOf(pairs));
  expect([order.ascends, order.queues]).toEqual([whole.ascends, whole.queues]);
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
