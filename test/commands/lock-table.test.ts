// Locks: exclusive, granted in order, taken all or none, free of deadlock; whoever was refused one is told.
import { describe, expect, it } from '@jest/globals';
import { LockTable } from '../../src/commands/lock-table.js';
import { turns } from '../acceptance/support/handlers.js';
import { Random } from '../support/random.js';

describe('a lock', () => {
  it('is held by one at a time, and free again when it is given back', () => {
    const locks = new LockTable();
    expect(locks.tryAcquireOne('a')).toBe(true);
    expect(locks.tryAcquireOne('a')).toBe(false);
    expect(locks.isHeld('a')).toBe(true);
    locks.releaseOne('a');
    expect({ held: locks.isHeld('a'), size: locks.size }).toEqual({ held: false, size: 0 });
    expect(locks.tryAcquireOne('a')).toBe(true);
  });

  it('goes to whoever waits longest', async () => {
    const locks = new LockTable();
    locks.tryAcquireOne('a');
    const order: number[] = [];
    for (const turn of [1, 2, 3]) void locks.acquire(['a']).then(() => order.push(turn));
    for (let released = 0; released < 3; released++) {
      await turns(1);
      expect(order).toHaveLength(released);
      expect(locks.tryAcquireOne('a')).toBe(false);
      locks.releaseOne('a');
    }
    await turns(1);
    expect(order).toEqual([1, 2, 3]);
    locks.releaseOne('a');
    expect(locks.size).toBe(0);
  });
});

describe('several locks', () => {
  it('are tried all or none', () => {
    const locks = new LockTable();
    locks.tryAcquireOne('b');
    expect(locks.tryAcquire(['a', 'b', 'c'])).toBe(false);
    expect({ a: locks.isHeld('a'), c: locks.isHeld('c') }).toEqual({ a: false, c: false });
    locks.releaseOne('b');
    expect(locks.tryAcquire(['a', 'b', 'c'])).toBe(true);
    expect(locks.size).toBe(3);
    locks.release(['a', 'b', 'c']);
    expect(locks.size).toBe(0);
  });

  it('asked for in opposite orders never deadlock', async () => {
    const locks = new LockTable();
    const done: string[] = [];
    const work = async (name: string, keys: string[]): Promise<void> => {
      await locks.acquire(keys);
      await turns(1);
      done.push(name);
      locks.release(keys);
    };
    await Promise.all([work('one', ['a', 'b']), work('two', ['b', 'a']), work('three', ['b', 'c', 'a'])]);
    expect(done).toEqual(['one', 'two', 'three']);
    expect(locks.size).toBe(0);
  });

  it('of many random holders are never held twice, and all are granted', async () => {
    const random = new Random(4);
    const locks = new LockTable();
    const holders = new Map<string, number>();
    let granted = 0;
    const work = async (keys: readonly string[]): Promise<void> => {
      if (random.chance(0.5) && locks.tryAcquire(keys)) granted++;
      else {
        await locks.acquire(keys);
        granted++;
      }
      for (const key of keys) {
        expect(holders.get(key) ?? 0).toBe(0);
        holders.set(key, 1);
      }
      await turns(random.below(3));
      for (const key of keys) holders.set(key, 0);
      locks.release(keys);
    };
    const works: Promise<void>[] = [];
    for (let count = 0; count < 200; count++) {
      const keys = ['a', 'b', 'c', 'd', 'e'].filter(() => random.chance(0.4));
      works.push(work(keys));
    }
    await Promise.all(works);
    expect(granted).toBe(200);
    expect(locks.size).toBe(0);
  });
});

describe('whoever was refused a lock', () => {
  it('is told when one is given back, once, and nobody is told without a refusal', () => {
    const locks = new LockTable();
    let told = 0;
    locks.whenFreed(() => told++);
    locks.tryAcquireOne('a');
    locks.releaseOne('a');
    expect(told).toBe(0);
    locks.tryAcquire(['a', 'b']);
    expect(locks.tryAcquireOne('b')).toBe(false);
    expect(locks.tryAcquire(['c', 'a'])).toBe(false);
    locks.release(['a', 'b']);
    expect(told).toBe(1);
    locks.tryAcquireOne('a');
    locks.releaseOne('a');
    expect(told).toBe(1);
  });

  it('is not told of what was taken and given back unused: it would only try again at once, and for ever', () => {
    const locks = new LockTable();
    let told = 0;
    locks.whenFreed(() => told++);
    locks.tryAcquireOne('in the way');
    locks.tryAcquireOne('own');
    expect(locks.tryAcquireOne('in the way')).toBe(false);
    locks.giveBack(['own']);
    expect([told, locks.isHeld('own')]).toEqual([0, false]);
    locks.releaseOne('in the way');
    expect(told).toBe(1);
  });
});

describe('what is kept', () => {
  it('is needed until everybody who keeps it has let go, and can be locked meanwhile', () => {
    const locks = new LockTable();
    locks.keep(['a', 'b']);
    locks.keep(['a']);
    expect([locks.isNeeded('a'), locks.isHeld('a'), locks.tryAcquireOne('a')]).toEqual([true, false, true]);
    locks.letGo(['a', 'b']);
    expect(['a', 'b'].map((key) => locks.isNeeded(key))).toEqual([true, false]);
    locks.letGo(['a']);
    expect(locks.isNeeded('a')).toBe(true);
    locks.releaseOne('a');
    expect([locks.isNeeded('a'), locks.size]).toEqual([false, 0]);
  });
});
