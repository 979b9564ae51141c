// What a task is: the specification as it was resolved at the door, never changed afterwards.
import type { Payload } from './payload.js';

/** When a run is overdue: what happens to the occurrences that were missed. */
export type Misfire =
  | {
      readonly kind: 'catchUp';
      /** Newest overdue occurrences that run; absent: all of a repeat, 100 of a cron. */ readonly cap?: number;
    }
  | { readonly kind: 'skip' }
  | { readonly kind: 'coalesce' };

/** What a due run does while an earlier occurrence of its task is not terminal. */
export type Overlap = 'allow' | 'skip' | 'bufferOne';

/** How often and when a task runs. Times are absolute milliseconds; an absent `startAt` means the submission. */
export type Policy =
  | { readonly kind: 'once'; readonly startAt?: number; readonly misfire?: Misfire }
  | {
      readonly kind: 'repeat';
      readonly count: number;
      readonly intervalMs: number;
      readonly startAt?: number;
      readonly misfire: Misfire;
      readonly overlap: Overlap;
    }
  | {
      readonly kind: 'cron';
      readonly expression: string;
      readonly timeZone: string;
      readonly maxOccurrences?: number;
      readonly startAt?: number;
      readonly misfire: Misfire;
      readonly overlap: Overlap;
    };

/** Number of occurrences a policy asks for; `Infinity` for a cron without an end. */
export function occurrenceCount(policy: Policy): number {
  switch (policy.kind) {
    case 'once':
      return 1;
    case 'repeat':
      return policy.count;
    case 'cron':
      return policy.maxOccurrences ?? Infinity;
  }
}

/** How long attempt n+1 waits after the n-th failure. */
export type Backoff =
  | {
      readonly kind: 'exponential';
      readonly baseMs: number;
      readonly maxMs: number;
      readonly factor: number;
      readonly jitter: Jitter;
    }
  | { readonly kind: 'linear'; readonly stepMs: number; readonly maxMs: number; readonly jitter: Jitter }
  | { readonly kind: 'fixed'; readonly delayMs: number; readonly jitter: Jitter };

/** `full`: uniform between 0 and the delay. */
export type Jitter = 'full' | 'none';

/** How long a run holds its concurrency key. */
export type KeyHold = 'holdDuringRetry' | 'releaseOnRetry';

/** What a lost attempt may have done twice. */
export type Safety = 'pure' | 'idempotent' | 'transactional';

/** Limits under which the runs of a task execute; contract §3.3. */
export interface Constraints {
  readonly maxAttempts: number;
  readonly maxLostAttempts: number;
  readonly timeoutMs?: number;
  readonly expireAfterMs?: number;
  readonly backoff: Backoff;
  readonly concurrencyKey?: string;
  readonly keyHold: KeyHold;
  readonly safety: Safety;
  readonly requiredCapabilities?: readonly string[];
  readonly department?: string;
}

/** Descriptive data of a task. */
export interface TaskMetadata {
  readonly tags: readonly string[];
  /** int32; higher first. */
  readonly priority: number;
  readonly description?: string;
}

/** A budget that is allocated with the task. */
export interface BudgetAllocation {
  readonly dimension: string;
  readonly limit: number;
}

/** The durable specification of a task, with every default filled in. */
export interface TaskSpec {
  readonly id: string;
  readonly type: string;
  readonly input?: Payload;
  readonly contentType?: string;
  readonly policy: Policy;
  readonly constraints: Constraints;
  readonly metadata: TaskMetadata;
  readonly parentId?: string;
  readonly tenantId?: string;
  readonly dependsOn: readonly string[];
  readonly budgets: readonly BudgetAllocation[];
}

/** Defaults that most tasks share; one frozen object each, so that a million tasks cost one. */
export const DEFAULT_POLICY: Policy = Object.freeze({ kind: 'once' });
/** See `DEFAULT_POLICY`. */
export const DEFAULT_BACKOFF: Backoff = Object.freeze({
  kind: 'exponential',
  baseMs: 1_000,
  maxMs: 3_600_000,
  factor: 2,
  jitter: 'full',
});
/** See `DEFAULT_POLICY`. */
export const DEFAULT_CONSTRAINTS: Constraints = Object.freeze({
  maxAttempts: 1,
  maxLostAttempts: 3,
  backoff: DEFAULT_BACKOFF,
  keyHold: 'holdDuringRetry',
  safety: 'pure',
});
/** See `DEFAULT_POLICY`. */
export const DEFAULT_METADATA: TaskMetadata = Object.freeze({ tags: Object.freeze([]), priority: 0 });
/** See `DEFAULT_POLICY`. */
export const DEFAULT_MISFIRE: Misfire = Object.freeze({ kind: 'catchUp' });
/** An empty list that is shared. */
export const NONE: readonly never[] = Object.freeze([]);
