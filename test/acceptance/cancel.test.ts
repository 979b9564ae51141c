// Row 29: cancel reaches a run in every state that is not terminal, a task's own runs and all descendants; a handler in
// flight is told by its signal, its slot is free at once, and nothing fails later because of it.
import { describe, expect, it } from '@jest/globals';
import { isPawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import type { EncodedBatch } from '../../src/journal/journal-backend.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { runCreated, taskCreated } from '../decisions/support/histories.js';
import { openTest } from '../support/engine.js';
import { foreignLog, leasedElsewhere, REMOTE, remoteRegistered } from './support/foreign-log.js';
import { eventsOf, first, gate, refusal, run, states } from './support/handlers.js';

const HOUR_MS = 3_600_000;
const backoff = { kind: 'fixed', delayMs: HOUR_MS, jitter: 'none' } as const;

/** Types whose runs come to rest in one state each. */
const resting = [
  defineTask('retryWait', () => {
    throw new Error('not now');
  }),
  defineTask('suspended', (context) => context.suspend()),
  defineTask('completed', () => undefined),
];

async function rest(kit: TestOrchestrator, state: string): Promise<string> {
  const policy = { kind: 'once', startAt: kit.clock.now() + (state === 'scheduled' ? HOUR_MS : 0) } as const;
  const { runIds } = await kit.pawl.submit(state, undefined, {
    policy,
    constraints: { maxAttempts: 2, backoff },
  });
  await kit.clock.settle();
  return first(runIds);
}

describe('a run', () => {
  // A run whose type nobody here has a handler for stays ready.
  it.each(['scheduled', 'ready', 'retryWait', 'suspended'])('is canceled while it is %s', async (state) => {
    const kit = await openTest({ tasks: resting });
    const runId = await rest(kit, state);
    expect(run(kit.pawl, runId).state).toBe(state);
    expect(await kit.pawl.cancelRun(runId, { reason: 'obsolete' })).toEqual({ changed: true });
    expect(run(kit.pawl, runId)).toMatchObject({ state: 'canceled', reason: 'obsolete' });
    expect(await kit.pawl.cancelRun(runId)).toEqual({ changed: false });
    await refusal(kit.pawl.run(runId).result(), 'RUN_CANCELED');
    const again = await kit.restart();
    await again.clock.advance(2 * HOUR_MS);
    expect(run(again.pawl, runId)).toMatchObject({ state: 'canceled' });
    expect((await again.pawl.idle()).pending).toBe(0);
  });

  it.each(['leased', 'running'] as const)('is canceled while it is %s by another actor', async (state) => {
    const dataDir = await foreignLog([
      [remoteRegistered],
      [
        taskCreated('t1'),
        runCreated('r1'),
        { type: 'RunStateChanged', runId: 'r1', from: 'scheduled', to: 'ready' },
      ],
      leasedElsewhere('r1', state === 'running' ? 'a1' : undefined),
    ]);
    const { pawl } = await openTest({ dataDir });
    expect(run(pawl, 'r1')).toMatchObject({ state, lease: { owner: REMOTE } });
    expect(await pawl.cancelRun('r1')).toEqual({ changed: true });
    const canceled = run(pawl, 'r1');
    expect(canceled.state).toBe('canceled');
    expect([canceled.lease, canceled.currentAttemptId]).toEqual([undefined, undefined]);
    expect(canceled.attempts.map(({ result }) => result)).toEqual(state === 'running' ? ['canceled'] : []);
    expect(pawl.projections.leases.count).toBe(0);
  });

  it('in flight: the signal fires, the slot is free at once, the late result is refused and nothing fails', async () => {
    const reasons: unknown[] = [];
    const ended = gate();
    const started: string[] = [];
    const kit = await openTest({
      concurrency: 2,
      tasks: [
        defineTask('long', async (context) => {
          context.signal.addEventListener('abort', () => reasons.push(context.signal.reason));
          await ended.promise;
          return 'too late';
        }),
        defineTask('next', (context) => void started.push(context.runId)),
      ],
    });
    const long = first((await kit.pawl.submit('long')).runIds);
    const other = first((await kit.pawl.submit('long')).runIds);
    kit.park(long);
    kit.park(other);
    const next = first((await kit.pawl.submit('next')).runIds);
    await kit.clock.settle();
    expect([run(kit.pawl, long).state, run(kit.pawl, next).state]).toEqual(['running', 'ready']);
    await kit.pawl.cancelRun(long);
    await kit.clock.settle();
    expect(reasons).toHaveLength(1);
    expect(isPawlError(reasons[0], 'RUN_CANCELED')).toBe(true);
    const canceled = run(kit.pawl, long);
    expect(canceled).toMatchObject({ state: 'canceled', attempts: [{ result: 'canceled' }] });
    expect(started).toEqual([next]);
    ended.open(undefined);
    await kit.clock.settle();
    expect(await kit.pawl.run(other).result()).toBe('too late');
    expect(await eventsOf(kit.pawl, 'AttemptRefused')).toMatchObject([{ runId: long, why: 'RUN_CANCELED' }]);
    expect(run(kit.pawl, long)).toMatchObject({
      state: 'canceled',
      attempts: [{ result: 'canceled', refused: true }],
    });
    expect((await kit.pawl.idle()).pending).toBe(0);
  });

  it('that has ended is not canceled', async () => {
    const kit = await openTest({ tasks: resting });
    const runId = await rest(kit, 'completed');
    const error = await refusal(kit.pawl.cancelRun(runId), 'INVALID_TRANSITION');
    expect(error.data).toMatchObject({ runId, from: 'completed', to: 'canceled' });
  });
});

describe('a task', () => {
  it('takes all its runs along, whatever state they are in', async () => {
    const never = new Promise<never>(() => undefined);
    const aborted: string[] = [];
    let calls = 0;
    const mixed = defineTask('mixed', (context) => {
      calls++;
      context.signal.addEventListener('abort', () => aborted.push(context.runId));
      if (calls === 1) throw new Error('not now');
      return calls === 2 ? context.suspend() : never;
    });
    const kit = await openTest({ tasks: [mixed], concurrency: 3 });
    const { taskId, runIds } = await kit.pawl.submit(mixed, undefined, {
      policy: { kind: 'repeat', count: 6, intervalMs: 1_000 },
      constraints: { maxAttempts: 2, backoff },
    });
    for (const runId of runIds) kit.park(runId);
    await kit.clock.advance(4_000);
    await kit.pawl.pause();
    expect(states(kit.pawl, taskId)).toEqual([
      'retryWait',
      'suspended',
      'running',
      'running',
      'running',
      'scheduled',
    ]);
    expect(await kit.pawl.cancelTask(taskId, { wait: true, reason: 'obsolete' })).toEqual({ changed: true });
    expect(states(kit.pawl, taskId)).toEqual(Array<string>(6).fill('canceled'));
    expect(aborted).toEqual(runIds.slice(2, 5));
    expect(kit.pawl.projections.tasks.get(taskId)).toMatchObject({
      cancelReason: 'obsolete',
      counts: { canceled: 6 },
    });
    expect(await kit.pawl.cancelTask(taskId)).toEqual({ changed: false });
  });

  it('takes all its descendants along, also those that a crash kept from following', async () => {
    const kit = await openTest({ limits: { reactionBatch: 2 } });
    const policy = {
      kind: 'repeat',
      count: 3,
      intervalMs: HOUR_MS,
      startAt: kit.clock.now() + HOUR_MS,
    } as const;
    const tree = ['root', 'child', 'grandchild', 'twin'];
    const parents = [undefined, 'root', 'child', 'root'];
    for (const [index, id] of tree.entries()) {
      const parentId = parents[index];
      await kit.pawl.submit('work', undefined, {
        id,
        policy,
        ...(parentId === undefined ? {} : { parentId }),
      });
    }
    await kit.pawl.cancelTask('root');
    const again = await kit.crash();
    for (const id of tree) {
      expect(again.pawl.projections.tasks.get(id)?.canceledAt).toBeDefined();
      expect(states(again.pawl, id)).toEqual(['canceled', 'canceled', 'canceled']);
    }
    expect((await again.pawl.idle()).pending).toBe(0);
    const report = (await again.restart()).pawl.report;
    expect(report.sweeps.map(({ settled }) => settled)).toEqual(report.sweeps.map(() => 0));
  });

  it('waits for so many at a time; one more is refused and cancels nothing', async () => {
    const kit = await openTest({ limits: { maxWaitingCalls: 2 } });
    const later = { kind: 'once', startAt: kit.clock.now() + HOUR_MS } as const;
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await kit.pawl.submit('work', undefined, { id, policy: later });
    const [one, two, three] = ids.map((id) => kit.pawl.cancelTask(id, { wait: true }));
    await refusal(three ?? Promise.resolve(), 'LIMIT_EXCEEDED');
    expect(await Promise.all([one, two])).toEqual([{ changed: true }, { changed: true }]);
    expect(kit.pawl.projections.tasks.get('c')?.canceledAt).toBeUndefined();
    await refusal(kit.pawl.cancelTask('nobody', { wait: true }), 'TASK_UNKNOWN');
    expect(await kit.pawl.cancelTask('c', { wait: true })).toEqual({ changed: true });
  });

  it('is followed in commits of at most reactionBatch runs and tasks', async () => {
    const commits: number[] = [];
    class Counting extends MemoryBackend {
      override append(batch: EncodedBatch): Promise<void> {
        for (let index = 0; index < batch.size; index++) commits.push(batch.eventsOf(index));
        return super.append(batch);
      }
    }
    const kit = await openTest({ limits: { reactionBatch: 4 }, backend: new Counting() });
    const startAt = kit.clock.now() + HOUR_MS;
    const policy = (count: number) => ({ kind: 'repeat', count, intervalMs: HOUR_MS, startAt }) as const;
    await kit.pawl.submit('work', undefined, { id: 'root', policy: policy(9) });
    for (let child = 0; child < 3; child++)
      await kit.pawl.submit('work', undefined, { policy: policy(1), parentId: 'root' });
    await kit.clock.settle();
    commits.length = 0;
    await kit.pawl.cancelTask('root', { wait: true });
    // The command; nine runs and three tasks; the run of each of these.
    expect(commits).toEqual([1, 4, 4, 4, 1, 1, 1]);
  });

  it('lets nothing of it start, once its cancellation is durable', async () => {
    const called: string[] = [];
    const kit = await openTest({ tasks: [defineTask('work', (context) => void called.push(context.runId))] });
    await kit.pawl.pause();
    const { taskId } = await kit.pawl.submit('work', undefined, {
      policy: { kind: 'repeat', count: 50, intervalMs: 1 },
    });
    await kit.clock.advance(100);
    await kit.pawl.cancelTask(taskId);
    await kit.pawl.resume();
    await kit.clock.advance(HOUR_MS);
    expect(called).toEqual([]);
    expect(states(kit.pawl, taskId)).toEqual(Array<string>(50).fill('canceled'));
  });

  it('that is canceled while a run of it is run again by hand keeps no run open', async () => {
    const kit = await openTest({ tasks: resting });
    const { taskId, runIds } = await kit.pawl.submit('retryWait', undefined, {
      policy: { kind: 'repeat', count: 2, intervalMs: HOUR_MS },
    });
    await kit.clock.settle();
    const [failed = ''] = runIds;
    expect(run(kit.pawl, failed).state).toBe('failed');
    const [, retried] = await Promise.allSettled([
      kit.pawl.cancelTask(taskId, { wait: true }),
      kit.pawl.retryRun(failed),
      kit.pawl.retryRun(failed),
    ]);
    await kit.clock.advance(2 * HOUR_MS);
    expect(states(kit.pawl, taskId).every((state) => state === 'failed' || state === 'canceled')).toBe(true);
    expect((await kit.pawl.idle()).pending).toBe(0);
    expect(retried.status).toBe('fulfilled');
    await refusal(kit.pawl.retryRun(failed), 'INVALID_TRANSITION');
  });
});
