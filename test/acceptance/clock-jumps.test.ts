// Row 41: the wall clock jumps back an hour and forward a day. Nothing expires in a mass, no timer is lost, the
// order is kept; what runs is measured by the monotonic clock.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import type { HandlerContext } from '../../src/execution/handler-context.js';
import { eventsOf, first, gate, history, open, run, states } from './support/handlers.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function noting() {
  const order: string[] = [];
  const task = defineTask('work', (_context, name: string) => {
    order.push(name);
  });
  return { order, task };
}

describe('a wall clock that jumps back an hour', () => {
  it('loses no timer: what was due in ten seconds runs when the clock says so', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task] });
    const startAt = clock.now() + 10_000;
    await pawl.submit(task, 'later', { policy: { kind: 'once', startAt } });
    await clock.advance(1_000);
    clock.jump(-HOUR_MS);
    await clock.advance(HOUR_MS + 8_999);
    expect(order).toEqual([]);
    await clock.advance(1);
    expect(order).toEqual(['later']);
  });

  it('loses no run that was due and waited for an earlier one: it runs when the clock says so again', async () => {
    const going = gate();
    const begun: number[] = [];
    const task = defineTask('work', async (context: HandlerContext) => {
      begun.push(run(pawl, context.runId).occurrence);
      if (begun.length === 1) await going.promise;
    });
    const { pawl, clock, park } = await open({ tasks: [task] });
    const { runIds } = await pawl.submit(task, undefined, {
      policy: { kind: 'repeat', count: 2, intervalMs: 1_000, overlap: 'bufferOne' },
    });
    park(first(runIds));
    await clock.advance(1_500);
    clock.jump(-2_000);
    going.open(undefined);
    await clock.settle();
    expect(run(pawl, runIds[0]).state).toBe('completed');
    await clock.advance(1_499);
    expect(begun).toEqual([0]);
    await clock.advance(1);
    expect(begun).toEqual([0, 1]);
  });

  it('keeps the times of events in order, and writes the jump down', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task] });
    await pawl.submit(task, 'before');
    await clock.advance(5_000);
    const fromAt = clock.now();
    clock.jump(-HOUR_MS);
    await pawl.submit(task, 'after');
    await clock.settle();
    expect(order).toEqual(['before', 'after']);
    const events = await history(pawl);
    const times = events.map((event) => event.at);
    expect(times).toEqual([...times].sort((left, right) => left - right));
    expect(await eventsOf(pawl, 'ClockJumped')).toMatchObject([{ fromAt, toAt: fromAt - HOUR_MS }]);
  });

  it('neither lengthens nor shortens a timeout', async () => {
    const going = gate();
    const task = defineTask('slow', () => going.promise);
    const { pawl, clock, park } = await open({ tasks: [task], timeoutGraceMs: 100 });
    const { runIds } = await pawl.submit(task, undefined, { constraints: { timeoutMs: 1_000 } });
    park(first(runIds));
    await clock.settle();
    clock.jump(-HOUR_MS);
    await clock.advance(1_099);
    clock.jump(DAY_MS);
    await clock.settle();
    expect(run(pawl, runIds[0]).state).toBe('running');
    await clock.advance(1);
    expect(run(pawl, runIds[0]).state).toBe('failed');
    going.open(undefined);
  });
});

describe('a wall clock that jumps forward a day', () => {
  it('holds promotion, expiry and misfire still until it has agreed with itself for a minute', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task] });
    const startAt = clock.now() + HOUR_MS;
    const once = await pawl.submit(task, 'b', { policy: { kind: 'once', startAt } });
    const expiring = await pawl.submit(task, 'x', {
      policy: { kind: 'once', startAt: startAt + 1 },
      constraints: { expireAfterMs: HOUR_MS },
    });
    const misfire = { kind: 'skip' } as const;
    const policy = { kind: 'repeat', count: 4, intervalMs: HOUR_MS, startAt: startAt + 1, misfire } as const;
    const repeat = await pawl.submit(task, 'r', { policy });
    const all = [...once.runIds, ...expiring.runIds, ...repeat.runIds];
    await clock.advance(1_000);
    clock.jump(DAY_MS);
    await clock.advance(60_000);
    expect(await eventsOf(pawl, 'ClockJumped')).toHaveLength(1);
    expect(all.map((id) => run(pawl, id).state)).toEqual(all.map(() => 'scheduled'));
    expect((await pawl.idle()).reasons).toMatchObject([{ reason: 'clock jumped', count: 6 }]);
    await clock.advance(60_000);
    expect(order).toEqual(['b']);
    expect(run(pawl, expiring.runIds[0])).toMatchObject({ state: 'canceled', reason: 'expired' });
    expect(states(pawl, repeat.taskId)).toEqual(Array<string>(4).fill('canceled'));
  });

  it('changes nothing when it jumps back meanwhile: no mass expiry', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task] });
    const constraints = { expireAfterMs: 10 * 60_000 };
    const startAt = clock.now() + HOUR_MS;
    const { runIds } = await pawl.submit(task, 'kept', { policy: { kind: 'once', startAt }, constraints });
    await clock.advance(1_000);
    clock.jump(DAY_MS);
    await clock.advance(90_000);
    expect(run(pawl, runIds[0]).state).toBe('scheduled');
    clock.jump(-DAY_MS);
    await clock.advance(HOUR_MS - 91_001);
    expect(order).toEqual([]);
    await clock.advance(1);
    expect(order).toEqual(['kept']);
  });

  it('begins to agree with itself anew at every further jump', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task] });
    await pawl.submit(task, 'held', { policy: { kind: 'once', startAt: clock.now() + HOUR_MS } });
    await clock.advance(1_000);
    clock.jump(DAY_MS);
    // The jump is noticed at the next timer, at most a minute later.
    await clock.advance(60_000);
    await clock.advance(30_000);
    clock.jump(5_000);
    await pawl.submit('nobody');
    await clock.advance(59_999);
    expect(order).toEqual([]);
    await clock.advance(60_000);
    expect(order).toEqual(['held']);
  });

  it('goes on at once when it is accepted before anybody has noticed the jump', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task] });
    await pawl.submit(task, 'due', { policy: { kind: 'once', startAt: clock.now() + HOUR_MS } });
    clock.jump(DAY_MS);
    pawl.acceptClock();
    await clock.settle();
    expect(order).toEqual(['due']);
    expect(await eventsOf(pawl, 'ClockJumped')).toHaveLength(1);
  });

  it('goes on at once when it is accepted, in order of schedule', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task], concurrency: 1 });
    for (const [name, inMs] of [
      ['third', 3 * HOUR_MS],
      ['first', HOUR_MS],
      ['second', 2 * HOUR_MS],
    ] as const) {
      await pawl.submit(task, name, { policy: { kind: 'once', startAt: clock.now() + inMs } });
    }
    await clock.advance(1_000);
    clock.jump(DAY_MS);
    await clock.advance(60_000);
    expect(order).toEqual([]);
    pawl.acceptClock();
    await clock.settle();
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('does not keep a run from starting that was ready before', async () => {
    const { order, task } = noting();
    const taken = gate();
    const blocker = defineTask('blocker', () => taken.promise);
    const { pawl, clock, park } = await open({ tasks: [task, blocker], concurrency: 1 });
    const { runIds } = await pawl.submit(blocker);
    park(first(runIds));
    await clock.settle();
    await pawl.submit(task, 'ready', { constraints: { expireAfterMs: HOUR_MS } });
    await clock.settle();
    clock.jump(DAY_MS);
    await clock.advance(60_000);
    taken.open(undefined);
    await clock.settle();
    expect(order).toEqual(['ready']);
  });

  it('fills a window while it is held, but starts and skips nothing', async () => {
    const going = gate();
    const order: number[] = [];
    const task = defineTask('tick', async () => {
      order.push(order.length);
      await going.promise;
    });
    const { pawl, clock, park } = await open({ tasks: [task], limits: { repeatWindow: 2 } });
    const misfire = { kind: 'skip' } as const;
    const policy = { kind: 'repeat', count: 50, intervalMs: HOUR_MS, misfire } as const;
    const { taskId, runIds } = await pawl.submit(task, undefined, { policy });
    park(first(runIds));
    await clock.settle();
    clock.jump(DAY_MS);
    await clock.advance(60_000);
    going.open(undefined);
    await clock.settle();
    expect(states(pawl, taskId)).toEqual(['completed', 'scheduled', 'scheduled']);
    expect(order).toHaveLength(1);
    expect(await eventsOf(pawl, 'PolicyAdvanced')).toEqual([]);
  });
});

describe('a jump of less than five minutes', () => {
  it('is written down, and holds nothing', async () => {
    const { order, task } = noting();
    const { pawl, clock } = await open({ tasks: [task] });
    await pawl.submit(task, 'soon', { policy: { kind: 'once', startAt: clock.now() + 120_000 } });
    await clock.advance(1_000);
    clock.jump(200_000);
    await clock.advance(60_000);
    expect(order).toEqual(['soon']);
    expect(await eventsOf(pawl, 'ClockJumped')).toHaveLength(1);
  });

  it('of no more than a second is no jump', async () => {
    const { pawl, clock } = await open();
    clock.jump(1_000);
    await clock.advance(120_000);
    clock.jump(-1_000);
    await clock.advance(120_000);
    expect(await eventsOf(pawl, 'ClockJumped')).toEqual([]);
    clock.jump(1_001);
    await clock.advance(60_000);
    expect(await eventsOf(pawl, 'ClockJumped')).toHaveLength(1);
  });
});

describe('a run scheduled 60 days ahead', () => {
  it('runs on the millisecond, also across restarts', async () => {
    const { order, task } = noting();
    const before = await open({ tasks: [task] });
    await before.pawl.submit(task, 'far', {
      policy: { kind: 'once', startAt: before.clock.now() + 60 * DAY_MS },
    });
    await before.clock.advance(DAY_MS);
    const after = await before.restart();
    await after.clock.advance(59 * DAY_MS - 1);
    expect(order).toEqual([]);
    await after.clock.advance(1);
    expect(order).toEqual(['far']);
  });
});

describe('a restart on a clock that stands an hour earlier', () => {
  it('keeps the order of times and every schedule', async () => {
    const { order, task } = noting();
    const before = await open({ tasks: [task] });
    const startAt = before.clock.now() + 10_000;
    await before.pawl.submit(task, 'later', { policy: { kind: 'once', startAt } });
    await before.pawl.close();
    before.clock.jump(-HOUR_MS);
    const after = await before.restart();
    await after.clock.advance(HOUR_MS + 10_000);
    expect(order).toEqual(['later']);
    const times = (await history(after.pawl)).map((event) => event.at);
    expect(times).toEqual([...times].sort((left, right) => left - right));
  });
});
