// The heap of runs: the first in order on top, whatever was put in, taken out or moved.
import { describe, expect, it } from '@jest/globals';
import { RunHeap } from '../../src/projections/run-heap.js';
import { RunRow, TaskRow } from '../../src/projections/rows.js';
import { TaskShapes } from '../../src/projections/task-shapes.js';
import { Random } from '../support/random.js';
import { spec } from '../support/projection-log.js';

const task = new TaskRow('t', new TaskShapes().of(spec('t')), undefined, 0);
const rowOf = (priority: number): RunRow => new RunRow(`r-${String(priority)}`, task, 0, 0, 0, priority);
const byPriority = (left: RunRow, right: RunRow): number => left.priority - right.priority;

describe('a heap of runs', () => {
  it('gives them back in order', () => {
    const heap = new RunHeap(byPriority);
    const random = new Random(2);
    for (let index = 0; index < 500; index++) heap.insert(rowOf(random.below(1_000)));
    const popped: number[] = [];
    for (let row = heap.pop(); row !== undefined; row = heap.pop()) popped.push(row.priority);
    expect(popped).toEqual([...popped].sort((left, right) => left - right));
    expect(popped).toHaveLength(500);
    expect(heap.peek()).toBeUndefined();
  });

  it('takes many at once, in whatever order, beside those that are in', () => {
    for (const count of [0, 1, 2, 7, 500]) {
      const heap = new RunHeap(byPriority);
      const random = new Random(count);
      const before = Array.from({ length: 20 }, () => rowOf(random.below(1_000)));
      const added = Array.from({ length: count }, () => rowOf(random.below(1_000)));
      for (const row of before) heap.insert(row);
      heap.fill(added);
      for (const [index, row] of heap.rows().entries()) expect(row.heapIndex).toBe(index);
      const expected = [...before, ...added].map((row) => row.priority).sort((left, right) => left - right);
      const popped: number[] = [];
      for (let row = heap.pop(); row !== undefined; row = heap.pop()) popped.push(row.priority);
      expect(popped).toEqual(expected);
    }
    const other = new RunHeap(byPriority);
    const row = rowOf(1);
    other.insert(row);
    expect(() => new RunHeap(byPriority).fill([row])).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });

  it('stays in order while runs are taken out and moved', () => {
    const heap = new RunHeap(byPriority);
    const random = new Random(3);
    const inside = new Set<RunRow>();
    for (let step = 0; step < 5_000; step++) {
      const known = random.pick([...inside]);
      if (known === undefined || random.chance(0.4)) {
        const row = rowOf(random.below(1_000));
        heap.insert(row);
        inside.add(row);
      } else if (random.chance(0.5)) {
        expect(heap.remove(known)).toBe(true);
        expect(known.heapIndex).toBe(-1);
        inside.delete(known);
      } else {
        known.priority = random.below(1_000);
        heap.update(known);
      }
      const lowest = Math.min(...[...inside].map((row) => row.priority));
      expect(heap.peek()?.priority ?? Infinity).toBe(lowest);
      expect(heap.size).toBe(inside.size);
    }
  });

  it('knows which runs are in it, and leaves those of another heap alone', () => {
    const [one, other] = [new RunHeap(byPriority), new RunHeap(byPriority)];
    const row = rowOf(1);
    one.insert(row);
    expect([one.has(row), other.has(row)]).toEqual([true, false]);
    expect(other.remove(row)).toBe(false);
    expect(row.heapIndex).toBe(0);
    expect(() => other.insert(row)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(one.rows()).toEqual([row]);
  });
});
