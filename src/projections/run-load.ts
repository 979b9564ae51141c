// From a snapshot's record back to a run row. What the record leaves out is what follows from the rest.
import type { PlainRun, SavedRun } from '../domain/run.js';
import { AttemptRow, RunDetail, RunRow, type TaskRow } from './rows.js';
import { isTerminal } from '../domain/run-state.js';
import { isImplied, setHistory, settleHistory } from './run-history.js';
import { earliestUntilAt } from './wait-times.js';

/** The row of a run that has nothing but its head; it is in no list yet. */
export function loadPlainRun(run: PlainRun, task: TaskRow): RunRow {
  const row = new RunRow(run.id, task, run.occurrence, run.createdAt, run.scheduledAt, run.priority);
  row.state = run.state;
  row.lastStateChangeAt = run.lastStateChangeAt;
  row.createdSequence = run.createdSequence ?? 0;
  row.stateSequence = run.stateSequence ?? 0;
  return row;
}

/** The row of a record; it is in no list yet. */
export function loadRun(record: SavedRun, task: TaskRow): RunRow {
  const row = new RunRow(
    record.id,
    task,
    record.occurrence,
    record.createdAt,
    record.scheduledAt,
    record.priority,
  );
  row.state = record.state;
  row.lastStateChangeAt = record.lastStateChangeAt;
  row.attemptCount = record.attemptCount;
  row.failedAttempts = record.failedAttempts;
  row.lostAttempts = record.lostAttempts;
  row.createdSequence = record.createdSequence ?? 0;
  row.stateSequence = record.stateSequence ?? 0;
  const implied = isImplied(row, record.history, record.historyCount);
  if (implied && !hasDetail(record)) return row;
  row.detail = loadDetail(record);
  if (implied) return row;
  setHistory(row.detail, record.history, record.historyCount);
  if (isTerminal(row.state)) settleHistory(row);
  return row;
}

function hasDetail(record: SavedRun): boolean {
  return (
    record.attempts.length > 0 ||
    record.steps.length > 0 ||
    record.waits.length > 0 ||
    record.signals.length > 0 ||
    record.answers !== undefined ||
    record.wakeAt !== undefined ||
    record.lease !== undefined ||
    record.continuedFrom !== undefined ||
    record.continuedTo !== undefined ||
    record.retryOf !== undefined ||
    record.retriedBy !== undefined ||
    record.reason !== undefined ||
    record.input !== undefined ||
    record.type !== undefined ||
    record.resumedWith !== undefined ||
    record.progress !== undefined ||
    record.continuation !== undefined
  );
}

function loadDetail(record: SavedRun): RunDetail {
  const detail = new RunDetail();
  detail.wakeAt = record.wakeAt;
  detail.lease = record.lease;
  detail.continuedFrom = record.continuedFrom;
  detail.continuedTo = record.continuedTo;
  detail.retryOf = record.retryOf;
  detail.retriedBy = record.retriedBy;
  detail.reason = record.reason;
  detail.input = record.input;
  detail.taskType = record.type;
  detail.resumedWith = record.resumedWith;
  detail.progress = record.progress;
  detail.continuation = record.continuation;
  detail.attempts = record.attempts.map((saved) => {
    const attempt = new AttemptRow(saved.id, saved.number, saved.startedAt, saved.owner);
    attempt.finishedAt = saved.finishedAt;
    attempt.result = saved.result;
    attempt.error = saved.error;
    attempt.output = saved.output;
    attempt.refused = saved.refused ?? false;
    return attempt;
  });
  detail.open = detail.attempts.find((attempt) => attempt.id === record.currentAttemptId);
  if (record.steps.length > 0) detail.steps = byName(record.steps);
  if (record.waits.length > 0) detail.waits = byName(record.waits);
  if (record.answers !== undefined) detail.answers = byName(record.answers);
  if (record.signals.length > 0) detail.signals = [...record.signals];
  detail.waitUntilAt = earliestUntilAt(detail.waits);
  return detail;
}

function byName<R extends { readonly name: string }>(records: readonly R[]): Map<string, R> {
  return new Map(records.map((record) => [record.name, record]));
}
