// The closed union of events: facts, past tense. Fields are only ever added, with a default on decode.
// `sequence` and `at` are stamped by the journal when the commit is appended; decisions leave them 0.
import type { Payload } from './payload.js';
import type { AttemptResult, ErrorRecord, WaitSpec } from './run.js';
import type { RunState } from './run-state.js';
import type { SubscriptionFilter } from './nouns.js';
import type { TaskSpec } from './task.js';

/** An event type with its own fields `F`. Absent optional fields are absent or `undefined`. */
export type EventOf<T extends string, F> = {
  readonly type: T;
  /** Position in the journal: 1, 2, 3 … without gaps. */
  readonly sequence: number;
  /** Time of the commit, never decreasing. */
  readonly at: number;
} & { readonly [K in keyof F]: F[K] };

/** Fields of every event type. */
export interface EventFields {
  // journal
  EpochStarted: { epoch: number; instance: string; version: string };
  JournalRepaired: { segment: string; offset: number; bytes: number; quarantine: string };
  ClockJumped: { fromAt: number; toAt: number };
  // engine
  EnginePaused: { reason?: string | undefined };
  EngineResumed: object;
  // task
  TaskCreated: { spec: TaskSpec };
  TaskCanceled: { taskId: string; reason?: string | undefined };
  DependencyDeclared: { taskId: string; dependsOn: readonly string[] };
  /** Occurrences up to and including `throughOccurrence` are settled; `skipped` of them got no run. */
  PolicyAdvanced: {
    taskId: string;
    throughOccurrence: number;
    throughAt: number;
    skipped: number;
    reason: string;
  };
  TasksPruned: { taskIds: readonly string[] };
  // run
  RunCreated: {
    runId: string;
    taskId: string;
    occurrence: number;
    scheduledAt: number;
    priority: number;
    continuedFrom?: string | undefined;
    retryOf?: string | undefined;
    input?: Payload | undefined;
    taskType?: string | undefined;
  };
  RunStateChanged: {
    runId: string;
    from: RunState;
    to: RunState;
    reason?: string | undefined;
    wakeAt?: number | undefined;
  };
  RunResumed: { runId: string; value?: Payload | undefined };
  RunPriorityChanged: { runId: string; priority: number };
  RunContinued: {
    runId: string;
    successorRunId: string;
    input?: Payload | undefined;
    taskType?: string | undefined;
  };
  RunsPruned: { runIds: readonly string[] };
  // attempt
  AttemptStarted: { runId: string; attemptId: string; number: number; owner: string };
  AttemptFinished: {
    runId: string;
    attemptId: string;
    result: AttemptResult;
    error?: ErrorRecord | undefined;
    output?: Payload | undefined;
  };
  AttemptRefused: { runId: string; attemptId: string; owner: string; why: string };
  ProgressReported: { runId: string; attemptId: string; value: Payload };
  StepRecorded: { runId: string; attemptId: string; name: string; output?: Payload | undefined };
  WaitStarted: { runId: string; name: string; wait: WaitSpec };
  WaitEnded: { runId: string; name: string; value?: Payload | undefined; timedOut?: boolean | undefined };
  RunSignaled: { runId: string; key: string; payload?: Payload | undefined };
  // lease
  LeaseAcquired: { runId: string; owner: string; expiryAt: number };
  LeaseHeartbeat: { runId: string; owner: string; expiryAt: number };
  LeaseExpired: { runId: string; owner: string; expiryAt: number };
  LeaseReleased: { runId: string; owner: string; expiryAt: number };
  // budget
  BudgetAllocated: { taskId: string; dimension: string; limit: number };
  BudgetConsumed: { taskId: string; dimension: string; amount: number; runId?: string | undefined };
  BudgetExhausted: { taskId: string; dimension: string };
  BudgetReplenished: { taskId: string; dimension: string; limit: number };
  // subscription
  SubscriptionCreated: { subscriptionId: string; taskId: string; filter: SubscriptionFilter };
  SubscriptionTriggered: { subscriptionId: string; cause: string };
  SubscriptionSpent: { subscriptionId: string; runId: string };
  SubscriptionCanceled: { subscriptionId: string; reason?: string | undefined };
  CustomEventFired: { key: string; payload?: Payload | undefined };
  // actor
  ActorRegistered: {
    actorId: string;
    identity: string;
    capabilities: readonly string[];
    department?: string | undefined;
    heartbeatIntervalMs: number;
    tenantId?: string | undefined;
  };
  ActorHeartbeat: { actorId: string };
  ActorDeregistered: { actorId: string; reason: string };
  // platform
  TenantCreated: { tenantId: string; name: string };
  RoleAssigned: { actorId: string; tenantId: string; role: string };
  CapabilityGranted: { actorId: string; tenantId: string; capability: string };
  CapabilityRevoked: { actorId: string; tenantId: string; capability: string };
  LedgerEntryAppended: {
    entryId: string;
    tenantId: string;
    key: string;
    actorId?: string | undefined;
    payload: Payload;
  };
}

/** Name of an event. */
export type EventType = keyof EventFields;

/** The event with the given name. */
export type PawlEvent<T extends EventType = EventType> = { [K in T]: EventOf<K, EventFields[K]> }[T];

/**
 * Event types in the order of their codes on disk; never reorder, only append.
 * Contract §5's `type` field of `RunCreated` and `RunContinued` is named `taskType` here, since `type` names the event.
 */
export const EVENT_TYPES = [
  'EpochStarted',
  'JournalRepaired',
  'ClockJumped',
  'EnginePaused',
  'EngineResumed',
  'TaskCreated',
  'TaskCanceled',
  'DependencyDeclared',
  'PolicyAdvanced',
  'TasksPruned',
  'RunCreated',
  'RunStateChanged',
  'RunResumed',
  'RunPriorityChanged',
  'RunContinued',
  'RunsPruned',
  'AttemptStarted',
  'AttemptFinished',
  'AttemptRefused',
  'ProgressReported',
  'StepRecorded',
  'WaitStarted',
  'WaitEnded',
  'RunSignaled',
  'LeaseAcquired',
  'LeaseHeartbeat',
  'LeaseExpired',
  'LeaseReleased',
  'BudgetAllocated',
  'BudgetConsumed',
  'BudgetExhausted',
  'BudgetReplenished',
  'SubscriptionCreated',
  'SubscriptionTriggered',
  'SubscriptionSpent',
  'SubscriptionCanceled',
  'CustomEventFired',
  'ActorRegistered',
  'ActorHeartbeat',
  'ActorDeregistered',
  'TenantCreated',
  'RoleAssigned',
  'CapabilityGranted',
  'CapabilityRevoked',
  'LedgerEntryAppended',
] as const satisfies readonly EventType[];

/** Who asked for a commit. */
export interface CommitOrigin {
  readonly actorId?: string;
  readonly tenantId?: string;
  readonly requestId?: string;
}

/** Header of a commit: in the format from version 1 on, also where nothing fills it yet. */
export interface CommitHeader {
  readonly at: number;
  readonly commandId?: string | undefined;
  readonly command?: string | undefined;
  /** Digest of the command's arguments, so that a repeat can be told from a conflict. */
  readonly digest?: string | undefined;
  readonly by?: CommitOrigin | undefined;
  readonly trace?: string | undefined;
}

/** One or more events that become durable together or not at all. */
export interface Commit {
  readonly header: CommitHeader;
  /** Sequence of the first event; the last is `firstSequence + events.length − 1`. */
  readonly firstSequence: number;
  readonly events: readonly PawlEvent[];
}
