// The table of ids: what a map does, whatever is added, replaced and removed, also when ids fall on the same places.
import { describe, expect, it } from '@jest/globals';
import { IdTable } from '../../src/projections/id-table.js';
import { Random } from '../support/random.js';

interface Row {
  readonly id: string;
  readonly value: number;
}

describe('a table of ids', () => {
  it.each([
    [1, 40],
    [2, 3_000],
    [3, 60_000],
  ])('does what a map does, seed %i, of %i ids', (seed, ids) => {
    const random = new Random(seed);
    const table = new IdTable<Row>();
    const map = new Map<string, Row>();
    let wrong = 0;
    for (let step = 0; step < 60_000; step++) {
      const id = `row-${String(random.below(ids))}`;
      if (random.chance(0.6)) {
        const row = { id, value: step };
        table.set(row);
        map.set(id, row);
      } else {
        if (table.delete(id) !== map.delete(id)) wrong++;
      }
      const other = `row-${String(random.below(ids))}`;
      if (table.get(other) !== map.get(other) || table.size !== map.size) wrong++;
    }
    for (const [id, row] of map) if (table.get(id) !== row) wrong++;
    const rows = new Set(table.values());
    expect([rows.size, [...map.values()].every((row) => rows.has(row))]).toEqual([map.size, true]);
    for (const id of map.keys()) if (!table.delete(id)) wrong++;
    expect(wrong).toBe(0);
    expect([...table.values()]).toEqual([]);
    expect(table.size).toBe(0);
  });
});
