// Row 40: close drains, interrupts what goes on at the deadline, and what was interrupted runs right after the
// next start; no number of closes uses up an attempt.
import { describe, expect, it } from '@jest/globals';
import { isPawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { eventsOf, first, gate, open, refusal, run } from './support/handlers.js';

/** A task whose handler goes on until its gate is opened, noting why its signal was aborted. */
function endless() {
  const going = gate<string>();
  const aborted: unknown[] = [];
  let calls = 0;
  const task = defineTask('endless', async ({ signal }) => {
    calls++;
    signal.addEventListener('abort', () => void aborted.push(signal.reason));
    return await going.promise;
  });
  return { going, aborted, task, calls: () => calls };
}

describe('close', () => {
  it('lets attempts in flight finish, and starts nothing more', async () => {
    const { going, task, calls, aborted } = endless();
    const { pawl, clock, park, restart } = await open({ tasks: [task], concurrency: 1 });
    const inFlight = await pawl.submit(task);
    const waiting = await pawl.submit(task);
    park(first(inFlight.runIds));
    await clock.settle();
    const result = pawl.run(first(inFlight.runIds)).result();
    const closing = pawl.close({ drainMs: 60_000 });
    going.open('done');
    await closing;
    expect(await result).toBe('done');
    expect({ calls: calls(), aborted }).toEqual({ calls: 1, aborted: [] });
    const again = await restart();
    expect(again.pawl.projections.runs.get(first(inFlight.runIds))).toMatchObject({
      state: 'completed',
      attemptCount: 1,
    });
    expect(await again.pawl.run(first(waiting.runIds)).result()).toBe('done');
  });

  it('aborts the rest at the deadline; it runs again right after the restart', async () => {
    const { going, task, aborted, calls } = endless();
    const { pawl, clock, park, restart } = await open({ tasks: [task] });
    const { runIds } = await pawl.submit(task);
    park(first(runIds));
    await clock.settle();
    const closing = pawl.close({ drainMs: 5_000 });
    await clock.advance(4_999);
    expect(aborted).toEqual([]);
    await clock.advance(1);
    await closing;
    expect(aborted).toHaveLength(1);
    expect(isPawlError(aborted[0], 'CLOSED')).toBe(true);

    going.open('second time');
    const again = await restart();
    expect(await again.pawl.run(first(runIds)).result()).toBe('second time');
    expect(calls()).toBe(2);
    const record = run(again.pawl, runIds[0]);
    expect(record).toMatchObject({ attemptCount: 2, lostAttempts: 0, failedAttempts: 0 });
    expect(record.attempts).toMatchObject([
      { result: 'lost', error: { code: 'SHUTDOWN' } },
      { result: 'success' },
    ]);
    expect(record.history.map((entry) => entry.to)).toEqual([
      ...['scheduled', 'ready', 'leased', 'running', 'retryWait', 'ready'],
      ...['leased', 'running', 'completed'],
    ]);
    expect(record.history[4]).toMatchObject({ to: 'retryWait', reason: 'shutdown' });
  });

  it('three times in a row leaves lostAttempts 0, and runs a transactional run again too', async () => {
    const { going, task } = endless();
    let opened = await open({ tasks: [task] });
    const constraints = { maxLostAttempts: 1, safety: 'transactional' } as const;
    const { runIds } = await opened.pawl.submit(task, undefined, { constraints });
    for (let close = 0; close < 3; close++) {
      opened.park(first(runIds));
      await opened.clock.settle();
      expect(run(opened.pawl, runIds[0]).state).toBe('running');
      opened = await opened.restart();
    }
    opened.park(first(runIds));
    await opened.clock.settle();
    expect(run(opened.pawl, runIds[0])).toMatchObject({ attemptCount: 4, lostAttempts: 0 });
    going.open('at last');
    expect(await opened.pawl.run(first(runIds)).result()).toBe('at last');
  });

  it('interrupts a claim that is not durable yet without starting its handler', async () => {
    const { going, task, calls } = endless();
    const { pawl, restart } = await open({ tasks: [task] });
    const { runIds } = await pawl.submit(task);
    await pawl.close({ drainMs: 0 });
    expect(calls()).toBe(0);
    going.open('only once');
    const again = await restart();
    expect(await again.pawl.run(first(runIds)).result()).toBe('only once');
    expect(calls()).toBe(1);
    expect(run(again.pawl, runIds[0])).toMatchObject({ lostAttempts: 0 });
  });

  it('keeps what a handler consumed and reported before it was interrupted', async () => {
    const going = gate();
    const task = defineTask('busy', async (context) => {
      await context.consume('token', 7);
      context.progress({ half: true });
      await going.promise;
    });
    const { pawl, clock, park, restart } = await open({ tasks: [task] });
    const { runIds } = await pawl.submit(task);
    park(first(runIds));
    await clock.settle();
    const again = await restart({ tasks: [] });
    expect(await eventsOf(again.pawl, 'BudgetConsumed')).toMatchObject([
      { dimension: 'token', amount: 7, runId: runIds[0] },
    ]);
    expect(run(again.pawl, runIds[0]).progress).toBeDefined();
  });

  it('is idempotent; every command, read of time and wait after it is refused, and reads go on', async () => {
    const { going, task } = endless();
    const { pawl, clock, park } = await open({ tasks: [task] });
    const { runIds } = await pawl.submit(task);
    park(first(runIds));
    await clock.settle();
    const waiting = refusal(pawl.run(first(runIds)).result(), 'CLOSED');
    const idle = refusal(pawl.idle(), 'CLOSED');
    const once = pawl.close({ drainMs: 0 });
    expect(pawl.close({ drainMs: 0 })).toBe(once);
    await once;
    await Promise.all([waiting, idle]);
    await refusal(pawl.submit(task), 'CLOSED');
    await refusal(pawl.pause(), 'CLOSED');
    await refusal(pawl.cancelRun(first(runIds)), 'CLOSED');
    await refusal(pawl.idle(), 'CLOSED');
    await refusal(pawl.prune(), 'CLOSED');
    await refusal(pawl.snapshot(), 'CLOSED');
    expect(run(pawl, runIds[0]).state).toBe('ready');
    going.open('nobody hears this');
    await clock.settle();
    expect(run(pawl, runIds[0]).state).toBe('ready');
  });

  it('refuses a drainMs that is no duration', async () => {
    const { pawl } = await open();
    expect(() => pawl.close({ drainMs: -1 })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    expect(() => pawl.close({ drainMs: 1.5 })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    await pawl.close({ drainMs: 0 });
  });
});
