// The watch over the wall clock: a difference from the monotonic one beyond its bound is a jump; after a long one
// forward things hold still until a minute of agreement.
import { describe, expect, it } from '@jest/globals';
import { ClockWatch } from '../../src/scheduling/clock-watch.js';
import { ManualClock } from '../../src/testing/manual-clock.js';

function watched() {
  const clock = new ManualClock({ startAt: 1_000_000_000 });
  const watch = new ClockWatch(clock, { clockJumpMs: 1_000, clockJumpHoldMs: 300_000 });
  const pass = async (ms: number) => {
    await clock.advance(ms);
    return watch.check();
  };
  const jump = (byMs: number) => {
    clock.jump(byMs);
    return watch.check();
  };
  return { clock, watch, pass, jump };
}

describe('the clock watch', () => {
  it('sees nothing in time that passes', async () => {
    const { watch, pass } = watched();
    expect(watch.check()).toBeUndefined();
    expect(await pass(10_000_000)).toBeUndefined();
    expect(watch.holding).toBe(false);
  });

  it.each([1_001, -1_001, 3_600_000, -3_600_000])('sees a jump of %p ms, once', (byMs) => {
    const { watch, jump } = watched();
    expect(jump(byMs)).toEqual({ fromAt: 1_000_000_000, toAt: 1_000_000_000 + byMs });
    expect(watch.check()).toBeUndefined();
  });

  it.each([1_000, -1_000, 1, -1])('takes a difference of %p ms for none', (byMs) => {
    expect(watched().jump(byMs)).toBeUndefined();
  });

  it.each([
    [300_000, false],
    [300_001, true],
    [-86_400_000, false],
  ])('holds after a jump of %p ms: %p', (byMs, holding) => {
    const { watch, jump } = watched();
    jump(byMs);
    expect(watch.holding).toBe(holding);
  });

  it('lets go after a minute of agreement, and not before', async () => {
    const { watch, pass, jump } = watched();
    jump(86_400_000);
    await pass(59_999);
    expect(watch.holding).toBe(true);
    await pass(1);
    expect(watch.holding).toBe(false);
  });

  it.each([2_000, -86_400_000, 86_400_000])('begins anew with a further jump of %p ms', async (byMs) => {
    const { watch, pass, jump } = watched();
    jump(86_400_000);
    await pass(50_000);
    jump(byMs);
    await pass(59_999);
    expect(watch.holding).toBe(true);
    await pass(1);
    expect(watch.holding).toBe(false);
  });

  it('lets go at once when the clock is accepted', () => {
    const { watch, jump } = watched();
    jump(86_400_000);
    watch.accept();
    expect(watch.holding).toBe(false);
  });
});
