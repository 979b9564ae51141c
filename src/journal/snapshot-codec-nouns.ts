// How the records of a snapshot are written, but for its runs. Fields are only ever added at the end.
import type {
  ActorRecord,
  BudgetRecord,
  CommandRecord,
  DependencyRecord,
  EngineRecord,
  EpochRecord,
  GrantRecord,
  LedgerRecord,
  PrunedRecord,
  RoleRecord,
  SavedTask,
  SubscriptionRecord,
  TenantRecord,
} from '../domain/nouns.js';
import { readFilter, writeFilter } from './part-codec.js';
import { recordCodec } from './snapshot-codec-record.js';
import { readSpec, writeSpec } from './task-codec.js';

const PRUNED_KINDS = ['task', 'run'] as const;

/** Tasks: `[createdAt, spec, canceledAt?, cancelReason?, derivedThroughAt?, createdSequence?, six counts]`. */
export const taskCodec = recordCodec<SavedTask>({
  count: 11,
  at: (task) => task.createdAt,
  write(out, task) {
    writeSpec(out, task.spec);
    out.optTime(task.canceledAt);
    out.optStr(task.cancelReason);
    out.optTime(task.derivedThroughAt);
    out.optUint(task.createdSequence);
    const { counts } = task;
    out.uint(counts.created);
    out.uint(counts.completed);
    out.uint(counts.failed);
    out.uint(counts.canceled);
    out.uint(counts.skipped);
    out.uint(counts.derived);
  },
  read: (input, createdAt) =>
    ({
      spec: readSpec(input),
      createdAt,
      canceledAt: input.optTime(),
      cancelReason: input.optWord(),
      derivedThroughAt: input.optTime(),
      createdSequence: input.optUint(),
      counts: {
        created: input.uint(),
        completed: input.uint(),
        failed: input.uint(),
        canceled: input.uint(),
        skipped: input.uint(),
        derived: input.uint(),
      },
    }) as SavedTask,
});

/** The engine: `[0, paused, pausedAt?, resumedAt?, pauseReason?]`. */
export const engineCodec = recordCodec<EngineRecord>({
  count: 4,
  at: () => 0,
  write(out, engine) {
    out.bool(engine.paused);
    out.optTime(engine.pausedAt);
    out.optTime(engine.resumedAt);
    out.optStr(engine.pauseReason);
  },
  read: (input) =>
    ({
      paused: input.bool(),
      pausedAt: input.optTime(),
      resumedAt: input.optTime(),
      pauseReason: input.optWord(),
    }) as EngineRecord,
});

/** The epoch: `[lastAt, epoch, instance]`. */
export const epochCodec = recordCodec<EpochRecord>({
  count: 2,
  at: (epoch) => epoch.lastAt,
  write(out, epoch) {
    out.uint(epoch.epoch);
    out.str(epoch.instance);
  },
  read: (input, lastAt) => ({ epoch: input.uint(), instance: input.word(), lastAt }),
});

/** Dependencies: `[declaredAt, taskId, dependsOn]`. */
export const dependencyCodec = recordCodec<DependencyRecord>({
  count: 2,
  at: (dependency) => dependency.declaredAt,
  write(out, dependency) {
    out.id(dependency.taskId);
    out.idList(dependency.dependsOn);
  },
  read: (input, declaredAt) => ({ taskId: input.id(), dependsOn: input.idList(), declaredAt }),
});

/** Budgets: `[allocatedAt, taskId, dimension, limit, consumed, exhausted]`. */
export const budgetCodec = recordCodec<BudgetRecord>({
  count: 5,
  at: (budget) => budget.allocatedAt,
  write(out, budget) {
    out.id(budget.taskId);
    out.str(budget.dimension);
    out.uint(budget.limit);
    out.uint(budget.consumed);
    out.bool(budget.exhausted);
  },
  read: (input, allocatedAt) => ({
    taskId: input.id(),
    dimension: input.word(),
    limit: input.uint(),
    consumed: input.uint(),
    exhausted: input.bool(),
    allocatedAt,
  }),
});

/** Subscriptions: `[createdAt, id, taskId, filter, triggeredAt?, canceledAt?, spentBy?]`. */
export const subscriptionCodec = recordCodec<SubscriptionRecord>({
  count: 6,
  at: (subscription) => subscription.createdAt,
  write(out, subscription) {
    out.id(subscription.id);
    out.id(subscription.taskId);
    writeFilter(out, subscription.filter);
    out.optTime(subscription.triggeredAt);
    out.optTime(subscription.canceledAt);
    out.optId(subscription.spentBy);
  },
  read: (input, createdAt) =>
    ({
      id: input.id(),
      taskId: input.id(),
      filter: readFilter(input),
      createdAt,
      triggeredAt: input.optTime(),
      canceledAt: input.optTime(),
      spentBy: input.optId(),
    }) as SubscriptionRecord,
});

/** Actors: `[registeredAt, id, identity, capabilities, department?, heartbeatIntervalMs, tenantId?, lastHeartbeatAt?, deregisteredAt?]`. */
export const actorCodec = recordCodec<ActorRecord>({
  count: 8,
  at: (actor) => actor.registeredAt,
  write(out, actor) {
    out.id(actor.id);
    out.str(actor.identity);
    out.strList(actor.capabilities);
    out.optStr(actor.department);
    out.uint(actor.heartbeatIntervalMs);
    out.optId(actor.tenantId);
    out.optTime(actor.lastHeartbeatAt);
    out.optTime(actor.deregisteredAt);
  },
  read: (input, registeredAt) =>
    ({
      id: input.id(),
      identity: input.word(),
      capabilities: input.wordList(),
      department: input.optWord(),
      heartbeatIntervalMs: input.uint(),
      tenantId: input.optId(),
      registeredAt,
      lastHeartbeatAt: input.optTime(),
      deregisteredAt: input.optTime(),
    }) as ActorRecord,
});

/** Tenants: `[createdAt, id, name]`. */
export const tenantCodec = recordCodec<TenantRecord>({
  count: 2,
  at: (tenant) => tenant.createdAt,
  write(out, tenant) {
    out.id(tenant.id);
    out.str(tenant.name);
  },
  read: (input, createdAt) => ({ id: input.id(), name: input.str(), createdAt }),
});

/** Roles: `[assignedAt, actorId, tenantId, role]`. */
export const roleCodec = recordCodec<RoleRecord>({
  count: 3,
  at: (role) => role.assignedAt,
  write(out, role) {
    out.id(role.actorId);
    out.id(role.tenantId);
    out.str(role.role);
  },
  read: (input, assignedAt) => ({
    actorId: input.id(),
    tenantId: input.id(),
    role: input.word(),
    assignedAt,
  }),
});

/** Grants: `[grantedAt, actorId, tenantId, capability, revokedAt?]`. */
export const grantCodec = recordCodec<GrantRecord>({
  count: 4,
  at: (grant) => grant.grantedAt,
  write(out, grant) {
    out.id(grant.actorId);
    out.id(grant.tenantId);
    out.str(grant.capability);
    out.optTime(grant.revokedAt);
  },
  read: (input, grantedAt) =>
    ({
      actorId: input.id(),
      tenantId: input.id(),
      capability: input.word(),
      grantedAt,
      revokedAt: input.optTime(),
    }) as GrantRecord,
});

/** The ledger: `[at, id, tenantId, key, actorId?, payload]`. */
export const ledgerCodec = recordCodec<LedgerRecord>({
  count: 5,
  at: (entry) => entry.at,
  write(out, entry) {
    out.id(entry.id);
    out.id(entry.tenantId);
    out.str(entry.key);
    out.optId(entry.actorId);
    out.payload(entry.payload);
  },
  read: (input, at) =>
    ({
      id: input.id(),
      tenantId: input.id(),
      key: input.word(),
      actorId: input.optId(),
      payload: input.payload(),
      at,
    }) as LedgerRecord,
});

/** Commands: `[at, commandId, command, digest, sequence, count]`. */
export const commandCodec = recordCodec<CommandRecord>({
  count: 5,
  at: (command) => command.at,
  write(out, command) {
    out.str(command.commandId);
    out.str(command.command);
    out.str(command.digest);
    out.uint(command.sequence);
    out.uint(command.count);
  },
  read: (input, at) => ({
    commandId: input.str(),
    command: input.word(),
    digest: input.str(),
    sequence: input.uint(),
    count: input.uint(),
    at,
  }),
});

/** Pruned ids: `[0, kind, id]`; the kind is 0 task, 1 run. */
export const prunedCodec = recordCodec<PrunedRecord>({
  count: 2,
  at: () => 0,
  write(out, pruned) {
    out.code(PRUNED_KINDS, pruned.kind);
    out.id(pruned.id);
  },
  read: (input) => ({ kind: input.code(PRUNED_KINDS), id: input.id() }),
});
