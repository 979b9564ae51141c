// Pruning against what is decided at the same moment: a task stays while one above or below it goes on, also when that
// one is on its way to the disk.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../../src/execution/define-task.js';
import { openOnFaultyStorage } from '../support/faulty-files.js';
import { eventsOf, first, gate, run, turns } from '../support/handlers.js';

const LATER = { kind: 'once', startAt: 1_900_000_000_000 } as const;
const bad = defineTask('bad', () => {
  throw new Error('bad');
});
const work = defineTask('work', () => 'done');

describe('prune', () => {
  it.each(['submit', 'submitMany'] as const)(
    'leaves a task whose child is on its way, by %s, when it ends',
    async (way) => {
      const going = gate();
      const held = defineTask('held', () => going.promise);
      const { kit, storage } = await openOnFaultyStorage({ tasks: [held, work] });
      const { pawl, clock } = kit;
      const { runIds } = await pawl.submit(held, undefined, { id: 'above' });
      kit.park(first(runIds));
      await clock.settle();
      const before = storage.holdSyncs();
      going.open(undefined);
      await turns(40);
      const options = { id: 'below', parentId: 'above', policy: LATER } as const;
      const child =
        way === 'submit'
          ? pawl.submit(work, undefined, options)
          : pawl.submitMany([{ task: work, options }], { atomic: true });
      await turns(40);
      // The end of the one above becomes durable; the child is in the batch behind it.
      const behind = storage.holdSyncs();
      before();
      await turns(40);
      expect(pawl.projections.runs.countByState('completed')).toBe(1);
      expect(pawl.projections.tasks.count).toBe(1);
      const pruned = pawl.prune();
      await turns(40);
      behind();
      expect(await pruned).toEqual({ tasks: 0, runs: 0 });
      await child;
      expect(await eventsOf(pawl, 'TasksPruned')).toEqual([]);
      await pawl.cancelTask('below');
      await clock.settle();
      expect(await pawl.prune()).toEqual({ tasks: 2, runs: 0 });
    },
  );

  it('leaves a task whose child is about to be run again', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [bad] });
    const { pawl, clock } = kit;
    const { runIds: above } = await pawl.submit(bad, undefined, { id: 'above', policy: LATER });
    const { runIds } = await pawl.submit(bad, undefined, { id: 'below', parentId: 'above' });
    await clock.settle();
    await pawl.cancelRun(first(above));
    expect(run(pawl, first(runIds)).state).toBe('failed');
    await pawl.pause();
    const release = storage.holdSyncs();
    const again = pawl.retryRun(first(runIds));
    await turns(40);
    const pruned = pawl.prune();
    await turns(40);
    release();
    expect(await pruned).toEqual({ tasks: 0, runs: 0 });
    await again;
    expect(await eventsOf(pawl, 'TasksPruned')).toEqual([]);
  });

  it('leaves a task when the one above it is about to be run again', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [bad] });
    const { pawl, clock } = kit;
    const { runIds } = await pawl.submit(bad, undefined, { id: 'above' });
    await pawl.submit(bad, undefined, { id: 'below', parentId: 'above' });
    await clock.settle();
    await pawl.pause();
    const release = storage.holdSyncs();
    const again = pawl.retryRun(first(runIds));
    await turns(40);
    const pruned = pawl.prune();
    await turns(40);
    release();
    expect(await pruned).toEqual({ tasks: 0, runs: 0 });
    await again;
    expect(await eventsOf(pawl, 'TasksPruned')).toEqual([]);
  });
});
