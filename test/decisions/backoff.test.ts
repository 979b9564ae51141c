// The three backoffs: what the n-th failure waits for, where it stops growing, and between what bounds jitter draws.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffDelayMs } from '../../src/decisions/backoff.js';
import type { Backoff } from '../../src/domain/task.js';

const delays = (backoff: Backoff, failures: readonly number[]): number[] =>
  failures.map((failure) => backoffDelayMs(backoff, failure, () => 0.5));

const ALMOST_ONE = 1 - Number.EPSILON / 2;

describe('without jitter', () => {
  it('fixed waits the same each time', () => {
    expect(delays({ kind: 'fixed', delayMs: 250, jitter: 'none' }, [1, 2, 100])).toEqual([250, 250, 250]);
  });

  it('linear grows by its step, up to its end', () => {
    const backoff: Backoff = { kind: 'linear', stepMs: 300, maxMs: 1_000, jitter: 'none' };
    expect(delays(backoff, [1, 2, 3, 4, 10_000])).toEqual([300, 600, 900, 1_000, 1_000]);
  });

  it('exponential grows by its factor, up to its end', () => {
    const backoff: Backoff = { kind: 'exponential', baseMs: 1_000, maxMs: 10_000, factor: 2, jitter: 'none' };
    expect(delays(backoff, [1, 2, 3, 4, 5])).toEqual([1_000, 2_000, 4_000, 8_000, 10_000]);
  });

  it('exponential stays at its end where the power overflows', () => {
    const backoff: Backoff = {
      kind: 'exponential',
      baseMs: 1,
      maxMs: 3_600_000,
      factor: 100,
      jitter: 'none',
    };
    expect(delays(backoff, [9_999, 10_000])).toEqual([3_600_000, 3_600_000]);
    expect(delays({ ...backoff, baseMs: 0 }, [1, 10_000])).toEqual([0, 0]);
  });

  it('exponential gives whole milliseconds', () => {
    const backoff: Backoff = { kind: 'exponential', baseMs: 3, maxMs: 1_000, factor: 1.5, jitter: 'none' };
    expect(delays(backoff, [1, 2, 3])).toEqual([3, 4, 6]);
  });
});

describe('with full jitter', () => {
  const kinds: Backoff[] = [
    { kind: 'fixed', delayMs: 250, jitter: 'full' },
    { kind: 'linear', stepMs: 100, maxMs: 1_000, jitter: 'full' },
    { kind: 'exponential', baseMs: 100, maxMs: 1_000, factor: 2, jitter: 'full' },
  ];

  it.each(kinds)('$kind draws from nothing to the whole delay, both included', (backoff) => {
    const whole = backoffDelayMs({ ...backoff, jitter: 'none' }, 3, () => 0);
    expect(backoffDelayMs(backoff, 3, () => 0)).toBe(0);
    expect(backoffDelayMs(backoff, 3, () => ALMOST_ONE)).toBe(whole);
  });

  it.each(kinds)('$kind is a whole number within its bounds, whatever is drawn', (backoff) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }),
        (failures, unit) => {
          const delay = backoffDelayMs(backoff, failures, () => unit);
          const whole = backoffDelayMs({ ...backoff, jitter: 'none' }, failures, () => unit);
          expect(Number.isSafeInteger(delay) && delay >= 0 && delay <= whole).toBe(true);
        },
      ),
    );
  });
});
