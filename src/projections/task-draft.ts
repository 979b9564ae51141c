// The record of a task that a snapshot is written from: one object that is filled anew for each row; see
// `run-draft.ts`.
import type { SavedTask, TaskCounts } from '../domain/nouns.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  NONE,
  type TaskSpec,
} from '../domain/task.js';
import type { TaskRow } from './rows.js';
import { policyOf } from './task-record.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
/** As in `run-draft.ts`. */
type Draft<T> = { -readonly [K in keyof Required<T>]: T[K] | undefined };

/** Makes records of tasks, equal to those of `savedTask`; each is valid until the next is made. */
export class TaskDraft {
  readonly #spec: Draft<TaskSpec> = emptySpec();
  readonly #counts: Writable<TaskCounts> = {
    created: 0,
    completed: 0,
    failed: 0,
    canceled: 0,
    skipped: 0,
    derived: 0,
  };
  readonly #record: Draft<SavedTask> = {
    spec: this.#spec as TaskSpec,
    createdAt: undefined,
    counts: this.#counts,
    canceledAt: undefined,
    cancelReason: undefined,
    derivedThroughAt: undefined,
    createdSequence: undefined,
  };

  /** The record of a row. */
  fill(row: TaskRow): SavedTask {
    this.#fillSpec(row);
    const { extra, createdSequence } = row;
    const counts = this.#counts;
    counts.created = row.created;
    counts.completed = row.completed;
    counts.failed = row.failed;
    counts.canceled = row.canceled;
    counts.skipped = row.skipped;
    counts.derived = row.derived;
    const record = this.#record;
    record.createdAt = row.createdAt;
    record.canceledAt = extra?.canceledAt;
    record.cancelReason = extra?.cancelReason;
    record.derivedThroughAt = extra?.derivedThroughAt;
    record.createdSequence = createdSequence > 0 ? createdSequence : undefined;
    return record as SavedTask;
  }

  #fillSpec(row: TaskRow): void {
    const spec = this.#spec;
    const { shape, extra } = row;
    spec.id = row.id;
    spec.type = shape.type;
    spec.input = row.input;
    spec.contentType = shape.contentType;
    spec.policy = policyOf(row);
    spec.constraints = shape.constraints;
    spec.metadata = shape.metadata;
    spec.parentId = extra?.parentId;
    spec.tenantId = shape.tenantId;
    spec.dependsOn = extra?.dependsOn ?? NONE;
    spec.budgets = shape.budgets;
  }
}

function emptySpec(): Draft<TaskSpec> {
  return {
    id: '',
    type: '',
    input: undefined,
    contentType: undefined,
    policy: DEFAULT_POLICY,
    constraints: DEFAULT_CONSTRAINTS,
    metadata: DEFAULT_METADATA,
    parentId: undefined,
    tenantId: undefined,
    dependsOn: NONE,
    budgets: NONE,
  };
}
