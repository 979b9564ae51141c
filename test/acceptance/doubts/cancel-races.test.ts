// A cancellation against whatever else is decided at the same moment: nothing of the task comes after it, and nothing
// of it is forgotten.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../../src/execution/define-task.js';
import { openOnFaultyStorage } from '../support/faulty-files.js';
import { eventsOf, first, history, open, run, turns } from '../support/handlers.js';

const LATER = { kind: 'once', startAt: 1_900_000_000_000 } as const;
const work = defineTask('work', () => 'done');
const bad = defineTask('bad', () => {
  throw new Error('bad');
});

describe('a cancellation', () => {
  it.each([1, 2, 4])(
    'no child of a tree of %d levels is created after its root was canceled',
    async (levels) => {
      const { pawl, clock } = await open({ tasks: [work] });
      const { taskId: root } = await pawl.submit(work, undefined, { policy: LATER });
      let parentId = root;
      for (let level = 1; level < levels; level++)
        ({ taskId: parentId } = await pawl.submit(work, undefined, { policy: LATER, parentId }));
      const submitted = pawl.submit(work, undefined, { id: 'child', parentId }).catch(() => undefined);
      const canceled = pawl.cancelTask(root, { wait: true });
      await Promise.all([submitted, canceled]);
      await clock.settle();
      const events = await history(pawl);
      const at = events.findIndex((event) => event.type === 'TaskCanceled' && event.taskId === root);
      const created = events.findIndex((event) => event.type === 'TaskCreated' && event.spec.id === 'child');
      expect(created).toBeLessThan(at);
      expect(pawl.projections.runs.nonTerminal).toBe(0);
    },
  );

  it('a run that is run again while a task above it is being canceled is canceled too', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [work, bad] });
    const { pawl, clock } = kit;
    const { taskId: parentId } = await pawl.submit(work, undefined, { policy: LATER });
    const { runIds } = await pawl.submit(bad, undefined, { parentId });
    await clock.settle();
    expect(run(pawl, first(runIds)).state).toBe('failed');
    const release = storage.holdSyncs();
    const canceled = pawl.cancelTask(parentId, { wait: true });
    await turns(20);
    const again = pawl.retryRun(first(runIds)).catch(() => undefined);
    await turns(20);
    release();
    await Promise.all([canceled, again]);
    await clock.settle();
    expect(pawl.projections.runs.nonTerminal).toBe(0);
    expect(pawl.projections.runs.countByState('scheduled')).toBe(0);
  });

  it('the window of a child gets no run after the task above it was canceled', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [work], limits: { repeatWindow: 1 } });
    const { pawl, clock } = kit;
    const { taskId: parentId } = await pawl.submit(work, undefined, { policy: LATER });
    const { taskId, runIds } = await pawl.submit(work, undefined, {
      parentId,
      policy: { kind: 'repeat', count: 100, intervalMs: 60_000, startAt: 1_900_000_000_000 },
    });
    const release = storage.holdSyncs();
    const ended = pawl.cancelRun(first(runIds));
    const canceled = pawl.cancelTask(parentId, { wait: true });
    await turns(20);
    release();
    await Promise.all([ended, canceled]);
    await clock.settle();
    const at = first(await eventsOf(pawl, 'TaskCanceled')).sequence;
    const created = (await eventsOf(pawl, 'RunCreated')).filter((event) => event.taskId === taskId);
    expect(Math.max(...created.map((event) => event.sequence))).toBeLessThan(at);
    expect(pawl.projections.runs.nonTerminal).toBe(0);
  });
});
