// Row 32, and the overlap rules: what becomes of occurrences that are due late, after a pause or after downtime,
// and while an earlier one still goes on.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import type { Misfire, Overlap } from '../../src/domain/task.js';
import { eventsOf, gate, open, run, states } from './support/handlers.js';

interface Downtime {
  readonly count: number;
  readonly misfire?: Misfire;
  readonly downMs: number;
  /** Non-terminal runs that exist at a time. */
  readonly repeatWindow?: number;
  readonly reactionBatch?: number;
}

/** Occurrences every 10 s; the first one runs, then the process is down for a while. Gives what ran by occurrence. */
async function afterDowntime({
  count,
  misfire,
  downMs,
  repeatWindow = 1_000,
  reactionBatch = 256,
}: Downtime) {
  const executed: string[] = [];
  const tasks = [defineTask('tick', (context) => void executed.push(context.runId))];
  const before = await open({ tasks, limits: { repeatWindow, reactionBatch } });
  const policy = {
    kind: 'repeat',
    count,
    intervalMs: 10_000,
    ...(misfire === undefined ? {} : { misfire }),
  } as const;
  const { taskId } = await before.pawl.submit('tick', undefined, { policy });
  await before.clock.settle();
  await before.pawl.close();
  before.clock.jump(downMs);
  const after = await before.restart();
  await after.clock.settle();
  const ran = executed.map((runId) => run(after.pawl, runId).occurrence);
  return { ...after, taskId, ran, states: states(after.pawl, taskId) };
}

describe('after downtime', () => {
  it('catchUp runs every overdue occurrence, oldest first', async () => {
    const { ran, states: now } = await afterDowntime({ count: 6, downMs: 35_000 });
    expect(ran).toEqual([0, 1, 2, 3]);
    expect(now).toEqual([...Array<string>(4).fill('completed'), 'scheduled', 'scheduled']);
  });

  it('catchUp with a cap runs the newest of them and cancels the older ones', async () => {
    const after = await afterDowntime({ count: 8, misfire: { kind: 'catchUp', cap: 2 }, downMs: 55_000 });
    expect(after.ran).toEqual([0, 4, 5]);
    expect(after.states).toEqual([
      'completed',
      'canceled',
      'canceled',
      'canceled',
      'completed',
      'completed',
      'scheduled',
      'scheduled',
    ]);
    const { items } = after.pawl.projections.runs.list(
      { taskId: after.taskId, state: 'canceled' },
      { limit: 10 },
    );
    expect(items.map((record) => record.reason)).toEqual(['misfire', 'misfire', 'misfire']);
  });

  it('skip cancels all of them', async () => {
    const { ran, states: now } = await afterDowntime({ count: 5, misfire: { kind: 'skip' }, downMs: 35_000 });
    expect(ran).toEqual([0]);
    expect(now).toEqual(['completed', 'canceled', 'canceled', 'canceled', 'scheduled']);
  });

  it('coalesce runs the newest only', async () => {
    const { ran, states: now } = await afterDowntime({
      count: 5,
      misfire: { kind: 'coalesce' },
      downMs: 35_000,
    });
    expect(ran).toEqual([0, 3]);
    expect(now).toEqual(['completed', 'canceled', 'canceled', 'completed', 'scheduled']);
  });

  it('records as skipped what had no run yet, and runs only the newest of all', async () => {
    const after = await afterDowntime({
      count: 30,
      misfire: { kind: 'catchUp', cap: 3 },
      downMs: 205_000,
      repeatWindow: 5,
      reactionBatch: 4,
    });
    // 1–5 were created; 6–17 never were; the newest three overdue are 18, 19, 20.
    expect(after.ran).toEqual([0, 18, 19, 20]);
    expect(await eventsOf(after.pawl, 'PolicyAdvanced')).toMatchObject([
      { taskId: after.taskId, throughOccurrence: 17, skipped: 12, reason: 'misfire' },
    ]);
    expect(after.pawl.projections.tasks.get(after.taskId)?.counts).toMatchObject({
      completed: 4,
      canceled: 5,
      skipped: 12,
      created: 14,
      derived: 26,
    });
    await after.clock.advance(100_000);
    expect(after.pawl.projections.tasks.get(after.taskId)?.counts).toMatchObject({
      completed: 13,
      derived: 30,
    });
  });

  it('keeps no more than the cap when the overdue ones take many commits', async () => {
    const after = await afterDowntime({
      count: 100,
      misfire: { kind: 'catchUp', cap: 10 },
      downMs: 505_000,
      reactionBatch: 4,
    });
    expect(after.ran).toEqual([0, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
  });

  it('skip goes on with what is not overdue, also when a whole window was missed', async () => {
    const after = await afterDowntime({
      count: 12,
      misfire: { kind: 'skip' },
      downMs: 85_000,
      repeatWindow: 3,
    });
    expect(after.ran).toEqual([0]);
    await after.clock.advance(60_000);
    expect(states(after.pawl, after.taskId).filter((state) => state === 'completed')).toHaveLength(4);
    expect(after.pawl.projections.tasks.get(after.taskId)?.counts).toMatchObject({
      completed: 4,
      derived: 12,
    });
  });
});

describe('a misfire rule', () => {
  it('judges what was due during a pause', async () => {
    const executed: string[] = [];
    const tasks = [defineTask('tick', (context) => void executed.push(context.runId))];
    const { pawl, clock } = await open({ tasks });
    const policy = { kind: 'repeat', count: 6, intervalMs: 10_000, misfire: { kind: 'coalesce' } } as const;
    const { taskId } = await pawl.submit('tick', undefined, { policy });
    await clock.settle();
    await pawl.pause();
    await clock.advance(35_000);
    expect(states(pawl, taskId)).toEqual(['completed', ...Array<string>(5).fill('scheduled')]);
    await pawl.resume();
    await clock.settle();
    expect(executed.map((id) => run(pawl, id).occurrence)).toEqual([0, 3]);
  });

  it('judges the past of a submission that begins in it', async () => {
    const executed: string[] = [];
    const tasks = [defineTask('tick', (context) => void executed.push(context.runId))];
    const { pawl, clock } = await open({ tasks });
    const startAt = clock.now() - 45_000;
    const policy = {
      kind: 'repeat',
      count: 7,
      intervalMs: 10_000,
      startAt,
      misfire: { kind: 'catchUp', cap: 2 },
    } as const;
    const { taskId } = await pawl.submit('tick', undefined, { policy });
    await clock.settle();
    expect(executed.map((id) => run(pawl, id).occurrence)).toEqual([3, 4]);
    expect(pawl.projections.tasks.get(taskId)?.counts).toMatchObject({ skipped: 3, completed: 2 });
  });

  it('leaves what is due on time alone', async () => {
    const { pawl, clock } = await open({ tasks: [defineTask('tick', () => undefined)] });
    const policy = { kind: 'repeat', count: 3, intervalMs: 5_000, misfire: { kind: 'skip' } } as const;
    const { taskId } = await pawl.submit('tick', undefined, { policy });
    await clock.advance(10_000);
    expect(states(pawl, taskId)).toEqual(['completed', 'completed', 'completed']);
  });
});

describe('while an earlier occurrence goes on', () => {
  it('allow runs the next one beside it', async () => {
    const { live } = await overlapping('allow');
    expect(live).toEqual([0, 1, 2]);
  });

  it('skip cancels the next ones, and the first after its end runs', async () => {
    const opened = await overlapping('skip');
    expect(opened.live).toEqual([0]);
    expect(states(opened.pawl, opened.taskId)).toEqual([
      'running',
      'canceled',
      'canceled',
      'scheduled',
      'scheduled',
    ]);
    opened.finish();
    await opened.clock.advance(10_000);
    expect(opened.live).toEqual([0, 3]);
    const { items } = opened.pawl.projections.runs.list({ taskId: opened.taskId, state: 'canceled' });
    expect(items.map((record) => record.reason)).toEqual(['overlap', 'overlap']);
  });

  it('bufferOne keeps the newest waiting one, which runs when the earlier has ended', async () => {
    const opened = await overlapping('bufferOne');
    expect(opened.live).toEqual([0]);
    expect(states(opened.pawl, opened.taskId)).toEqual([
      'running',
      'canceled',
      'scheduled',
      'scheduled',
      'scheduled',
    ]);
    opened.finish();
    await opened.clock.settle();
    expect(opened.live).toEqual([0, 2]);
  });

  it('bufferOne is no misfire, however long the earlier one takes and whatever the misfire rule says', async () => {
    const opened = await overlapping('bufferOne', { kind: 'skip' });
    const again = await opened.crash();
    for (const { id } of again.pawl.projections.runs.list({ taskId: opened.taskId }).items) again.park(id);
    await again.clock.advance(10_000);
    expect(states(again.pawl, opened.taskId)).toEqual([
      'running',
      'canceled',
      'canceled',
      'scheduled',
      'scheduled',
    ]);
    opened.finish();
    await again.clock.settle();
    expect(opened.live).toEqual([0, 0, 3]);
    const { items } = again.pawl.projections.runs.list({ taskId: opened.taskId, state: 'canceled' });
    expect(items.map((record) => record.reason)).toEqual(['overlap', 'overlap']);
  });

  it('bufferOne leaves to the misfire rule what was due while nothing went on', async () => {
    const opened = await overlapping('bufferOne', { kind: 'skip' });
    opened.finish();
    await opened.clock.settle();
    expect(opened.live).toEqual([0, 2]);
    await opened.pawl.close();
    opened.clock.jump(20_000);
    const again = await opened.restart();
    await again.clock.settle();
    expect(opened.live).toEqual([0, 2]);
    expect(states(again.pawl, opened.taskId)).toEqual([
      'completed',
      'canceled',
      'completed',
      'canceled',
      'canceled',
    ]);
    const { items } = again.pawl.projections.runs.list({ taskId: opened.taskId, state: 'canceled' });
    expect(items.map((record) => record.reason)).toEqual(['overlap', 'misfire', 'misfire']);
  });

  it('bufferOne waits durably', async () => {
    const opened = await overlapping('bufferOne');
    const again = await opened.crash();
    for (const { id } of again.pawl.projections.runs.list({ taskId: opened.taskId }).items) again.park(id);
    await again.clock.settle();
    // The lost attempt of occurrence 0 goes on first; 2 still waits behind it.
    expect(opened.live).toEqual([0, 0]);
    opened.finish();
    await again.clock.settle();
    expect(opened.live).toEqual([0, 0, 2]);
  });
});

/** Five occurrences every 10 s, 25 s along: the first still runs. */
async function overlapping(overlap: Overlap, misfire: Misfire = { kind: 'catchUp' }) {
  const live: number[] = [];
  const going = gate();
  const ids = new Map<string, number>();
  const tasks = [
    defineTask('tick', async (context) => {
      live.push(ids.get(context.runId) ?? -1);
      await going.promise;
    }),
  ];
  const opened = await open({ tasks });
  const policy = { kind: 'repeat', count: 5, intervalMs: 10_000, overlap, misfire } as const;
  const { taskId, runIds } = await opened.pawl.submit('tick', undefined, { policy });
  for (const [occurrence, id] of runIds.entries()) {
    ids.set(id, occurrence);
    opened.park(id);
  }
  await opened.clock.advance(25_000);
  return {
    ...opened,
    taskId,
    live,
    finish: () => {
      going.open(undefined);
    },
  };
}
