// Deadlines: in order of time, those of one moment in the order they were added, one timer for all.
import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../src/clock.js';
import { Deadlines } from '../../src/scheduling/deadlines.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { Random } from '../support/random.js';

/** A manual clock that counts the timers armed on it, and the longest. */
function counting() {
  const clock = new ManualClock();
  const timers = { armed: 0, longestMs: 0 };
  const counted: Clock = {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, fire) => {
      timers.armed++;
      timers.longestMs = Math.max(timers.longestMs, delayMs);
      return clock.setTimer(delayMs, fire);
    },
    yieldTurn: (task) => {
      clock.yieldTurn(task);
    },
  };
  return { clock, timers, deadlines: new Deadlines(counted) };
}

describe('deadlines', () => {
  it('fire in order, each at its moment, once', async () => {
    const { clock, deadlines } = counting();
    const random = new Random(7);
    const fired: { atMs: number; dueMs: number; added: number }[] = [];
    for (let added = 0; added < 500; added++) {
      const dueMs = random.below(200);
      deadlines.after(dueMs, () => fired.push({ atMs: clock.monotonicMs(), dueMs, added }));
    }
    await clock.advance(1_000);
    expect(fired).toHaveLength(500);
    expect(fired.filter(({ atMs, dueMs }) => atMs !== dueMs)).toEqual([]);
    const sorted = [...fired].sort((left, right) => left.dueMs - right.dueMs || left.added - right.added);
    expect(fired).toEqual(sorted);
  });

  it('that are canceled never fire, also from inside another one', async () => {
    const { clock, deadlines } = counting();
    const fired: string[] = [];
    const first = deadlines.after(10, () => fired.push('first'));
    const later = deadlines.after(20, () => fired.push('later'));
    deadlines.after(20, () => fired.push('kept'));
    deadlines.after(15, () => {
      later.cancel();
    });
    first.cancel();
    first.cancel();
    await clock.advance(100);
    expect(fired).toEqual(['kept']);
  });

  it('may be added from inside one that fires', async () => {
    const { clock, deadlines } = counting();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.monotonicMs());
      if (fired.length < 4) deadlines.after(5, again);
    };
    deadlines.after(0, again);
    await clock.advance(100);
    expect(fired).toEqual([0, 5, 10, 15]);
  });

  it('share one timer, which is never longer than a minute', async () => {
    const { clock, timers, deadlines } = counting();
    for (let count = 0; count < 1_000; count++) deadlines.after(86_400_000 + count, () => undefined);
    expect(timers).toEqual({ armed: 1, longestMs: 60_000 });
    await clock.advance(60_000);
    expect(timers).toEqual({ armed: 2, longestMs: 60_000 });
  });

  it('far away fire on the millisecond', async () => {
    const { clock, deadlines } = counting();
    let firedMs = -1;
    deadlines.after(60 * 86_400_000, () => (firedMs = clock.monotonicMs()));
    await clock.advance(61 * 86_400_000);
    expect(firedMs).toBe(60 * 86_400_000);
  });

  it('do not care for the wall clock', async () => {
    const { clock, deadlines } = counting();
    let fired = false;
    deadlines.after(1_000, () => (fired = true));
    clock.jump(86_400_000);
    await clock.advance(999);
    expect(fired).toBe(false);
    await clock.advance(1);
    expect(fired).toBe(true);
  });

  it('are all dropped by close, those that come afterwards included', async () => {
    const { clock, timers, deadlines } = counting();
    let fired = 0;
    deadlines.after(1, () => fired++);
    deadlines.close();
    deadlines.after(0, () => fired++).cancel();
    deadlines.after(0, () => fired++);
    await clock.advance(1_000);
    expect({ fired, armed: timers.armed }).toEqual({ fired: 0, armed: 1 });
  });
});
