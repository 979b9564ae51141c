// Limits of an attempt and of a run: timeout with grace, expiry before the start, suspects that run alone, and as many
// handlers as slots at most that go on after their end.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { eventsOf, first, gate, open, run, turns, type Gate } from './support/handlers.js';

describe('a timeout', () => {
  it('aborts the signal, and lets the handler end well within its grace', async () => {
    const going = gate<string>();
    const slow = defineTask('slow', () => going.promise);
    const { pawl, clock, park } = await open({ tasks: [slow], timeoutGraceMs: 2_000 });
    const { runIds } = await pawl.submit(slow, undefined, { constraints: { timeoutMs: 1_000 } });
    park(first(runIds));
    await clock.advance(2_999);
    going.open('just in time');
    expect(await pawl.run(first(runIds)).result()).toBe('just in time');
  });

  it('is what an error after it was, so that it is retried', async () => {
    let calls = 0;
    const slow = defineTask('slow', async ({ signal }) => {
      calls++;
      if (calls > 1) return 'second';
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
      return 'never';
    });
    const { pawl, clock, park } = await open({ tasks: [slow] });
    const backoff = { kind: 'fixed', delayMs: 100, jitter: 'none' } as const;
    const constraints = { timeoutMs: 1_000, maxAttempts: 2, backoff };
    const { runIds } = await pawl.submit(slow, undefined, { constraints });
    park(first(runIds));
    await clock.advance(1_000);
    expect(run(pawl, runIds[0])).toMatchObject({
      state: 'retryWait',
      failedAttempts: 1,
      wakeAt: clock.now() + 100,
    });
    await clock.advance(100);
    expect(run(pawl, runIds[0]).attempts).toMatchObject([
      { result: 'timeout', error: { code: 'HANDLER_TIMEOUT', retryable: true } },
      { result: 'success' },
    ]);
  });

  it('is for each attempt, and keeps neither slot nor key', async () => {
    const gates: Gate[] = [];
    const order: string[] = [];
    const slow = defineTask('slow', async (_context, name: string) => {
      order.push(name);
      const going = gate();
      gates.push(going);
      await going.promise;
    });
    const { pawl, clock, park } = await open({ tasks: [slow], concurrency: 2, timeoutGraceMs: 0 });
    const constraints = { timeoutMs: 1_000, concurrencyKey: 'k' };
    const one = await pawl.submit(slow, 'one', { constraints });
    const two = await pawl.submit(slow, 'two', { constraints });
    park(first(one.runIds));
    park(first(two.runIds));
    await clock.advance(1_000);
    expect(order).toEqual(['one', 'two']);
    expect(run(pawl, one.runIds[0]).state).toBe('failed');
    expect(run(pawl, two.runIds[0]).state).toBe('running');
    for (const going of gates) going.open(undefined);
    await clock.settle();
  });

  it('that never comes costs nothing: a handler in time is not aborted', async () => {
    let aborted = false;
    const fast = defineTask('fast', ({ signal }) => {
      signal.addEventListener('abort', () => (aborted = true));
      return 'fine';
    });
    const { pawl, clock } = await open({ tasks: [fast] });
    const { runIds } = await pawl.submit(fast, undefined, { constraints: { timeoutMs: 1_000 } });
    await clock.advance(60_000);
    expect({ aborted, state: run(pawl, runIds[0]).state }).toEqual({ aborted: false, state: 'completed' });
  });
});

describe('expireAfterMs', () => {
  const work = defineTask('work', () => undefined);

  it('cancels a run that is still ready at its moment, and not before', async () => {
    const going = gate();
    const blocker = defineTask('blocker', () => going.promise);
    const { pawl, clock, park } = await open({ tasks: [work, blocker], concurrency: 1 });
    const taken = await pawl.submit(blocker);
    park(first(taken.runIds));
    const { runIds } = await pawl.submit(work, undefined, { constraints: { expireAfterMs: 5_000 } });
    await clock.advance(4_999);
    expect(run(pawl, runIds[0]).state).toBe('ready');
    await clock.advance(1);
    expect(run(pawl, runIds[0])).toMatchObject({ state: 'canceled', reason: 'expired' });
    going.open(undefined);
  });

  it('cancels a run of a paused engine, and one without a handler', async () => {
    const { pawl, clock } = await open({ tasks: [work] });
    const constraints = { expireAfterMs: 1_000 };
    const unknown = await pawl.submit('elsewhere', undefined, { constraints });
    await pawl.pause();
    const paused = await pawl.submit(work, undefined, { constraints });
    await clock.advance(1_000);
    expect(run(pawl, unknown.runIds[0])).toMatchObject({ state: 'canceled', reason: 'expired' });
    expect(run(pawl, paused.runIds[0])).toMatchObject({ state: 'canceled', reason: 'expired' });
  });

  it('counts from the schedule, also while the process was down', async () => {
    const before = await open({ tasks: [work] });
    const policy = { kind: 'once', startAt: before.clock.now() + 10_000 } as const;
    const late = await before.pawl.submit(work, undefined, { policy, constraints: { expireAfterMs: 5_000 } });
    const early = await before.pawl.submit(work, undefined, {
      policy,
      constraints: { expireAfterMs: 5_001 },
    });
    await before.pawl.close();
    before.clock.jump(15_000);
    const after = await before.restart();
    await after.clock.settle();
    expect(run(after.pawl, late.runIds[0])).toMatchObject({ state: 'canceled', reason: 'expired' });
    expect(run(after.pawl, early.runIds[0]).state).toBe('completed');
  });

  it('does not concern a run that has started once', async () => {
    let calls = 0;
    const flaky = defineTask('flaky', () => {
      if (++calls === 1) throw new Error('again');
    });
    const { pawl, clock } = await open({ tasks: [flaky] });
    const backoff = { kind: 'fixed', delayMs: 10_000, jitter: 'none' } as const;
    const constraints = { expireAfterMs: 1_000, maxAttempts: 2, backoff };
    const { runIds } = await pawl.submit(flaky, undefined, { constraints });
    await clock.advance(10_000);
    expect(run(pawl, runIds[0])).toMatchObject({ state: 'completed', attemptCount: 2 });
  });
});

describe('a suspect, one loss short of its cap', () => {
  /** A run that was lost once at a cap of two, with others ready beside it. */
  async function withSuspect({ suspectMs = 60_000, priorityOfA = 0 } = {}) {
    const live = new Set<string>();
    const together: string[][] = [];
    const gates = new Map<string, Gate>();
    const work = defineTask('work', async (_context, name: string) => {
      live.add(name);
      together.push([...live].sort());
      const going = gate();
      gates.set(name, going);
      await going.promise;
      live.delete(name);
    });
    const before = await open({ tasks: [work], concurrency: 4, suspectMs });
    const bad = await before.pawl.submit(work, 'bad', { id: 'bad', constraints: { maxLostAttempts: 2 } });
    before.park(first(bad.runIds));
    await before.clock.settle();
    const after = await before.crash({ tasks: [] });
    live.clear();
    together.length = 0;
    const good: string[] = [];
    for (const name of ['a', 'b']) {
      const metadata = { priority: name === 'a' ? priorityOfA : 0 };
      good.push(first((await after.pawl.submit('work', name, { metadata })).runIds));
    }
    const again = await after.restart({ tasks: [work] });
    for (const id of [first(bad.runIds), ...good]) again.park(id);
    await turns(20);
    await again.clock.settle();
    const end = async (name: string): Promise<void> => {
      gates.get(name)?.open(undefined);
      await again.clock.settle();
    };
    return { ...again, live, together, end, badId: first(bad.runIds), good };
  }

  it('runs alone until it has ended', async () => {
    const { live, end, together, badId, pawl } = await withSuspect();
    expect(run(pawl, badId).lostAttempts).toBe(1);
    expect([...live]).toEqual(['bad']);
    await end('bad');
    expect([...live].sort()).toEqual(['a', 'b']);
    expect(together[0]).toEqual(['bad']);
    await end('a');
    await end('b');
  });

  it('keeps the others from starting for suspectMs at most', async () => {
    const { live, clock, end } = await withSuspect({ suspectMs: 10_000 });
    await clock.advance(9_999);
    expect([...live]).toEqual(['bad']);
    await clock.advance(1);
    expect([...live].sort()).toEqual(['a', 'b', 'bad']);
    for (const name of ['bad', 'a', 'b']) await end(name);
  });

  it('waits for those in flight, and nothing behind it is started meanwhile', async () => {
    const { live, end } = await withSuspect({ priorityOfA: 5 });
    expect([...live]).toEqual(['a']);
    await end('a');
    expect([...live]).toEqual(['bad']);
    await end('bad');
    expect([...live]).toEqual(['b']);
    await end('b');
  });

  it('that is lost again fails, and takes nobody along', async () => {
    const { crash, badId, good } = await withSuspect();
    const after = await crash({ tasks: [defineTask('work', () => undefined)] });
    await after.clock.settle();
    expect(run(after.pawl, badId)).toMatchObject({ state: 'failed', reason: 'LOST', lostAttempts: 2 });
    expect(good.map((id) => run(after.pawl, id))).toMatchObject([
      { state: 'completed', lostAttempts: 0 },
      { state: 'completed', lostAttempts: 0 },
    ]);
  });
});

describe('handlers that go on after their end', () => {
  it('are as many as slots at most; then dispatch stops, until one of them settles', async () => {
    const gates: Gate[] = [];
    const deaf = defineTask('deaf', async () => {
      const going = gate();
      gates.push(going);
      await going.promise;
    });
    const good = defineTask('good', () => 'fine');
    const { pawl, clock, park } = await open({ tasks: [deaf, good], concurrency: 2 });
    const ids: string[] = [];
    for (let count = 0; count < 2; count++) {
      const { runIds } = await pawl.submit(deaf);
      park(first(runIds));
      ids.push(first(runIds));
    }
    await clock.settle();
    await pawl.cancelRun(ids[0] ?? '');
    // One zombie and one attempt on two slots: there is room for one more.
    const one = await pawl.submit(good);
    expect(await pawl.run(first(one.runIds)).result()).toBe('fine');
    await pawl.cancelRun(ids[1] ?? '');
    const two = await pawl.submit(good);
    await clock.settle();
    expect((await pawl.idle()).reasons).toEqual([{ reason: 'zombies', count: 1, runIds: two.runIds }]);
    gates[1]?.open(undefined);
    expect(await pawl.run(first(two.runIds)).result()).toBe('fine');
    gates[0]?.open(undefined);
    await clock.settle();
    expect(await eventsOf(pawl, 'AttemptRefused')).toHaveLength(2);
    expect(ids.map((id) => run(pawl, id).state)).toEqual(['canceled', 'canceled']);
  });
});
