// Steps of a random history that are about everything but tasks and runs.
import type { SubscriptionFilter } from '../../src/domain/nouns.js';
import { event, type Action, type HistoryMaker } from './history-maker.js';

const journal: Action = (maker) => {
  const { random, state } = maker;
  const epoch = event('EpochStarted', {
    epoch: state.epoch + 1,
    instance: maker.newId('instance'),
    version: '0.1.0',
  });
  const repaired = event('JournalRepaired', { segment: '1.wal', offset: 64, bytes: 10, quarantine: 'q' });
  if (random.chance(0.5)) return [event('ClockJumped', { fromAt: maker.now, toAt: maker.now + 5_000 })];
  return random.chance(0.5) ? [epoch] : [repaired, epoch];
};

const pauseOrResume: Action = (maker) => {
  if (maker.state.engine.paused) return [event('EngineResumed', {})];
  return [event('EnginePaused', { reason: maker.maybe(() => 'lunch') })];
};

const budget: Action = (maker) => {
  const { random, state } = maker;
  const task = maker.anyTask();
  if (task === undefined) return undefined;
  const dimension = random.pick(['token', 'costCents']) ?? 'token';
  const fields = { taskId: task.id, dimension };
  const known = state.budgets.get(task.id, dimension);
  if (known === undefined) return [event('BudgetAllocated', { ...fields, limit: 1 + random.below(50) })];
  if (random.chance(0.3)) return [event('BudgetReplenished', { ...fields, limit: 1 + random.below(50) })];
  if (random.chance(0.3)) return [event('BudgetExhausted', fields)];
  return [event('BudgetConsumed', { ...fields, amount: random.below(20) })];
};

function filterOf(maker: HistoryMaker, taskId: string): SubscriptionFilter {
  switch (maker.random.below(4)) {
    case 0:
      return { kind: 'taskCompleted', taskId };
    case 1:
      return { kind: 'runStateChanged', taskId, state: 'completed' };
    case 2:
      return { kind: 'budgetThreshold', taskId, dimension: 'token', percent: 80 };
    default:
      return { kind: 'custom', key: 'paid' };
  }
}

const subscribe: Action = (maker) => {
  const task = maker.anyTask();
  const watched = maker.anyTask();
  if (task === undefined || watched === undefined) return undefined;
  return [
    event('SubscriptionCreated', {
      subscriptionId: maker.newId('sub'),
      taskId: task.id,
      filter: filterOf(maker, watched.id),
    }),
  ];
};

const subscription: Action = (maker) => {
  const { random, state } = maker;
  const open = [...state.subscriptions.list()].filter(
    (one) => one.canceledAt === undefined && one.spentBy === undefined,
  );
  const known = random.pick(open);
  if (known === undefined) return undefined;
  const subscriptionId = known.id;
  if (random.chance(0.3))
    return [event('SubscriptionCanceled', { subscriptionId, reason: maker.maybe(() => 'over') })];
  if (known.triggeredAt === undefined)
    return [event('SubscriptionTriggered', { subscriptionId, cause: 'it happened' })];
  const run = maker.anyRun(['scheduled', 'ready', 'completed']);
  return run === undefined ? undefined : [event('SubscriptionSpent', { subscriptionId, runId: run.id })];
};

const fire: Action = (maker) => [
  event('CustomEventFired', { key: 'paid', payload: maker.maybe(() => maker.payload()) }),
];

const actor: Action = (maker) => {
  const { random, state } = maker;
  const known = random.pick(state.actors.live());
  if (known === undefined || random.chance(0.3)) {
    const tenantId = random.pick([...state.tenants.list()])?.id;
    return [
      event('ActorRegistered', {
        actorId: `actor-${String(random.below(5))}`,
        identity: 'worker',
        capabilities: random.chance(0.5) ? ['gpu'] : [],
        department: maker.maybe(() => 'labs'),
        heartbeatIntervalMs: 10_000,
        tenantId,
      }),
    ];
  }
  if (random.chance(0.7)) return [event('ActorHeartbeat', { actorId: known.id })];
  return [event('ActorDeregistered', { actorId: known.id, reason: 'silent' })];
};

const platform: Action = (maker) => {
  const { random, state } = maker;
  const tenantId = random.pick([...state.tenants.list()])?.id;
  if (tenantId === undefined || random.chance(0.1))
    return [event('TenantCreated', { tenantId: maker.newId('tenant'), name: 'Acme' })];
  const actorId = `actor-${String(random.below(5))}`;
  if (random.chance(0.3))
    return [
      event('RoleAssigned', { actorId, tenantId, role: random.pick(['operator', 'auditor']) ?? 'auditor' }),
    ];
  const capability = random.pick(['canSubmit', 'canExecute']) ?? 'canSubmit';
  if (state.tenants.has(actorId, tenantId, capability))
    return [event('CapabilityRevoked', { actorId, tenantId, capability })];
  return [event('CapabilityGranted', { actorId, tenantId, capability })];
};

const append: Action = (maker) => {
  const tenantId = maker.random.pick([...maker.state.tenants.list()])?.id;
  if (tenantId === undefined) return undefined;
  const actorId = maker.maybe(() => `actor-${String(maker.random.below(5))}`);
  const key = maker.random.pick(['plan', 'review']) ?? 'plan';
  return [
    event('LedgerEntryAppended', {
      entryId: maker.newId('entry'),
      tenantId,
      key,
      actorId,
      payload: maker.payload(),
    }),
  ];
};

/** What may happen to the engine and the other nouns. */
export const NOUN_ACTIONS: readonly Action[] = [
  journal,
  pauseOrResume,
  budget,
  subscribe,
  subscription,
  fire,
  actor,
  platform,
  append,
];
