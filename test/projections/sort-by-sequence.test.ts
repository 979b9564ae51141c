// Sorting rows by a sequence: as a stable sort would, for few rows and for many, for small numbers and large ones.
import { describe, expect, it } from '@jest/globals';
import { sortBySequence } from '../../src/projections/sort-by-sequence.js';
import { Random } from '../support/random.js';

interface Item {
  readonly sequence: number;
  readonly index: number;
}

describe('sorting by sequence', () => {
  it.each([
    [0, 10],
    [1, 10],
    [999, 2 ** 20],
    [1_000, 2 ** 16],
    [5_000, 100],
    [5_000, 2 ** 17],
    [5_000, 2 ** 40],
    [5_000, Number.MAX_SAFE_INTEGER],
  ])('gives what a stable sort gives, for %i rows below %d', (count, bound) => {
    const random = new Random(count + 1);
    const items: Item[] = Array.from({ length: count }, (_value, index) => ({
      sequence: random.below(bound),
      index,
    }));
    const expected = [...items].sort((left, right) => left.sequence - right.sequence);
    expect(sortBySequence(items, (item) => item.sequence)).toEqual(expected);
  });

  it('leaves sorted rows and the given list as they are', () => {
    const items = [3, 1, 2];
    expect(sortBySequence(items, (item) => item)).toEqual([1, 2, 3]);
    expect(items).toEqual([3, 1, 2]);
    expect(sortBySequence([0, 0, 7], (item) => item)).toEqual([0, 0, 7]);
  });
});
