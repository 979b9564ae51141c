// What a caller passes to `submit`: everything but the type is optional. Unknown fields are refused.
import type { Backoff, BudgetAllocation, Jitter, KeyHold, Misfire, Overlap, Safety } from './task.js';
import type { CommitOrigin } from './events.js';

/** Policy as it is passed; contract §3.2. */
export type PolicyInput =
  | { readonly kind: 'once'; readonly startAt?: number }
  | {
      readonly kind: 'repeat';
      /** Occurrences, ≥ 1. */
      readonly count: number;
      /** Milliseconds between occurrences, ≥ 1. */
      readonly intervalMs: number;
      /** First occurrence; default: the moment of submission. */
      readonly startAt?: number;
      /** Default `{ kind: 'catchUp' }` without a cap. */
      readonly misfire?: Misfire;
      /** Default `allow`. */
      readonly overlap?: Overlap;
    }
  | {
      readonly kind: 'cron';
      readonly expression: string;
      readonly timeZone?: string;
      readonly maxOccurrences?: number;
      readonly startAt?: number;
      readonly misfire?: Misfire;
      readonly overlap?: Overlap;
    };

/** Backoff as it is passed: the fields of its kind, each with its default. */
export type BackoffInput =
  | {
      readonly kind: 'exponential';
      readonly baseMs?: number;
      readonly maxMs?: number;
      readonly factor?: number;
      readonly jitter?: Jitter;
    }
  | { readonly kind: 'linear'; readonly stepMs: number; readonly maxMs?: number; readonly jitter?: Jitter }
  | { readonly kind: 'fixed'; readonly delayMs: number; readonly jitter?: Jitter };

/** Constraints as they are passed; defaults in contract §3.3. */
export interface ConstraintsInput {
  readonly maxAttempts?: number;
  readonly maxLostAttempts?: number;
  readonly timeoutMs?: number;
  readonly expireAfterMs?: number;
  readonly backoff?: BackoffInput | Backoff;
  readonly concurrencyKey?: string;
  readonly keyHold?: KeyHold;
  readonly safety?: Safety;
  readonly requiredCapabilities?: readonly string[];
  readonly department?: string;
}

/** Metadata as it is passed. */
export interface MetadataInput {
  /** ≤ 32, each 1–128 characters. */
  readonly tags?: readonly string[];
  /** int32, default 0, higher first. */
  readonly priority?: number;
  /** ≤ 4 KiB. */
  readonly description?: string;
}

/** Options every command takes. */
export interface CommandOptions {
  /** Makes the command idempotent for the last 100 000 commands or 24 h. */
  readonly commandId?: string;
  /** Who asks; written into the header of the commit. */
  readonly by?: CommitOrigin;
  /** A trace identifier, written into the header of the commit. */
  readonly trace?: string;
}

/** Everything about a task but its type and input. */
export interface SubmitOptions extends CommandOptions {
  /** Default: a new UUIDv7. The same id with an identical specification returns the first submission. */
  readonly id?: string;
  readonly contentType?: string;
  /** Default `{ kind: 'once' }`. */
  readonly policy?: PolicyInput;
  readonly constraints?: ConstraintsInput;
  readonly metadata?: MetadataInput;
  readonly parentId?: string;
  readonly tenantId?: string;
  readonly dependsOn?: readonly string[];
  readonly budgets?: readonly BudgetAllocation[];
  /** Refuse with `UNKNOWN_TASK_TYPE` when this process has no handler for the type. */
  readonly requireHandler?: boolean;
}

/** What `submit` returns. */
export interface Submission {
  readonly taskId: string;
  /** The first 1 000 runs that were created with the task. */
  readonly runIds: readonly string[];
  /** Number of all runs that were created with the task. */
  readonly runCount: number;
  /** False when the task was there already, with an identical specification. */
  readonly created: boolean;
}
