// Runs, attempts and leases as callers and snapshots see them: plain frozen records.
import type { Payload } from './payload.js';
import type { RunState } from './run-state.js';

/** How an attempt ended. */
export type AttemptResult = 'success' | 'failure' | 'timeout' | 'suspended' | 'lost' | 'canceled';

/** Results in the order of their codes on disk; never reorder, only append. */
export const ATTEMPT_RESULTS = ['success', 'failure', 'timeout', 'suspended', 'lost', 'canceled'] as const;

/** An error as a plain record. `message` ≤ 4 KiB, `stack` ≤ 16 KiB. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly retryable: boolean;
}

/** One try of a run. */
export interface AttemptRecord {
  readonly id: string;
  /** 1-based, over all attempts of the run. */
  readonly number: number;
  readonly startedAt: number;
  readonly finishedAt?: number;
  readonly owner: string;
  readonly result?: AttemptResult;
  readonly error?: ErrorRecord;
  readonly output?: Payload;
  /** True once a late result of this attempt was refused. */
  readonly refused?: boolean;
}

/** The exclusive right to execute a run. */
export interface LeaseRecord {
  readonly owner: string;
  readonly expiryAt: number;
  readonly acquiredAt: number;
  readonly updatedAt: number;
}

/** One change of state. The first entry has no `from`. */
export interface HistoryEntry {
  readonly from?: RunState;
  readonly to: RunState;
  readonly at: number;
  readonly reason?: string;
}

/** What a durable wait waits for. */
export type WaitSpec =
  | { readonly kind: 'sleep'; readonly untilAt: number }
  | { readonly kind: 'event'; readonly key: string; readonly untilAt?: number }
  | { readonly kind: 'signal'; readonly key: string; readonly untilAt?: number }
  | { readonly kind: 'answer'; readonly question?: Payload; readonly untilAt?: number }
  | { readonly kind: 'children'; readonly untilAt?: number }
  | {
      readonly kind: 'any';
      readonly of: readonly { readonly name: string; readonly wait: WaitSpec }[];
      readonly untilAt?: number;
    };

/** A recorded step. */
export interface StepRecord {
  readonly name: string;
  readonly attemptId: string;
  readonly at: number;
  readonly output?: Payload;
}

/** A durable wait, open while it has no `endedAt`. */
export interface WaitRecord {
  readonly name: string;
  readonly wait: WaitSpec;
  readonly attemptId: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly value?: Payload;
  readonly timedOut?: boolean;
}

/** A signal kept for a run. */
export interface SignalRecord {
  readonly key: string;
  readonly at: number;
  readonly payload?: Payload;
}

/** An answer that came before its wait began. */
export interface AnswerRecord {
  readonly name: string;
  readonly at: number;
  readonly value?: Payload;
}

/** What a run that continues as new gives to its successor; absent fields are its own. */
export interface Continuation {
  readonly input?: Payload;
  readonly type?: string;
}

/** A run as it is read; contract §3.4. `history` and `attempts` keep the first ten and the last ninety entries. */
export interface RunRecord {
  readonly id: string;
  readonly taskId: string;
  readonly occurrence: number;
  readonly state: RunState;
  readonly priority: number;
  readonly createdAt: number;
  readonly scheduledAt: number;
  readonly lastStateChangeAt: number;
  readonly wakeAt?: number;
  readonly attemptCount: number;
  readonly failedAttempts: number;
  readonly lostAttempts: number;
  readonly currentAttemptId?: string;
  readonly lease?: LeaseRecord;
  readonly continuedFrom?: string;
  readonly continuedTo?: string;
  readonly retryOf?: string;
  /** The run that took this one's place by `retryRun`. */
  readonly retriedBy?: string;
  readonly reason?: string;
  /** Input and type of a run that continues another; absent: those of the task. */
  readonly input?: Payload;
  readonly type?: string;
  /** Value given to `resumeRun`, until the next attempt ends. */
  readonly resumedWith?: Payload;
  /** Latest progress that was reported. */
  readonly progress?: Payload;
  readonly historyCount: number;
  readonly history: readonly HistoryEntry[];
  readonly attempts: readonly AttemptRecord[];
  readonly steps: readonly StepRecord[];
  readonly waits: readonly WaitRecord[];
  readonly signals: readonly SignalRecord[];
  /** Answers that wait for their wait to begin. */
  readonly answers?: readonly AnswerRecord[];
  /** What its successor begins with, from `RunContinued`, while that run does not exist. */
  readonly continuation?: Continuation;
}

/**
 * All there is to a run that was created, perhaps made ready, and nothing else: no reason, no lease, no attempt. Most
 * runs of a snapshot are like that.
 */
export interface PlainRun extends Pick<
  RunRecord,
  'id' | 'taskId' | 'occurrence' | 'state' | 'priority' | 'createdAt' | 'scheduledAt' | 'lastStateChangeAt'
> {
  /** `scheduled` or `ready`. */
  readonly state: RunState;
  readonly createdSequence: number | undefined;
  readonly stateSequence: number | undefined;
}

/** A run as a snapshot saves it: as it is read, with what orders it among others. */
export interface SavedRun extends RunRecord {
  /** Sequence of its `RunCreated`; orders the runs of a task. */
  readonly createdSequence?: number;
  /** Sequence of its last change of state; orders the runs in one state. */
  readonly stateSequence?: number;
}
