// Row 28: the runs of one concurrency key never overlap, also across a restart, in retryWait and suspended under both
// ways to hold a key; those of different keys do.
import { describe, expect, it } from '@jest/globals';
import { defineTask, type TaskDefinition } from '../../src/execution/define-task.js';
import type { ConstraintsInput } from '../../src/domain/submission.js';
import type { KeyHold } from '../../src/domain/task.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { openTest } from '../support/engine.js';
import { first, gate, run, type Gate } from './support/handlers.js';

const backoff = { kind: 'fixed', delayMs: 10_000, jitter: 'none' } as const;

type Outcome = 'done' | 'fail' | 'suspend';

/** Runs that wait for the test, and what each then does. */
class Bench {
  readonly running = new Map<string, Gate<Outcome>>();
  readonly task: TaskDefinition = defineTask('work', async (context) => {
    const opened = gate<Outcome>();
    this.running.set(context.runId, opened);
    const outcome = await opened.promise;
    this.running.delete(context.runId);
    if (outcome === 'fail') throw new Error('no');
    return outcome === 'suspend' ? context.suspend() : undefined;
  });

  /** Submits a run of the key, and lets the clock pass it by while its handler waits. */
  async submit(kit: TestOrchestrator, constraints: ConstraintsInput): Promise<string> {
    const { runIds } = await kit.pawl.submit('work', undefined, {
      constraints: { backoff, maxAttempts: 3, ...constraints },
    });
    const runId = first(runIds);
    kit.park(runId);
    await kit.clock.settle();
    return runId;
  }

  async end(kit: TestOrchestrator, runId: string, outcome: Outcome = 'done'): Promise<void> {
    const opened = this.running.get(runId);
    if (opened === undefined) throw new Error(`${runId} is not running`);
    opened.open(outcome);
    await kit.clock.settle();
  }
}

async function bench(concurrency = 10): Promise<{ kit: TestOrchestrator; runs: Bench }> {
  const runs = new Bench();
  return { kit: await openTest({ tasks: [runs.task], concurrency }), runs };
}

const state = (kit: TestOrchestrator, runId: string): string => run(kit.pawl, runId).state;

describe('one key', () => {
  it('lets one run at a time, in order, and says who holds it', async () => {
    const { kit, runs } = await bench();
    const ids = [];
    for (let count = 0; count < 4; count++) ids.push(await runs.submit(kit, { concurrencyKey: 'k' }));
    for (const [index, runId] of ids.entries()) {
      expect([...runs.running.keys()]).toEqual([runId]);
      expect(ids.slice(index + 1).map((later) => state(kit, later))).toEqual(
        Array<string>(3 - index).fill('ready'),
      );
      await runs.end(kit, runId);
    }
    expect(ids.map((runId) => state(kit, runId))).toEqual(Array<string>(4).fill('completed'));
  });

  it('is reported by idle for those that wait behind a holder that is not running', async () => {
    const { kit, runs } = await bench();
    const holder = await runs.submit(kit, { concurrencyKey: 'k' });
    const waiter = await runs.submit(kit, { concurrencyKey: 'k' });
    await runs.end(kit, holder, 'suspend');
    expect((await kit.pawl.idle()).reasons).toEqual(
      expect.arrayContaining([
        { reason: 'suspended', count: 1, runIds: [holder] },
        { reason: 'key held by', count: 1, runIds: [waiter] },
      ]),
    );
  });
});

describe('different keys', () => {
  it('and no key run side by side', async () => {
    const { kit, runs } = await bench();
    for (const concurrencyKey of ['a', 'b', 'c']) await runs.submit(kit, { concurrencyKey });
    await runs.submit(kit, {});
    await runs.submit(kit, {});
    expect(runs.running.size).toBe(5);
  });
});

describe.each<KeyHold>(['holdDuringRetry', 'releaseOnRetry'])('%s', (keyHold) => {
  const held = keyHold === 'holdDuringRetry';
  const constraints = { concurrencyKey: 'k', keyHold };

  it(`${held ? 'keeps' : 'gives'} the key while the run waits for a retry`, async () => {
    const { kit, runs } = await bench();
    const one = await runs.submit(kit, constraints);
    const two = await runs.submit(kit, constraints);
    await runs.end(kit, one, 'fail');
    expect(state(kit, one)).toBe('retryWait');
    expect([...runs.running.keys()]).toEqual(held ? [] : [two]);
    await kit.clock.advance(10_000);
    expect([...runs.running.keys()]).toEqual(held ? [one] : [two]);
    expect(state(kit, held ? two : one)).toBe('ready');
    await runs.end(kit, held ? one : two);
    expect([...runs.running.keys()]).toEqual(held ? [two] : [one]);
  });

  it(`${held ? 'keeps' : 'gives'} the key while the run is suspended`, async () => {
    const { kit, runs } = await bench();
    const one = await runs.submit(kit, constraints);
    const two = await runs.submit(kit, constraints);
    await runs.end(kit, one, 'suspend');
    expect(state(kit, one)).toBe('suspended');
    expect([...runs.running.keys()]).toEqual(held ? [] : [two]);
    await kit.pawl.resumeRun(one);
    await kit.clock.settle();
    expect([...runs.running.keys()]).toEqual(held ? [one] : [two]);
  });

  it.each(['retryWait', 'suspended'] as const)('does the same after a restart in %s', async (waiting) => {
    const { kit, runs } = await bench();
    const one = await runs.submit(kit, constraints);
    await runs.end(kit, one, waiting === 'retryWait' ? 'fail' : 'suspend');
    expect(state(kit, one)).toBe(waiting);
    const again = await kit.restart();
    const two = await runs.submit(again, constraints);
    expect([...runs.running.keys()]).toEqual(held ? [] : [two]);
    expect(state(again, two)).toBe(held ? 'ready' : 'running');
  });

  it('never lets two runs of the key side by side when the process dies in the middle', async () => {
    const { kit, runs } = await bench();
    const one = await runs.submit(kit, constraints);
    const two = await runs.submit(kit, constraints);
    runs.running.clear();
    const again = await kit.crash();
    again.park(one);
    again.park(two);
    await again.clock.settle();
    expect([...runs.running.keys()]).toEqual([one]);
    await runs.end(again, one);
    expect([...runs.running.keys()]).toEqual([two]);
  });

  it('gives the key when the run that holds it is canceled', async () => {
    const { kit, runs } = await bench();
    const one = await runs.submit(kit, constraints);
    const two = await runs.submit(kit, constraints);
    await runs.end(kit, one, 'suspend');
    await kit.pawl.cancelRun(one);
    await kit.clock.settle();
    expect([...runs.running.keys()]).toEqual([two]);
  });
});

describe('with few slots', () => {
  it('runs behind a key take no slot from others', async () => {
    const { kit, runs } = await bench(2);
    const holder = await runs.submit(kit, { concurrencyKey: 'k' });
    await runs.submit(kit, { concurrencyKey: 'k' });
    await runs.submit(kit, { concurrencyKey: 'k' });
    const free = await runs.submit(kit, {});
    expect([...runs.running.keys()]).toEqual([holder, free]);
  });
});
