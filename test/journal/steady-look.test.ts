// What a reader without the lock takes for damage: what is wrong at the end of the newest segment twice in the same
// way, or anywhere else once, unless the oldest segment went meanwhile.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { lookSteadily, type Look } from '../../src/journal/steady-look.js';

const OLDEST = '1.wal';
const NEWEST = '2.wal';
const MAX_LOOKS = 100;

function damageAt(segment: string, offset: number): PawlError {
  return new PawlError('JOURNAL_CORRUPT', 'damaged', { segment, offset });
}

/** Looks that find these one after the other, the last one for ever. */
async function outcomeOf(
  found: readonly (PawlError | undefined)[],
  oldestNow: () => Promise<string | undefined> = () => Promise.resolve(OLDEST),
): Promise<[number, PawlError | undefined]> {
  let looks = 0;
  const { damage } = await lookSteadily(async (): Promise<Look<number>> => {
    const seen = found[Math.min(looks, found.length - 1)];
    return { found: ++looks, damage: seen, segments: [OLDEST, NEWEST] };
  }, oldestNow);
  return [looks, damage];
}

describe('a look at a log that is being written', () => {
  it('is enough when nothing is wrong, and when what is wrong is in an older segment', async () => {
    expect(await outcomeOf([undefined])).toEqual([1, undefined]);
    const older = damageAt(OLDEST, 7);
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

  it('is repeated when the oldest segment is another one, though the same thing is wrong', async () => {
    const older = damageAt(OLDEST, 7);
    const now = ['3.wal', '3.wal', undefined];
    const outcome = await outcomeOf([older, older, older, undefined], () => Promise.resolve(now.shift()));
    expect(outcome).toEqual([4, undefined]);
  });

  it('is enough when nobody can tell which is the oldest', async () => {
    const older = damageAt(OLDEST, 7);
    expect(await outcomeOf([older, undefined], () => Promise.reject(new Error('gone')))).toEqual([1, older]);
  });

  it('is repeated a hundred times at most, whatever moves', async () => {
    const endless = Array.from({ length: 2 * MAX_LOOKS }, (_, index) => damageAt(NEWEST, index));
    expect(await outcomeOf(endless)).toEqual([MAX_LOOKS, endless[MAX_LOOKS - 1]]);
    const [first] = endless;
    expect(await outcomeOf([first], () => Promise.resolve(undefined))).toEqual([MAX_LOOKS, first]);
  });
});
