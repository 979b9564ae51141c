// Each rule of a snapshot names itself (contract §9, acceptance row 14), and what is legal is let through.
import { describe, expect, it } from '@jest/globals';
import { KEPT_FIRST, KEPT_LAST } from '../../src/domain/limits.js';
import type { AttemptRecord, HistoryEntry, SavedRun } from '../../src/domain/run.js';
import type { RunState } from '../../src/domain/run-state.js';
import { isPawlError } from '../../src/errors.js';
import type { Snapshot, SnapshotSections } from '../../src/journal/snapshot-model.js';
import { SnapshotValidator, validateSnapshot } from '../../src/journal/snapshot-validate.js';
import { SNAPSHOT_RULES } from '../../src/journal/snapshot-validate-refusal.js';
import {
  fullSections,
  sampleHistory,
  sampleRun,
  sampleSnapshot,
  sampleSpec,
  sampleTask,
  smallSnapshot,
} from './snapshot-samples.js';

const tested = new Set<string>();

function refusalOf(snapshot: Snapshot): Record<string, unknown> {
  try {
    validateSnapshot(snapshot);
  } catch (error) {
    if (!isPawlError(error, 'SNAPSHOT_INVALID')) throw error;
    tested.add(String(error.data['rule']));
    return error.data;
  }
  throw new Error('the snapshot was accepted');
}

function refusalOfRun(run: SavedRun): Record<string, unknown> {
  return refusalOf(sampleSnapshot(9, { tasks: [sampleTask()], runs: [run] }));
}

function accept(sections: SnapshotSections): void {
  expect(() => {
    validateSnapshot(sampleSnapshot(9, sections));
  }).not.toThrow();
}

function attempt(id: string, number: number, open = false): AttemptRecord {
  return {
    id,
    number,
    startedAt: 13,
    owner: 'worker-1',
    ...(open ? {} : { finishedAt: 14, result: 'failure' as const }),
  };
}

/** A history that goes round and round: ready → leased → ready …, as long as asked for. */
function longHistory(count: number): HistoryEntry[] {
  const history: HistoryEntry[] = [...sampleHistory('ready')];
  let state: RunState = 'ready';
  while (history.length < count) {
    const to: RunState = state === 'ready' ? 'leased' : 'ready';
    history.push({ from: state, to, at: 11 + history.length });
    state = to;
  }
  return history;
}

describe('the rules of a snapshot (row 14)', () => {
  it('lets a full snapshot through', () => {
    accept(fullSections());
  });

  it('schemaVersion', () => {
    const snapshot = smallSnapshot();
    const refusal = refusalOf({ ...snapshot, header: { ...snapshot.header, schemaVersion: 99 } });
    expect(refusal).toMatchObject({ rule: 'schemaVersion', declared: 99, actual: 1 });
  });

  it('refuses another format version by its own code', () => {
    const snapshot = smallSnapshot();
    const other = { ...snapshot, header: { ...snapshot.header, formatVersion: 3 } };
    expect(() => {
      validateSnapshot(other);
    }).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FORMAT' }));
  });

  it('countMismatch names section, declared and actual', () => {
    const snapshot = smallSnapshot();
    const refusal = refusalOf({ ...snapshot, counts: { ...snapshot.counts, tasks: 99 } });
    expect(refusal).toEqual({ rule: 'countMismatch', section: 'tasks', declared: 99, actual: 1 });
  });

  it.each([
    ['tasks', { tasks: [sampleTask(), sampleTask()] }],
    ['runs', { tasks: [sampleTask()], runs: [sampleRun(), sampleRun()] }],
    ['budgets', twice('budgets')],
    ['dependencies', twice('dependencies')],
    ['subscriptions', twice('subscriptions')],
    ['actors', twice('actors')],
    ['tenants', twice('tenants')],
    ['roles', twice('roles')],
    ['grants', twice('grants')],
    ['ledger', twice('ledger')],
  ])('duplicateId in %s', (section, sections) => {
    expect(refusalOf(sampleSnapshot(9, sections))).toMatchObject({ rule: 'duplicateId', section });
  });

  it('lets what is remembered of the past name an id twice', () => {
    accept({ ...twice('commands'), pruned: twice('pruned').pruned ?? [] });
  });

  it('duplicateId for an attempt that is listed twice', () => {
    const run = sampleRun('retryWait', { attemptCount: 2, attempts: [attempt('a-1', 1), attempt('a-1', 2)] });
    expect(refusalOfRun(run)).toMatchObject({ rule: 'duplicateId', id: 'run-1', attemptId: 'a-1' });
  });

  it.each([
    ['runs', { runs: [sampleRun('scheduled', { taskId: 'nowhere' })] }],
    ['dependencies', { dependencies: [{ taskId: 'nowhere', dependsOn: ['task-1'], declaredAt: 1 }] }],
    ['dependencies', { dependencies: [{ taskId: 'task-1', dependsOn: ['nowhere'], declaredAt: 1 }] }],
    [
      'budgets',
      {
        budgets: [
          { taskId: 'nowhere', dimension: 'token', limit: 1, consumed: 0, exhausted: false, allocatedAt: 1 },
        ],
      },
    ],
    [
      'subscriptions',
      {
        subscriptions: [
          { id: 's-1', taskId: 'nowhere', filter: { kind: 'custom' as const, key: 'k' }, createdAt: 1 },
        ],
      },
    ],
  ])('unknownReference from %s', (section, sections) => {
    const broken = sampleSnapshot(9, { tasks: [sampleTask()], ...sections });
    expect(refusalOf(broken)).toMatchObject({ rule: 'unknownReference', section, taskId: 'nowhere' });
    accept({ tasks: [sampleTask()], ...sections, pruned: [{ kind: 'task', id: 'nowhere' }] });
  });

  it('knows a task whichever section comes first', () => {
    const rules = new SnapshotValidator();
    rules.header(smallSnapshot().header);
    rules.record('runs', sampleRun());
    rules.record('tasks', sampleTask());
    expect(() => {
      rules.footer({ tasks: 1, runs: 1 });
    }).not.toThrow();
  });

  it('lets a task that has ended outlive a prerequisite that was pruned and forgotten', () => {
    const ended = sampleTask({
      counts: { created: 1, completed: 1, failed: 0, canceled: 0, skipped: 0, derived: 1 },
    });
    const dependencies = [{ taskId: 'task-1', dependsOn: ['forgotten'], declaredAt: 1 }];
    const pruned = [{ kind: 'task' as const, id: 'another' }];
    accept({ tasks: [ended], dependencies, pruned });
    expect(refusalOf(sampleSnapshot(9, { tasks: [ended], dependencies }))).toMatchObject({
      rule: 'unknownReference',
    });
    expect(refusalOf(sampleSnapshot(9, { tasks: [sampleTask()], dependencies, pruned }))).toMatchObject({
      rule: 'unknownReference',
    });
  });

  it.each([
    ['none at all', []],
    ['another first state', [{ to: 'ready' as const, at: 10 }]],
    ['a state before the first', [{ from: 'ready' as const, to: 'scheduled' as const, at: 10 }]],
    ['another time than createdAt', [{ to: 'scheduled' as const, at: 11 }]],
  ])('historyStart: %s', (_name, history) => {
    expect(refusalOfRun(sampleRun('scheduled', { history, historyCount: history.length }))).toMatchObject({
      rule: 'historyStart',
      id: 'run-1',
    });
  });

  it('historyBroken: an entry that does not go on from the one before', () => {
    const history = sampleHistory('leased').toSpliced(1, 1);
    expect(refusalOfRun(sampleRun('leased', { history, historyCount: 2 }))).toMatchObject({
      rule: 'historyBroken',
      declared: 'scheduled',
      actual: 'ready',
    });
  });

  it('historyBroken: another number of entries than is counted', () => {
    expect(refusalOfRun(sampleRun('leased', { historyCount: 4 }))).toMatchObject({
      rule: 'historyBroken',
      declared: 4,
      actual: 3,
    });
  });

  it('historyIllegal: a change the machine has no edge for', () => {
    const history: HistoryEntry[] = [
      ...sampleHistory('scheduled'),
      { from: 'scheduled', to: 'leased', at: 11 },
    ];
    expect(refusalOfRun(sampleRun('leased', { history, historyCount: 2 }))).toMatchObject({
      rule: 'historyIllegal',
      declared: 'scheduled',
      actual: 'leased',
    });
  });

  it('historyEnd: another last state than the run is in', () => {
    const history = sampleHistory('ready');
    expect(refusalOfRun(sampleRun('leased', { history, historyCount: 2 }))).toMatchObject({
      rule: 'historyEnd',
      declared: 'leased',
      actual: 'ready',
    });
    expect(
      refusalOfRun(sampleRun('ready', { history: sampleHistory('scheduled'), historyCount: 1 })),
    ).toMatchObject({ rule: 'historyEnd' });
  });

  it('accepts a history that was cut in the middle, and only there', () => {
    const whole = longHistory(161);
    const cut = [...whole.slice(0, KEPT_FIRST), ...whole.slice(-KEPT_LAST)];
    const state = whole.at(-1)?.to ?? 'ready';
    // Both neighbours of the cut are the same way round, so without the tolerance it would be broken.
    expect(cut[KEPT_FIRST - 1]?.to).not.toBe(cut[KEPT_FIRST]?.from);
    accept({ tasks: [sampleTask()], runs: [sampleRun(state, { history: cut, historyCount: 161 })] });
    const broken = cut.with(50, { from: 'scheduled', to: 'ready', at: 1 });
    expect(refusalOfRun(sampleRun(state, { history: broken, historyCount: 161 }))).toMatchObject({
      rule: 'historyBroken',
    });
    expect(refusalOfRun(sampleRun(state, { history: cut.slice(0, 99), historyCount: 161 }))).toMatchObject({
      rule: 'historyBroken',
    });
    const illegal = cut.with(KEPT_FIRST, { from: 'completed', to: 'ready', at: 1 });
    expect(refusalOfRun(sampleRun(state, { history: illegal, historyCount: 161 }))).toMatchObject({
      rule: 'historyIllegal',
    });
  });

  it('attemptCount: another number of attempts than is counted', () => {
    const run = sampleRun('retryWait', { attemptCount: 2, attempts: [attempt('a-1', 1)] });
    expect(refusalOfRun(run)).toMatchObject({ rule: 'attemptCount', declared: 2, actual: 1 });
  });

  it('accepts attempts that were cut in the middle', () => {
    const attempts = Array.from({ length: KEPT_FIRST + KEPT_LAST }, (_, index) =>
      attempt(`a-${String(index)}`, index + 1),
    );
    accept({ tasks: [sampleTask()], runs: [sampleRun('retryWait', { attemptCount: 5_000, attempts })] });
    const fewer = sampleRun('retryWait', { attemptCount: 5_000, attempts: attempts.slice(1) });
    expect(refusalOfRun(fewer)).toMatchObject({ rule: 'attemptCount', declared: 5_000, actual: 99 });
  });

  it.each<[string, RunState, Partial<SavedRun>]>([
    [
      'outside running',
      'leased',
      { attemptCount: 1, attempts: [attempt('a-1', 1, true)], currentAttemptId: 'a-1' },
    ],
    ['not listed', 'running', { attemptCount: 1, attempts: [attempt('a-1', 1)], currentAttemptId: 'a-2' }],
    ['not listed at all', 'running', { currentAttemptId: 'a-2' }],
    [
      'listed twice',
      'running',
      {
        attemptCount: 2,
        attempts: [attempt('a-1', 1, true), attempt('a-1', 2, true)],
        currentAttemptId: 'a-1',
      },
    ],
    ['finished', 'running', { attemptCount: 1, attempts: [attempt('a-1', 1)], currentAttemptId: 'a-1' }],
    ['open and not the current one', 'running', { attemptCount: 1, attempts: [attempt('a-1', 1, true)] }],
    ['open in a run that has ended', 'completed', { attemptCount: 1, attempts: [attempt('a-1', 1, true)] }],
  ])('activeAttempt: %s', (_name, state, more) => {
    expect(refusalOfRun(sampleRun(state, more))).toMatchObject({ rule: 'activeAttempt', id: 'run-1' });
  });

  it.each<RunState>(['scheduled', 'ready', 'retryWait', 'suspended', 'completed', 'failed', 'canceled'])(
    'leaseState: a lease in %s',
    (state) => {
      const lease = { owner: 'worker-1', expiryAt: 1_000, acquiredAt: 12, updatedAt: 12 };
      expect(refusalOfRun(sampleRun(state, { lease }))).toMatchObject({ rule: 'leaseState', actual: state });
    },
  );

  it('accepts leased and running runs with and without a lease, and a running one without an attempt', () => {
    const lease = { owner: 'worker-1', expiryAt: 1_000, acquiredAt: 12, updatedAt: 12 };
    for (const state of ['leased', 'running'] as const) {
      accept({ tasks: [sampleTask()], runs: [sampleRun(state), sampleRun(state, { id: 'run-2', lease })] });
    }
  });

  it('accepts a ready run whose scheduledAt is after createdAt', () => {
    accept({ tasks: [sampleTask()], runs: [sampleRun('ready', { scheduledAt: 5_000 })] });
  });

  it('pausedWithoutTime', () => {
    expect(refusalOf(sampleSnapshot(1, { engine: { paused: true } }))).toMatchObject({
      rule: 'pausedWithoutTime',
    });
  });

  it('resumedWithoutPause', () => {
    expect(refusalOf(sampleSnapshot(1, { engine: { paused: false, resumedAt: 180 } }))).toMatchObject({
      rule: 'resumedWithoutPause',
    });
  });

  it('resumeBeforePause', () => {
    const engine = { paused: false, pausedAt: 120, resumedAt: 119 };
    expect(refusalOf(sampleSnapshot(1, { engine }))).toMatchObject({
      rule: 'resumeBeforePause',
      declared: 120,
      actual: 119,
    });
    accept({ engine: { ...engine, resumedAt: 120 } });
  });

  it('canceledBeforeCreated', () => {
    expect(refusalOf(sampleSnapshot(1, { tasks: [sampleTask({ canceledAt: 9 })] }))).toMatchObject({
      rule: 'canceledBeforeCreated',
      id: 'task-1',
    });
    accept({ tasks: [sampleTask({ canceledAt: 10 })] });
  });

  it('has a test for every rule', () => {
    expect([...tested].sort()).toEqual(Object.keys(SNAPSHOT_RULES).sort());
  });

  it('accepts another role of the same actor in another tenant, and names with the same letters', () => {
    accept({
      roles: [
        { actorId: 'a', tenantId: 'bc', role: 'operator', assignedAt: 1 },
        { actorId: 'ab', tenantId: 'c', role: 'operator', assignedAt: 1 },
      ],
      tasks: [sampleTask(), sampleTask({ spec: sampleSpec('task-2') })],
    });
  });
});

type ListName = Exclude<keyof SnapshotSections, 'epoch' | 'engine' | 'tasks' | 'runs'>;

/** The full sections with one of them listed twice. */
function twice(name: ListName): SnapshotSections {
  const sections = fullSections();
  return { ...sections, [name]: [...(sections[name] ?? []), ...(sections[name] ?? [])] };
}
