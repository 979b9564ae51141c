// Row 35: a handler that misbehaves in any way ends typed, gives its slot back and hurts no other run.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hostClock } from '../../src/host-clock.js';
import { defineTask, type AnyTaskDefinition } from '../../src/execution/define-task.js';
import { TerminalError } from '../../src/errors.js';
import { openOrchestrator } from '../../src/open-orchestrator.js';
import { onTestEnd, temporaryDirectory } from '../support/engine.js';
import { eventsOf, first, gate, open, refusal, run, turns } from './support/handlers.js';

const good = defineTask('good', () => 'fine');

/** Runs `bad` once on the only slot, then a good one; gives the record of the bad run. */
async function afterRunning(bad: AnyTaskDefinition, maxAttempts = 1) {
  const opened = await open({ tasks: [bad, good], concurrency: 1 });
  const submission = await opened.pawl.submit(bad.type, undefined, { constraints: { maxAttempts } });
  const innocent = await opened.pawl.submit(good);
  await opened.clock.settle();
  expect(await opened.pawl.run(first(innocent.runIds)).result()).toBe('fine');
  return { ...opened, runId: first(submission.runIds), record: run(opened.pawl, submission.runIds[0]) };
}

const unhandled: unknown[] = [];
const note = (error: unknown): void => {
  unhandled.push(error);
};

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
});

afterEach(async () => {
  await turns();
  process.off('unhandledRejection', note);
  process.off('uncaughtException', note);
  expect(unhandled).toEqual([]);
});

describe('a handler that throws', () => {
  it.each<[string, unknown, object]>([
    [
      'undefined',
      undefined,
      { name: 'NonError', message: 'The handler threw undefined.', code: 'HANDLER_FAILED', retryable: true },
    ],
    [
      'null',
      null,
      { name: 'NonError', message: 'The handler threw null.', code: 'HANDLER_FAILED', retryable: true },
    ],
    [
      'a string',
      'oops',
      { name: 'NonError', message: 'The handler threw oops.', code: 'HANDLER_FAILED', retryable: true },
    ],
    ['a symbol', Symbol('x'), { name: 'NonError', message: 'The handler threw Symbol(x).', retryable: true }],
    ['an error', new RangeError('too far'), { name: 'RangeError', message: 'too far', retryable: true }],
    [
      'an error with a code',
      Object.assign(new Error('no'), { code: 'EIO', retryable: false }),
      { code: 'EIO', retryable: false },
    ],
    [
      'a TerminalError',
      new TerminalError('give up'),
      { name: 'TerminalError', code: 'TERMINAL', retryable: false },
    ],
  ])('%s ends failed with a typed error', async (_name, thrown, error) => {
    const { record } = await afterRunning(
      defineTask('bad', () => {
        throw thrown;
      }),
    );
    expect(record.state).toBe('failed');
    expect(record.attempts).toMatchObject([{ number: 1, result: 'failure', error }]);
  });

  it('something whose every property throws ends failed with a typed error', async () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no reading');
        },
        getPrototypeOf: () => {
          throw new Error('no prototype');
        },
      },
    );
    const { record } = await afterRunning(defineTask('bad', () => Promise.reject(hostile as Error)));
    expect(record.attempts[0]?.error).toMatchObject({
      name: 'NonError',
      message: 'The handler threw a value that cannot be shown.',
    });
  });

  it('a message and a stack beyond their bounds keeps 4 KiB and 16 KiB of them', async () => {
    const error = new Error('é'.repeat(10_000));
    error.stack = '€'.repeat(20_000);
    const { record } = await afterRunning(
      defineTask('bad', () => {
        throw error;
      }),
    );
    const kept = record.attempts[0]?.error;
    expect(Buffer.byteLength(kept?.message ?? '')).toBe(4_096);
    expect(Buffer.byteLength(kept?.stack ?? '')).toBe(16_383);
  });

  it('is retried while attempts are left, and not after a TerminalError', async () => {
    let calls = 0;
    const bad = defineTask('bad', () => {
      calls++;
      if (calls === 2) throw new TerminalError('useless');
      throw new Error('again');
    });
    const { clock, pawl, runId } = await afterRunning(bad, 5);
    await clock.advance(3_600_000);
    expect(calls).toBe(2);
    expect(run(pawl, runId).attempts.map((attempt) => attempt.error?.name)).toEqual([
      'Error',
      'TerminalError',
    ]);
  });
});

describe('a handler that returns', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;

  it.each<[string, unknown, string]>([
    ['a cycle', cycle, 'PAYLOAD_NOT_SERIALIZABLE'],
    ['a function', () => 1, 'PAYLOAD_NOT_SERIALIZABLE'],
    ['a date', new Date(0), 'PAYLOAD_NOT_SERIALIZABLE'],
    ['not a number', { value: Number.NaN }, 'PAYLOAD_NOT_SERIALIZABLE'],
    ['10 MB', 'x'.repeat(10_000_000), 'PAYLOAD_TOO_LARGE'],
    ['10 MB of bytes', new Uint8Array(10_000_000), 'PAYLOAD_TOO_LARGE'],
  ])('%s fails without another attempt', async (_name, value, code) => {
    const { record } = await afterRunning(
      defineTask('bad', () => value),
      5,
    );
    expect(record.state).toBe('failed');
    expect(record.attempts).toMatchObject([{ result: 'failure', error: { code, retryable: false } }]);
    expect(record.attempts[0]).not.toHaveProperty('output');
  });

  it('a thenable that throws when it is looked at ends failed', async () => {
    const thenable = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('no then');
      },
    });
    const { record } = await afterRunning(defineTask('bad', () => thenable));
    expect(record.attempts).toMatchObject([{ result: 'failure', error: { message: 'no then' } }]);
  });

  it('nothing has no output', async () => {
    const { record, pawl, runId } = await afterRunning(defineTask('bad', () => undefined));
    expect(record.state).toBe('completed');
    expect(await pawl.run(runId).result()).toBeUndefined();
  });
});

describe('a handler that never settles', () => {
  it('ends timeout after its grace, frees its slot, and its late result is refused and recorded', async () => {
    const late = gate<string>();
    const bad = defineTask('bad', () => late.promise);
    const { pawl, clock, park } = await open({ tasks: [bad, good], concurrency: 1 });
    const { runIds } = await pawl.submit(bad, undefined, { constraints: { timeoutMs: 1_000 } });
    const runId = first(runIds);
    park(runId);
    const innocent = await pawl.submit(good);
    await clock.advance(5_999);
    expect(run(pawl, runId).state).toBe('running');
    await clock.advance(1);
    expect(run(pawl, runId)).toMatchObject({ state: 'failed', reason: 'timeout' });
    // One zombie on one slot: dispatch waits for it.
    expect((await pawl.idle()).reasons).toEqual([{ reason: 'zombies', count: 1, runIds: innocent.runIds }]);
    late.open('too late');
    expect(await pawl.run(first(innocent.runIds)).result()).toBe('fine');
    expect(run(pawl, runId)).toMatchObject({
      state: 'failed',
      attempts: [{ result: 'timeout', refused: true }],
    });
    expect(await eventsOf(pawl, 'AttemptRefused')).toMatchObject([{ runId, why: 'LEASE_LOST' }]);
  });

  it('and rejects later is refused like any late result', async () => {
    const late = gate();
    const bad = defineTask('bad', () => late.promise);
    const { pawl, clock, park } = await open({ tasks: [bad] });
    const { runIds } = await pawl.submit(bad, undefined, { constraints: { timeoutMs: 1_000 } });
    park(first(runIds));
    await clock.advance(6_000);
    late.fail(new Error('much later'));
    await clock.settle();
    expect(run(pawl, runIds[0]).attempts).toMatchObject([{ result: 'timeout', refused: true }]);
    expect(await eventsOf(pawl, 'AttemptRefused')).toHaveLength(1);
  });
});

describe('a handler whose abort listener', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('from a listener');
      },
    ],
    ['rejects', () => Promise.reject(new Error('from an async listener'))],
  ])('%s is canceled like any other', async (_name, listener) => {
    const going = gate();
    const bad = defineTask('bad', async ({ signal }) => {
      signal.addEventListener('abort', listener);
      signal.onabort = listener;
      signal.addEventListener('abort', { handleEvent: listener });
      await going.promise;
    });
    const { pawl, clock, park } = await open({ tasks: [bad, good] });
    const { runIds } = await pawl.submit(bad);
    park(first(runIds));
    await clock.settle();
    await pawl.cancelRun(first(runIds));
    await clock.settle();
    going.open(undefined);
    const innocent = await pawl.submit(good);
    expect(await pawl.run(first(innocent.runIds)).result()).toBe('fine');
    expect(run(pawl, runIds[0]).state).toBe('canceled');
  });
});

describe('a handler that blocks the event loop', () => {
  it('beyond its timeout and grace has timed out, whatever it returns', async () => {
    const bad = defineTask('bad', () => {
      const untilMs = hostClock.monotonicMs() + 60;
      while (hostClock.monotonicMs() < untilMs);
      return 'late';
    });
    const pawl = await openOrchestrator({
      dataDir: join(await temporaryDirectory(), 'data'),
      tasks: [bad, good],
      timeoutGraceMs: 5,
    });
    onTestEnd(() => pawl.close());
    const { runIds } = await pawl.submit(bad, undefined, { constraints: { timeoutMs: 10 } });
    const innocent = await pawl.submit(good);
    expect(await pawl.run(first(innocent.runIds)).result()).toBe('fine');
    const error = await refusal(pawl.run(first(runIds)).result(), 'RUN_FAILED');
    expect(error.data['run']).toMatchObject({ attempts: [{ result: 'timeout' }] });
  });
});
