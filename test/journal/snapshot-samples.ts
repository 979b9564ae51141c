// Snapshots for tests: small ones of the common shapes, and one with a record in every section and every optional
// field set.
import { encodePayload, type Payload } from '../../src/domain/payload.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { SavedTask } from '../../src/domain/nouns.js';
import type { HistoryEntry, SavedRun } from '../../src/domain/run.js';
import type { RunState } from '../../src/domain/run-state.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  type TaskSpec,
} from '../../src/domain/task.js';
import { makeSnapshot, type Snapshot, type SnapshotSections } from '../../src/journal/snapshot-model.js';

export function payload(value: unknown): Payload {
  return encodePayload(value, DEFAULT_LIMITS);
}

export function sampleSpec(id = 'task-1', more: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id,
    type: 'send-email',
    policy: DEFAULT_POLICY,
    constraints: DEFAULT_CONSTRAINTS,
    metadata: DEFAULT_METADATA,
    dependsOn: [],
    budgets: [],
    ...more,
  };
}

export function sampleTask(more: Partial<SavedTask> = {}): SavedTask {
  return {
    spec: sampleSpec(),
    createdAt: 10,
    counts: { created: 1, completed: 0, failed: 0, canceled: 0, skipped: 0, derived: 1 },
    ...more,
  };
}

/** A way from `scheduled` to each state, one millisecond a step. */
const WAYS: Record<RunState, readonly RunState[]> = {
  scheduled: [],
  ready: ['ready'],
  leased: ['ready', 'leased'],
  running: ['ready', 'leased', 'running'],
  retryWait: ['ready', 'leased', 'running', 'retryWait'],
  suspended: ['ready', 'leased', 'running', 'suspended'],
  completed: ['ready', 'leased', 'running', 'completed'],
  failed: ['ready', 'leased', 'running', 'failed'],
  canceled: ['canceled'],
};

export function sampleHistory(state: RunState, createdAt = 10): HistoryEntry[] {
  const history: HistoryEntry[] = [{ to: 'scheduled', at: createdAt }];
  let from: RunState = 'scheduled';
  for (const [index, to] of WAYS[state].entries()) {
    history.push({ from, to, at: createdAt + index + 1 });
    from = to;
  }
  return history;
}

export function sampleRun(state: RunState = 'scheduled', more: Partial<SavedRun> = {}): SavedRun {
  const history = sampleHistory(state);
  return {
    id: 'run-1',
    taskId: 'task-1',
    occurrence: 0,
    state,
    priority: 0,
    createdAt: 10,
    scheduledAt: 10,
    lastStateChangeAt: history.at(-1)?.at ?? 10,
    attemptCount: 0,
    failedAttempts: 0,
    lostAttempts: 0,
    historyCount: history.length,
    history,
    attempts: [],
    steps: [],
    waits: [],
    signals: [],
    ...more,
  };
}

/** A snapshot at `sequence`, taken at 1 234 unless said otherwise. */
export function sampleSnapshot(sequence: number, sections: SnapshotSections, takenAt = 1_234): Snapshot {
  return makeSnapshot({ sequence, takenAt }, sections);
}

/** One task and its scheduled run, at sequence 3. */
export function smallSnapshot(sequence = 3): Snapshot {
  return sampleSnapshot(sequence, { tasks: [sampleTask()], runs: [sampleRun()] });
}

/** The same as a release wrote it that knew version 1 only. */
export function ofVersion1(snapshot: Snapshot): Snapshot {
  return { ...snapshot, header: { ...snapshot.header, formatVersion: 1 } };
}

/** A task that waits with its one run. */
export function waitingTask(id: string, more: Partial<TaskSpec> = {}): SavedTask {
  return sampleTask({ spec: sampleSpec(id, more), createdSequence: 70_000 });
}

/** A run that is ready and nothing else. */
export function waitingRun(id: string, taskId: string, more: Partial<SavedRun> = {}): SavedRun {
  return sampleRun('ready', { id, taskId, createdSequence: 70_001, stateSequence: 70_002, ...more });
}

/** Enough waiting tasks with their runs to be columns: alike in every length, in none, and a few that are neither. */
export function waitingSections(): SnapshotSections {
  const numbers = Array.from({ length: 20 }, (_value, at) => at);
  const names = (kind: string): string[] => [
    ...numbers.map((at) => `${kind}-${String(at).padStart(4, '0')}`),
    ...numbers.map((at) => `${kind}-${'x'.repeat(at)}`),
    ...numbers.slice(0, 3).map((at) => `${kind}-odd-${String(at)}`),
  ];
  const more = (at: number): Partial<TaskSpec> => {
    if (at >= 40) return { type: 'other' };
    if (at >= 20) return at % 3 === 0 ? {} : { input: payload({ at, more: 'y'.repeat(at) }) };
    return { metadata: { tags: ['eu'], priority: 3 }, tenantId: 'tenant-1', input: payload(at % 10) };
  };
  const tasks = names('task').map((id, at) => ({
    ...waitingTask(id, more(at)),
    createdAt: 1_700_000_000_000 + at,
    createdSequence: 3 * at + 1,
  }));
  const runs = names('run').map((id, at) => {
    const createdAt = 1_700_000_000_000 + at;
    return waitingRun(id, names('task')[at] as string, {
      priority: at < 20 ? 3 : (at % 5) - 2,
      createdAt,
      scheduledAt: createdAt - 7,
      lastStateChangeAt: createdAt + 2,
      history: [
        { to: 'scheduled', at: createdAt },
        { from: 'scheduled', to: 'ready', at: createdAt + 2 },
      ],
      createdSequence: 3 * at + 2,
      stateSequence: 3 * at + 3,
    });
  });
  return { tasks, runs };
}

function fullTask(): SavedTask {
  const spec = sampleSpec('task-full', {
    input: payload({ to: 'a@b.c', list: [1, 'zwölf', null] }),
    contentType: 'application/json',
    policy: {
      kind: 'cron',
      expression: '*/5 * * * *',
      timeZone: 'Europe/Vienna',
      maxOccurrences: 9,
      startAt: 5,
      misfire: { kind: 'catchUp', cap: 3 },
      overlap: 'bufferOne',
    },
    constraints: {
      maxAttempts: 5,
      maxLostAttempts: 2,
      timeoutMs: 30_000,
      expireAfterMs: 60_000,
      backoff: { kind: 'linear', stepMs: 7, maxMs: 70, jitter: 'none' },
      concurrencyKey: 'customer:42',
      keyHold: 'releaseOnRetry',
      safety: 'idempotent',
      requiredCapabilities: ['gpu'],
      department: 'mail',
    },
    metadata: { tags: ['eu', 'vip'], priority: -7, description: 'a full task' },
    parentId: 'task-1',
    tenantId: 'tenant-1',
    dependsOn: ['task-1'],
    budgets: [{ dimension: 'token', limit: 10_000 }],
  });
  return {
    spec,
    createdAt: 20,
    canceledAt: 77,
    cancelReason: 'no longer wanted',
    counts: { created: 2, completed: 0, failed: 0, canceled: 1, skipped: 1, derived: 4 },
    derivedThroughAt: 999,
    createdSequence: 4,
  };
}

function fullRun(): SavedRun {
  return sampleRun('running', {
    id: 'run-full',
    taskId: 'task-full',
    occurrence: 3,
    priority: -7,
    scheduledAt: 50,
    wakeAt: 60,
    attemptCount: 2,
    failedAttempts: 1,
    lostAttempts: 1,
    currentAttemptId: 'attempt-2',
    lease: { owner: 'worker-1', expiryAt: 1_000, acquiredAt: 12, updatedAt: 14 },
    continuedFrom: 'run-before',
    continuedTo: 'run-after',
    retryOf: 'run-old',
    retriedBy: 'run-new',
    reason: 'operator',
    input: payload('another input'),
    type: 'another-type',
    resumedWith: payload(true),
    progress: payload({ percent: 40 }),
    history: sampleHistory('running').map((entry, index) =>
      index === 2 ? { ...entry, reason: 'claimed' } : entry,
    ),
    attempts: [
      {
        id: 'attempt-1',
        number: 1,
        startedAt: 13,
        finishedAt: 14,
        owner: 'worker-1',
        result: 'failure',
        error: { name: 'Error', message: 'no', stack: 'at a', code: 'E_NO', retryable: true },
        output: payload('half'),
        refused: true,
      },
      { id: 'attempt-2', number: 2, startedAt: 15, owner: 'worker-1' },
    ],
    steps: [{ name: 'render', attemptId: 'attempt-1', at: 14, output: payload('<p>') }],
    waits: [
      { name: 'sleep', wait: { kind: 'sleep', untilAt: 90 }, attemptId: 'attempt-2', startedAt: 16 },
      {
        name: 'either',
        wait: {
          kind: 'any',
          of: [
            { name: 'answer', wait: { kind: 'answer', question: payload('ok?'), untilAt: 80 } },
            { name: 'children', wait: { kind: 'children' } },
          ],
          untilAt: 95,
        },
        attemptId: 'attempt-1',
        startedAt: 13,
        endedAt: 14,
        value: payload(1),
        timedOut: true,
      },
    ],
    signals: [{ key: 'go', at: 17, payload: payload('now') }],
    answers: [{ name: 'approval', at: 18, value: payload('yes') }],
    continuation: { input: payload('next'), type: 'next-type' },
    createdSequence: 5,
    stateSequence: 8,
  });
}

/** A record in every section, every optional field set. */
export function fullSections(): SnapshotSections {
  return {
    epoch: { epoch: 7, instance: 'instance-1', lastAt: 1_200 },
    engine: { paused: false, pausedAt: 120, resumedAt: 180, pauseReason: 'maintenance' },
    tasks: [sampleTask({ createdSequence: 2 }), fullTask()],
    runs: [sampleRun('scheduled', { createdSequence: 3, stateSequence: 3 }), fullRun()],
    dependencies: [{ taskId: 'task-full', dependsOn: ['task-1'], declaredAt: 21 }],
    budgets: [
      {
        taskId: 'task-full',
        dimension: 'token',
        limit: 10_000,
        consumed: 400,
        exhausted: true,
        allocatedAt: 22,
      },
    ],
    subscriptions: [
      {
        id: 'subscription-1',
        taskId: 'task-full',
        filter: { kind: 'budgetThreshold', taskId: 'task-1', dimension: 'token', percent: 80 },
        createdAt: 23,
        triggeredAt: 24,
        canceledAt: 25,
        spentBy: 'run-full',
      },
    ],
    actors: [
      {
        id: 'actor-1',
        identity: 'worker in the cellar',
        capabilities: ['gpu', 'mail'],
        department: 'mail',
        heartbeatIntervalMs: 10_000,
        tenantId: 'tenant-1',
        registeredAt: 26,
        lastHeartbeatAt: 27,
        deregisteredAt: 28,
      },
    ],
    tenants: [{ id: 'tenant-1', name: 'Ännchen', createdAt: 29 }],
    roles: [{ actorId: 'actor-1', tenantId: 'tenant-1', role: 'operator', assignedAt: 30 }],
    grants: [
      { actorId: 'actor-1', tenantId: 'tenant-1', capability: 'canSubmit', grantedAt: 31, revokedAt: 32 },
    ],
    ledger: [
      {
        id: 'entry-1',
        tenantId: 'tenant-1',
        key: 'review',
        actorId: 'actor-1',
        payload: payload({ ok: true }),
        at: 33,
      },
    ],
    commands: [
      { commandId: 'command-1', command: 'submit', digest: '00ff', sequence: 2, count: 3, at: 1_100 },
    ],
    pruned: [
      { kind: 'task', id: 'task-gone' },
      { kind: 'run', id: 'run-gone' },
    ],
  };
}
