// Rows 21 and 22: a policy makes exactly the runs it asks for, never more and never fewer, across a restart.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { openTest } from '../support/engine.js';
import { run, states } from './support/handlers.js';

describe('once', () => {
  it('makes exactly one run, completed, the same after a restart, with nothing left scheduled', async () => {
    const called: string[] = [];
    const greet = defineTask('greet', (context, input: { name: string }) => {
      called.push(context.runId);
      return `hello ${input.name}`;
    });
    const { pawl, clock, restart } = await openTest({ tasks: [greet] });
    const { taskId, runIds, runCount } = await pawl.submit(greet, { name: 'Ada' });
    await clock.settle();
    expect([runIds.length, runCount]).toEqual([1, 1]);
    expect(called).toEqual(runIds);
    const record = run(pawl, runIds[0]);
    expect(record.state).toBe('completed');
    expect(await pawl.run(record.id).result()).toBe('hello Ada');
    const again = await restart();
    await again.clock.advance(86_400_000);
    expect(run(again.pawl, record.id)).toEqual(record);
    expect(again.pawl.projections.runs.list({ taskId }).items.map(({ id }) => id)).toEqual(runIds);
    expect(again.pawl.projections.tasks.get(taskId)?.counts).toMatchObject({ created: 1, completed: 1 });
    expect(await again.pawl.idle()).toEqual({ pending: 0, reasons: [] });
    expect(called).toHaveLength(1);
  });

  it('makes its run wait for its start', async () => {
    const work = defineTask('work', () => undefined);
    const { pawl, clock } = await openTest({ tasks: [work] });
    const startAt = clock.now() + 5_000;
    const { runIds } = await pawl.submit(work, undefined, { policy: { kind: 'once', startAt } });
    await clock.advance(4_999);
    expect(run(pawl, runIds[0])).toMatchObject({ state: 'scheduled', scheduledAt: startAt });
    expect((await pawl.idle()).reasons).toEqual([
      { reason: 'scheduled for', count: 1, runIds, nextAt: startAt },
    ]);
    await clock.advance(1);
    expect(run(pawl, runIds[0])).toMatchObject({ state: 'completed', lastStateChangeAt: startAt });
  });
});

describe('repeat', () => {
  it.each([3, 6])(
    'of %d makes exactly that many runs, each at its moment, the same after a restart',
    async (count) => {
      const calls: { runId: string; at: number }[] = [];
      const { clock, ...first } = await openTest({
        tasks: [defineTask('tick', (context) => void calls.push({ runId: context.runId, at: clock.now() }))],
      });
      const startAt = clock.now();
      const { taskId, runIds, runCount } = await first.pawl.submit('tick', undefined, {
        policy: { kind: 'repeat', count, intervalMs: 60_000 },
      });
      expect([runIds.length, runCount]).toEqual([count, count]);
      await clock.advance(60_000);
      const second = await first.restart();
      await clock.advance(count * 60_000);
      expect(calls).toEqual(
        runIds.map((runId, occurrence) => ({ runId, at: startAt + occurrence * 60_000 })),
      );
      expect(states(second.pawl, taskId)).toEqual(Array<string>(count).fill('completed'));
      const again = await second.restart();
      expect(again.pawl.projections.runs.list({ taskId }).items.map(({ id }) => id)).toEqual(runIds);
      expect(again.pawl.projections.tasks.get(taskId)?.counts).toEqual({
        created: count,
        completed: count,
        failed: 0,
        canceled: 0,
        skipped: 0,
        derived: count,
      });
      await again.clock.advance(3_600_000);
      expect(await again.pawl.idle()).toEqual({ pending: 0, reasons: [] });
      expect(calls).toHaveLength(count);
    },
  );

  it('makes each occurrence once when the process dies between them', async () => {
    const occurrences: string[] = [];
    const tasks = [defineTask('tick', (context) => void occurrences.push(context.runId))];
    let kit = await openTest({ tasks, limits: { repeatWindow: 2 } });
    const { taskId } = await kit.pawl.submit('tick', undefined, {
      policy: { kind: 'repeat', count: 5, intervalMs: 1_000 },
    });
    for (let crash = 0; crash < 5; crash++) {
      await kit.clock.advance(1_000);
      kit = await kit.crash();
    }
    await kit.clock.settle();
    expect(states(kit.pawl, taskId)).toEqual(Array<string>(5).fill('completed'));
    expect(new Set(occurrences).size).toBe(5);
    expect(occurrences).toHaveLength(5);
  });
});
