// Row 39: pause and resume are durable; handlers in flight finish.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { first, gate, history, open, refusal, run } from './support/handlers.js';

describe('a pause', () => {
  it('keeps what is due from starting, also across a crash, until it is resumed', async () => {
    const called: string[] = [];
    const tasks = [
      defineTask('work', (context) => {
        called.push(context.runId);
      }),
    ];
    const before = await open({ tasks });
    expect(await before.pawl.pause({ reason: 'deploy' })).toEqual({ changed: true });
    const { runIds } = await before.pawl.submit('work');
    await before.clock.settle();
    expect(run(before.pawl, runIds[0]).state).toBe('scheduled');
    expect((await before.pawl.idle()).reasons).toEqual([{ reason: 'paused', count: 1, runIds }]);

    const after = await before.crash();
    await after.clock.advance(60_000);
    expect(after.pawl.projections.engine.paused).toBe(true);
    expect(called).toEqual([]);

    await after.pawl.resume();
    await after.clock.settle();
    expect(called).toEqual(runIds);

    const third = await after.restart();
    const { paused, pausedAt, resumedAt } = third.pawl.projections.engine;
    expect({ paused, waitedMs: (resumedAt ?? 0) - (pausedAt ?? 0) }).toEqual({
      paused: false,
      waitedMs: 60_000,
    });
  });

  it('promotes nothing behind it: a submission that shares its fsync waits too', async () => {
    const called: string[] = [];
    const tasks = [
      defineTask('work', (context) => {
        called.push(context.runId);
      }),
    ];
    const { pawl, clock } = await open({ tasks });
    // The pause is decided a few microtasks after the call: a submission is decided before it, with it and behind it.
    const pausing = pawl.pause();
    const submitting = [];
    for (let turn = 0; turn < 12; turn++) {
      submitting.push(pawl.submit('work'));
      await Promise.resolve();
    }
    await Promise.all([pausing, ...submitting]);
    await clock.settle();
    const types = (await history(pawl)).map((event) =>
      event.type === 'RunStateChanged' ? `${event.from} → ${event.to}` : event.type,
    );
    const behind = types.slice(types.indexOf('EnginePaused'));
    expect(behind).toContain('TaskCreated');
    expect(behind).not.toContain('scheduled → ready');
    await pawl.resume();
    await clock.settle();
    expect(called).toHaveLength(12);
  });

  it('holds back what is ready already, and lets what is in flight finish', async () => {
    const going = gate<string>();
    const called: string[] = [];
    const tasks = [
      defineTask('work', async (context) => {
        called.push(context.runId);
        return await going.promise;
      }),
    ];
    const { pawl, clock, park } = await open({ tasks, concurrency: 1 });
    const inFlight = await pawl.submit('work');
    const ready = await pawl.submit('work');
    park(first(inFlight.runIds));
    await clock.settle();
    await pawl.pause();
    going.open('done');
    await clock.settle();
    expect(await pawl.run(first(inFlight.runIds)).result()).toBe('done');
    expect(run(pawl, ready.runIds[0]).state).toBe('ready');
    expect((await pawl.idle()).reasons).toEqual([{ reason: 'paused', count: 1, runIds: ready.runIds }]);
    await pawl.resume();
    expect(await pawl.run(first(ready.runIds)).result()).toBe('done');
    expect(called).toHaveLength(2);
  });

  it('lets a retry wait end, but not start', async () => {
    let attempts = 0;
    const tasks = [
      defineTask('flaky', () => {
        attempts++;
        if (attempts === 1) throw new Error('not yet');
      }),
    ];
    const { pawl, clock } = await open({ tasks });
    const { runIds } = await pawl.submit('flaky', undefined, {
      constraints: { maxAttempts: 2, backoff: { kind: 'fixed', delayMs: 1_000, jitter: 'none' } },
    });
    await clock.settle();
    await pawl.pause();
    await clock.advance(1_000);
    expect(run(pawl, runIds[0]).state).toBe('ready');
    expect(attempts).toBe(1);
    await pawl.resume();
    await clock.settle();
    expect(run(pawl, runIds[0]).state).toBe('completed');
  });

  it('is refused twice, and so is a resume of what is not paused', async () => {
    const { pawl } = await open();
    await refusal(pawl.resume(), 'NOT_PAUSED');
    await pawl.pause();
    await refusal(pawl.pause(), 'ALREADY_PAUSED');
    await pawl.resume();
    await refusal(pawl.resume(), 'NOT_PAUSED');
  });
});
