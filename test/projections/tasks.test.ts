// Tasks: their counts of chains, when they have ended, the tree, and the specification that comes back out.
import { describe, expect, it } from '@jest/globals';
import type { PawlEvent } from '../../src/domain/events.js';
import { DEFAULT_CONSTRAINTS, DEFAULT_METADATA, DEFAULT_POLICY, type Policy } from '../../src/domain/task.js';
import { TaskShapes } from '../../src/projections/task-shapes.js';
import { event } from '../support/history-maker.js';
import {
  begun,
  changed,
  claimed,
  constraints,
  ended,
  Log,
  logWithRun,
  payload,
  runCreated,
  spec,
  T0,
  taskCreated,
} from '../support/projection-log.js';

const repeat = (count: number): Policy => ({
  kind: 'repeat',
  count,
  intervalMs: 10,
  misfire: { kind: 'catchUp' },
  overlap: 'allow',
});
const cron = (maxOccurrences?: number): Policy => ({
  kind: 'cron',
  expression: '@hourly',
  timeZone: 'UTC',
  misfire: { kind: 'skip' },
  overlap: 'skip',
  ...(maxOccurrences === undefined ? {} : { maxOccurrences }),
});
const canceled = (runId: string): PawlEvent => changed(runId, 'scheduled', 'canceled');
const skip = (through: number, skipped: number): PawlEvent =>
  event('PolicyAdvanced', {
    taskId: 't',
    throughOccurrence: through,
    throughAt: T0 + through,
    skipped,
    reason: 'misfire',
  });

function isTerminal(log: Log): boolean {
  const row = log.state.tasks.row('t');
  if (row === undefined) throw new Error('no task t');
  return log.state.tasks.isTerminal(row);
}

describe('a task', () => {
  it('is read as a frozen record with the specification it was created with', () => {
    const log = new Log();
    const given = spec('t', {
      input: payload({ n: 1 }),
      contentType: 'text/plain',
      policy: { ...repeat(3), startAt: T0 + 5 },
      constraints: constraints({ concurrencyKey: 'k', requiredCapabilities: ['gpu'] }),
      metadata: { tags: ['eu'], priority: 3, description: 'why' },
      budgets: [{ dimension: 'token', limit: 5 }],
    });
    log.commit([
      taskCreated('p'),
      event('TaskCreated', { spec: { ...given, parentId: 'p', dependsOn: ['p'] } }),
    ]);
    const record = log.state.tasks.get('t');
    expect(record).toEqual({
      spec: { ...given, parentId: 'p', dependsOn: ['p'] },
      createdAt: T0,
      counts: { created: 0, completed: 0, failed: 0, canceled: 0, skipped: 0, derived: 0 },
    });
    expect(isDeepFrozen(record)).toBe(true);
    expect(log.state.tasks.count).toBe(2);
    expect(log.state.tasks.get('x')).toBeUndefined();
  });

  it('of policy once has ended with its run', () => {
    expect(isTerminal(logWithRun('ready'))).toBe(false);
    expect(isTerminal(logWithRun('suspended'))).toBe(false);
    for (const state of ['completed', 'failed', 'canceled'] as const)
      expect(isTerminal(logWithRun(state))).toBe(true);
  });

  it('of policy repeat has ended when all occurrences are derived and over, skipped ones included', () => {
    const log = new Log();
    log.commit([taskCreated('t', { policy: repeat(4) }), runCreated('a', 't'), canceled('a')]);
    expect(isTerminal(log)).toBe(false);
    log.commit([skip(2, 2)]);
    expect(isTerminal(log)).toBe(false);
    log.commit([runCreated('d', 't', { occurrence: 3 })]);
    expect(isTerminal(log)).toBe(false);
    log.commit([canceled('d')]);
    expect(isTerminal(log)).toBe(true);
    expect(log.state.tasks.get('t')?.counts).toEqual({
      created: 2,
      completed: 0,
      failed: 0,
      canceled: 2,
      skipped: 2,
      derived: 4,
    });
    expect(log.state.tasks.row('t')?.extra?.derivedThroughAt).toBe(T0 + 2);
  });

  it('of policy cron never ends without maxOccurrences, and with them when they are over', () => {
    const endless = new Log();
    endless.commit([taskCreated('t', { policy: cron() }), runCreated('a', 't'), canceled('a')]);
    expect(isTerminal(endless)).toBe(false);
    const bounded = new Log();
    bounded.commit([taskCreated('t', { policy: cron(2) }), runCreated('a', 't'), canceled('a')]);
    expect(isTerminal(bounded)).toBe(false);
    bounded.commit([skip(1, 1)]);
    expect(isTerminal(bounded)).toBe(true);
  });

  it('that is canceled has ended at once, with the time and reason of the first cancellation', () => {
    const log = logWithRun('running');
    log.commit([event('TaskCanceled', { taskId: 't', reason: 'unwanted' })], { at: T0 + 77 });
    log.commit([event('TaskCanceled', { taskId: 't', reason: 'again' })], { at: T0 + 99 });
    expect(isTerminal(log)).toBe(true);
    expect(log.state.tasks.get('t')).toMatchObject({ canceledAt: T0 + 77, cancelReason: 'unwanted' });
    expect(log.state.tasks.row('t')?.openRuns).toBe(1);
  });

  it('knows its parent and children, and forgets those that are pruned but for the id', () => {
    const log = logWithRun('canceled');
    log.commit([taskCreated('c', { parentId: 't' }), taskCreated('d', { parentId: 't' })]);
    const [parent, child] = [log.state.tasks.row('t'), log.state.tasks.row('c')];
    expect([...(parent?.extra?.children ?? [])].map((row) => row.id)).toEqual(['c', 'd']);
    expect(child?.extra?.parent).toBe(parent);
    expect(log.state.tasks.list({ parentId: 't' }).items.map((one) => one.spec.id)).toEqual(['c', 'd']);
    log.commit([event('TasksPruned', { taskIds: ['t'] })]);
    expect(child?.extra?.parent).toBeUndefined();
    expect(log.state.tasks.get('c')?.spec.parentId).toBe('t');
  });

  it('is gone with its runs, dependencies, budgets and subscriptions once it was pruned', () => {
    const log = logWithRun('canceled', { metadata: { tags: ['eu'], priority: 0 } });
    log.commit([
      taskCreated('u'),
      event('DependencyDeclared', { taskId: 't', dependsOn: ['u'] }),
      event('BudgetAllocated', { taskId: 't', dimension: 'token', limit: 1 }),
      event('SubscriptionCreated', {
        subscriptionId: 's',
        taskId: 't',
        filter: { kind: 'taskCompleted', taskId: 'u' },
      }),
    ]);
    log.commit([event('TasksPruned', { taskIds: ['t'] })]);
    const { state } = log;
    expect([
      state.tasks.count,
      state.runs.count,
      state.dependencies.count,
      state.budgets.count,
      state.subscriptions.count,
    ]).toEqual([1, 0, 0, 0, 0]);
    expect(state.dependencies.dependentsOf('u').size).toBe(0);
    expect(state.subscriptions.watching('u')).toEqual([]);
    expect(state.runs.list({ tag: 'eu' }).items).toEqual([]);
    expect(state.pruned.hasTask('t')).toBe(true);
    expect(state.pruned.hasTask('u')).toBe(false);
  });
});

describe('the counts of a task', () => {
  it('count a chain with its last run: a continued run is nothing by itself', () => {
    const log = logWithRun('running');
    const fact = event('RunContinued', { runId: 'r', successorRunId: 's' });
    log.commit([
      ...ended('r', 'completed').slice(0, 2),
      fact,
      runCreated('s', 't', { continuedFrom: 'r' }),
      changed('r', 'running', 'completed'),
    ]);
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ created: 1, completed: 0, derived: 1 });
    expect(isTerminal(log)).toBe(false);
    expect(log.state.tasks.row('t')?.openRuns).toBe(1);
    log.commit([canceled('s')]);
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ created: 1, completed: 0, canceled: 1 });
    expect(isTerminal(log)).toBe(true);
  });

  it('take a completion back when the fact of the continuation comes after it', () => {
    const log = logWithRun('completed');
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ completed: 1 });
    log.commit([
      event('RunContinued', { runId: 'r', successorRunId: 's', input: payload(1), taskType: 'next' }),
    ]);
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ completed: 0 });
    expect(log.state.runs.get('r')).toMatchObject({
      continuedTo: 's',
      continuation: { input: payload(1), type: 'next' },
    });
    expect(isTerminal(log)).toBe(false);
    log.commit([runCreated('s', 't', { continuedFrom: 'r' })]);
    expect(log.state.runs.get('r')?.continuation).toBeUndefined();
  });

  it('take a failure back when its run is run again, and count the new run in its place', () => {
    const log = logWithRun('failed');
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ failed: 1 });
    log.commit([runCreated('s', 't', { retryOf: 'r' })]);
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ created: 1, failed: 0, derived: 1 });
    expect(isTerminal(log)).toBe(false);
    expect(log.state.runs.get('r')).toMatchObject({ state: 'failed', retriedBy: 's' });
    expect(log.state.runs.get('s')).toMatchObject({ occurrence: 0, retryOf: 'r' });
    log.commit([changed('s', 'scheduled', 'ready')]);
    log.commit([...claimed('s'), ...begun('s')]);
    log.commit(ended('s', 'completed'));
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ created: 1, completed: 1, failed: 0 });
    expect(isTerminal(log)).toBe(true);
  });

  it('stay when runs of a live task are pruned', () => {
    const log = new Log();
    log.commit([
      taskCreated('t', { policy: repeat(3) }),
      runCreated('a', 't'),
      canceled('a'),
      runCreated('b', 't', { occurrence: 1 }),
    ]);
    log.commit([event('RunsPruned', { runIds: ['a'] })]);
    expect(log.state.tasks.get('t')?.counts).toMatchObject({ created: 2, canceled: 1 });
    expect(log.state.runs.list({ taskId: 't' }).items.map((run) => run.id)).toEqual(['b']);
    expect(log.state.pruned.hasRun('a')).toBe(true);
    expect(log.state.runs.get('a')).toBeUndefined();
  });
});

describe('task shapes', () => {
  it('are shared by tasks of the same content, whatever objects they came in', () => {
    const shapes = new TaskShapes();
    const one = shapes.of(spec('a', { policy: { kind: 'once', startAt: 5 } }));
    expect(shapes.of(spec('b'))).toBe(one);
    expect(one).toMatchObject({
      policy: DEFAULT_POLICY,
      constraints: DEFAULT_CONSTRAINTS,
      metadata: DEFAULT_METADATA,
    });
    const keyed = (): ReturnType<TaskShapes['of']> =>
      shapes.of(
        spec('c', {
          constraints: constraints({ concurrencyKey: 'k' }),
          policy: { ...repeat(2), startAt: T0 },
          tenantId: 'n',
        }),
      );
    expect(keyed()).toBe(keyed());
    expect(keyed().key).toBe('n/k');
    expect(shapes.size).toBe(2);
  });

  it('differ in every field but the start', () => {
    const shapes = new TaskShapes();
    const different = [
      spec('a', { type: 'other' }),
      spec('a', { contentType: 'x' }),
      spec('a', { tenantId: 'n' }),
      spec('a', { policy: repeat(1) }),
      spec('a', { policy: repeat(2) }),
      spec('a', { policy: cron() }),
      spec('a', { constraints: constraints({ maxAttempts: 2 }) }),
      spec('a', { constraints: constraints({ backoff: { kind: 'fixed', delayMs: 1, jitter: 'none' } }) }),
      spec('a', {
        constraints: constraints({ backoff: { kind: 'linear', stepMs: 1, maxMs: 2, jitter: 'none' } }),
      }),
      spec('a', { metadata: { tags: ['x'], priority: 0 } }),
      spec('a', { budgets: [{ dimension: 'd', limit: 1 }] }),
    ];
    expect(new Set([spec('a'), ...different].map((one) => shapes.of(one))).size).toBe(different.length + 1);
  });

  it('beyond the bound belong to their task alone', () => {
    const shapes = new TaskShapes(2);
    const typed = (type: string): ReturnType<TaskShapes['of']> => shapes.of(spec('a', { type }));
    expect(typed('x')).toBe(typed('x'));
    expect(typed('y')).toBe(typed('y'));
    expect(typed('z')).not.toBe(typed('z'));
    shapes.drop(typed('x'));
    expect(shapes.size).toBe(1);
    expect(typed('z')).toBe(typed('z'));
  });
});

function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeepFrozen);
}
