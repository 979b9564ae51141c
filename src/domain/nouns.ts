// The other nouns of Pawl as callers and snapshots see them: plain frozen records; contract §3.9.
import type { Payload } from './payload.js';
import type { RunState } from './run-state.js';
import type { TaskSpec } from './task.js';

/** A task as it is read. Counts are of chains: a run that was continued or retried counts with its last run. */
export interface TaskRecord {
  readonly spec: TaskSpec;
  readonly createdAt: number;
  readonly canceledAt?: number;
  readonly cancelReason?: string;
  readonly counts: TaskCounts;
}

/** A task as a snapshot saves it. */
export interface SavedTask extends TaskRecord {
  /** Time of the policy's latest settled occurrence, when a `PolicyAdvanced` told it. */
  readonly derivedThroughAt?: number;
  /** Sequence of its `TaskCreated`; orders the tasks. */
  readonly createdSequence?: number;
}

/** How many occurrences of a task were created and how they ended. */
export interface TaskCounts {
  readonly created: number;
  readonly completed: number;
  readonly failed: number;
  readonly canceled: number;
  /** Occurrences skipped without a run. */
  readonly skipped: number;
  /** Occurrences 0 … derived−1 were created or skipped. */
  readonly derived: number;
}

/** State of the engine. */
export interface EngineRecord {
  readonly paused: boolean;
  readonly pausedAt?: number;
  readonly resumedAt?: number;
  readonly pauseReason?: string;
}

/** Prerequisites of a task. */
export interface DependencyRecord {
  readonly taskId: string;
  readonly dependsOn: readonly string[];
  readonly declaredAt: number;
}

/** A budget of a task in one dimension. */
export interface BudgetRecord {
  readonly taskId: string;
  readonly dimension: string;
  readonly limit: number;
  readonly consumed: number;
  readonly exhausted: boolean;
  readonly allocatedAt: number;
}

/** What a subscription waits for. */
export type SubscriptionFilter =
  | { readonly kind: 'taskCompleted'; readonly taskId: string }
  | { readonly kind: 'runStateChanged'; readonly taskId: string; readonly state: RunState }
  | {
      readonly kind: 'budgetThreshold';
      readonly taskId: string;
      readonly dimension: string;
      readonly percent: number;
    }
  | { readonly kind: 'custom'; readonly key: string };

/** A subscription of a task. */
export interface SubscriptionRecord {
  readonly id: string;
  readonly taskId: string;
  readonly filter: SubscriptionFilter;
  readonly createdAt: number;
  readonly triggeredAt?: number;
  readonly canceledAt?: number;
  /** Run that the trigger promoted. */
  readonly spentBy?: string;
}

/** A worker that claims runs. */
export interface ActorRecord {
  readonly id: string;
  readonly identity: string;
  readonly capabilities: readonly string[];
  readonly department?: string;
  readonly heartbeatIntervalMs: number;
  readonly tenantId?: string;
  readonly registeredAt: number;
  readonly lastHeartbeatAt?: number;
  readonly deregisteredAt?: number;
}

/** A tenant. */
export interface TenantRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
}

/** The role of an actor in a tenant. */
export interface RoleRecord {
  readonly actorId: string;
  readonly tenantId: string;
  readonly role: string;
  readonly assignedAt: number;
}

/** A capability of an actor in a tenant. */
export interface GrantRecord {
  readonly actorId: string;
  readonly tenantId: string;
  readonly capability: string;
  readonly grantedAt: number;
  readonly revokedAt?: number;
}

/** An entry of the append-only ledger. */
export interface LedgerRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly key: string;
  readonly actorId?: string;
  readonly payload: Payload;
  readonly at: number;
}

/** A remembered command: where its commit is, and a digest of its arguments. */
export interface CommandRecord {
  readonly commandId: string;
  readonly command: string;
  readonly digest: string;
  /** Sequence of the first event of the commit. */
  readonly sequence: number;
  /** Events of the commit. */
  readonly count: number;
  readonly at: number;
}

/** Id of a record that was pruned. */
export interface PrunedRecord {
  readonly kind: 'task' | 'run';
  readonly id: string;
}

/** The latest start of an orchestrator on this log, and the time of the last commit. */
export interface EpochRecord {
  readonly epoch: number;
  readonly instance: string;
  readonly lastAt: number;
}
