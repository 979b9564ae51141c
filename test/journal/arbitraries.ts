// Generators of every event of the union, with every optional field set and unset.
import fc from 'fast-check';
import type { CommitHeader, EventFields, EventType, PawlEvent } from '../../src/domain/events.js';
import type { SubscriptionFilter } from '../../src/domain/nouns.js';
import { payloadFromLatin1, type Payload } from '../../src/domain/payload.js';
import { RUN_STATES } from '../../src/domain/run-state.js';
import { ATTEMPT_RESULTS, type ErrorRecord, type WaitSpec } from '../../src/domain/run.js';
import {
  DEFAULT_BACKOFF,
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  type Backoff,
  type Constraints,
  type Misfire,
  type Overlap,
  type Policy,
  type TaskMetadata,
  type TaskSpec,
} from '../../src/domain/task.js';

const uint = fc.oneof(fc.nat(200), fc.nat(), fc.maxSafeNat());
const int = fc.oneof(fc.integer({ min: -200, max: 200 }), fc.integer(), fc.maxSafeInteger());
const num = fc.oneof(uint, fc.double({ noNaN: true, noDefaultInfinity: true }));
const at = fc.oneof(fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }), fc.maxSafeNat());
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 90 }),
  fc.constantFrom('', 'misfire', 'a'.repeat(300), 'é'.repeat(70)),
);
const id = fc.oneof(
  fc.uuid({ version: 7 }),
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}$/),
  fc.constantFrom('a', 'b', 'run-1', 'x'.repeat(128)),
);
const ids = fc.array(id, { maxLength: 30 });
const texts = fc.array(text, { maxLength: 4 });
const payload: fc.Arbitrary<Payload> = fc
  .oneof(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ minLength: 250, maxLength: 300 }))
  .map((bytes) => payloadFromLatin1(`b${Buffer.from(bytes).toString('latin1')}`));
const opt = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const state = fc.constantFrom(...RUN_STATES);

const misfire: fc.Arbitrary<Misfire> = fc.oneof(
  fc.record({ kind: fc.constant('catchUp' as const), cap: uint }, { requiredKeys: ['kind'] }),
  fc.constantFrom<Misfire>({ kind: 'skip' }, { kind: 'coalesce' }),
);
const overlap = fc.constantFrom<Overlap>('allow', 'skip', 'bufferOne');
const policy: fc.Arbitrary<Policy> = fc.oneof(
  fc.constant(DEFAULT_POLICY),
  fc.record({ kind: fc.constant('once' as const), startAt: at, misfire }, { requiredKeys: ['kind'] }),
  fc.record(
    { kind: fc.constant('repeat' as const), count: uint, intervalMs: uint, startAt: at, misfire, overlap },
    { requiredKeys: ['kind', 'count', 'intervalMs', 'misfire', 'overlap'] },
  ),
  fc.record(
    {
      kind: fc.constant('cron' as const),
      expression: text,
      timeZone: text,
      maxOccurrences: uint,
      startAt: at,
      misfire,
      overlap,
    },
    { requiredKeys: ['kind', 'expression', 'timeZone', 'misfire', 'overlap'] },
  ),
);
const jitter = fc.constantFrom('full' as const, 'none' as const);
const backoff: fc.Arbitrary<Backoff> = fc.oneof(
  fc.constant(DEFAULT_BACKOFF),
  fc.record({ kind: fc.constant('exponential' as const), baseMs: num, maxMs: num, factor: num, jitter }),
  fc.record({ kind: fc.constant('linear' as const), stepMs: num, maxMs: num, jitter }),
  fc.record({ kind: fc.constant('fixed' as const), delayMs: num, jitter }),
);
const constraints: fc.Arbitrary<Constraints> = fc.oneof(
  fc.constantFrom(DEFAULT_CONSTRAINTS, { ...DEFAULT_CONSTRAINTS }),
  fc.record(
    {
      maxAttempts: uint,
      maxLostAttempts: uint,
      timeoutMs: uint,
      expireAfterMs: uint,
      backoff,
      concurrencyKey: text,
      keyHold: fc.constantFrom('holdDuringRetry' as const, 'releaseOnRetry' as const),
      safety: fc.constantFrom('pure' as const, 'idempotent' as const, 'transactional' as const),
      requiredCapabilities: texts,
      department: text,
    },
    { requiredKeys: ['maxAttempts', 'maxLostAttempts', 'backoff', 'keyHold', 'safety'] },
  ),
);
const metadata: fc.Arbitrary<TaskMetadata> = fc.oneof(
  fc.constant(DEFAULT_METADATA),
  fc.record(
    { tags: texts, priority: fc.integer(), description: text },
    { requiredKeys: ['tags', 'priority'] },
  ),
);
export const specs: fc.Arbitrary<TaskSpec> = fc.record(
  {
    id,
    type: text,
    input: payload,
    contentType: text,
    policy,
    constraints,
    metadata,
    parentId: id,
    tenantId: id,
    dependsOn: ids,
    budgets: fc.array(fc.record({ dimension: text, limit: uint }), { maxLength: 3 }),
  },
  { requiredKeys: ['id', 'type', 'policy', 'constraints', 'metadata', 'dependsOn', 'budgets'] },
);
const error: fc.Arbitrary<ErrorRecord> = fc.record(
  { name: text, message: text, stack: text, code: text, retryable: fc.boolean() },
  { requiredKeys: ['name', 'message', 'retryable'] },
);
const leafWait: fc.Arbitrary<WaitSpec> = fc.oneof(
  fc.record({ kind: fc.constant('sleep' as const), untilAt: at }),
  fc.record(
    { kind: fc.constant('event' as const), key: text, untilAt: at },
    { requiredKeys: ['kind', 'key'] },
  ),
  fc.record(
    { kind: fc.constant('signal' as const), key: text, untilAt: at },
    { requiredKeys: ['kind', 'key'] },
  ),
  fc.record(
    { kind: fc.constant('answer' as const), question: payload, untilAt: at },
    { requiredKeys: ['kind'] },
  ),
  fc.record({ kind: fc.constant('children' as const), untilAt: at }, { requiredKeys: ['kind'] }),
);
const wait: fc.Arbitrary<WaitSpec> = fc.oneof(
  leafWait,
  fc.record(
    {
      kind: fc.constant('any' as const),
      of: fc.array(fc.record({ name: text, wait: leafWait }), { maxLength: 3 }),
      untilAt: at,
    },
    { requiredKeys: ['kind', 'of'] },
  ),
);
const filter: fc.Arbitrary<SubscriptionFilter> = fc.oneof(
  fc.record({ kind: fc.constant('taskCompleted' as const), taskId: id }),
  fc.record({ kind: fc.constant('runStateChanged' as const), taskId: id, state }),
  fc.record({ kind: fc.constant('budgetThreshold' as const), taskId: id, dimension: text, percent: num }),
  fc.record({ kind: fc.constant('custom' as const), key: text }),
);
const lease = { runId: id, owner: id, expiryAt: at };

type FieldArbitraries = {
  [K in EventType]: { [F in keyof EventFields[K]]-?: fc.Arbitrary<EventFields[K][F]> };
};

/** A generator for each field of each event type. */
export const FIELDS: FieldArbitraries = {
  EpochStarted: { epoch: uint, instance: id, version: text },
  JournalRepaired: { segment: text, offset: uint, bytes: uint, quarantine: text },
  ClockJumped: { fromAt: at, toAt: at },
  EnginePaused: { reason: opt(text) },
  EngineResumed: {},
  TaskCreated: { spec: specs },
  TaskCanceled: { taskId: id, reason: opt(text) },
  DependencyDeclared: { taskId: id, dependsOn: ids },
  PolicyAdvanced: { taskId: id, throughOccurrence: int, throughAt: at, skipped: uint, reason: text },
  TasksPruned: { taskIds: ids },
  RunCreated: {
    runId: id,
    taskId: id,
    occurrence: uint,
    scheduledAt: at,
    priority: int,
    continuedFrom: opt(id),
    retryOf: opt(id),
    input: opt(payload),
    taskType: opt(text),
  },
  RunStateChanged: { runId: id, from: state, to: state, reason: opt(text), wakeAt: opt(at) },
  RunResumed: { runId: id, value: opt(payload) },
  RunPriorityChanged: { runId: id, priority: int },
  RunContinued: { runId: id, successorRunId: id, input: opt(payload), taskType: opt(text) },
  RunsPruned: { runIds: ids },
  AttemptStarted: { runId: id, attemptId: id, number: uint, owner: id },
  AttemptFinished: {
    runId: id,
    attemptId: id,
    result: fc.constantFrom(...ATTEMPT_RESULTS),
    error: opt(error),
    output: opt(payload),
  },
  AttemptRefused: { runId: id, attemptId: id, owner: id, why: text },
  ProgressReported: { runId: id, attemptId: id, value: payload },
  StepRecorded: { runId: id, attemptId: id, name: text, output: opt(payload) },
  WaitStarted: { runId: id, name: text, wait },
  WaitEnded: { runId: id, name: text, value: opt(payload), timedOut: opt(fc.boolean()) },
  RunSignaled: { runId: id, key: text, payload: opt(payload) },
  LeaseAcquired: lease,
  LeaseHeartbeat: lease,
  LeaseExpired: lease,
  LeaseReleased: lease,
  BudgetAllocated: { taskId: id, dimension: text, limit: uint },
  BudgetConsumed: { taskId: id, dimension: text, amount: uint, runId: opt(id) },
  BudgetExhausted: { taskId: id, dimension: text },
  BudgetReplenished: { taskId: id, dimension: text, limit: uint },
  SubscriptionCreated: { subscriptionId: id, taskId: id, filter },
  SubscriptionTriggered: { subscriptionId: id, cause: text },
  SubscriptionSpent: { subscriptionId: id, runId: id },
  SubscriptionCanceled: { subscriptionId: id, reason: opt(text) },
  CustomEventFired: { key: text, payload: opt(payload) },
  ActorRegistered: {
    actorId: id,
    identity: text,
    capabilities: texts,
    department: opt(text),
    heartbeatIntervalMs: uint,
    tenantId: opt(id),
  },
  ActorHeartbeat: { actorId: id },
  ActorDeregistered: { actorId: id, reason: text },
  TenantCreated: { tenantId: id, name: text },
  RoleAssigned: { actorId: id, tenantId: id, role: text },
  CapabilityGranted: { actorId: id, tenantId: id, capability: text },
  CapabilityRevoked: { actorId: id, tenantId: id, capability: text },
  LedgerEntryAppended: { entryId: id, tenantId: id, key: text, actorId: opt(id), payload },
};

/** Events of one type, unstamped. */
export function eventsOf(type: EventType): fc.Arbitrary<PawlEvent> {
  const fields: Record<string, fc.Arbitrary<unknown>> = FIELDS[type];
  return fc.record(fields).map((values) => ({ type, sequence: 0, at: 0, ...values }) as PawlEvent);
}

/** Events of any type. */
export const events: fc.Arbitrary<PawlEvent> = fc.oneof(
  ...(Object.keys(FIELDS) as EventType[]).map((type) => eventsOf(type)),
);

/** Commit headers, bare and full. */
export const headers: fc.Arbitrary<CommitHeader> = fc.oneof(
  fc.record({ at }),
  fc.record(
    {
      at,
      commandId: text,
      command: text,
      digest: text,
      by: fc.record({ actorId: id, tenantId: id, requestId: text }, { requiredKeys: [] }),
      trace: text,
    },
    { requiredKeys: ['at'] },
  ),
);
