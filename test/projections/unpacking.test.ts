// Once all pairs are taken apart nothing of them is kept, neither their bytes nor what was known of them.
import { describe, expect, it } from '@jest/globals';
import { PAIR_FIELDS, type PackedPairs } from '../../src/domain/packed-pairs.js';
import { RunHead } from '../../src/journal/snapshot-codec-run.js';
import { Unpacking } from '../../src/projections/unpacking.js';
import { sampleSpec, sampleTask } from '../journal/snapshot-samples.js';

function pairs(count: number) {
  const left = new Set(Array.from({ length: count }, (_value, place) => place));
  let asked = 0;
  const made: PackedPairs = {
    places: count,
    isUnique: true,
    ascends: true,
    queues: true,
    kinds: [{ taskId: 'like' }],
    get size() {
      return left.size;
    },
    has(place) {
      asked++;
      return left.has(place);
    },
    get: (place, field) => (field === PAIR_FIELDS.priority ? 0 : place + 1),
    kindOf: () => 0,
    placeOfTask(taskId) {
      asked++;
      return Number(taskId);
    },
    placeOfRun(runId) {
      asked++;
      return Number(runId);
    },
    read(place) {
      left.delete(place);
      const id = String(place);
      return { task: { ...sampleTask(), spec: sampleSpec(id) }, run: Object.assign(new RunHead(), { id }) };
    },
  };
  return { made, asked: () => asked };
}

describe('pairs that are all taken apart', () => {
  it('are let go of, and asked for nothing more', () => {
    const { made, asked } = pairs(600);
    const linked: string[] = [];
    const unpacking = new Unpacking(made, {
      load: () => undefined,
      link: ({ run }) => linked.push(run.id),
    });
    expect(unpacking.settle([0])).toEqual([600]);
    expect([unpacking.size, unpacking.hasTask('5'), unpacking.mayPrecede(undefined)]).toEqual([
      600,
      true,
      true,
    ]);
    expect(unpacking.bringTask('300')).toBe(true);
    expect([linked.length, unpacking.size]).toEqual([512, 88]);
    unpacking.bringAll();
    expect(linked).toEqual(Array.from({ length: 600 }, (_value, place) => String(place)));
    const before = asked();
    expect([
      unpacking.size,
      unpacking.hasTask('5'),
      unpacking.bringTask('5'),
      unpacking.bringRun('5'),
      unpacking.mayPrecede(undefined),
    ]).toEqual([0, false, false, false, false]);
    unpacking.bringBlock();
    unpacking.bringAll();
    expect([asked(), linked.length]).toEqual([before, 600]);
  });
});
