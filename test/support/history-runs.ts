// Steps of a random history that are about runs: their states, leases, waits and successors.
import type { PawlEvent } from '../../src/domain/events.js';
import type { RunState } from '../../src/domain/run-state.js';
import { holdsKey } from '../../src/projections/keys.js';
import type { RunRow } from '../../src/projections/rows.js';
import { event, type Action, type HistoryMaker } from './history-maker.js';

const OPEN: readonly RunState[] = ['scheduled', 'ready', 'leased', 'running', 'retryWait', 'suspended'];

/** A change of state from the one the run is in. */
export const changed = (row: RunRow, to: RunState, reason?: string, wakeAt?: number): PawlEvent =>
  event('RunStateChanged', { runId: row.id, from: row.state, to, reason, wakeAt });

const promote: Action = (maker) => {
  const row = maker.anyRun(['scheduled']);
  return row === undefined
    ? undefined
    : [changed(row, 'ready', maker.random.chance(0.2) ? 'trigger' : undefined)];
};

/** Claims a run, and mostly starts it in the same commit. */
const claim: Action = (maker) => {
  const { state, random } = maker;
  const free = (row: RunRow): boolean => {
    const key = state.keys.keyOf(row);
    return key === undefined || (state.keys.holder(key) ?? row) === row;
  };
  const row = maker.anyRun(['ready'], free);
  if (row === undefined) return undefined;
  const owner = `owner-${String(random.below(3))}`;
  const lease = event('LeaseAcquired', { runId: row.id, owner, expiryAt: maker.now + 30_000 });
  const claimed = [changed(row, 'leased'), lease];
  if (random.chance(0.3)) return claimed;
  const running = event('RunStateChanged', { runId: row.id, from: 'leased', to: 'running' });
  return [...claimed, running, started(maker, row, owner)];
};

function started(maker: HistoryMaker, row: RunRow, owner: string): PawlEvent {
  return event('AttemptStarted', {
    runId: row.id,
    attemptId: maker.newId('attempt'),
    number: row.attemptCount + 1,
    owner,
  });
}

const start: Action = (maker) => {
  const row = maker.anyRun(['leased'], (one) => one.detail?.lease !== undefined);
  if (row === undefined) return undefined;
  return [changed(row, 'running'), started(maker, row, row.detail?.lease?.owner ?? '')];
};

const release: Action = (maker) => {
  const row = maker.anyRun(['leased'], (one) => one.detail?.lease !== undefined);
  if (row === undefined) return undefined;
  return [leaseEnd(maker, row), changed(row, 'ready', 'released')];
};

/** The end of a run's lease. */
export function leaseEnd(maker: HistoryMaker, row: RunRow): PawlEvent {
  const { owner, expiryAt } = row.detail?.lease ?? { owner: '', expiryAt: 0 };
  return event(maker.random.chance(0.7) ? 'LeaseReleased' : 'LeaseExpired', {
    runId: row.id,
    owner,
    expiryAt,
  });
}

const heartbeat: Action = (maker) => {
  const row = maker.anyRun(['leased', 'running'], (one) => one.detail?.lease !== undefined);
  const lease = row?.detail?.lease;
  if (row === undefined || lease === undefined) return undefined;
  return [
    event('LeaseHeartbeat', {
      runId: row.id,
      owner: lease.owner,
      expiryAt: lease.expiryAt + maker.random.below(1_000),
    }),
  ];
};

/** Creates the successor of a run that was continued without one. */
const adopt: Action = (maker) => {
  const row = maker.anyRun(['completed'], (one) => one.detail?.continuation !== undefined);
  const detail = row?.detail;
  if (row === undefined || detail?.continuedTo === undefined) return undefined;
  const { input, type } = detail.continuation ?? {};
  const { occurrence, priority, task } = row;
  return [
    event('RunCreated', {
      runId: detail.continuedTo,
      taskId: task.id,
      occurrence,
      scheduledAt: maker.now,
      priority,
      continuedFrom: row.id,
      input,
      taskType: type,
    }),
  ];
};

const endWait: Action = (maker) => {
  const { random } = maker;
  const row = maker.anyRun(['suspended', 'running', 'ready'], (one) => one.detail?.waits !== undefined);
  const wait = random.pick(
    [...(row?.detail?.waits?.values() ?? [])].filter((one) => one.endedAt === undefined),
  );
  if (row === undefined || wait === undefined) return undefined;
  const value = maker.maybe(() => maker.payload());
  const ended = event('WaitEnded', {
    runId: row.id,
    name: wait.name,
    value,
    timedOut: value === undefined ? true : undefined,
  });
  return row.state === 'suspended' ? [ended, changed(row, 'ready')] : [ended];
};

const resume: Action = (maker) => {
  const row = maker.anyRun(['suspended']);
  if (row === undefined) return undefined;
  return [
    changed(row, 'ready'),
    event('RunResumed', { runId: row.id, value: maker.maybe(() => maker.payload()) }),
  ];
};

const tell: Action = (maker) => {
  const row = maker.anyRun(OPEN);
  if (row === undefined) return undefined;
  if (maker.random.chance(0.5))
    return [event('RunSignaled', { runId: row.id, key: 'go', payload: maker.maybe(() => maker.payload()) })];
  return [
    event('WaitEnded', {
      runId: row.id,
      name: maker.newId('early'),
      value: maker.maybe(() => maker.payload()),
    }),
  ];
};

const wake: Action = (maker) => {
  const row = maker.anyRun(['retryWait']);
  if (row === undefined) return undefined;
  return [maker.random.chance(0.8) ? changed(row, 'ready') : changed(row, 'failed', 'given up')];
};

const cancelRun: Action = (maker) => {
  const state = maker.random.pick(['scheduled', 'ready', 'leased', 'retryWait', 'suspended'] as const);
  const row = state === undefined ? undefined : maker.anyRun([state]);
  if (row === undefined || maker.random.chance(0.5)) return undefined;
  const events = row.detail?.lease === undefined ? [] : [leaseEnd(maker, row)];
  return [
    ...events,
    changed(
      row,
      'canceled',
      maker.maybe(() => 'unwanted'),
    ),
  ];
};

/** Runs an ended run again in its place. */
const retry: Action = (maker) => {
  const row = maker.anyRun(
    ['failed', 'canceled'],
    (one) => one.detail?.retriedBy === undefined && !holdsKey(one),
  );
  if (row === undefined) return undefined;
  const { occurrence, priority, task } = row;
  return [
    event('RunCreated', {
      runId: maker.newId('run'),
      taskId: task.id,
      occurrence,
      scheduledAt: maker.now,
      priority,
      retryOf: row.id,
    }),
  ];
};

const changePriority: Action = (maker) => {
  const row = maker.anyRun(['scheduled', 'ready']);
  return row === undefined
    ? undefined
    : [event('RunPriorityChanged', { runId: row.id, priority: maker.random.below(9) - 4 })];
};

/** What may happen to runs. */
export const RUN_ACTIONS: readonly Action[] = [
  promote,
  promote,
  claim,
  claim,
  claim,
  start,
  release,
  heartbeat,
  adopt,
  endWait,
  resume,
  tell,
  wake,
  cancelRun,
  retry,
  changePriority,
];
