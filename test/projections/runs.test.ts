// Runs: what their record shows through their life, and how much of it is kept.
import { describe, expect, it } from '@jest/globals';
import type { PawlEvent } from '../../src/domain/events.js';
import { KEPT_FIRST, KEPT_LAST } from '../../src/domain/limits.js';
import { RUN_STATES } from '../../src/domain/run-state.js';
import { event } from '../support/history-maker.js';
import type { Projections } from '../../src/projections/projections.js';
import {
  begun,
  changed,
  claimed,
  ended,
  EXPIRY_AT,
  Log,
  logWithRun,
  payload,
  runCreated,
  T0,
  taskCreated,
} from '../support/projection-log.js';
import { loadSections, saveSections } from '../support/projection-states.js';

const KEPT = KEPT_FIRST + KEPT_LAST;
const error = (code?: string): { name: string; message: string; retryable: boolean; code?: string } => ({
  name: 'Error',
  message: 'it broke',
  retryable: true,
  ...(code === undefined ? {} : { code }),
});

describe('a run', () => {
  it('is read with every field of its life, deeply frozen', () => {
    const log = logWithRun('running');
    log.commit([event('ProgressReported', { runId: 'r', attemptId: 'r-a1', value: payload(50) })]);
    log.commit([
      event('StepRecorded', { runId: 'r', attemptId: 'r-a1', name: 's', output: payload('done') }),
    ]);
    log.commit([event('RunSignaled', { runId: 'r', key: 'go', payload: payload(1) })]);
    log.commit(
      ended('r', 'retryWait', { result: 'failure', error: error('E'), reason: 'failure', wakeAt: T0 + 500 }),
    );
    const record = log.state.runs.get('r');
    expect(record).toEqual({
      id: 'r',
      taskId: 't',
      occurrence: 0,
      state: 'retryWait',
      priority: 0,
      createdAt: T0,
      scheduledAt: T0,
      lastStateChangeAt: T0 + 7,
      wakeAt: T0 + 500,
      attemptCount: 1,
      failedAttempts: 1,
      lostAttempts: 0,
      progress: payload(50),
      historyCount: 5,
      history: [
        { to: 'scheduled', at: T0 },
        { from: 'scheduled', to: 'ready', at: T0 + 1 },
        { from: 'ready', to: 'leased', at: T0 + 2 },
        { from: 'leased', to: 'running', at: T0 + 3 },
        { from: 'running', to: 'retryWait', at: T0 + 7, reason: 'failure' },
      ],
      attempts: [
        {
          id: 'r-a1',
          number: 1,
          startedAt: T0 + 3,
          finishedAt: T0 + 7,
          owner: 'me',
          result: 'failure',
          error: error('E'),
        },
      ],
      steps: [{ name: 's', attemptId: 'r-a1', at: T0 + 5, output: payload('done') }],
      waits: [],
      signals: [{ key: 'go', at: T0 + 6, payload: payload(1) }],
    });
    expect(isDeepFrozen(record)).toBe(true);
  });

  it('shows its open attempt and its lease while it runs, and neither afterwards', () => {
    const log = logWithRun('running');
    expect(log.state.runs.get('r')).toMatchObject({
      currentAttemptId: 'r-a1',
      lease: { owner: 'me', expiryAt: EXPIRY_AT, acquiredAt: T0 + 2, updatedAt: T0 + 2 },
    });
    log.commit(ended('r', 'completed', { output: payload(1) }));
    const record = log.state.runs.get('r');
    expect(record).not.toHaveProperty('currentAttemptId');
    expect(record).not.toHaveProperty('lease');
    expect(record?.attempts[0]?.output).toBe(payload(1));
  });

  it('counts failures and timeouts, and losses that were not a shutdown; suspension and cancellation count as neither', () => {
    const cases = [
      ['failure', undefined, 1, 0],
      ['timeout', undefined, 1, 0],
      ['lost', 'LOST', 0, 1],
      ['lost', 'SHUTDOWN', 0, 0],
      ['suspended', undefined, 0, 0],
      ['canceled', undefined, 0, 0],
    ] as const;
    for (const [result, code, failedAttempts, lostAttempts] of cases) {
      const log = logWithRun('running');
      log.commit(
        ended('r', result === 'canceled' ? 'canceled' : result === 'suspended' ? 'suspended' : 'failed', {
          result,
          error: error(code),
        }),
      );
      expect(log.state.runs.get('r')).toMatchObject({ attemptCount: 1, failedAttempts, lostAttempts });
    }
  });

  it('keeps the value it was resumed with until its next attempt has ended', () => {
    const log = logWithRun('suspended');
    log.commit([
      changed('r', 'suspended', 'ready'),
      event('RunResumed', { runId: 'r', value: payload('go') }),
    ]);
    log.commit([...claimed('r'), ...begun('r', 2)]);
    expect(log.state.runs.get('r')?.resumedWith).toBe(payload('go'));
    log.commit(ended('r', 'completed', { number: 2 }));
    expect(log.state.runs.get('r')).not.toHaveProperty('resumedWith');
  });

  it('has a reason while it is suspended or has ended, and a moment to wake while it waits to retry', () => {
    const log = logWithRun('running');
    log.commit(ended('r', 'suspended', { result: 'suspended', reason: 'budget' }));
    expect(log.state.runs.get('r')?.reason).toBe('budget');
    log.commit([changed('r', 'suspended', 'ready', { reason: 'replenished' })]);
    expect(log.state.runs.get('r')).not.toHaveProperty('reason');
    log.commit([changed('r', 'ready', 'canceled', { reason: 'unwanted' })]);
    expect(log.state.runs.get('r')?.reason).toBe('unwanted');
    const other = logWithRun('retryWait');
    expect(other.state.runs.get('r')?.wakeAt).toBe(T0 + 5_000);
    other.commit([changed('r', 'retryWait', 'ready')]);
    expect(other.state.runs.get('r')).not.toHaveProperty('wakeAt');
  });

  it('changes its priority while it is scheduled or ready', () => {
    for (const state of ['scheduled', 'ready'] as const) {
      const log = logWithRun(state);
      log.commit([event('RunPriorityChanged', { runId: 'r', priority: -3 })]);
      expect(log.state.runs.get('r')?.priority).toBe(-3);
    }
  });

  it('marks an attempt whose late result was refused, and ignores one that is forgotten', () => {
    const log = logWithRun('failed');
    const refused = (attemptId: string): PawlEvent =>
      event('AttemptRefused', { runId: 'r', attemptId, owner: 'me', why: 'LEASE_LOST' });
    log.commit([refused('r-a1'), refused('long-ago')]);
    expect(log.state.runs.get('r')?.attempts).toMatchObject([{ id: 'r-a1', refused: true }]);
  });

  it('that continues another has its input and type, and is listed by that type', () => {
    const log = logWithRun('completed');
    log.commit([
      event('RunContinued', { runId: 'r', successorRunId: 's', input: payload(2), taskType: 'next' }),
      runCreated('s', 't', { continuedFrom: 'r', input: payload(2), taskType: 'next' }),
    ]);
    expect(log.state.runs.get('s')).toMatchObject({ continuedFrom: 'r', input: payload(2), type: 'next' });
    expect(log.state.runs.list({ type: 'next' }).items.map((run) => run.id)).toEqual(['s']);
    expect(log.state.runs.list({ type: 'work' }).items.map((run) => run.id)).toEqual(['r']);
  });

  it('is counted by state', () => {
    const log = logWithRun('ready');
    log.commit([taskCreated('u'), runCreated('q', 'u')]);
    expect(RUN_STATES.map((state) => log.state.runs.countByState(state))).toEqual([
      1, 1, 0, 0, 0, 0, 0, 0, 0,
    ]);
    log.commit([changed('q', 'scheduled', 'canceled')]);
    expect([log.state.runs.count, log.state.runs.nonTerminal]).toEqual([2, 1]);
  });
});

describe('the history of a run', () => {
  it('follows from the row while nothing unusual happened', () => {
    const log = logWithRun('ready');
    expect(log.state.runs.row('r')?.detail).toBeUndefined();
    expect(log.state.runs.get('r')).toMatchObject({
      historyCount: 2,
      history: [
        { to: 'scheduled', at: T0 },
        { from: 'scheduled', to: 'ready', at: T0 + 1 },
      ],
    });
  });

  it('tells a reason from the first change on', () => {
    const log = logWithRun('scheduled');
    log.commit([changed('r', 'scheduled', 'ready', { reason: 'trigger' })]);
    expect(log.state.runs.get('r')).toMatchObject({
      historyCount: 2,
      history: [{}, { to: 'ready', reason: 'trigger' }],
    });
  });

  it.each([KEPT - 1, KEPT, KEPT + 1, KEPT + 2, 3 * KEPT])(
    'of %i changes keeps the first ten and the last ninety, with their reasons',
    (changes) => {
      const log = cycling(changes);
      const record = log.state.runs.get('r');
      const expected = Array.from({ length: changes + 2 }, (_value, index) => index);
      const kept =
        expected.length <= KEPT
          ? expected
          : [...expected.slice(0, KEPT_FIRST), ...expected.slice(-KEPT_LAST)];
      expect(record?.historyCount).toBe(changes + 2);
      expect(record?.history.map((entry) => entry.at)).toEqual(kept.map((index) => T0 + index));
      expect(record?.history.slice(2).map((entry) => entry.reason)).toEqual(
        kept.slice(2).map((index) => `change ${String(index)}`),
      );
      expect(log.state.runs.row('r')?.detail?.historyReasons?.size).toBe(kept.length - 2);
      const { sequence } = log.state;
      const loaded = loadSections(saveSections(log.state), { sequence, takenAt: 0 });
      expect(loaded.runs.get('r')).toEqual(record);
      expect(loaded.runs.row('r')?.detail?.historyReasons?.size).toBe(kept.length - 2);
    },
  );
});

describe('the attempts of a run', () => {
  it('are kept, the first ten and the last ninety, and counted all', () => {
    const log = logWithRun('ready');
    const total = KEPT + 3;
    for (let number = 1; number <= total; number++) {
      log.commit([...claimed('r'), ...begun('r', number)]);
      log.commit([
        ...ended('r', 'retryWait', { number, result: 'failure', error: error(), wakeAt: T0 }),
        changed('r', 'retryWait', 'ready'),
      ]);
    }
    const record = log.state.runs.get('r');
    const numbers = Array.from({ length: total }, (_value, index) => index + 1);
    expect(record?.attemptCount).toBe(total);
    expect(record?.failedAttempts).toBe(total);
    expect(record?.attempts.map((attempt) => attempt.number)).toEqual([
      ...numbers.slice(0, KEPT_FIRST),
      ...numbers.slice(-KEPT_LAST),
    ]);
  });
});

/** A run that was leased and released until it had changed its state that often since it became ready. */
function cycling(changes: number): Log {
  const log = logWithRun('ready');
  for (let index = 2; index < changes + 2; index++) {
    const reason = `change ${String(index)}`;
    const lease = { runId: 'r', owner: 'me', expiryAt: EXPIRY_AT };
    if (index % 2 === 0)
      log.commit([changed('r', 'ready', 'leased', { reason }), event('LeaseAcquired', lease)]);
    else log.commit([event('LeaseReleased', lease), changed('r', 'leased', 'ready', { reason })]);
  }
  return log;
}

function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeepFrozen);
}

describe('the history of a run that completed at once', () => {
  const straight = (): Log => {
    const log = new Log();
    log.commit([taskCreated('t'), runCreated('r', 't'), changed('r', 'scheduled', 'ready')]);
    log.commit([...claimed('r'), ...begun('r')]);
    log.commit(ended('r', 'completed'));
    return log;
  };
  const loadedAgain = (log: Log): Projections =>
    loadSections(saveSections(log.state), { sequence: log.state.sequence, takenAt: 0 });

  it('follows from its row and takes no room, and is told all the same', () => {
    const log = straight();
    for (const state of [log.state, loadedAgain(log)]) {
      expect(state.runs.row('r')?.detail?.history).toBeUndefined();
      expect(state.runs.get('r')).toMatchObject({
        historyCount: 5,
        history: [
          { to: 'scheduled', at: T0 },
          { from: 'scheduled', to: 'ready', at: T0 },
          { from: 'ready', to: 'leased', at: T0 + 1 },
          { from: 'leased', to: 'running', at: T0 + 1 },
          { from: 'running', to: 'completed', at: T0 + 2 },
        ],
      });
    }
    expect(loadedAgain(log).stateHash()).toBe(log.state.stateHash());
  });

  const creation = [taskCreated('t'), runCreated('r', 't')];
  it.each<[string, PawlEvent[][]]>([
    ['it waited before it was ready', [creation, [changed('r', 'scheduled', 'ready')]]],
    ['it says why', [[...creation, changed('r', 'scheduled', 'ready', { reason: 'trigger' })]]],
  ])('is kept when %s', (_why, begins) => {
    const log = new Log();
    for (const events of begins) log.commit(events);
    log.commit([...claimed('r'), ...begun('r')]);
    log.commit(ended('r', 'completed'));
    const before = log.state.runs.get('r');
    expect(log.state.runs.row('r')?.detail?.history).toHaveLength(10);
    expect(before?.history).toHaveLength(5);
    expect(loadedAgain(log).runs.get('r')).toEqual(before);
  });

  it('is kept when the run did not complete, or was claimed before it began', () => {
    const failed = logWithRun('failed');
    expect(failed.state.runs.row('r')?.detail?.history).toHaveLength(10);
    expect(logWithRun('completed').state.runs.row('r')?.detail?.history).toHaveLength(10);
  });
});
