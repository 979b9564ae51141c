// What a handler is given: identity, input, reports, suspension, heartbeat, its signal with a reason, a logger.
import { describe, expect, it } from '@jest/globals';
import { isPawlError } from '../../src/errors.js';
import { decodePayload, type Payload } from '../../src/domain/payload.js';
import { defineTask } from '../../src/execution/define-task.js';
import type { HandlerContext } from '../../src/execution/handler-context.js';
import type { LogFields } from '../../src/logger.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import { eventsOf, first, gate, open, refusal, run, turns } from './support/handlers.js';

async function reported(pawl: Orchestrator): Promise<unknown[]> {
  return (await eventsOf(pawl, 'ProgressReported')).map(({ value }) => decodePayload(value));
}

function amounts(
  events: readonly { readonly dimension: string; readonly amount: number }[],
): [string, number][] {
  return events.map(({ dimension, amount }) => [dimension, amount]);
}

/** One run whose handler hands its context to the test and goes on until `end` is called. */
async function withContext(options: Parameters<typeof open>[0] = {}, submit: object = {}) {
  const ending = gate<unknown>();
  const given = gate<HandlerContext>();
  const task = defineTask('work', async (context, _input: unknown) => {
    given.open(context);
    return await ending.promise;
  });
  const opened = await open({ tasks: [task], ...options });
  const { runIds } = await opened.pawl.submit(task, { n: 1 }, submit);
  const runId = first(runIds);
  const unpark = opened.park(runId);
  const context = await given.promise;
  return { ...opened, runId, context, unpark, end: ending };
}

describe('a handler', () => {
  it('is told what it executes', async () => {
    const constraints = { maxAttempts: 3, timeoutMs: 60_000 };
    const { pawl, clock, context, runId, end } = await withContext({}, { id: 't', constraints });
    expect(context).toMatchObject({
      runId,
      taskId: 't',
      attempt: 1,
      maxAttempts: 3,
      deadlineAt: clock.now() + 60_000,
    });
    expect(context.attemptId).toBe(run(pawl, runId).currentAttemptId);
    expect(context.resumedWith).toBeUndefined();
    expect(context.input).toEqual({ n: 1 });
    // Decoded afresh: what a handler does to its input is its own business.
    expect(context.input).not.toBe(context.input);
    end.open(undefined);
  });

  it('without a timeout has no deadline', async () => {
    const { context, end } = await withContext();
    expect(context.deadlineAt).toBeUndefined();
    end.open(undefined);
  });

  it('counts its attempts by the failures before', async () => {
    const attempts: number[] = [];
    const task = defineTask('work', (context) => {
      attempts.push(context.attempt);
      if (attempts.length === 2) return context.suspend();
      if (attempts.length < 4) throw new Error('again');
      return undefined;
    });
    const { pawl, clock } = await open({ tasks: [task] });
    const { runIds } = await pawl.submit(task, undefined, { constraints: { maxAttempts: 3 } });
    await clock.advance(3_600_000);
    await pawl.resumeRun(first(runIds));
    await clock.advance(3_600_000);
    expect(attempts).toEqual([1, 2, 2, 3]);
    expect(run(pawl, runIds[0])).toMatchObject({ state: 'completed', attemptCount: 4, failedAttempts: 2 });
  });

  it('logs with its run, task and attempt', async () => {
    const lines: [LogFields, string][] = [];
    const drop = (): void => undefined;
    const logger = {
      debug: drop,
      info: (fields: LogFields, message: string) => void lines.push([fields, message]),
      warn: drop,
      error: drop,
    };
    const { context, runId, end } = await withContext({ logger }, { id: 't' });
    context.log.info({ page: 3 }, 'rendered');
    const { attemptId } = context;
    const line = lines.find(([, message]) => message === 'rendered');
    expect(line?.[0]).toEqual({ component: 'handler', runId, taskId: 't', attemptId, page: 3 });
    end.open(undefined);
  });
});

describe('progress', () => {
  it('is written at once, then at most once a second, the newest value each time', async () => {
    const { pawl, clock, context, runId, end } = await withContext();
    for (const percent of [1, 2, 3]) context.progress({ percent });
    await clock.settle();
    expect(await reported(pawl)).toEqual([{ percent: 3 }]);
    await clock.advance(999);
    context.progress({ percent: 4 });
    expect(await reported(pawl)).toHaveLength(1);
    await clock.advance(1);
    expect(await reported(pawl)).toEqual([{ percent: 3 }, { percent: 4 }]);
    expect(decodePayload(run(pawl, runId).progress as Payload)).toEqual({ percent: 4 });
    await clock.advance(10_000);
    expect(await reported(pawl)).toHaveLength(2);
    for (let tenth = 0; tenth < 50; tenth++) {
      context.progress({ tenth });
      await clock.advance(100);
    }
    const times = (await eventsOf(pawl, 'ProgressReported')).map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    end.open(undefined);
  });

  it('that was not written yet goes with the end of the attempt', async () => {
    const { pawl, clock, context, end } = await withContext();
    context.progress(1);
    await clock.settle();
    context.progress(2);
    end.open(undefined);
    await clock.settle();
    expect(await reported(pawl)).toEqual([1, 2]);
  });

  it('that cannot be encoded is refused to the handler', async () => {
    const { context, end } = await withContext();
    expect(() => {
      context.progress(() => 1);
    }).toThrow(expect.objectContaining({ code: 'PAYLOAD_NOT_SERIALIZABLE' }));
    expect(() => {
      context.progress('x'.repeat(2_000_000));
    }).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
    end.open(undefined);
  });

  it('after the end of the attempt is nothing', async () => {
    const { pawl, clock, context, end } = await withContext();
    end.open(undefined);
    await clock.settle();
    context.progress('late');
    await clock.advance(5_000);
    expect(await reported(pawl)).toEqual([]);
  });
});

describe('consume', () => {
  it('is durable when it is awaited', async () => {
    const { pawl, context, runId, end } = await withContext();
    await context.consume('token', 120);
    const [event] = await eventsOf(pawl, 'BudgetConsumed');
    expect(event).toMatchObject({ dimension: 'token', amount: 120, runId });
    end.open(undefined);
  });

  it('is written after consumeFlushMs at the latest, summed by dimension', async () => {
    const { pawl, clock, context, end } = await withContext({ consumeFlushMs: 700 });
    for (const amount of [1, 2, 3]) void context.consume('token', amount);
    void context.consume('costCents', 9);
    await clock.advance(699);
    expect(await eventsOf(pawl, 'BudgetConsumed')).toEqual([]);
    await clock.advance(1);
    expect(amounts(await eventsOf(pawl, 'BudgetConsumed'))).toEqual([
      ['token', 6],
      ['costCents', 9],
    ]);
    void context.consume('token', 4);
    await clock.advance(700);
    expect(amounts(await eventsOf(pawl, 'BudgetConsumed')).at(-1)).toEqual(['token', 4]);
    end.open(undefined);
  });

  it.each(['success', 'failure', 'suspension'] as const)(
    'goes with the commit that ends the attempt by %s',
    async (how) => {
      const task = defineTask('work', (context) => {
        void context.consume('token', 5);
        if (how === 'failure') throw new Error('no');
        return how === 'suspension' ? context.suspend() : 'x';
      });
      const { pawl, clock } = await open({ tasks: [task] });
      await pawl.submit(task);
      await clock.settle();
      const [used] = await eventsOf(pawl, 'BudgetConsumed');
      const [finished] = await eventsOf(pawl, 'AttemptFinished');
      expect(used?.sequence).toBe((finished?.sequence ?? 0) + 1);
    },
  );

  it.each(['cancelRun', 'suspendRun'] as const)('is kept when %s ends the attempt', async (how) => {
    const { pawl, clock, context, runId, end } = await withContext();
    void context.consume('token', 5);
    await pawl[how](runId);
    await clock.settle();
    expect(amounts(await eventsOf(pawl, 'BudgetConsumed'))).toEqual([['token', 5]]);
    end.open(undefined);
  });

  it('is refused when it is awaited after the end of the attempt', async () => {
    const { clock, context, end } = await withContext();
    end.open(undefined);
    await clock.settle();
    await refusal(context.consume('token', 1), 'LEASE_LOST');
  });

  it.each<[string, number]>([
    ['', 1],
    ['x'.repeat(65), 1],
    ['token', -1],
    ['token', 0.5],
    ['token', Number.NaN],
  ])('refuses dimension %j with amount %p', async (dimension, amount) => {
    const { context, end } = await withContext();
    expect(() => context.consume(dimension, amount)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
    end.open(undefined);
  });
});

describe('suspend', () => {
  it('ends the attempt without using it up, and resumeRun hands its value over, across a restart', async () => {
    const seen: unknown[] = [];
    const task = defineTask('ask', (context) => {
      seen.push(context.resumedWith);
      return seen.length < 3 ? context.suspend({ question: seen.length }) : 'answered';
    });
    const before = await open({ tasks: [task] });
    const { runIds } = await before.pawl.submit(task);
    await before.clock.settle();
    expect(run(before.pawl, runIds[0])).toMatchObject({ state: 'suspended', failedAttempts: 0 });
    const output = run(before.pawl, runIds[0]).attempts[0]?.output;
    expect(decodePayload(output as Payload)).toEqual({ question: 1 });
    await before.pawl.pause();
    await before.pawl.resumeRun(first(runIds), { answer: 42 });
    const after = await before.crash();
    await after.pawl.resume();
    await after.clock.settle();
    expect(seen).toEqual([undefined, { answer: 42 }]);
    await after.pawl.resumeRun(first(runIds));
    expect(await after.pawl.run(first(runIds)).result()).toBe('answered');
    // What an earlier resumption was given is not given twice.
    expect(seen).toEqual([undefined, { answer: 42 }, undefined]);
    expect(run(after.pawl, runIds[0]).attempts.map(({ result }) => result)).toEqual([
      'suspended',
      'suspended',
      'success',
    ]);
  });

  it('of what cannot be encoded fails the handler', async () => {
    const task = defineTask('ask', (context) => context.suspend(() => 1));
    const { pawl, clock } = await open({ tasks: [task] });
    const { runIds } = await pawl.submit(task);
    await clock.settle();
    expect(run(pawl, runIds[0]).attempts).toMatchObject([{ error: { code: 'PAYLOAD_NOT_SERIALIZABLE' } }]);
  });

  it('resumeRun is refused for a run that is not suspended, and for a value that cannot be encoded', async () => {
    const { pawl, runId, end } = await withContext();
    await refusal(pawl.resumeRun(runId), 'INVALID_TRANSITION');
    await refusal(pawl.resumeRun('nobody'), 'RUN_UNKNOWN');
    await refusal(pawl.resumeRun(runId, Number.NaN), 'PAYLOAD_NOT_SERIALIZABLE');
    end.open(undefined);
  });
});

describe('heartbeat', () => {
  it('resolves while the attempt is open, and rejects when its result would be refused', async () => {
    const { pawl, clock, context, runId, end } = await withContext();
    await context.heartbeat();
    await pawl.cancelRun(runId);
    await clock.settle();
    await refusal(context.heartbeat(), 'RUN_CANCELED');
    end.open(undefined);
  });

  it('rejects with LEASE_LOST after a timeout', async () => {
    const { clock, context, end } = await withContext(
      { timeoutGraceMs: 10 },
      { constraints: { timeoutMs: 10 } },
    );
    await clock.advance(20);
    await refusal(context.heartbeat(), 'LEASE_LOST');
    end.open(undefined);
  });
});

describe('the signal', () => {
  it.each([
    ['cancelRun', 'RUN_CANCELED'],
    ['cancelTask', 'RUN_CANCELED'],
    ['suspendRun', 'ATTEMPT_MISMATCH'],
    ['timeout', 'HANDLER_TIMEOUT'],
    ['close', 'CLOSED'],
  ] as const)('is aborted by %s with %s', async (how, code) => {
    const { pawl, clock, context, runId, end } = await withContext(
      {},
      { id: 't', constraints: { timeoutMs: 1_000 } },
    );
    const { signal } = context;
    expect(signal.aborted).toBe(false);
    if (how === 'cancelTask') await pawl.cancelTask('t');
    else if (how === 'timeout') await clock.advance(1_000);
    else if (how === 'close') await pawl.close({ drainMs: 0 });
    else await pawl[how](runId);
    await turns();
    await clock.settle();
    expect(signal.aborted).toBe(true);
    expect(isPawlError(signal.reason, code)).toBe(true);
    end.open(undefined);
  });

  it('that is first looked at after it was aborted is aborted', async () => {
    const { pawl, clock, context, runId, end } = await withContext();
    await pawl.cancelRun(runId);
    await clock.settle();
    expect(context.signal.aborted).toBe(true);
    expect(() => {
      context.signal.throwIfAborted();
    }).toThrow(expect.objectContaining({ code: 'RUN_CANCELED' }));
    end.open(undefined);
  });

  it('is one signal, and not aborted by success', async () => {
    const { clock, context, end } = await withContext();
    const { signal } = context;
    expect(context.signal).toBe(signal);
    end.open(undefined);
    await clock.settle();
    expect(signal.aborted).toBe(false);
  });
});
