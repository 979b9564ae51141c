// Run rows as callers and snapshots see them: deeply frozen records, made when asked for.
import { NONE } from '../domain/task.js';
import type { RunRecord, SavedRun } from '../domain/run.js';
import { freezeDeep } from './freeze.js';
import { attemptRecord, type RunDetail, type RunRow } from './rows.js';
import { historyCountOf, historyOf } from './run-history.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A run as it is read. */
export function runRecord(row: RunRow): RunRecord {
  return Object.freeze(writableRecord(row));
}

/** A run as a snapshot saves it. */
export function savedRun(row: RunRow): SavedRun {
  const saved: Writable<SavedRun> = writableRecord(row);
  if (row.createdSequence > 0) saved.createdSequence = row.createdSequence;
  if (row.stateSequence > 0) saved.stateSequence = row.stateSequence;
  return Object.freeze(saved);
}

function writableRecord(row: RunRow): Writable<RunRecord> {
  const { detail } = row;
  const record: Writable<RunRecord> = {
    id: row.id,
    taskId: row.task.id,
    occurrence: row.occurrence,
    state: row.state,
    priority: row.priority,
    createdAt: row.createdAt,
    scheduledAt: row.scheduledAt,
    lastStateChangeAt: row.lastStateChangeAt,
    attemptCount: row.attemptCount,
    failedAttempts: row.failedAttempts,
    lostAttempts: row.lostAttempts,
    historyCount: historyCountOf(row),
    history: freezeDeep(historyOf(row)),
    attempts: NONE,
    steps: NONE,
    waits: NONE,
    signals: NONE,
  };
  if (detail !== undefined) addDetail(record, detail);
  return record;
}

function addDetail(record: Writable<RunRecord>, detail: RunDetail): void {
  if (detail.wakeAt !== undefined) record.wakeAt = detail.wakeAt;
  if (detail.open !== undefined) record.currentAttemptId = detail.open.id;
  if (detail.lease !== undefined) record.lease = Object.freeze(detail.lease);
  if (detail.continuedFrom !== undefined) record.continuedFrom = detail.continuedFrom;
  if (detail.continuedTo !== undefined) record.continuedTo = detail.continuedTo;
  if (detail.retryOf !== undefined) record.retryOf = detail.retryOf;
  if (detail.retriedBy !== undefined) record.retriedBy = detail.retriedBy;
  if (detail.reason !== undefined) record.reason = detail.reason;
  if (detail.input !== undefined) record.input = detail.input;
  if (detail.taskType !== undefined) record.type = detail.taskType;
  if (detail.resumedWith !== undefined) record.resumedWith = detail.resumedWith;
  if (detail.progress !== undefined) record.progress = detail.progress;
  if (detail.attempts.length > 0) record.attempts = freezeDeep(detail.attempts.map(attemptRecord));
  if (detail.steps !== undefined) record.steps = freezeDeep([...detail.steps.values()]);
  if (detail.waits !== undefined) record.waits = freezeDeep([...detail.waits.values()]);
  if (detail.signals !== undefined) record.signals = freezeDeep([...detail.signals]);
  if (detail.continuation !== undefined) record.continuation = detail.continuation;
  if (detail.answers !== undefined) record.answers = freezeDeep([...detail.answers.values()]);
}
