// The sharded map: a map like any other, spread evenly, and readable as it was while it changes.
import { describe, expect, it } from '@jest/globals';
import { CapturableMap } from '../../src/projections/capturable-map.js';
import { SHARDS, shardOf, ShardedMap } from '../../src/projections/sharded-map.js';
import { Random } from '../support/random.js';
import { shown } from '../support/shown.js';

describe('a sharded map', () => {
  it('does what a map does', () => {
    const random = new Random(1);
    const sharded = new ShardedMap<number>();
    const plain = new Map<string, number>();
    for (let step = 0; step < 20_000; step++) {
      const key = `key-${String(random.below(3_000))}`;
      if (random.chance(0.3)) expect(sharded.delete(key)).toBe(plain.delete(key));
      else {
        sharded.set(key, step);
        plain.set(key, step);
      }
      expect(sharded.get(key)).toBe(plain.get(key));
      expect(sharded.size).toBe(plain.size);
    }
    expect([...sharded.values()].sort()).toEqual([...plain.values()].sort());
    for (const key of plain.keys()) expect(sharded.has(key)).toBe(true);
    expect(sharded.has('never')).toBe(false);
  });

  it.each([
    ['numbers at the end', (index: number) => `job-${String(index)}`],
    ['numbers at the start', (index: number) => `${String(index)}-of-the-nightly-import`],
    ['numbers in the middle', (index: number) => `file-${String(index).padStart(9, '0')}-sha256`],
    [
      'UUIDv7 of one millisecond',
      (index: number) =>
        `018bcfe5-6800-7${(index % 4096).toString(16).padStart(3, '0')}-8${String(index).padStart(15, '0')}`,
    ],
  ])('spreads ids with %s over its shards', (_name, idOf) => {
    const counts = new Array<number>(SHARDS).fill(0);
    const ids = 64_000;
    for (let index = 0; index < ids; index++) {
      const shard = shardOf(idOf(index));
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    // 16 M ids would then stay below 128 k a shard, far from where a map begins to stall.
    expect(Math.max(...counts)).toBeLessThan((2 * ids) / SHARDS);
  });
});

describe('a capture of a map', () => {
  function filled(): CapturableMap<{ n: number }, number> {
    const map = new CapturableMap<{ n: number }, number>((value) => value.n);
    for (let index = 0; index < 2_000; index++) map.set(`key-${String(index)}`, { n: index });
    return map;
  }

  function change(map: CapturableMap<{ n: number }, number>, key: string, n: number): void {
    const value = map.get(key);
    map.willChange(key, value);
    if (value === undefined) map.set(key, { n });
    else value.n = n;
  }

  it('shows what was there: changed, added, removed and returned entries as they were', () => {
    const map = filled();
    const random = new Random(5);
    const before = [...map.records()].sort();
    const capture = map.capture();
    const read: number[] = [];
    for (const record of shown(capture.records())) {
      read.push(record);
      for (let step = 0; step < 3; step++) {
        const key = `key-${String(random.below(2_500))}`;
        if (random.chance(0.7)) change(map, key, -1);
        else {
          map.willChange(key, map.get(key));
          map.delete(key);
        }
      }
    }
    expect(read.sort()).toEqual(before);
    expect(capture.count).toBe(before.length);
  });

  it('saves nothing for what was read before it changed', () => {
    const map = filled();
    const capture = map.capture();
    expect([...capture.records()]).toHaveLength(2_000);
    for (let index = 0; index < 2_000; index++) change(map, `key-${String(index)}`, -1);
    expect(capture.savedRecords).toBe(0);
  });

  it('saves each entry once, however often it changes', () => {
    const map = filled();
    const capture = map.capture();
    for (let round = 0; round < 3; round++)
      for (let index = 0; index < 10; index++) change(map, `key-${String(index)}`, round);
    expect(capture.savedRecords).toBe(10);
    capture.release();
    change(map, 'key-99', -1);
    expect(capture.savedRecords).toBe(10);
  });

  it('that a later one replaced shows nothing any more', () => {
    const map = filled();
    const first = map.capture();
    const second = map.capture();
    expect([...first.records()]).toEqual([]);
    expect([...second.records()]).toHaveLength(2_000);
  });
});
