// Steps of a random history that are about tasks.
import type { PawlEvent } from '../../src/domain/events.js';
import {
  DEFAULT_BACKOFF,
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  occurrenceCount,
  type Constraints,
  type Policy,
  type TaskMetadata,
  type TaskSpec,
} from '../../src/domain/task.js';
import type { TaskRow } from '../../src/projections/rows.js';
import { event, type Action, type HistoryMaker } from './history-maker.js';

const WINDOW = 4;

function policyOf(maker: HistoryMaker): Policy {
  const { random } = maker;
  const startAt = maker.maybe(() => maker.now + random.below(60_000));
  const start = startAt === undefined ? {} : { startAt };
  const misfire = random.pick([
    { kind: 'skip' },
    { kind: 'coalesce' },
    { kind: 'catchUp', cap: 3 },
  ] as const) ?? { kind: 'skip' };
  const overlap = random.pick(['allow', 'skip', 'bufferOne'] as const) ?? 'allow';
  switch (random.below(4)) {
    case 0:
      return { kind: 'repeat', count: 1 + random.below(6), intervalMs: 1_000, misfire, overlap, ...start };
    case 1: {
      const maxOccurrences = random.chance(0.5) ? { maxOccurrences: 1 + random.below(5) } : {};
      return {
        kind: 'cron',
        expression: '* * * * *',
        timeZone: 'UTC',
        misfire,
        overlap,
        ...maxOccurrences,
        ...start,
      };
    }
    case 2:
      return DEFAULT_POLICY;
    default:
      return { kind: 'once', ...start };
  }
}

function constraintsOf(maker: HistoryMaker): Constraints {
  const { random } = maker;
  if (random.chance(0.3)) return DEFAULT_CONSTRAINTS;
  return {
    maxAttempts: 1 + random.below(5),
    maxLostAttempts: 3,
    backoff: DEFAULT_BACKOFF,
    keyHold: random.chance(0.5) ? 'holdDuringRetry' : 'releaseOnRetry',
    safety: 'pure',
    ...(random.chance(0.4) ? { expireAfterMs: 1 + random.below(9_000) } : {}),
    ...(random.chance(0.5) ? { concurrencyKey: `key-${String(random.below(3))}` } : {}),
    ...(random.chance(0.2) ? { requiredCapabilities: ['gpu'], department: 'labs', timeoutMs: 5 } : {}),
  };
}

function metadataOf(maker: HistoryMaker): TaskMetadata {
  const { random } = maker;
  if (random.chance(0.4)) return DEFAULT_METADATA;
  const tags = ['eu', 'us', 'vip'].filter(() => random.chance(0.4));
  return { tags, priority: random.below(5) - 2, ...(random.chance(0.2) ? { description: 'why' } : {}) };
}

const submit: Action = (maker) => {
  const { random, state } = maker;
  const id = maker.newId('task');
  const tenantId = random.pick([...state.tenants.list()])?.id;
  const parentId = maker.maybe(() => maker.anyTask((task) => !state.tasks.isTerminal(task))?.id);
  const dependsOn = random.chance(0.3) ? [maker.anyTask()?.id ?? ''].filter((other) => other !== '') : [];
  const budgets = random.chance(0.3) ? [{ dimension: 'token', limit: 1 + random.below(100) }] : [];
  const input = maker.maybe(() => maker.payload());
  const spec: TaskSpec = {
    id,
    type: `type-${String(random.below(3))}`,
    policy: policyOf(maker),
    constraints: constraintsOf(maker),
    metadata: metadataOf(maker),
    dependsOn,
    budgets,
    ...(input === undefined ? {} : { input }),
    ...(random.chance(0.2) ? { contentType: 'text/plain' } : {}),
    ...(parentId === undefined ? {} : { parentId }),
    ...(tenantId === undefined || random.chance(0.5) ? {} : { tenantId }),
  };
  const events: PawlEvent[] = [event('TaskCreated', { spec })];
  if (dependsOn.length > 0) events.push(event('DependencyDeclared', { taskId: id, dependsOn }));
  for (const { dimension, limit } of budgets)
    events.push(event('BudgetAllocated', { taskId: id, dimension, limit }));
  const count = Math.min(
    WINDOW,
    spec.policy.kind === 'once'
      ? 1
      : spec.policy.kind === 'repeat'
        ? spec.policy.count
        : (spec.policy.maxOccurrences ?? WINDOW),
  );
  for (let occurrence = 0; occurrence < count; occurrence++)
    events.push(...created(maker, { taskId: id, occurrence }));
  return events;
};

function created(
  maker: HistoryMaker,
  of: { readonly taskId: string; readonly occurrence: number },
): PawlEvent[] {
  const runId = maker.newId('run');
  const scheduledAt = maker.now + maker.random.below(20_000) - 5_000;
  const events: PawlEvent[] = [
    event('RunCreated', { runId, ...of, scheduledAt, priority: maker.random.below(3) }),
  ];
  if (maker.random.chance(0.4))
    events.push(event('RunStateChanged', { runId, from: 'scheduled', to: 'ready' }));
  return events;
}

/** Derives further occurrences of a policy, some of them skipped. */
const advance: Action = (maker) => {
  const { random } = maker;
  const open = (task: TaskRow): boolean =>
    task.derived < occurrenceCount(task.shape.policy) && task.extra?.canceledAt === undefined;
  const task = maker.anyTask(open);
  if (task === undefined) return undefined;
  const events: PawlEvent[] = [];
  let next = task.derived;
  if (random.chance(0.5)) {
    const skipped = Math.min(1 + random.below(3), occurrenceCount(task.shape.policy) - next);
    next += skipped;
    const throughAt = maker.now + random.below(1_000);
    events.push(
      event('PolicyAdvanced', {
        taskId: task.id,
        throughOccurrence: next - 1,
        throughAt,
        skipped,
        reason: 'misfire',
      }),
    );
  }
  if (next < occurrenceCount(task.shape.policy))
    events.push(...created(maker, { taskId: task.id, occurrence: next }));
  return events;
};

const cancel: Action = (maker) => {
  if (maker.random.chance(0.7)) return undefined;
  const task = maker.anyTask((one) => !maker.state.tasks.isTerminal(one));
  const reason = maker.maybe(() => 'unwanted');
  return task === undefined ? undefined : [event('TaskCanceled', { taskId: task.id, reason })];
};

const declare: Action = (maker) => {
  const task = maker.anyTask();
  const others = [maker.anyTask(), maker.anyTask()].filter((one) => one !== undefined && one !== task);
  if (task === undefined || others.length === 0) return undefined;
  return [event('DependencyDeclared', { taskId: task.id, dependsOn: others.map((one) => one?.id ?? '') })];
};

const pruneTask: Action = (maker) => {
  const { state, random } = maker;
  if (random.chance(0.5)) return undefined;
  const task = maker.anyTask((one) => one.openRuns === 0 && state.tasks.isTerminal(one));
  return task === undefined ? undefined : [event('TasksPruned', { taskIds: [task.id] })];
};

const pruneRuns: Action = (maker) => {
  const run = maker.anyRun(['completed', 'failed', 'canceled']);
  return run === undefined || maker.random.chance(0.7)
    ? undefined
    : [event('RunsPruned', { runIds: [run.id] })];
};

/** What may happen to tasks. */
export const TASK_ACTIONS: readonly Action[] = [
  submit,
  submit,
  submit,
  advance,
  cancel,
  declare,
  pruneTask,
  pruneRuns,
];
