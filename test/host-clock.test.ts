// The host's time, ids and randomness: the format of ids, their order, and what a clock that jumps does to them.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RandomSource } from '../src/clock.js';
import { isId } from '../src/domain/ids.js';
import { hostClock, hostRandom, uuidV7 } from '../src/host-clock.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NOW = Date.UTC(2026, 10, 21);

function fixedRandom(u32: number): RandomSource {
  return { nextU32: () => u32, nextUnit: () => u32 / 0x1_0000_0000 };
}

function millisecondsOf(id: string): number {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

describe('an id that Pawl makes', () => {
  it('has the format of UUIDv7 whatever the clock and the chance', () => {
    const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    const chance = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(times, chance, (now, u32) => {
        const id = uuidV7({ now: () => now }, fixedRandom(u32)).nextId();
        expect(id).toMatch(UUID_V7);
        expect(isId(id)).toBe(true);
        expect(millisecondsOf(id)).toBe(now);
      }),
    );
  });

  it('carries the time and the randomness it was made from', () => {
    const id = uuidV7({ now: () => 0x0123_4567_89ab }, fixedRandom(0xffff_ffff)).nextId();
    expect(id).toBe('01234567-89ab-73ff-bfff-ffffffffffff');
    expect(uuidV7({ now: () => 1 }, fixedRandom(0)).nextId()).toBe('00000000-0001-7000-8000-000000000000');
  });

  it('is greater than every one before it, also within a millisecond and when the clock goes back', () => {
    const steps = fc.array(fc.integer({ min: -5, max: 3 }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(steps, (deltas) => {
        let now = NOW;
        const ids = uuidV7({ now: () => now }, hostRandom());
        const made = deltas.map((delta) => {
          now += delta;
          return ids.nextId();
        });
        expect(made).toEqual([...made].sort());
        expect(new Set(made).size).toBe(made.length);
      }),
    );
  });

  it('borrows from the next millisecond when one has used up its counter', () => {
    const ids = uuidV7({ now: () => NOW }, fixedRandom(0));
    const made = Array.from({ length: 0x1000 }, () => ids.nextId());
    expect(made.every((id) => millisecondsOf(id) === NOW)).toBe(true);
    expect(made.at(-1)?.slice(14, 18)).toBe('7fff');
    const next = ids.nextId();
    expect(millisecondsOf(next)).toBe(NOW + 1);
    expect(next.slice(14, 18)).toBe('7000');
    expect(next > String(made.at(-1))).toBe(true);
  });

  it('goes on from a borrowed millisecond when the clock reaches it', () => {
    let now = NOW;
    const ids = uuidV7({ now: () => now }, fixedRandom(0));
    let last = '';
    for (let made = 0; made < 0x1000 + 10; made++) last = ids.nextId();
    now = NOW + 1;
    expect(ids.nextId() > last).toBe(true);
  });

  it('is unique among 200 000 of one process', () => {
    const ids = uuidV7(hostClock, hostRandom());
    const made = new Set<string>();
    for (let count = 0; count < 200_000; count++) made.add(ids.nextId());
    expect(made.size).toBe(200_000);
  });

  it('is not shared between two sources of one moment', () => {
    const left = uuidV7({ now: () => NOW }, hostRandom());
    const right = uuidV7({ now: () => NOW }, hostRandom());
    const made = new Set(Array.from({ length: 1_000 }, () => [left.nextId(), right.nextId()]).flat());
    expect(made.size).toBe(2_000);
  });
});

describe('the host randomness', () => {
  it('stays within its bounds and does not repeat its pool', () => {
    const random = hostRandom();
    const drawn = Array.from({ length: 5_000 }, () => random.nextU32());
    expect(drawn.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(4_990);
    const units = Array.from({ length: 5_000 }, () => random.nextUnit());
    expect(units.every((value) => value >= 0 && value < 1)).toBe(true);
  });
});

describe('the host clock', () => {
  it('reads whole milliseconds and a monotonic time that does not go back', () => {
    expect(Number.isSafeInteger(hostClock.now())).toBe(true);
    const before = hostClock.monotonicMs();
    expect(hostClock.monotonicMs()).toBeGreaterThanOrEqual(before);
  });

  it('fires a timer later, once, and not after cancel', async () => {
    const fired: string[] = [];
    await new Promise<void>((resolve) => {
      const canceled = hostClock.setTimer(0, () => fired.push('canceled'));
      hostClock.setTimer(0, () => fired.push('kept'));
      hostClock.setTimer(1, resolve);
      fired.push('set');
      canceled.cancel();
      canceled.cancel();
    });
    await new Promise<void>((resolve) => hostClock.yieldTurn(resolve));
    expect(fired).toEqual(['set', 'kept']);
  });

  it('yields to a later turn, in order', async () => {
    const turns: string[] = [];
    hostClock.yieldTurn(() => turns.push('first'));
    const second = new Promise<void>((resolve) => hostClock.yieldTurn(resolve));
    turns.push('now');
    await second;
    expect(turns).toEqual(['now', 'first']);
  });
});
