// The set of ids behind the rules of a snapshot: it says of each id what a `Set` would, at any size.
import { describe, expect, it } from '@jest/globals';
import { IdSet } from '../../src/journal/snapshot-validate-ids.js';
import { Random } from '../support/random.js';

describe('a set of ids', () => {
  it('is empty at first', () => {
    const ids = new IdSet();
    expect(ids.size).toBe(0);
    expect(ids.has('')).toBe(false);
    expect(ids.has('a')).toBe(false);
  });

  it.each([1, 2, 3])('answers as a Set does while it grows, seed %i', (seed) => {
    const random = new Random(seed);
    const ids = new IdSet();
    const model = new Set<string>();
    const wrong: string[] = [];
    for (let step = 0; step < 60_000; step++) {
      const id = `task-${String(random.below(40_000))}`;
      const known = model.has(id);
      if (random.chance(0.3)) {
        if (ids.has(id) !== known) wrong.push(id);
        continue;
      }
      if (ids.add(id) === known) wrong.push(id);
      model.add(id);
    }
    expect(wrong).toEqual([]);
    expect(ids.size).toBe(model.size);
    expect([...model].filter((id) => !ids.has(id))).toEqual([]);
  });

  it('tells ids apart that have one hash', () => {
    const [left, right] = ['id-297', 'id-51650'];
    const ids = new IdSet();
    expect(ids.add(left)).toBe(true);
    expect(ids.has(right)).toBe(false);
    expect(ids.add(right)).toBe(true);
    expect(ids.add(left)).toBe(false);
    expect(ids.add(right)).toBe(false);
    expect(ids.size).toBe(2);
  });
});
