// Task rows as callers and snapshots see them: frozen records, in which the specification is put together again
// from the shape and the row.
import type { SavedTask, TaskCounts, TaskRecord } from '../domain/nouns.js';
import { NONE, type Policy, type TaskSpec } from '../domain/task.js';
import type { TaskRow } from './rows.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The specification of a task, equal to the one it was created with. */
export function specOf(row: TaskRow): TaskSpec {
  const { shape, extra } = row;
  const spec: Writable<TaskSpec> = {
    id: row.id,
    type: shape.type,
    policy: policyOf(row),
    constraints: shape.constraints,
    metadata: shape.metadata,
    dependsOn: extra?.dependsOn ?? NONE,
    budgets: shape.budgets,
  };
  if (row.input !== undefined) spec.input = row.input;
  if (shape.contentType !== undefined) spec.contentType = shape.contentType;
  if (extra?.parentId !== undefined) spec.parentId = extra.parentId;
  if (shape.tenantId !== undefined) spec.tenantId = shape.tenantId;
  return Object.freeze(spec);
}

/** A task as it is read. */
export function taskRecord(row: TaskRow): TaskRecord {
  return Object.freeze(writableRecord(row));
}

/** A task as a snapshot saves it. */
export function savedTask(row: TaskRow): SavedTask {
  const saved: Writable<SavedTask> = writableRecord(row);
  if (row.extra?.derivedThroughAt !== undefined) saved.derivedThroughAt = row.extra.derivedThroughAt;
  if (row.createdSequence > 0) saved.createdSequence = row.createdSequence;
  return Object.freeze(saved);
}

function writableRecord(row: TaskRow): Writable<TaskRecord> {
  const record: Writable<TaskRecord> = { spec: specOf(row), createdAt: row.createdAt, counts: countsOf(row) };
  if (row.extra?.canceledAt !== undefined) record.canceledAt = row.extra.canceledAt;
  if (row.extra?.cancelReason !== undefined) record.cancelReason = row.extra.cancelReason;
  return record;
}

function countsOf(row: TaskRow): TaskCounts {
  return Object.freeze({
    created: row.created,
    completed: row.completed,
    failed: row.failed,
    canceled: row.canceled,
    skipped: row.skipped,
    derived: row.derived,
  });
}

/** The policy of a task, with its `startAt`. */
export function policyOf(row: TaskRow): Policy {
  const { startAt } = row;
  return startAt === undefined ? row.shape.policy : Object.freeze({ ...row.shape.policy, startAt });
}
