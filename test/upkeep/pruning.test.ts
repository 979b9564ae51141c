// Pruning: the policy in the background, by age and by count, in bounded commits; the command with its `commandId`; and
// that a task which lost its runs before it ended goes too.
import { describe, expect, it } from '@jest/globals';
import { PRUNE_BATCH } from '../../src/decisions/prune.js';
import { PawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { eventsOf, refusal } from '../acceptance/support/handlers.js';
import { captured } from '../acceptance/support/captured-log.js';
import { openTest } from '../support/engine.js';

const work = defineTask('work', () => 'done');

/** Runs so many tasks to their end, one a second. */
async function runAll({ pawl, clock }: TestOrchestrator, count: number, prefix = 't'): Promise<void> {
  for (let index = 0; index < count; index++) {
    await pawl.submit(work, undefined, { id: `${prefix}${String(index)}` });
    await clock.advance(1_000);
  }
}

const ids = (kit: TestOrchestrator): string[] =>
  kit.pawl.projections.tasks.list().items.map(({ spec }) => spec.id);

describe('the policy', () => {
  it('prunes nothing by default', async () => {
    const kit = await openTest({ tasks: [work], backend: new MemoryBackend() });
    await runAll(kit, 3);
    await kit.clock.advance(86_400_000);
    expect(ids(kit)).toHaveLength(3);
  });

  it('keeps the newest so many', async () => {
    const prune = { keepNewest: 2, everyMs: 60_000 };
    const kit = await openTest({ tasks: [work], backend: new MemoryBackend(), prune });
    await runAll(kit, 5);
    expect(ids(kit)).toHaveLength(5);
    await kit.clock.advance(60_000);
    expect(ids(kit)).toEqual(['t3', 't4']);
    await runAll(kit, 1, 'u');
    await kit.clock.advance(60_000);
    expect(ids(kit)).toEqual(['t4', 'u0']);
  });

  it('takes what is old enough, when its time comes, also after a restart', async () => {
    const prune = { olderThanMs: 10_000, everyMs: 1_000 };
    const kit = await openTest({ tasks: [work], backend: new MemoryBackend(), prune });
    await runAll(kit, 3);
    await kit.clock.advance(6_500);
    expect(ids(kit)).toEqual(['t0', 't1', 't2']);
    await kit.clock.advance(2_000);
    expect(ids(kit)).toEqual(['t2']);
    const again = await kit.restart();
    await again.clock.advance(3_000);
    expect(ids(again)).toEqual([]);
    await refusal(again.pawl.cancelTask('t0'), 'TASK_PRUNED');
  });

  it('works in commits of at most a thousand ids, and lets others in between', async () => {
    const count = 2 * PRUNE_BATCH + 1;
    const prune = { keepNewest: 0, everyMs: 5_000 };
    const kit = await openTest({ tasks: [work], backend: new MemoryBackend(), prune });
    const items = Array.from({ length: count }, () => ({ task: work }));
    await kit.pawl.submitMany(items);
    await kit.clock.settle();
    expect(kit.pawl.projections.runs.countByState('completed')).toBe(count);
    await kit.clock.advance(5_000);
    expect(kit.pawl.projections.runs.count).toBe(0);
    const pruned = await eventsOf(kit.pawl, 'TasksPruned');
    expect(pruned.map(({ taskIds }) => taskIds.length)).toEqual([PRUNE_BATCH, PRUNE_BATCH, 1]);
  });

  it('that is refused is tried again', async () => {
    const backend = new MemoryBackend();
    const log = captured();
    const prune = { keepNewest: 0, everyMs: 5_000 };
    const kit = await openTest({ tasks: [work], backend, prune, logger: log.logger });
    await runAll(kit, 2);
    backend.failNext(new PawlError('STORAGE_FULL', 'The test has filled the disk.', {}));
    await kit.clock.advance(3_000);
    expect(log.all('pruning was refused, it is tried again')).toHaveLength(1);
    expect(ids(kit)).toHaveLength(2);
    await kit.clock.advance(5_000);
    expect(ids(kit)).toHaveLength(0);
  });

  it('takes a canceled task whose runs were pruned before', async () => {
    const prune = { keepNewest: 0, everyMs: 1_000 };
    const kit = await openTest({ tasks: [work], backend: new MemoryBackend(), prune });
    const policy = { kind: 'repeat', count: 1_000_000, intervalMs: 3_600_000 } as const;
    const { taskId } = await kit.pawl.submit(work, undefined, { policy });
    await kit.clock.advance(10_000);
    expect(kit.pawl.projections.tasks.count).toBe(1);
    await kit.pawl.cancelTask(taskId, { wait: true });
    await kit.clock.advance(2_000);
    expect([kit.pawl.projections.tasks.count, kit.pawl.projections.runs.count]).toEqual([0, 0]);
  });
});

describe('prune() with a commandId', () => {
  async function full(count: number): Promise<{ kit: TestOrchestrator; backend: MemoryBackend }> {
    const backend = new MemoryBackend();
    const kit = await openTest({ tasks: [work], backend });
    await kit.pawl.submitMany(Array.from({ length: count }, () => ({ task: work })));
    await kit.clock.settle();
    return { kit, backend };
  }

  it.each([5, PRUNE_BATCH, 2 * PRUNE_BATCH + 5])(
    'gives a repeat the first answer, and prunes nothing more (%i tasks)',
    async (count) => {
      const { kit } = await full(count);
      const answer = await kit.pawl.prune({}, { commandId: 'p1' });
      expect(answer).toEqual({ tasks: count, runs: 0 });
      await runAll(kit, 2);
      expect(await kit.pawl.prune({}, { commandId: 'p1' })).toEqual(answer);
      const again = await kit.restart();
      expect(await again.pawl.prune({}, { commandId: 'p1' })).toEqual(answer);
      expect(again.pawl.projections.tasks.count).toBe(2);
      await refusal(again.pawl.prune({ keepNewest: 1 }, { commandId: 'p1' }), 'COMMAND_CONFLICT');
      await refusal(again.pawl.pause({ commandId: 'p1' }), 'COMMAND_CONFLICT');
      expect(await again.pawl.prune()).toEqual({ tasks: 2, runs: 0 });
    },
  );

  it('while the first is in flight waits for it', async () => {
    const { kit } = await full(1_500);
    const both = await Promise.all([
      kit.pawl.prune({}, { commandId: 'p1' }),
      kit.pawl.prune({}, { commandId: 'p1' }),
      kit.pawl.prune(),
    ]);
    expect(both).toEqual([
      { tasks: 1_500, runs: 0 },
      { tasks: 1_500, runs: 0 },
      { tasks: 0, runs: 0 },
    ]);
  });

  it('finishes after a crash in the middle, and answers for the whole', async () => {
    const { kit, backend } = await full(2 * PRUNE_BATCH + 5);
    // The second of its three commits is refused, as on a disk that is full for a moment.
    const append = backend.append.bind(backend);
    let appends = 0;
    backend.append = async (batch) => {
      if (++appends === 2) throw new PawlError('STORAGE_FULL', 'The test has filled the disk.', {});
      await append(batch);
    };
    await refusal(kit.pawl.prune({}, { commandId: 'p1' }), 'STORAGE_FULL');
    const again = await kit.crash();
    expect(again.pawl.projections.tasks.count).toBe(PRUNE_BATCH + 5);
    expect(await again.pawl.prune({}, { commandId: 'p1' })).toEqual({ tasks: 2 * PRUNE_BATCH + 5, runs: 0 });
    expect(again.pawl.projections.tasks.count).toBe(0);
  });

  it('carries who did it, and refuses what it does not know', async () => {
    const { kit } = await full(1);
    await refusal(kit.pawl.prune({}, { comandId: 'p1' } as never), 'INVALID_INPUT');
    await refusal(kit.pawl.prune({}, { commandId: '' }), 'INVALID_ID');
    await kit.pawl.prune({}, { commandId: 'p1', by: { actorId: 'someone' } });
    expect(kit.pawl.projections.tasks.count).toBe(0);
  });
});
