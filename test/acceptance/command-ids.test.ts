// Row 41a: a repeated commandId gets the first result: in flight, later, after a restart, after a failure of which
// nobody knows the outcome. Other arguments are a conflict, and refusals are not kept.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { eventsOf, first, gate, open, refusal, run } from './support/handlers.js';

const work = defineTask('work', (_context, input: { n: number }) => input.n);
const repeat = { policy: { kind: 'repeat', count: 3, intervalMs: 60_000 } } as const;

describe('a repeated commandId', () => {
  it('gets the first result, whose id was made for it, and writes nothing', async () => {
    const { pawl, clock } = await open({ tasks: [work] });
    const submitted = await pawl.submit(work, { n: 1 }, { ...repeat, commandId: 'c1' });
    await clock.advance(60_000);
    const { sequence } = pawl.projections;
    expect(await pawl.submit(work, { n: 1 }, { ...repeat, commandId: 'c1' })).toEqual(submitted);
    expect(pawl.projections.sequence).toBe(sequence);
    expect(pawl.projections.tasks.count).toBe(1);
  });

  it('while the first is in flight waits for it', async () => {
    const { pawl } = await open({ tasks: [work] });
    const both = await Promise.all([
      pawl.submit(work, { n: 1 }, { commandId: 'c1' }),
      pawl.submit(work, { n: 1 }, { commandId: 'c1' }),
    ]);
    expect(both[1]).toEqual(both[0]);
    expect(pawl.projections.tasks.count).toBe(1);
  });

  it('while the first is in flight with other arguments is a conflict', async () => {
    const { pawl } = await open({ tasks: [work] });
    const one = pawl.submit(work, { n: 1 }, { commandId: 'c1' });
    const error = await refusal(pawl.submit(work, { n: 2 }, { commandId: 'c1' }), 'COMMAND_CONFLICT');
    expect(error.data).toEqual({ commandId: 'c1', command: 'submit' });
    expect(await one).toMatchObject({ created: true });
  });

  it.each(['close', 'crash', 'snapshot'] as const)(
    'after a restart by %s gets the first result',
    async (how) => {
      const before = await open({ tasks: [work] });
      const submitted = await before.pawl.submit(work, { n: 1 }, { ...repeat, commandId: 'c1' });
      if (how === 'snapshot') await before.pawl.snapshot();
      const after = how === 'crash' ? await before.crash() : await before.restart();
      expect(await after.pawl.submit(work, { n: 1 }, { ...repeat, commandId: 'c1' })).toEqual(submitted);
      await refusal(after.pawl.submit(work, { n: 2 }, { ...repeat, commandId: 'c1' }), 'COMMAND_CONFLICT');
      await refusal(after.pawl.pause({ commandId: 'c1' }), 'COMMAND_CONFLICT');
    },
  );

  it.each([
    ['was written after all', true],
    ['was not written', false],
  ])('after an indeterminate failure that %s creates the task exactly once', async (_name, keep) => {
    const backend = new MemoryBackend();
    const before = await open({ tasks: [work], backend });
    await before.clock.settle();
    const poison = new PawlError('JOURNAL_POISONED', 'simulated', { cause: 'fsync' });
    backend.failNext(poison, { keep });
    await refusal(before.pawl.submit(work, { n: 1 }, { id: 't', commandId: 'c1' }), 'JOURNAL_POISONED');
    const after = await before.restart();
    expect(after.pawl.projections.tasks.count).toBe(keep ? 1 : 0);
    const again = await after.pawl.submit(work, { n: 1 }, { id: 't', commandId: 'c1' });
    expect(again).toMatchObject({ taskId: 't', created: true, runCount: 1 });
    expect(await eventsOf(after.pawl, 'TaskCreated')).toHaveLength(1);
  });

  it('after a refusal is decided anew', async () => {
    const { pawl } = await open({ tasks: [work] });
    await refusal(pawl.resume({ commandId: 'c1' }), 'NOT_PAUSED');
    await pawl.pause();
    expect(await pawl.resume({ commandId: 'c1' })).toEqual({ changed: true });
    expect(await pawl.resume({ commandId: 'c1' })).toEqual({ changed: true });
    expect(await eventsOf(pawl, 'EngineResumed')).toHaveLength(1);
  });

  it('works for every command', async () => {
    const going = gate();
    const endless = defineTask('endless', () => going.promise);
    const failing = defineTask('failing', () => {
      throw new Error('no');
    });
    const { pawl, clock, park } = await open({ tasks: [endless, failing] });
    const twice = async <T>(
      command: (options: { commandId: string }) => Promise<T>,
      commandId: string,
    ): Promise<T> => {
      const result = await command({ commandId });
      await clock.settle();
      const { sequence } = pawl.projections;
      expect(await command({ commandId })).toEqual(result);
      expect(pawl.projections.sequence).toBe(sequence);
      return result;
    };
    const task = await pawl.submit(endless, undefined, {
      policy: { kind: 'once', startAt: clock.now() + 5 },
    });
    const inFlight = await pawl.submit(endless);
    const failed = await pawl.submit(failing);
    const canceled = await pawl.submit('nobody');
    const runId = first(inFlight.runIds);
    park(runId);
    await clock.settle();
    await twice((options) => pawl.pause(options), 'pause');
    await twice((options) => pawl.setRunPriority(first(task.runIds), 4, options), 'priority');
    await twice((options) => pawl.suspendRun(runId, options), 'suspend');
    await twice((options) => pawl.resumeRun(runId, { go: true }, options), 'resumeRun');
    await twice((options) => pawl.cancelRun(runId, options), 'cancelRun');
    await twice((options) => pawl.cancelTask(canceled.taskId, options), 'cancelTask');
    const retried = await twice((options) => pawl.retryRun(first(failed.runIds), options), 'retry');
    expect(run(pawl, retried.runId).retryOf).toBe(failed.runIds[0]);
    const items = [
      { task: 'many', input: 1 },
      { task: 'many', input: 2 },
    ] as const;
    await twice((options) => pawl.submitMany(items, { ...options, atomic: true }), 'atomic');
    await twice((options) => pawl.submitMany(items, options), 'many');
    expect(pawl.projections.tasks.count).toBe(8);
    await twice((options) => pawl.resume(options), 'resume');
    going.open(undefined);
  });

  it('is told from another by its arguments, in whatever order their keys are', async () => {
    const { pawl } = await open({ tasks: [work] });
    const { runIds } = await pawl.submit('nobody');
    await pawl.setRunPriority(first(runIds), 3, { commandId: 'p' });
    await refusal(pawl.setRunPriority(first(runIds), 4, { commandId: 'p' }), 'COMMAND_CONFLICT');
    await pawl.pause({ reason: 'a', commandId: 'q' });
    await refusal(pawl.pause({ reason: 'b', commandId: 'q' }), 'COMMAND_CONFLICT');
    await pawl.submit('x', { a: 1, b: { c: 2, d: 3 } }, { commandId: 'r' });
    expect(await pawl.submit('x', { b: { d: 3, c: 2 }, a: 1 }, { commandId: 'r' })).toMatchObject({
      created: true,
    });
  });

  it('is forgotten after 24 hours, and beyond the window', async () => {
    const { pawl, clock } = await open({ limits: { commandWindow: 2 } });
    for (const commandId of ['a', 'b', 'c']) await pawl.submit('x', commandId, { commandId });
    await pawl.submit('x', 'b', { commandId: 'b' });
    expect(pawl.projections.tasks.count).toBe(3);
    await pawl.submit('x', 'a', { commandId: 'a' });
    expect(pawl.projections.tasks.count).toBe(4);
    await clock.advance(86_399_999);
    await pawl.submit('x', 'a', { commandId: 'a' });
    expect(pawl.projections.tasks.count).toBe(4);
    await clock.advance(1);
    await pawl.submit('x', 'another');
    await pawl.submit('x', 'a', { commandId: 'a' });
    expect(pawl.projections.tasks.count).toBe(6);
  });

  it('must be an id', async () => {
    const { pawl } = await open();
    await refusal(pawl.pause({ commandId: 'not an id' }), 'INVALID_ID');
    await refusal(pawl.pause({ commandId: '' }), 'INVALID_ID');
    expect(pawl.projections.engine.paused).toBe(false);
  });
});
