// What a reader without the lock takes for damage: what is wrong at the end of the newest segment twice in the same
// way, or anywhere else once.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { lookSteadily, type Look } from '../../src/journal/steady-look.js';

const NEWEST = '2.wal';
const MAX_LOOKS = 100;

function damageAt(segment: string, offset: number): PawlError {
  return new PawlError('JOURNAL_CORRUPT', 'damaged', { segment, offset });
}

/** Looks that find these one after the other, the last one for ever. */
async function outcomeOf(
  found: readonly (PawlError | undefined)[],
): Promise<[number, PawlError | undefined]> {
  let looks = 0;
  const { damage } = await lookSteadily(async (): Promise<Look<number>> => {
    const seen = found[Math.min(looks, found.length - 1)];
    return { found: ++looks, damage: seen, newest: NEWEST };
  });
  return [looks, damage];
}

describe('a look at a log that is being written', () => {
  it('is enough when nothing is wrong, and when what is wrong is in an older segment', async () => {
    expect(await outcomeOf([undefined])).toEqual([1, undefined]);
    const older = damageAt('1.wal', 7);
    expect(await outcomeOf([older])).toEqual([1, older]);
  });

  it('is repeated while the end of the newest segment moves on, until it is whole', async () => {
    const moving = [damageAt(NEWEST, 10), damageAt(NEWEST, 20), damageAt(NEWEST, 30), undefined];
    expect(await outcomeOf(moving)).toEqual([4, undefined]);
  });

  it('shows damage that is there twice', async () => {
    const there = damageAt(NEWEST, 20);
    expect(await outcomeOf([damageAt(NEWEST, 10), there])).toEqual([3, there]);
  });

  it('is repeated a hundred times at most', async () => {
    const endless = Array.from({ length: 2 * MAX_LOOKS }, (_, index) => damageAt(NEWEST, index));
    expect(await outcomeOf(endless)).toEqual([MAX_LOOKS, endless[MAX_LOOKS - 1]]);
  });
});
