// The folds of the smaller nouns: leases, waits, engine, dependencies, budgets, subscriptions, actors, tenants,
// ledger, commands, pruned ids.
import { describe, expect, it } from '@jest/globals';
import type { PawlEvent } from '../../src/domain/events.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { event } from '../support/history-maker.js';
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

/** A log of tasks with the given ids. */
function tasks(...ids: readonly string[]): Log {
  const log = new Log();
  log.commit(ids.map((id) => taskCreated(id)));
  return log;
}

describe('leases', () => {
  it('are moved on by heartbeats, which may keep the expiry but not shorten it', () => {
    const log = logWithRun('running');
    const beat = (expiryAt: number): PawlEvent =>
      event('LeaseHeartbeat', { runId: 'r', owner: 'me', expiryAt });
    log.commit([beat(EXPIRY_AT)], { at: T0 + 50 });
    log.commit([beat(EXPIRY_AT + 5)], { at: T0 + 60 });
    const lease = { owner: 'me', expiryAt: EXPIRY_AT + 5, acquiredAt: T0 + 2, updatedAt: T0 + 60 };
    expect(log.state.leases.get('r')).toEqual(lease);
    expect([...log.state.leases.list()]).toEqual([{ runId: 'r', lease }]);
    expect(Object.isFrozen(log.state.leases.get('r'))).toBe(true);
  });

  it('are counted while they are in force', () => {
    const log = logWithRun('leased');
    expect(log.state.leases.count).toBe(1);
    log.commit(begun('r'));
    log.commit(ended('r', 'completed'));
    expect([log.state.leases.count, log.state.leases.get('r'), log.state.leases.get('x')]).toEqual([
      0,
      undefined,
      undefined,
    ]);
  });
});

describe('waits', () => {
  const wait = (name: string): PawlEvent =>
    event('WaitStarted', { runId: 'r', name, wait: { kind: 'answer', question: payload('ok?') } });
  const answer = (name: string, value?: number): PawlEvent =>
    event('WaitEnded', {
      runId: 'r',
      name,
      value: value === undefined ? undefined : payload(value),
      timedOut: value === undefined ? true : undefined,
    });

  it('are open until they end, with a value or by time', () => {
    const log = logWithRun('running');
    log.commit([wait('a'), wait('b'), wait('c')]);
    log.commit([answer('a', 1), answer('b')]);
    const begun = {
      attemptId: 'r-a1',
      startedAt: T0 + 4,
      wait: { kind: 'answer', question: payload('ok?') },
    };
    expect(log.state.runs.get('r')?.waits).toEqual([
      { name: 'a', ...begun, endedAt: T0 + 5, value: payload(1) },
      { name: 'b', ...begun, endedAt: T0 + 5, timedOut: true },
      { name: 'c', ...begun },
    ]);
  });

  it('that were answered before they began end as they begin', () => {
    const log = logWithRun('ready');
    log.commit([answer('a', 1)]);
    expect(log.state.runs.get('r')?.answers).toEqual([{ name: 'a', at: T0 + 2, value: payload(1) }]);
    log.commit([...claimed('r'), ...begun('r')]);
    log.commit([wait('a')]);
    expect(log.state.runs.get('r')).not.toHaveProperty('answers');
    expect(log.state.runs.get('r')?.waits).toMatchObject([
      { name: 'a', startedAt: T0 + 4, endedAt: T0 + 4, value: payload(1) },
    ]);
  });
});

describe('the engine', () => {
  it('remembers its pause: a pause clears the resumption, a resumption keeps the pause', () => {
    const log = new Log();
    expect(log.state.engine).toMatchObject({ paused: false, pausedAt: undefined, resumedAt: undefined });
    log.commit([event('EnginePaused', { reason: 'lunch' })], { at: T0 + 120 });
    expect(log.state.engine.record).toEqual({ paused: true, pausedAt: T0 + 120, pauseReason: 'lunch' });
    log.commit([event('EngineResumed', {})], { at: T0 + 180 });
    expect(log.state.engine.record).toEqual({ paused: false, pausedAt: T0 + 120, resumedAt: T0 + 180 });
    log.commit([event('EnginePaused', {})], { at: T0 + 200 });
    expect(log.state.engine.record).toEqual({ paused: true, pausedAt: T0 + 200 });
  });

  it('knows the epoch and the instance of its latest start', () => {
    const log = new Log();
    expect([log.state.epoch, log.state.instance]).toEqual([0, '']);
    for (const epoch of [1, 2])
      log.commit([event('EpochStarted', { epoch, instance: `i${String(epoch)}`, version: '0.1.0' })]);
    expect([log.state.epoch, log.state.instance, log.state.lastAt]).toEqual([2, 'i2', T0 + 1]);
  });
});

describe('dependencies', () => {
  it('are found from both ends, and add up under the time of the first declaration', () => {
    const log = tasks('a', 'b', 'c');
    log.commit([event('DependencyDeclared', { taskId: 'c', dependsOn: ['a'] })], { at: T0 + 10 });
    log.commit([event('DependencyDeclared', { taskId: 'c', dependsOn: ['a', 'b'] })], { at: T0 + 20 });
    const { dependencies } = log.state;
    expect(dependencies.get('c')).toEqual({ taskId: 'c', dependsOn: ['a', 'b'], declaredAt: T0 + 10 });
    expect([...dependencies.dependentsOf('a')]).toEqual(['c']);
    expect(dependencies.prerequisitesOf('a')).toEqual([]);
    expect([...dependencies.list()]).toHaveLength(dependencies.count);
  });
});

describe('budgets', () => {
  const of = { taskId: 'a', dimension: 'token' };

  it('add up what was consumed until they are replenished', () => {
    const log = tasks('a');
    log.commit([
      event('BudgetAllocated', { ...of, limit: 100 }),
      event('BudgetConsumed', { ...of, amount: 30 }),
    ]);
    log.commit([event('BudgetConsumed', { ...of, amount: 80 }), event('BudgetExhausted', of)]);
    expect(log.state.budgets.get('a', 'token')).toEqual({
      ...of,
      limit: 100,
      consumed: 110,
      exhausted: true,
      allocatedAt: T0 + 1,
    });
    log.commit([event('BudgetReplenished', { ...of, limit: 200 })]);
    expect(log.state.budgets.get('a', 'token')).toEqual({
      ...of,
      limit: 200,
      consumed: 0,
      exhausted: false,
      allocatedAt: T0 + 1,
    });
    expect(log.state.budgets.ofTask('a')).toEqual([...log.state.budgets.list()]);
  });

  it('without an allocation are unlimited and count nothing', () => {
    const log = tasks('a');
    log.commit([event('BudgetConsumed', { ...of, amount: 30 })]);
    expect(log.state.budgets.get('a', 'token')).toBeUndefined();
    expect(log.state.budgets.ofTask('a')).toEqual([]);
  });

  it('never count beyond the safe integers', () => {
    const log = tasks('a');
    log.commit([event('BudgetAllocated', { ...of, limit: 1 })]);
    for (let time = 0; time < 2; time++)
      log.commit([event('BudgetConsumed', { ...of, amount: Number.MAX_SAFE_INTEGER })]);
    expect(log.state.budgets.get('a', 'token')?.consumed).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('subscriptions', () => {
  const subscribed = (id: string, filter: PawlEvent<'SubscriptionCreated'>['filter']): PawlEvent =>
    event('SubscriptionCreated', { subscriptionId: id, taskId: 'a', filter });

  it('are found by task, by what they watch and by key', () => {
    const log = tasks('a', 'b');
    log.commit([
      subscribed('s', { kind: 'taskCompleted', taskId: 'b' }),
      subscribed('u', { kind: 'custom', key: 'paid' }),
    ]);
    const { subscriptions } = log.state;
    const ids = (records: readonly { readonly id: string }[]): string[] => records.map((record) => record.id);
    expect(ids(subscriptions.ofTask('a'))).toEqual(['s', 'u']);
    expect(ids(subscriptions.watching('b'))).toEqual(['s']);
    expect(ids(subscriptions.onKey('paid'))).toEqual(['u']);
    expect(subscriptions.get('s')).toEqual({
      id: 's',
      taskId: 'a',
      filter: { kind: 'taskCompleted', taskId: 'b' },
      createdAt: T0 + 1,
    });
  });

  it('are triggered once and spent by the run that was promoted', () => {
    const log = tasks('a');
    log.commit([subscribed('s', { kind: 'custom', key: 'k' })]);
    log.commit([event('SubscriptionTriggered', { subscriptionId: 's', cause: 'k' })]);
    log.commit([runCreated('r', 'a'), event('SubscriptionSpent', { subscriptionId: 's', runId: 'r' })]);
    expect(log.state.subscriptions.get('s')).toMatchObject({ triggeredAt: T0 + 2, spentBy: 'r' });
    expect(log.state.subscriptions.get('s')).not.toHaveProperty('canceledAt');
  });

  it('may be canceled while they wait, also for a run to promote', () => {
    const log = tasks('a');
    log.commit([
      subscribed('s', { kind: 'custom', key: 'k' }),
      event('SubscriptionTriggered', { subscriptionId: 's', cause: 'k' }),
    ]);
    log.commit([event('SubscriptionCanceled', { subscriptionId: 's' })]);
    expect(log.state.subscriptions.get('s')).toMatchObject({ triggeredAt: T0 + 1, canceledAt: T0 + 2 });
  });
});

describe('actors', () => {
  const registered = (actorId: string, department?: string): PawlEvent =>
    event('ActorRegistered', {
      actorId,
      identity: 'worker',
      capabilities: ['gpu'],
      department,
      heartbeatIntervalMs: 10,
    });

  it('live from their registration to their deregistration, and begin anew when they come back', () => {
    const log = new Log();
    log.commit([registered('a', 'labs'), registered('b')]);
    log.commit([event('ActorHeartbeat', { actorId: 'a' })]);
    const record = {
      id: 'a',
      identity: 'worker',
      capabilities: ['gpu'],
      department: 'labs',
      heartbeatIntervalMs: 10,
      registeredAt: T0,
      lastHeartbeatAt: T0 + 1,
    };
    expect(log.state.actors.get('a')).toEqual(record);
    log.commit([event('ActorDeregistered', { actorId: 'a', reason: 'silent' })]);
    expect(log.state.actors.get('a')).toEqual({ ...record, deregisteredAt: T0 + 2 });
    expect([log.state.actors.count, log.state.actors.liveCount]).toEqual([2, 1]);
    expect(log.state.actors.live().map((actor) => actor.id)).toEqual(['b']);
    log.commit([registered('a')]);
    expect(log.state.actors.get('a')).toEqual({
      id: 'a',
      identity: 'worker',
      capabilities: ['gpu'],
      heartbeatIntervalMs: 10,
      registeredAt: T0 + 3,
    });
    expect(log.state.actors.liveCount).toBe(2);
  });
});

describe('tenants', () => {
  it('have a role for each actor, the latest assigned', () => {
    const log = new Log();
    log.commit([event('TenantCreated', { tenantId: 'n', name: 'Acme' })]);
    for (const role of ['auditor', 'operator'])
      log.commit([event('RoleAssigned', { actorId: 'a', tenantId: 'n', role })]);
    expect(log.state.tenants.get('n')).toEqual({ id: 'n', name: 'Acme', createdAt: T0 });
    expect(log.state.tenants.role('a', 'n')).toEqual({
      actorId: 'a',
      tenantId: 'n',
      role: 'operator',
      assignedAt: T0 + 2,
    });
    expect(log.state.tenants.role('a', 'other')).toBeUndefined();
    expect([...log.state.tenants.roles()]).toHaveLength(1);
  });

  it('grant capabilities, revoke them at once, and grant them again', () => {
    const log = new Log();
    const of = { actorId: 'a', tenantId: 'n', capability: 'canSubmit' };
    log.commit([event('TenantCreated', { tenantId: 'n', name: 'Acme' }), event('CapabilityGranted', of)]);
    expect(log.state.tenants.has('a', 'n', 'canSubmit')).toBe(true);
    log.commit([event('CapabilityRevoked', of)]);
    expect(log.state.tenants.has('a', 'n', 'canSubmit')).toBe(false);
    expect(log.state.tenants.grantsOf('a', 'n')).toEqual([{ ...of, grantedAt: T0, revokedAt: T0 + 1 }]);
    log.commit([event('CapabilityGranted', of)]);
    expect(log.state.tenants.grant('a', 'n', 'canSubmit')).toEqual({ ...of, grantedAt: T0 + 2 });
  });
});

describe('the ledger', () => {
  it('is found by id, key, tenant and actor, in the order of its entries, page by page', () => {
    const log = new Log();
    for (let index = 0; index < 40; index++) {
      const [tenantId, key] = [`n${String(index % 2)}`, index % 4 === 0 ? 'plan' : 'review'];
      const actorId = index % 5 === 0 ? 'a' : undefined;
      log.commit([
        event('LedgerEntryAppended', {
          entryId: `e${String(index)}`,
          tenantId,
          key,
          actorId,
          payload: payload(index),
        }),
      ]);
    }
    const { ledger } = log.state;
    expect(ledger.get('e5')).toEqual({
      id: 'e5',
      tenantId: 'n1',
      key: 'review',
      actorId: 'a',
      payload: payload(5),
      at: T0 + 5,
    });
    const numbers = (filter: Parameters<typeof ledger.list>[0]): number[] => {
      const found: string[] = [];
      let page = ledger.list(filter, { limit: 3 });
      for (;;) {
        found.push(...page.items.map((entry) => entry.id));
        if (page.cursor === undefined) return found.map((id) => Number(id.slice(1)));
        page = ledger.list(filter, { limit: 3, cursor: page.cursor });
      }
    };
    const all = Array.from({ length: 40 }, (_value, index) => index);
    expect(numbers({})).toEqual(all);
    expect(numbers({ key: 'plan' })).toEqual(all.filter((index) => index % 4 === 0));
    expect(numbers({ tenantId: 'n1' })).toEqual(all.filter((index) => index % 2 === 1));
    expect(numbers({ actorId: 'a', tenantId: 'n0' })).toEqual(all.filter((index) => index % 10 === 0));
    expect(numbers({ actorId: 'nobody' })).toEqual([]);
    expect(() => ledger.list({}, { cursor: 'nonsense' })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });
});

describe('commands', () => {
  const command = (log: Log, commandId: string, at: number): void => {
    log.commit([event('CustomEventFired', { key: 'k' })], { at, commandId, command: 'fire', digest: 'd' });
  };

  it('are remembered with the place of their commit', () => {
    const log = tasks('a', 'b');
    command(log, 'one', T0 + 5);
    expect(log.state.commands.get('one')).toEqual({
      commandId: 'one',
      command: 'fire',
      digest: 'd',
      sequence: 3,
      count: 1,
      at: T0 + 5,
    });
    expect(log.state.commands.get('two')).toBeUndefined();
  });

  it.each([2, 3, 4])('beyond the last three are forgotten, of %i', (count) => {
    const log = new Log({ limits: { ...DEFAULT_LIMITS, commandWindow: 3 } });
    for (let index = 0; index < count; index++) command(log, `c${String(index)}`, T0 + index);
    expect(log.state.commands.count).toBe(Math.min(count, 3));
    expect(log.state.commands.get('c0') === undefined).toBe(count > 3);
    expect(log.state.commands.get(`c${String(count - 1)}`)).toBeDefined();
  });

  it.each([
    [99, true],
    [100, false],
    [101, false],
  ])('of a window of 100 ms are after %i ms still remembered: %s', (ageMs, remembered) => {
    const log = new Log({ limits: { ...DEFAULT_LIMITS, commandWindowMs: 100 } });
    command(log, 'one', T0);
    log.commit([taskCreated('t')], { at: T0 + ageMs });
    expect(log.state.commands.get('one') !== undefined).toBe(remembered);
  });

  it('that used an id again replace the first, whose end does not forget them', () => {
    const log = new Log({ limits: { ...DEFAULT_LIMITS, commandWindow: 3 } });
    for (const [index, id] of ['a', 'b', 'a', 'c'].entries()) command(log, id, T0 + index);
    expect(log.state.commands.get('a')).toMatchObject({ at: T0 + 2 });
  });
});

describe('pruned ids', () => {
  it.each([2, 3, 4])('are the last three of either kind, of %i', (count) => {
    const log = new Log({ limits: { ...DEFAULT_LIMITS, prunedWindow: 3 } });
    for (let index = 0; index < count; index++) {
      const id = String(index);
      log.commit([
        taskCreated(`t${id}`),
        runCreated(`r${id}`, `t${id}`),
        changed(`r${id}`, 'scheduled', 'canceled'),
      ]);
      log.commit([event('RunsPruned', { runIds: [`r${id}`] })]);
      log.commit([event('TasksPruned', { taskIds: [`t${id}`] })]);
    }
    expect([log.state.pruned.hasTask('t0'), log.state.pruned.hasRun('r0')]).toEqual([count <= 3, count <= 3]);
    const last = String(count - 1);
    expect([log.state.pruned.hasTask(`t${last}`), log.state.pruned.hasRun(`r${last}`)]).toEqual([true, true]);
    const loaded = loadSections(saveSections(log.state), { sequence: log.state.sequence, takenAt: 0 });
    expect([loaded.pruned.hasTask('t0'), loaded.pruned.hasRun(`r${last}`)]).toEqual([count <= 3, true]);
  });
});

describe('a snapshot', () => {
  it('without sections loads as the empty state at its sequence and time', () => {
    const state = loadSections([], { sequence: 7, takenAt: T0 });
    expect([
      state.sequence,
      state.lastAt,
      state.epoch,
      state.tasks.count,
      state.runs.count,
      state.engine.paused,
    ]).toEqual([7, T0, 0, 0, 0, false]);
  });

  it('with a run of no task is refused', () => {
    const saved = saveSections(logWithRun('ready').state).filter((section) => section.name !== 'tasks');
    expect(() => loadSections(saved, { sequence: 2, takenAt: T0 })).toThrow(
      expect.objectContaining({ code: 'SNAPSHOT_INVALID', data: { rule: 'unknownReference', id: 'r' } }),
    );
  });
});
