// The rows that the folds change in place: packed, because there is one for each task and run. Rows are
// internal; callers get frozen records (`task-record.ts`, `run-record.ts`). Absent is `undefined`; rarely
// used fields sit in an object of their own that most rows never get.
import type { Payload } from '../domain/payload.js';
import type {
  AnswerRecord,
  AttemptRecord,
  Continuation,
  ErrorRecord,
  LeaseRecord,
  SignalRecord,
  StepRecord,
  WaitRecord,
} from '../domain/run.js';
import type { AttemptResult } from '../domain/run.js';
import type { RunState } from '../domain/run-state.js';
import type { BudgetAllocation, Constraints, Policy, TaskMetadata } from '../domain/task.js';

/** What tasks of one kind share; interned, so that a million like tasks cost one. */
export interface TaskShape {
  readonly type: string;
  readonly contentType: string | undefined;
  /** The policy without its `startAt`. */
  readonly policy: Policy;
  readonly constraints: Constraints;
  readonly metadata: TaskMetadata;
  readonly tenantId: string | undefined;
  readonly budgets: readonly BudgetAllocation[];
  /** Name of the concurrency key, scoped by tenant; see `Keys`. */
  readonly key: string | undefined;
  /** The tasks of this shape. */
  readonly bucket: TaskBucket;
}

/** The tasks of one shape, in order of creation, and where the shape is listed. */
export class TaskBucket {
  first: TaskRow | undefined = undefined;
  last: TaskRow | undefined = undefined;
  /** Where the latest task stands that went to its place between others. */
  linked: TaskRow | undefined = undefined;
  tasks = 0;
  /** Increases from one enlisted bucket to the next. */
  order = 0;
  /** Places in the lists of its type, tenant and tags. */
  places: readonly BucketPlace[] = [];
}

/** A bucket's place in a list. */
export interface BucketPlace {
  readonly bucket: TaskBucket;
  readonly list: BucketList;
  next: BucketPlace | undefined;
  previous: BucketPlace | undefined;
}

/** The buckets with one type, tenant or tag. */
export class BucketList {
  first: BucketPlace | undefined = undefined;
  last: BucketPlace | undefined = undefined;
  tasks = 0;
  runs = 0;
}

/** Fields that few tasks have. */
export interface TaskExtra {
  canceledAt: number | undefined;
  cancelReason: string | undefined;
  parent: TaskRow | undefined;
  /** Id of the parent, kept when the parent is pruned. */
  parentId: string | undefined;
  children: Set<TaskRow> | undefined;
  dependsOn: readonly string[];
  /** Time of the policy's latest settled occurrence, from `PolicyAdvanced`. */
  derivedThroughAt: number | undefined;
  /** Neighbours among the canceled tasks. */
  nextCanceled: TaskRow | undefined;
  previousCanceled: TaskRow | undefined;
}

/** A task. Counts are of chains (contract §1). */
export class TaskRow {
  /** See `RowTable`. */
  capturedIn = 0;
  created = 0;
  completed = 0;
  failed = 0;
  canceled = 0;
  skipped = 0;
  /** Occurrences 0 … derived−1 are created or skipped. */
  derived = 0;
  /** Runs of the task whose state is not terminal. */
  openRuns = 0;
  /** First and last of the runs, linked by `nextOfTask`, in order of creation. */
  firstRun: RunRow | undefined = undefined;
  lastRun: RunRow | undefined = undefined;
  extra: TaskExtra | undefined = undefined;
  /** `startAt` of the policy, when one was given. */
  startAt: number | undefined = undefined;
  /** Sequence of the `TaskCreated`. */
  createdSequence = 0;
  /** Neighbours among the tasks of the same shape, in order of creation. */
  nextOfShape: TaskRow | undefined = undefined;
  previousOfShape: TaskRow | undefined = undefined;

  constructor(
    readonly id: string,
    readonly shape: TaskShape,
    readonly input: Payload | undefined,
    readonly createdAt: number,
  ) {}
}

/** An attempt. */
export class AttemptRow {
  finishedAt: number | undefined = undefined;
  result: AttemptResult | undefined = undefined;
  error: ErrorRecord | undefined = undefined;
  output: Payload | undefined = undefined;
  /** True once a refused late result was recorded for it. */
  refused = false;

  constructor(
    readonly id: string,
    readonly number: number,
    readonly startedAt: number,
    readonly owner: string,
  ) {}
}

/** Fields a run has from its first claim on, or when it is unusual. */
export class RunDetail {
  wakeAt: number | undefined = undefined;
  lease: LeaseRecord | undefined = undefined;
  continuedFrom: string | undefined = undefined;
  continuedTo: string | undefined = undefined;
  retryOf: string | undefined = undefined;
  /** Id of the run that took this one's place by `retryRun`. */
  retriedBy: string | undefined = undefined;
  reason: string | undefined = undefined;
  input: Payload | undefined = undefined;
  taskType: string | undefined = undefined;
  resumedWith: Payload | undefined = undefined;
  progress: Payload | undefined = undefined;
  /** The open attempt. */
  open: AttemptRow | undefined = undefined;
  /** First ten and last ninety attempts. */
  attempts: AttemptRow[] = [];
  /**
   * First ten and last ninety entries, two numbers each, packed by `run-history.ts`; `undefined` while they follow
   * from the row itself.
   */
  history: number[] | undefined = undefined;
  historyCount = 1;
  /** Reasons of history entries, by the number of the entry among all there ever were. */
  historyReasons: Map<number, string> | undefined = undefined;
  steps: Map<string, StepRecord> | undefined = undefined;
  waits: Map<string, WaitRecord> | undefined = undefined;
  signals: SignalRecord[] | undefined = undefined;
  /** Input and type of the successor, from `RunContinued`, while that run does not exist. */
  continuation: Continuation | undefined = undefined;
  /** Answers that came before their wait began. */
  answers: Map<string, AnswerRecord> | undefined = undefined;
  /** Earliest moment at which an open wait is over. */
  waitUntilAt: number | undefined = undefined;
  /** Place in the heap of expiries, or −1. */
  expiryIndex = -1;
}

/** A run. */
export class RunRow {
  /** See `RowTable`. */
  capturedIn = 0;
  state: RunState = 'scheduled';
  lastStateChangeAt: number;
  attemptCount = 0;
  failedAttempts = 0;
  lostAttempts = 0;
  detail: RunDetail | undefined = undefined;
  nextOfTask: RunRow | undefined = undefined;
  previousOfTask: RunRow | undefined = undefined;
  /** Neighbours in the list of runs in the same state, in the order they entered it. */
  nextInState: RunRow | undefined = undefined;
  previousInState: RunRow | undefined = undefined;
  /** Place in the one heap the run is in (timers, ready queue or a key's waiters), or −1. */
  heapIndex = -1;
  /** Sequence of the `RunCreated`. */
  createdSequence = 0;
  /** Sequence of the last change of state. */
  stateSequence = 0;

  constructor(
    readonly id: string,
    readonly task: TaskRow,
    readonly occurrence: number,
    readonly createdAt: number,
    readonly scheduledAt: number,
    public priority: number,
  ) {
    this.lastStateChangeAt = createdAt;
  }
}

/** A row's attempt as a record. */
export function attemptRecord(row: AttemptRow): AttemptRecord {
  return Object.freeze({
    id: row.id,
    number: row.number,
    startedAt: row.startedAt,
    ...(row.finishedAt === undefined ? {} : { finishedAt: row.finishedAt }),
    owner: row.owner,
    ...(row.result === undefined ? {} : { result: row.result }),
    ...(row.error === undefined ? {} : { error: row.error }),
    ...(row.output === undefined ? {} : { output: row.output }),
    ...(row.refused ? { refused: true } : {}),
  });
}
