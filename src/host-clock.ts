// The host implementations of the time, id and randomness ports.
import { randomFillSync } from 'node:crypto';
import type { Clock, IdSource, RandomSource, TimerHandle } from './clock.js';

/** The machine's clock. An armed timer keeps the process alive. */
export const hostClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs: number, fire: () => void): TimerHandle {
    const timer = setTimeout(fire, delayMs);
    return {
      cancel: () => {
        clearTimeout(timer);
      },
      background: () => {
        timer.unref();
      },
    };
  },
  yieldTurn(task: () => void): void {
    setImmediate(task);
  },
};

/** Cryptographic randomness, drawn from the system 4 KiB at a time. */
export function hostRandom(): RandomSource {
  const pool = new Uint32Array(1024);
  let next = pool.length;
  const nextU32 = (): number => {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    return pool[next++] ?? 0;
  };
  return { nextU32, nextUnit: () => nextU32() / 0x1_0000_0000 };
}

/**
 * UUIDv7 (RFC 9562 §5.7) over a clock and a random source: 48 bits of milliseconds, a 12-bit counter
 * that keeps ids of one millisecond increasing, 62 random bits. Built through one byte buffer, because
 * a concatenated string stays a rope that costs five times the memory as a map key.
 */
export function uuidV7(clock: Pick<Clock, 'now'>, random: RandomSource): IdSource {
  const text = Buffer.alloc(36);
  let lastMs = 0;
  let counter = 0;
  const hex = (value: number, digits: number, at: number): void => {
    let rest = value;
    for (let index = at + digits - 1; index >= at; index--) {
      const digit = rest & 15;
      text[index] = digit < 10 ? 48 + digit : 87 + digit;
      rest >>>= 4;
    }
  };
  text[8] = text[13] = text[18] = text[23] = 45;
  return {
    nextId(): string {
      const now = clock.now();
      if (now > lastMs) {
        lastMs = now;
        counter = random.nextU32() & 0x3ff;
      } else if (++counter > 0xfff) {
        // More than the counter holds in one millisecond: borrow from the next one.
        lastMs++;
        counter = 0;
      }
      const high = Math.floor(lastMs / 0x1_0000);
      hex(high >>> 0, 8, 0);
      hex(lastMs & 0xffff, 4, 9);
      hex(0x7000 | counter, 4, 14);
      hex(0x8000 | (random.nextU32() & 0x3fff), 4, 19);
      hex(random.nextU32() & 0xffff, 4, 24);
      hex(random.nextU32(), 8, 28);
      return text.toString('latin1');
    },
  };
}
