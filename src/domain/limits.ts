// Every limit of Pawl, by name with its unit, and its default. Nothing grows without one of these.

/** Limits an orchestrator may be opened with; each has a default and a typed refusal. */
export interface Limits {
  /** Bytes of one payload → `PAYLOAD_TOO_LARGE`. */
  readonly maxPayloadBytes: number;
  /** Nesting of a payload value → `PAYLOAD_NOT_SERIALIZABLE`. */
  readonly maxPayloadDepth: number;
  /** Bytes of one frame of the journal → `COMMIT_TOO_LARGE`. */
  readonly maxFrameBytes: number;
  /** Events of one commit → `COMMIT_TOO_LARGE`. */
  readonly maxCommitEvents: number;
  /** Bytes after which a segment is closed and the next one begun. */
  readonly segmentBytes: number;
  /** Bytes of zeros that are written ahead of the log at a time, so that an fsync is quicker; 0: none. */
  readonly preallocateBytes: number;
  /** Bytes of the file that is given up on a full disk, so that what was admitted can end; 0: none. */
  readonly reserveBytes: number;
  /**
   * Runs that are not terminal when a submission is decided → `OVERLOADED`. Submissions that are not durable yet do
   * not count, so those of the batches in flight may pass it together; nor do the runs that policies derive later.
   */
  readonly maxPendingRuns: number;
  /** Commands that are not answered, those that wait for the answer to their `commandId` included → `OVERLOADED`. */
  readonly maxQueuedCommands: number;
  /** Bytes of commits that wait for the journal → `OVERLOADED`. */
  readonly maxQueuedBytes: number;
  /** Run ids that a `submit` returns; `runCount` has the number of all. */
  readonly maxReturnedRunIds: number;
  /** Items of one `submitMany` → `LIMIT_EXCEEDED`. */
  readonly maxSubmitMany: number;
  /** Prerequisites of a task → `INVALID_INPUT`. */
  readonly maxDependsOn: number;
  /** Levels of a hierarchy, the root being the first → `HIERARCHY_TOO_DEEP`. */
  readonly maxHierarchyDepth: number;
  /** Children of one task, those of the batches in flight not counted → `LIMIT_EXCEEDED`. */
  readonly maxChildren: number;
  /** Tags of a task → `INVALID_INPUT`. */
  readonly maxTags: number;
  /** Non-terminal runs of a `repeat` task that exist at a time. */
  readonly repeatWindow: number;
  /** Runs and tasks that one reaction commit settles; each is up to four events. */
  readonly reactionBatch: number;
  /** `commandId`s that are remembered. */
  readonly commandWindow: number;
  /** How long a `commandId` is remembered, milliseconds. */
  readonly commandWindowMs: number;
  /** Ids of pruned tasks and of pruned runs that are remembered. */
  readonly prunedWindow: number;
  /** Bytes of rows that changed while a snapshot was being written → it is given up, `LIMIT_EXCEEDED`, and tried again. */
  readonly snapshotBeforeImageBytes: number;
  /** xstate actors that follow runs → `LIMIT_EXCEEDED`. */
  readonly maxLiveActors: number;
  /** Open cursors of `events()` → `LIMIT_EXCEEDED`. */
  readonly maxCursors: number;
  /** `result()`s that wait → `LIMIT_EXCEEDED`. */
  readonly maxWaitingResults: number;
  /** Subscriptions to events, runs and tasks that are open → `LIMIT_EXCEEDED`. */
  readonly maxSubscribers: number;
  /** `idle()`s that wait, and as many `cancelTask`s with `wait` → `LIMIT_EXCEEDED`. */
  readonly maxWaitingCalls: number;
  /** Emissions an observer feed may be behind before it reads from the journal. */
  readonly emitBacklog: number;
  /** Ids that `idle()` lists per reason. */
  readonly maxReportedIds: number;
}

/** Limits of which 0 means: none. */
export const MAY_BE_ZERO: ReadonlySet<keyof Limits> = new Set(['preallocateBytes', 'reserveBytes']);

/** The defaults of contract §11. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxPayloadBytes: 1_048_576,
  maxPayloadDepth: 64,
  maxFrameBytes: 16_777_216,
  maxCommitEvents: 10_000,
  segmentBytes: 67_108_864,
  preallocateBytes: 1_048_576,
  reserveBytes: 8_388_608,
  maxPendingRuns: 10_000_000,
  maxQueuedCommands: 10_000,
  maxQueuedBytes: 67_108_864,
  maxReturnedRunIds: 1_000,
  maxSubmitMany: 10_000,
  maxDependsOn: 1_000,
  maxHierarchyDepth: 8,
  maxChildren: 100_000,
  maxTags: 32,
  repeatWindow: 1_000,
  reactionBatch: 256,
  commandWindow: 100_000,
  commandWindowMs: 86_400_000,
  prunedWindow: 100_000,
  snapshotBeforeImageBytes: 268_435_456,
  maxLiveActors: 1_000,
  maxCursors: 100,
  maxWaitingResults: 100_000,
  maxSubscribers: 200_000,
  maxWaitingCalls: 10_000,
  emitBacklog: 10_000,
  maxReportedIds: 100,
});

/** Attempts and history entries of a run that its record keeps: the first ten and the last ninety. */
export const KEPT_FIRST = 10;
/** See `KEPT_FIRST`. */
export const KEPT_LAST = 90;
/** Longest timer that is armed, milliseconds; a later moment is approached in steps. */
export const TIMER_HORIZON_MS = 60_000;
/** Dimensions that an attempt may consume in before they are written: each is an event, for every level of tasks. */
export const MAX_DIMENSIONS = 256;
