// Timers: what is due next, in order, found at the top.
import { describe, expect, it } from '@jest/globals';
import type { WaitSpec } from '../../src/domain/run.js';
import { untilAtOf } from '../../src/projections/wait-times.js';
import { event } from '../support/history-maker.js';
import {
  begun,
  changed,
  claimed,
  constraints,
  ended,
  EXPIRY_AT,
  Log,
  logWithRun,
  runCreated,
  T0,
  taskCreated,
} from '../support/projection-log.js';

/** A log with one task a moment, each with a run scheduled then. */
function scheduledAt(...moments: readonly number[]): Log {
  const log = new Log();
  moments.forEach((moment, index) => {
    const taskId = `t${String(index)}`;
    log.commit([taskCreated(taskId), runCreated(`r${String(index)}`, taskId, { scheduledAt: moment })]);
  });
  return log;
}

function drain(log: Log, now = Infinity): (string | undefined)[] {
  const ids: (string | undefined)[] = [];
  for (
    let row = log.state.timers.takeScheduled(now);
    row !== undefined;
    row = log.state.timers.takeScheduled(now)
  )
    ids.push(row.id);
  return ids;
}

describe('scheduled runs', () => {
  it('come out in order of their moment, then of creation', () => {
    expect(drain(scheduledAt(30, 10, 20, 10))).toEqual(['r1', 'r3', 'r2', 'r0']);
  });

  it('come out when they are due and not before', () => {
    const log = scheduledAt(30, 10, 20);
    expect(log.state.timers.nextScheduledAt()).toBe(10);
    expect(drain(log, 9)).toEqual([]);
    expect(drain(log, 20)).toEqual(['r1', 'r2']);
    expect(log.state.timers.size).toBe(1);
  });

  it('that were taken out come back when they are put back, and no more once they are not scheduled', () => {
    const log = scheduledAt(10, 20);
    const row = log.state.timers.takeScheduled(10);
    if (row === undefined) throw new Error('nothing is due');
    expect(log.state.timers.has(row)).toBe(false);
    log.state.timers.putBack(row);
    expect(log.state.timers.nextScheduledAt()).toBe(10);
    log.commit([changed('r0', 'scheduled', 'ready')]);
    log.state.timers.putBack(row);
    expect(log.state.timers.has(row)).toBe(false);
    expect(log.state.timers.nextScheduledAt()).toBe(20);
  });
});

describe('runs that wait to retry', () => {
  it('wake at their moment, in a heap of their own', () => {
    const log = logWithRun('retryWait');
    expect(log.state.timers.nextWakeAt()).toBe(T0 + 5_000);
    expect(log.state.timers.nextScheduledAt()).toBeUndefined();
    expect(log.state.timers.takeWaking(T0 + 4_999)).toBeUndefined();
    expect(log.state.timers.takeWaking(T0 + 5_000)?.id).toBe('r');
  });

  it('leave when they are given up', () => {
    const log = logWithRun('retryWait');
    log.commit([changed('r', 'retryWait', 'failed')]);
    expect(log.state.timers.size).toBe(0);
  });
});

describe('suspended runs', () => {
  const wait = (name: string, spec: WaitSpec): ReturnType<typeof event> =>
    event('WaitStarted', { runId: 'r', name, wait: spec });

  it('wake at the end of their earliest open wait, which moves as waits end', () => {
    const log = logWithRun('running');
    log.commit([
      wait('late', { kind: 'sleep', untilAt: T0 + 900 }),
      wait('early', { kind: 'signal', key: 'k', untilAt: T0 + 300 }),
      wait('open', { kind: 'answer' }),
      ...ended('r', 'suspended', { result: 'suspended' }),
    ]);
    expect(log.state.timers.nextWakeAt()).toBe(T0 + 300);
    log.commit([event('WaitEnded', { runId: 'r', name: 'early', timedOut: true })]);
    expect(log.state.timers.nextWakeAt()).toBe(T0 + 900);
    log.commit([event('WaitEnded', { runId: 'r', name: 'late' })]);
    expect(log.state.timers.nextWakeAt()).toBeUndefined();
  });

  it('without a wait that ends by itself wait for no moment', () => {
    expect(logWithRun('suspended').state.timers.size).toBe(0);
  });

  it('of several waits in one end with the first of them', () => {
    const any: WaitSpec = {
      kind: 'any',
      of: [
        { name: 'a', wait: { kind: 'event', key: 'k' } },
        {
          name: 'b',
          wait: { kind: 'any', of: [{ name: 'c', wait: { kind: 'sleep', untilAt: 7 } }], untilAt: 9 },
        },
      ],
    };
    expect(untilAtOf(any)).toBe(7);
    expect(untilAtOf({ kind: 'children' })).toBeUndefined();
  });
});

describe('expiry', () => {
  const expiring = { constraints: constraints({ expireAfterMs: 100 }) };

  it('comes for a run that has not started, scheduled or ready', () => {
    for (const state of ['scheduled', 'ready'] as const) {
      const { timers } = logWithRun(state, expiring).state;
      expect(timers.nextExpiryAt()).toBe(T0 + 100);
      expect(timers.takeExpired(T0 + 99)).toBeUndefined();
      expect(timers.takeExpired(T0 + 100)?.id).toBe('r');
    }
  });

  it('waits while the run is leased, comes again when it was released, and never once it has started', () => {
    const log = logWithRun('leased', expiring);
    expect(log.state.timers.nextExpiryAt()).toBeUndefined();
    log.commit([
      event('LeaseReleased', { runId: 'r', owner: 'me', expiryAt: EXPIRY_AT }),
      changed('r', 'leased', 'ready'),
    ]);
    expect(log.state.timers.nextExpiryAt()).toBe(T0 + 100);
    log.commit([...claimed('r'), ...begun('r')]);
    log.commit([
      ...ended('r', 'retryWait', { result: 'failure', wakeAt: T0 }),
      changed('r', 'retryWait', 'ready'),
    ]);
    expect(log.state.timers.nextExpiryAt()).toBeUndefined();
  });

  it('comes for no run of a task without it', () => {
    expect(logWithRun('ready').state.timers.nextExpiryAt()).toBeUndefined();
  });
});
