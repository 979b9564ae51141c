// Concurrency keys: who holds one follows from the states of the runs, under both ways of holding.
import { describe, expect, it } from '@jest/globals';
import type { KeyHold } from '../../src/domain/task.js';
import { Keys } from '../../src/projections/keys.js';
import { event } from '../support/history-maker.js';
import {
  begun,
  changed,
  claimed,
  constraints,
  ended,
  EXPIRY_AT,
  type Log,
  logWithRun,
  runCreated,
  T0,
  taskCreated,
} from '../support/projection-log.js';

const keyed = (keyHold: KeyHold): { constraints: ReturnType<typeof constraints> } => ({
  constraints: constraints({ concurrencyKey: 'k', keyHold, maxAttempts: 5 }),
});
const holder = (log: Log, key = '/k'): string | undefined => log.state.keys.holder(key)?.id;
const release = (log: Log): void => {
  log.commit([
    event('LeaseReleased', { runId: 'r', owner: 'me', expiryAt: EXPIRY_AT }),
    changed('r', 'leased', 'ready'),
  ]);
};

describe('a concurrency key', () => {
  it('is scoped by tenant', () => {
    const log = logWithRun('leased', { ...keyed('holdDuringRetry'), tenantId: 'acme' });
    const row = log.state.runs.row('r');
    expect(row === undefined ? undefined : log.state.keys.keyOf(row)).toBe('acme/k');
    expect(holder(log, 'acme/k')).toBe('r');
    expect(holder(log, '/k')).toBeUndefined();
  });

  it('is not held by runs of a task without one', () => {
    const log = logWithRun('running');
    const row = log.state.runs.row('r');
    expect(row === undefined ? 'no run' : log.state.keys.keyOf(row)).toBeUndefined();
    expect(log.state.keys.size).toBe(0);
  });

  it.each(['scheduled', 'ready'] as const)('is not held by a %s run that was never claimed', (state) => {
    for (const keyHold of ['holdDuringRetry', 'releaseOnRetry'] as const) {
      expect(holder(logWithRun(state, keyed(keyHold)))).toBeUndefined();
    }
  });

  it.each(['leased', 'running'] as const)('is held by a %s run', (state) => {
    for (const keyHold of ['holdDuringRetry', 'releaseOnRetry'] as const) {
      expect(holder(logWithRun(state, keyed(keyHold)))).toBe('r');
    }
  });

  it.each(['retryWait', 'suspended'] as const)(
    'is held by a run in %s under holdDuringRetry only, ready-again included',
    (state) => {
      const held = logWithRun(state, keyed('holdDuringRetry'));
      const released = logWithRun(state, keyed('releaseOnRetry'));
      expect([holder(held), holder(released)]).toEqual(['r', undefined]);
      for (const log of [held, released]) log.commit([changed('r', state, 'ready')]);
      expect([holder(held), holder(released)]).toEqual(['r', undefined]);
    },
  );

  it('is held under holdDuringRetry from the first claim on, also when no attempt came of it', () => {
    const held = logWithRun('leased', keyed('holdDuringRetry'));
    const released = logWithRun('leased', keyed('releaseOnRetry'));
    for (const log of [held, released]) release(log);
    expect([holder(held), holder(released)]).toEqual(['r', undefined]);
  });

  it.each(['completed', 'failed', 'canceled'] as const)('is free once the run is %s', (state) => {
    for (const keyHold of ['holdDuringRetry', 'releaseOnRetry'] as const) {
      const log = logWithRun(state === 'canceled' ? 'retryWait' : state, keyed(keyHold));
      if (state === 'canceled') log.commit([changed('r', 'retryWait', 'canceled')]);
      expect(holder(log)).toBeUndefined();
      expect(log.state.keys.size).toBe(0);
    }
  });

  it.each(['before', 'after'] as const)(
    'passes to the run that continues, created %s the end of the first, without a gap',
    (order) => {
      const log = logWithRun('running', keyed('holdDuringRetry'));
      const next = runCreated('s', 't', { continuedFrom: 'r' });
      const end = ended('r', 'completed');
      log.commit([
        event('RunContinued', { runId: 'r', successorRunId: 's' }),
        ...(order === 'before' ? [next, ...end] : [...end, next]),
      ]);
      expect(holder(log)).toBe('s');
      log.commit([changed('s', 'scheduled', 'ready')]);
      log.commit([...claimed('s'), ...begun('s')]);
      expect(holder(log)).toBe('s');
      log.commit(ended('s', 'completed'));
      expect(holder(log)).toBeUndefined();
    },
  );

  it('is not held by the run that runs another one again, until it is claimed', () => {
    const log = logWithRun('failed', keyed('holdDuringRetry'));
    log.commit([runCreated('s', 't', { retryOf: 'r' })]);
    expect(holder(log)).toBeUndefined();
  });

  it('that a broken log gave to two runs stays with the first, then goes to the second', () => {
    const log = logWithRun('running', keyed('holdDuringRetry'));
    log.commit([
      taskCreated('u', keyed('holdDuringRetry')),
      runCreated('q', 'u'),
      changed('q', 'scheduled', 'ready'),
    ]);
    log.commit([...claimed('q'), ...begun('q')]);
    expect(holder(log)).toBe('r');
    log.commit(ended('r', 'completed'));
    expect(holder(log)).toBe('q');
    log.commit(ended('q', 'retryWait', { result: 'failure', wakeAt: T0 }));
    expect(holder(log)).toBe('q');
    log.commit([changed('q', 'retryWait', 'failed')]);
    expect(holder(log)).toBeUndefined();
  });

  it('starts out free', () => {
    expect(new Keys().holder('/k')).toBeUndefined();
  });
});
