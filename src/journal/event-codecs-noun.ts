// Codecs of the events of budgets, subscriptions, actors and the platform. Each entry writes and reads its fields in the
// order of the table in `docs/journal-format.md`; fields are only added at the end, with a default on reading.
import type { EventCodecs } from './event-codec.js';
import { readFilter, writeFilter } from './part-codec.js';

type NounEventType =
  | 'BudgetAllocated'
  | 'BudgetConsumed'
  | 'BudgetExhausted'
  | 'BudgetReplenished'
  | 'SubscriptionCreated'
  | 'SubscriptionTriggered'
  | 'SubscriptionSpent'
  | 'SubscriptionCanceled'
  | 'CustomEventFired'
  | 'ActorRegistered'
  | 'ActorHeartbeat'
  | 'ActorDeregistered'
  | 'TenantCreated'
  | 'RoleAssigned'
  | 'CapabilityGranted'
  | 'CapabilityRevoked'
  | 'LedgerEntryAppended';

/** Codecs of the events of budgets, subscriptions, actors and the platform. */
export const NOUN_EVENT_CODECS: EventCodecs<NounEventType> = {
  BudgetAllocated: {
    fields: 3,
    write(out, event) {
      out.id(event.taskId);
      out.str(event.dimension);
      out.uint(event.limit);
    },
    read: (input, sequence, at) => ({
      type: 'BudgetAllocated',
      sequence,
      at,
      taskId: input.id(),
      dimension: input.word(),
      limit: input.uint(),
    }),
  },
  BudgetConsumed: {
    fields: 4,
    write(out, event) {
      out.id(event.taskId);
      out.str(event.dimension);
      out.uint(event.amount);
      out.optId(event.runId);
    },
    read: (input, sequence, at) => ({
      type: 'BudgetConsumed',
      sequence,
      at,
      taskId: input.id(),
      dimension: input.word(),
      amount: input.uint(),
      runId: input.optId(),
    }),
  },
  BudgetExhausted: {
    fields: 2,
    write(out, event) {
      out.id(event.taskId);
      out.str(event.dimension);
    },
    read: (input, sequence, at) => ({
      type: 'BudgetExhausted',
      sequence,
      at,
      taskId: input.id(),
      dimension: input.word(),
    }),
  },
  BudgetReplenished: {
    fields: 3,
    write(out, event) {
      out.id(event.taskId);
      out.str(event.dimension);
      out.uint(event.limit);
    },
    read: (input, sequence, at) => ({
      type: 'BudgetReplenished',
      sequence,
      at,
      taskId: input.id(),
      dimension: input.word(),
      limit: input.uint(),
    }),
  },
  SubscriptionCreated: {
    fields: 3,
    write(out, event) {
      out.id(event.subscriptionId);
      out.id(event.taskId);
      writeFilter(out, event.filter);
    },
    read: (input, sequence, at) => ({
      type: 'SubscriptionCreated',
      sequence,
      at,
      subscriptionId: input.id(),
      taskId: input.id(),
      filter: readFilter(input),
    }),
  },
  SubscriptionTriggered: {
    fields: 2,
    write(out, event) {
      out.id(event.subscriptionId);
      out.str(event.cause);
    },
    read: (input, sequence, at) => ({
      type: 'SubscriptionTriggered',
      sequence,
      at,
      subscriptionId: input.id(),
      cause: input.word(),
    }),
  },
  SubscriptionSpent: {
    fields: 2,
    write(out, event) {
      out.id(event.subscriptionId);
      out.id(event.runId);
    },
    read: (input, sequence, at) => ({
      type: 'SubscriptionSpent',
      sequence,
      at,
      subscriptionId: input.id(),
      runId: input.id(),
    }),
  },
  SubscriptionCanceled: {
    fields: 2,
    write(out, event) {
      out.id(event.subscriptionId);
      out.optStr(event.reason);
    },
    read: (input, sequence, at) => ({
      type: 'SubscriptionCanceled',
      sequence,
      at,
      subscriptionId: input.id(),
      reason: input.optWord(),
    }),
  },
  CustomEventFired: {
    fields: 2,
    write(out, event) {
      out.str(event.key);
      out.optPayload(event.payload);
    },
    read: (input, sequence, at) => ({
      type: 'CustomEventFired',
      sequence,
      at,
      key: input.word(),
      payload: input.optPayload(),
    }),
  },
  ActorRegistered: {
    fields: 6,
    write(out, event) {
      out.id(event.actorId);
      out.str(event.identity);
      out.strList(event.capabilities);
      out.optStr(event.department);
      out.uint(event.heartbeatIntervalMs);
      out.optId(event.tenantId);
    },
    read: (input, sequence, at) => ({
      type: 'ActorRegistered',
      sequence,
      at,
      actorId: input.id(),
      identity: input.str(),
      capabilities: input.wordList(),
      department: input.optWord(),
      heartbeatIntervalMs: input.uint(),
      tenantId: input.optId(),
    }),
  },
  ActorHeartbeat: {
    fields: 1,
    write(out, event) {
      out.id(event.actorId);
    },
    read: (input, sequence, at) => ({ type: 'ActorHeartbeat', sequence, at, actorId: input.id() }),
  },
  ActorDeregistered: {
    fields: 2,
    write(out, event) {
      out.id(event.actorId);
      out.str(event.reason);
    },
    read: (input, sequence, at) => ({
      type: 'ActorDeregistered',
      sequence,
      at,
      actorId: input.id(),
      reason: input.word(),
    }),
  },
  TenantCreated: {
    fields: 2,
    write(out, event) {
      out.id(event.tenantId);
      out.str(event.name);
    },
    read: (input, sequence, at) => ({
      type: 'TenantCreated',
      sequence,
      at,
      tenantId: input.id(),
      name: input.str(),
    }),
  },
  RoleAssigned: {
    fields: 3,
    write(out, event) {
      out.id(event.actorId);
      out.id(event.tenantId);
      out.str(event.role);
    },
    read: (input, sequence, at) => ({
      type: 'RoleAssigned',
      sequence,
      at,
      actorId: input.id(),
      tenantId: input.id(),
      role: input.word(),
    }),
  },
  CapabilityGranted: {
    fields: 3,
    write(out, event) {
      out.id(event.actorId);
      out.id(event.tenantId);
      out.str(event.capability);
    },
    read: (input, sequence, at) => ({
      type: 'CapabilityGranted',
      sequence,
      at,
      actorId: input.id(),
      tenantId: input.id(),
      capability: input.word(),
    }),
  },
  CapabilityRevoked: {
    fields: 3,
    write(out, event) {
      out.id(event.actorId);
      out.id(event.tenantId);
      out.str(event.capability);
    },
    read: (input, sequence, at) => ({
      type: 'CapabilityRevoked',
      sequence,
      at,
      actorId: input.id(),
      tenantId: input.id(),
      capability: input.word(),
    }),
  },
  LedgerEntryAppended: {
    fields: 5,
    write(out, event) {
      out.id(event.entryId);
      out.id(event.tenantId);
      out.str(event.key);
      out.optId(event.actorId);
      out.payload(event.payload);
    },
    read: (input, sequence, at) => ({
      type: 'LedgerEntryAppended',
      sequence,
      at,
      entryId: input.id(),
      tenantId: input.id(),
      key: input.str(),
      actorId: input.optId(),
      payload: input.payload(),
    }),
  },
};
