// A start takes over the tasks that wait as its snapshot has them, and makes rows of them later. Nobody can tell: what
// is asked for is there, what is changed is changed, the order is the same, and the next snapshot has everything.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { openTest } from '../support/engine.js';
import { first, refusal } from './support/handlers.js';

const TASKS = 700;
const idOf = (at: number): string => `t${String(at).padStart(3, '0')}`;

interface Started {
  readonly kit: TestOrchestrator;
  /** Inputs of the handlers that were called, in order. */
  readonly called: unknown[];
  readonly runIds: readonly string[];
}

/** An engine behind a start from a snapshot in which so many tasks are ready; it is paused. */
async function started(): Promise<Started> {
  const called: unknown[] = [];
  const work = defineTask('work', (context: { readonly input: unknown }) => {
    called.push(context.input);
  });
  // Without a handler: they become ready, and wait.
  const kit = await openTest({ tasks: [], backend: new MemoryBackend(), concurrency: 1 });
  const runIds: string[] = [];
  for (let at = 0; at < TASKS; at++) {
    const submitted = await kit.pawl.submit('work', at, { id: idOf(at) });
    runIds.push(first(submitted.runIds));
    if (at % 50 === 0) await kit.clock.advance(1);
  }
  await kit.pawl.pause();
  await kit.pawl.snapshot();
  return { kit: await kit.restart({ tasks: [work] }), called, runIds };
}

describe('behind a start from a snapshot', () => {
  it('everything that waits is counted, and found by id', async () => {
    const { kit, runIds } = await started();
    const { projections } = kit.pawl;
    expect([projections.tasks.count, projections.runs.countByState('ready')]).toEqual([TASKS, TASKS]);
    expect(projections.runs.get(runIds[TASKS - 1] ?? '')).toMatchObject({
      taskId: idOf(TASKS - 1),
      state: 'ready',
    });
    expect(projections.tasks.get(idOf(300))?.counts).toMatchObject({ created: 1, completed: 0 });
    await refusal(kit.pawl.submit('work', 'other', { id: idOf(650) }), 'TASK_CONFLICT');
  });

  it('it runs in its order, but for what was canceled, or given another priority', async () => {
    const { kit, called, runIds } = await started();
    await kit.pawl.setRunPriority(runIds[400] ?? '', 5);
    await kit.pawl.cancelTask(idOf(600));
    await kit.pawl.submit('work', 'urgent', { metadata: { priority: 9 } });
    await kit.pawl.submit('work', 'last');
    await kit.pawl.resume();
    await kit.clock.settle();
    const others = Array.from({ length: TASKS }, (_value, at) => at).filter((at) => at !== 400 && at !== 600);
    expect(called).toEqual([400, 'urgent', ...others, 'last']);
  });

  it('the next snapshot has all of it, whenever it is taken', async () => {
    const { kit } = await started();
    const before = await kit.pawl.snapshot();
    expect(before.counts).toMatchObject({ tasks: TASKS, runs: TASKS });
    const again = await kit.restart();
    await again.pawl.close();
    const last = await again.restart();
    expect(last.pawl.projections.runs.countByState('ready')).toBe(TASKS);
    expect(last.pawl.projections.tasks.list({}, { limit: 1_000 }).items.map(({ spec }) => spec.id)).toEqual(
      Array.from({ length: TASKS }, (_value, at) => idOf(at)),
    );
  });

  it('a view of one of them shows its state', async () => {
    const { kit, runIds } = await started();
    const seen: string[] = [];
    const watching = kit.pawl.run(runIds[500] ?? '').state$.subscribe((view) => seen.push(view.state));
    await kit.clock.settle();
    await kit.pawl.resume();
    await kit.clock.settle();
    watching.unsubscribe();
    expect([seen[0], seen.at(-1)]).toEqual(['ready', 'completed']);
  });
});
