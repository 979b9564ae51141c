// Rows 33a and 33b: commands that are decided in one group commit, while its fsync is held, keep every invariant of
// keys and windows; and a hundred of them that wait together share their fsyncs.
import { describe, expect, it } from '@jest/globals';
import { defineTask, type TaskDefinition } from '../../src/execution/define-task.js';
import type { PawlEvent } from '../../src/domain/events.js';
import { openTest } from '../support/engine.js';
import { openOnFaultyStorage, type OnFaultyStorage } from './support/faulty-files.js';
import { eventsOf, first, gate, run, states, turns, type Gate } from './support/handlers.js';

/** Handlers that wait for the test. */
class Waiting {
  readonly gates = new Map<string, Gate>();
  readonly task: TaskDefinition = defineTask('work', async (context) => {
    const opened = gate();
    this.gates.set(context.runId, opened);
    await opened.promise;
    this.gates.delete(context.runId);
  });

  get runIds(): string[] {
    return [...this.gates.keys()];
  }

  endAll(): void {
    for (const opened of this.gates.values()) opened.open(undefined);
  }
}

interface Opened extends OnFaultyStorage {
  readonly waiting: Waiting;
}

async function open(concurrency: number, repeatWindow = 1_000): Promise<Opened> {
  const waiting = new Waiting();
  const opened = await openOnFaultyStorage({ tasks: [waiting.task], concurrency, limits: { repeatWindow } });
  return { ...opened, waiting };
}

/** Does something while fsyncs are held: what is decided meanwhile shares a batch, or waits. */
async function whileHeld(opened: OnFaultyStorage, act: () => void): Promise<void> {
  const release = opened.storage.holdSyncs();
  act();
  await turns();
  release();
}

/** Lets things go on although handlers wait for the test. */
async function settle({ kit, waiting }: Opened): Promise<void> {
  await turns(20);
  for (const runId of waiting.runIds) kit.park(runId);
  await kit.clock.settle();
}

/** Most runs that were leased or running at a time. */
function mostAtATime(events: readonly PawlEvent[]): number {
  const busy = new Set<string>();
  let most = 0;
  for (const event of events) {
    if (event.type !== 'RunStateChanged') continue;
    if (event.to === 'leased' || event.to === 'running') busy.add(event.runId);
    else busy.delete(event.runId);
    most = Math.max(most, busy.size);
  }
  return most;
}

describe('in one group commit', () => {
  it('runs of one key are claimed one at a time, and the key goes on only when its end is durable', async () => {
    const opened = await open(10);
    const { kit, storage, waiting } = opened;
    const seen: { event: PawlEvent; fsyncs: number }[] = [];
    kit.pawl.events().subscribe((event) => seen.push({ event, fsyncs: storage.counts.datasync }));
    const submissions: Promise<unknown>[] = [];
    await whileHeld(opened, () => {
      for (let count = 0; count < 5; count++) {
        submissions.push(kit.pawl.submit('work', undefined, { constraints: { concurrencyKey: 'k' } }));
      }
    });
    await Promise.all(submissions);
    for (let ended = 0; ended < 5; ended++) {
      await settle(opened);
      expect(waiting.runIds).toHaveLength(1);
      await whileHeld(opened, () => waiting.endAll());
    }
    await settle(opened);
    expect(mostAtATime(seen.map(({ event }) => event))).toBe(1);
    const ends = seen.filter(({ event }) => event.type === 'RunStateChanged' && event.to === 'completed');
    const claims = seen.filter(({ event }) => event.type === 'LeaseAcquired');
    expect([ends.length, claims.length]).toEqual([5, 5]);
    for (const [index, end] of ends.slice(0, -1).entries()) {
      expect(claims[index + 1]?.fsyncs).toBeGreaterThan(end.fsyncs);
    }
  });

  it('claims of different keys are decided together', async () => {
    const opened = await open(10);
    const { kit, waiting } = opened;
    await Promise.all(
      ['a', 'b', 'c'].map((concurrencyKey) =>
        kit.pawl.submit('work', undefined, { constraints: { concurrencyKey } }),
      ),
    );
    opened.fsyncs();
    await settle(opened);
    expect(waiting.gates.size).toBe(3);
    expect(mostAtATime(await eventsOf(kit.pawl, 'RunStateChanged'))).toBe(3);
  });

  it('the ends of the last runs of a full window make the next ones exactly once', async () => {
    const opened = await open(2, 2);
    const { kit, waiting } = opened;
    const startAt = kit.clock.now() - 500;
    const { taskId } = await kit.pawl.submit('work', undefined, {
      policy: { kind: 'repeat', count: 6, intervalMs: 1, startAt },
    });
    for (const left of [4, 2, 0]) {
      await settle(opened);
      expect(waiting.gates.size).toBe(2);
      await whileHeld(opened, () => waiting.endAll());
      await settle(opened);
      expect(kit.pawl.projections.tasks.get(taskId)?.counts).toMatchObject({
        created: Math.min(6, 8 - left),
        completed: 6 - left,
      });
    }
    expect(states(kit.pawl, taskId)).toEqual(Array<string>(6).fill('completed'));
    const created = await eventsOf(kit.pawl, 'RunCreated');
    expect(created.map(({ occurrence }) => occurrence)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await kit.pawl.idle()).toEqual({ pending: 0, reasons: [] });
  });

  it('ends in two batches in a row make no occurrence twice', async () => {
    const opened = await open(2, 2);
    const { kit, storage, waiting } = opened;
    const { taskId } = await kit.pawl.submit('work', undefined, {
      policy: { kind: 'repeat', count: 6, intervalMs: 1, startAt: kit.clock.now() - 500 },
    });
    for (let round = 0; round < 3; round++) {
      await settle(opened);
      const release = storage.holdSyncs();
      // The second end gathers behind the batch of the first: it is durable before what follows from the first is.
      for (const opening of [...waiting.gates.values()]) {
        opening.open(undefined);
        await turns();
      }
      release();
    }
    await settle(opened);
    expect((await eventsOf(kit.pawl, 'RunCreated')).map(({ occurrence }) => occurrence)).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
    expect(states(kit.pawl, taskId)).toEqual(Array<string>(6).fill('completed'));
  });

  it('two finishes never open more attempts than there are slots', async () => {
    const opened = await open(2);
    const { kit, waiting } = opened;
    const submitted = await Promise.all(Array.from({ length: 8 }, () => kit.pawl.submit('work')));
    for (let round = 0; round < 4; round++) {
      await settle(opened);
      expect(waiting.gates.size).toBe(2);
      await whileHeld(opened, () => waiting.endAll());
    }
    await settle(opened);
    expect(mostAtATime(await eventsOf(kit.pawl, 'RunStateChanged'))).toBe(2);
    for (const { runIds } of submitted) expect(run(kit.pawl, first(runIds)).state).toBe('completed');
  });

  it('a reaction that meets the lock of a command waits for it and lets the disk go on', async () => {
    // On the machine's own disk: a reactor that tried again at once kept it from ever answering.
    const kit = await openTest({ tasks: [defineTask('tick', () => undefined)] });
    await kit.pawl.pause();
    const { runIds } = await kit.pawl.submit('tick', undefined, {
      policy: { kind: 'repeat', count: 1, intervalMs: 1, overlap: 'skip' },
    });
    const resumed = kit.pawl.resume();
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    await Promise.all([resumed, kit.pawl.setRunPriority(first(runIds), 7)]);
    await kit.clock.settle();
    expect(run(kit.pawl, first(runIds))).toMatchObject({ state: 'completed', priority: 7 });
  });

  it('two commands about one run are decided one after the other', async () => {
    const opened = await open(2);
    const { kit, waiting } = opened;
    const runId = first((await kit.pawl.submit('work')).runIds);
    await settle(opened);
    const answers: Promise<unknown>[] = [];
    await whileHeld(opened, () => {
      waiting.endAll();
      answers.push(kit.pawl.cancelRun(runId), kit.pawl.cancelRun(runId), kit.pawl.suspendRun(runId));
    });
    const settled = await Promise.allSettled(answers);
    await settle(opened);
    const finished = await eventsOf(kit.pawl, 'AttemptFinished');
    expect(finished).toHaveLength(1);
    const { state } = run(kit.pawl, runId);
    expect(['completed', 'canceled']).toContain(state);
    expect(settled[2]?.status).toBe('rejected');
    if (state === 'canceled')
      expect(settled.slice(0, 2)).toMatchObject([
        { value: { changed: true } },
        { value: { changed: false } },
      ]);
  });
});

describe('group commit', () => {
  it('covers 100 submissions that wait together with at most 5 fsyncs', async () => {
    const { kit, fsyncs } = await open(10);
    await kit.pawl.pause();
    fsyncs();
    await Promise.all(Array.from({ length: 100 }, () => kit.pawl.submit('work')));
    expect(fsyncs()).toBeLessThanOrEqual(5);
    expect(kit.pawl.projections.tasks.count).toBe(100);
  });

  it('covers 100 finishes that come together with at most 5 fsyncs', async () => {
    const opened = await open(100);
    const { kit, waiting, fsyncs } = opened;
    await Promise.all(Array.from({ length: 100 }, () => kit.pawl.submit('work')));
    await settle(opened);
    expect(waiting.gates.size).toBe(100);
    fsyncs();
    waiting.endAll();
    await settle(opened);
    expect(fsyncs()).toBeLessThanOrEqual(5);
    expect(kit.pawl.projections.runs.list({ state: 'completed' }, { limit: 1_000 }).items).toHaveLength(100);
  });

  it('covers 100 submissions in one atomic call with one fsync', async () => {
    const { kit, fsyncs } = await open(10);
    await kit.pawl.pause();
    fsyncs();
    await kit.pawl.submitMany(
      Array.from({ length: 100 }, () => ({ task: 'work' })),
      { atomic: true },
    );
    expect(fsyncs()).toBe(1);
  });
});
