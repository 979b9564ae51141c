// Events about tasks and the other nouns that replay refuses, each in the smallest history.
import type { PawlEvent } from '../../src/domain/events.js';
import { event } from '../support/history-maker.js';
import { payload, runCreated, T0, taskCreated } from '../support/projection-log.js';
import { empty, then, withTask, type RefusalCase } from './refusal-support.js';

const created = (id: string): PawlEvent =>
  event('SubscriptionCreated', { subscriptionId: id, taskId: 't', filter: { kind: 'custom', key: 'k' } });
const triggered = event('SubscriptionTriggered', { subscriptionId: 's', cause: 'x' });

/** See above. */
export const NOUN_CASES: readonly RefusalCase[] = [
  {
    rule: 'alreadyPaused',
    when: 'paused twice',
    log: () => then(empty(), event('EnginePaused', {})),
    events: [event('EnginePaused', {})],
  },
  {
    rule: 'unknownTask',
    when: 'a cancellation of no task',
    log: empty,
    events: [event('TaskCanceled', { taskId: 't' })],
  },
  {
    rule: 'unknownTask',
    when: 'a child of no task',
    log: empty,
    events: [taskCreated('c', { parentId: 't' })],
  },
  {
    rule: 'unknownTask',
    when: 'a dependency of no task',
    log: empty,
    events: [event('DependencyDeclared', { taskId: 't', dependsOn: [] })],
  },
  {
    rule: 'unknownTask',
    when: 'a dependency on no task',
    log: withTask,
    events: [event('DependencyDeclared', { taskId: 't', dependsOn: ['x'] })],
  },
  {
    rule: 'unknownTask',
    when: 'a budget of no task',
    log: empty,
    events: [event('BudgetAllocated', { taskId: 't', dimension: 'd', limit: 1 })],
  },
  {
    rule: 'unknownTask',
    when: 'consumption of no task',
    log: empty,
    events: [event('BudgetConsumed', { taskId: 't', dimension: 'd', amount: 1 })],
  },
  {
    rule: 'unknownTask',
    when: 'pruning no task',
    log: empty,
    events: [event('TasksPruned', { taskIds: ['t'] })],
  },
  {
    rule: 'skipMismatch',
    when: 'more skipped than advanced',
    log: withTask,
    events: [
      event('PolicyAdvanced', { taskId: 't', throughOccurrence: 1, throughAt: T0, skipped: 3, reason: 'x' }),
    ],
  },
  {
    rule: 'skipMismatch',
    when: 'fewer skipped than advanced',
    log: withTask,
    events: [
      event('PolicyAdvanced', { taskId: 't', throughOccurrence: 1, throughAt: T0, skipped: 1, reason: 'x' }),
    ],
  },
  {
    rule: 'unknownBudget',
    when: 'exhaustion without an allocation',
    log: withTask,
    events: [event('BudgetExhausted', { taskId: 't', dimension: 'd' })],
  },
  {
    rule: 'unknownBudget',
    when: 'replenishment without an allocation',
    log: withTask,
    events: [event('BudgetReplenished', { taskId: 't', dimension: 'd', limit: 1 })],
  },
  {
    rule: 'duplicateSubscription',
    when: 'a subscription created twice',
    log: () => then(withTask(), created('s')),
    events: [created('s')],
  },
  {
    rule: 'subscriptionOver',
    when: 'a second trigger',
    log: () => then(withTask(), created('s'), triggered),
    events: [triggered],
  },
  {
    rule: 'subscriptionOver',
    when: 'a trigger after cancellation',
    log: () => then(withTask(), created('s'), event('SubscriptionCanceled', { subscriptionId: 's' })),
    events: [triggered],
  },
  {
    rule: 'subscriptionNotTriggered',
    when: 'spent without a trigger',
    log: () => then(withTask(), created('s')),
    events: [event('SubscriptionSpent', { subscriptionId: 's', runId: 'r' })],
  },
  {
    rule: 'unknownActor',
    when: 'a heartbeat of no actor',
    log: empty,
    events: [event('ActorHeartbeat', { actorId: 'a' })],
  },
  {
    rule: 'duplicateTenant',
    when: 'a tenant created twice',
    log: () => then(empty(), event('TenantCreated', { tenantId: 'n', name: 'N' })),
    events: [event('TenantCreated', { tenantId: 'n', name: 'M' })],
  },
  {
    rule: 'unknownGrant',
    when: 'a revocation without a grant',
    log: empty,
    events: [event('CapabilityRevoked', { actorId: 'a', tenantId: 'n', capability: 'c' })],
  },
  {
    rule: 'duplicateLedgerEntry',
    when: 'an entry appended twice',
    log: () =>
      then(
        empty(),
        event('LedgerEntryAppended', { entryId: 'e', tenantId: 'n', key: 'k', payload: payload(1) }),
      ),
    events: [event('LedgerEntryAppended', { entryId: 'e', tenantId: 'n', key: 'k', payload: payload(1) })],
  },
  { rule: 'notPaused', when: 'resumed without a pause', log: empty, events: [event('EngineResumed', {})] },
  { rule: 'unknownTask', when: 'a run of no task', log: empty, events: [runCreated('r', 't')] },
  { rule: 'unknownTask', when: 'a subscription of no task', log: empty, events: [created('s')] },
  { rule: 'duplicateTask', when: 'a task created twice', log: withTask, events: [taskCreated('t')] },
  { rule: 'unknownSubscription', when: 'a trigger of no subscription', log: withTask, events: [triggered] },
];
