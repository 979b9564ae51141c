// A history follows from its seed alone: played twice, and after others, it gives the same events, steps, operations of
// the disk and figures. Without that a seed that fails once would not fail again.
import { describe, expect, it } from '@jest/globals';
import { historyOf } from './operations.js';
import { play } from './play.js';

const SEEDS = 60;

describe('a seed', () => {
  it('gives the same history whenever it is played', async () => {
    const first = new Map<number, string>();
    for (let seed = 1; seed <= SEEDS; seed++) first.set(seed, (await play(historyOf(seed))).trace());
    for (let seed = SEEDS; seed >= 1; seed--) {
      expect([seed, (await play(historyOf(seed))).trace()]).toEqual([seed, first.get(seed)]);
    }
    expect(new Set(first.values()).size).toBe(SEEDS);
  });
});
