// A cancellation against whatever else is decided at the same moment: nothing of the task comes after it, and nothing
// of it is forgotten.
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_CONSTRAINTS, DEFAULT_METADATA, type TaskSpec } from '../../../src/domain/task.js';
import { defineTask } from '../../../src/execution/define-task.js';
import type { EventDraft } from '../../../src/testing/given.js';
import { openOnFaultyStorage } from '../support/faulty-files.js';
import { foreignLog, leasedElsewhere, REMOTE } from '../support/foreign-log.js';
import { eventsOf, first, gate, history, open, refusal, run, turns } from '../support/handlers.js';

const LATER = { kind: 'once', startAt: 1_900_000_000_000 } as const;
const work = defineTask('work', () => 'done');
const bad = defineTask('bad', () => {
  throw new Error('bad');
});

describe('a cancellation', () => {
  it.each([0, 4, 8])(
    'no child is created after a task above it was canceled, %d steps behind the submission',
    async (steps) => {
      const { pawl, clock } = await open({ tasks: [work] });
      const { taskId: root } = await pawl.submit(work, undefined, { policy: LATER });
      let parentId = root;
      for (let level = 1; level < 7; level++)
        ({ taskId: parentId } = await pawl.submit(work, undefined, { policy: LATER, parentId }));
      const submitted = pawl.submit(work, undefined, { id: 'child', parentId }).catch(() => undefined);
      for (let step = 0; step < steps; step++) await Promise.resolve();
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

  it('descendants of a task that has ended are canceled with what is above it', async () => {
    const { pawl, clock } = await open({ tasks: [work] });
    const { taskId: root } = await pawl.submit(work, undefined, { policy: LATER });
    const { taskId: middle, runIds } = await pawl.submit(work, undefined, { parentId: root, policy: LATER });
    const leaf = await pawl.submit(work, undefined, { parentId: middle, policy: LATER });
    await pawl.cancelRun(first(runIds));
    await pawl.cancelTask(root);
    await clock.settle();
    expect(run(pawl, first(leaf.runIds)).state).toBe('canceled');
    expect(pawl.projections.tasks.get(leaf.taskId)?.canceledAt).toBeDefined();
    await pawl.cancelTask(root, { wait: true });
  });

  it('a start finds descendants of ended tasks that a cancellation above has not reached', async () => {
    const TASK = { type: 'work', policy: LATER } as const;
    const dataDir = await foreignLog([
      [created('root', TASK), createdRun('root')],
      [created('middle', { ...TASK, parentId: 'root' }), createdRun('middle')],
      [created('leaf', { ...TASK, parentId: 'middle' }), createdRun('leaf')],
      [{ type: 'RunStateChanged', runId: 'middle-0', from: 'scheduled', to: 'canceled' }],
      [{ type: 'RunStateChanged', runId: 'root-0', from: 'scheduled', to: 'canceled' }],
      [{ type: 'TaskCanceled', taskId: 'root' }],
    ]);
    const { pawl, clock } = await open({ tasks: [work], dataDir });
    await clock.settle();
    expect(run(pawl, 'leaf-0').state).toBe('canceled');
  });

  it('a run that is run again while a task above it is being canceled is canceled too', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [work, bad] });
    const { pawl, clock } = kit;
    const { taskId: root } = await pawl.submit(work, undefined, { policy: LATER });
    const { taskId: parentId, runIds: ended } = await pawl.submit(work, undefined, {
      parentId: root,
      policy: LATER,
    });
    const { runIds } = await pawl.submit(bad, undefined, { parentId });
    await pawl.cancelRun(first(ended));
    await clock.settle();
    expect(run(pawl, first(runIds)).state).toBe('failed');
    const release = storage.holdSyncs();
    const canceled = pawl.cancelTask(root, { wait: true });
    await turns(20);
    const again = pawl.retryRun(first(runIds)).catch(() => undefined);
    await turns(20);
    release();
    await Promise.all([canceled, again]);
    await clock.settle();
    expect(pawl.projections.runs.nonTerminal).toBe(0);
  });

  it('the window of a child gets no run after the task above it was canceled', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [work], limits: { repeatWindow: 1 } });
    const { pawl, clock } = kit;
    const { taskId: parentId, runIds: own } = await pawl.submit(work, undefined, { policy: LATER });
    const { taskId, runIds } = await pawl.submit(work, undefined, {
      parentId,
      policy: { kind: 'repeat', count: 100, intervalMs: 60_000, startAt: 1_900_000_000_000 },
    });
    const before = storage.holdSyncs();
    const first1 = pawl.setRunPriority(first(own), 1);
    await turns(20);
    const canceled = pawl.cancelTask(parentId, { wait: true });
    await turns(20);
    const ended = pawl.cancelRun(first(runIds));
    await turns(20);
    // The cancellation waits for what was decided before it; the run ends in the batch after that.
    const behind = storage.holdSyncs();
    before();
    await turns(20);
    behind();
    await Promise.all([first1, ended, canceled]);
    await clock.settle();
    const at = first(await eventsOf(pawl, 'TaskCanceled')).sequence;
    const derived = (await eventsOf(pawl, 'RunCreated')).filter((event) => event.taskId === taskId);
    expect(Math.max(...derived.map((event) => event.sequence))).toBeLessThan(at);
    expect(pawl.projections.runs.nonTerminal).toBe(0);
  });

  it('of a continued run meets the end of its last in the order of their locks', async () => {
    const going = gate<string>();
    const held = defineTask('work', () => going.promise);
    const policy = { kind: 'once' } as const;
    const dataDir = await foreignLog([
      [
        created('chain', { type: 'work', policy }),
        createdRun('chain'),
        { type: 'RunStateChanged', runId: 'chain-0', from: 'scheduled', to: 'ready' },
      ],
      [
        ...leasedElsewhere('chain-0', 'attempt'),
        { type: 'AttemptFinished', runId: 'chain-0', attemptId: 'attempt', result: 'success' },
        { type: 'LeaseReleased', runId: 'chain-0', owner: REMOTE, expiryAt: 1_800_000_000_000 },
        { type: 'RunContinued', runId: 'chain-0', successorRunId: 'chain-1' },
        { ...createdRun('chain'), runId: 'chain-1', continuedFrom: 'chain-0' },
        { type: 'RunStateChanged', runId: 'chain-0', from: 'running', to: 'completed' },
      ],
    ]);
    const { pawl, clock, park } = await open({ tasks: [held], dataDir });
    park('chain-1');
    await clock.settle();
    expect(run(pawl, 'chain-1').state).toBe('running');
    going.open('done');
    // The end is queued as soon as the handler's promise has settled, some steps before it is durable.
    for (let step = 0; step < 4; step++) await Promise.resolve();
    await refusal(pawl.cancelRun('chain-0'), 'INVALID_TRANSITION');
    await clock.settle();
    expect(run(pawl, 'chain-1').state).toBe('completed');
    expect(await pawl.run('chain-0').result()).toBe('done');
  });
});

function created(taskId: string, more: Partial<TaskSpec> & Pick<TaskSpec, 'type' | 'policy'>): EventDraft {
  const spec: TaskSpec = {
    id: taskId,
    constraints: DEFAULT_CONSTRAINTS,
    metadata: DEFAULT_METADATA,
    dependsOn: [],
    budgets: [],
    ...more,
  };
  return { type: 'TaskCreated', spec };
}

function createdRun(taskId: string): EventDraft<'RunCreated'> {
  return {
    type: 'RunCreated',
    runId: `${taskId}-0`,
    taskId,
    occurrence: 0,
    scheduledAt: 1_699_999_990_000,
    priority: 0,
  };
}
