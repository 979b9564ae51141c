// The record of a run that a snapshot is written from: one object that is filled anew for each row. A record of its own
// for each of a million rows is a gigabyte of garbage, and each collection of it stops the engine the longer, the
// more it holds.
import type { AttemptRecord, SavedRun } from '../domain/run.js';
import { NONE } from '../domain/task.js';
import { attemptRecord, RunDetail, type AttemptRow, type RunRow } from './rows.js';
import { HistoryDraft } from './run-history.js';

/**
 * All fields are there from the start, so that the object has one shape. Times begin as `undefined`: a field that only
 * ever held numbers is kept as a bare one, and V8 makes an object of it each time that it is passed on.
 */
type Draft<T> = { -readonly [K in keyof Required<T>]: T[K] | undefined };

/** What a row without a detail has. */
const NO_DETAIL = new RunDetail();

/** Makes records of runs, equal to those of `savedRun`; each is valid until the next is made. */
export class RunDraft {
  readonly #record: Draft<SavedRun> = emptyRun();
  readonly #history = new HistoryDraft();
  readonly #attempt: Draft<AttemptRecord> = emptyAttempt();
  readonly #attempts: readonly AttemptRecord[] = [this.#attempt as AttemptRecord];

  /** The record of a row. */
  fill(row: RunRow): SavedRun {
    const record = this.#record;
    const { detail, createdSequence, stateSequence } = row;
    record.id = row.id;
    record.taskId = row.task.id;
    record.occurrence = row.occurrence;
    record.state = row.state;
    record.priority = row.priority;
    record.createdAt = row.createdAt;
    record.scheduledAt = row.scheduledAt;
    record.lastStateChangeAt = row.lastStateChangeAt;
    record.attemptCount = row.attemptCount;
    record.failedAttempts = row.failedAttempts;
    record.lostAttempts = row.lostAttempts;
    record.createdSequence = createdSequence > 0 ? createdSequence : undefined;
    record.stateSequence = stateSequence > 0 ? stateSequence : undefined;
    record.history = this.#history.of(row);
    record.historyCount = detail?.history === undefined ? record.history.length : detail.historyCount;
    this.#fillDetail(detail ?? NO_DETAIL);
    return record as SavedRun;
  }

  #fillDetail(detail: RunDetail): void {
    const record = this.#record;
    record.wakeAt = detail.wakeAt;
    record.currentAttemptId = detail.open?.id;
    record.lease = detail.lease;
    record.continuedFrom = detail.continuedFrom;
    record.continuedTo = detail.continuedTo;
    record.retryOf = detail.retryOf;
    record.retriedBy = detail.retriedBy;
    record.reason = detail.reason;
    record.input = detail.input;
    record.type = detail.taskType;
    record.resumedWith = detail.resumedWith;
    record.progress = detail.progress;
    record.attempts = this.#attemptsOf(detail);
    record.steps = detail.steps === undefined ? NONE : [...detail.steps.values()];
    record.waits = detail.waits === undefined ? NONE : [...detail.waits.values()];
    record.signals = detail.signals ?? NONE;
    record.continuation = detail.continuation;
    record.answers = detail.answers === undefined ? undefined : [...detail.answers.values()];
  }

  /** Most runs that were claimed have one attempt. */
  #attemptsOf({ attempts }: RunDetail): readonly AttemptRecord[] {
    const first = attempts[0];
    if (first === undefined) return NONE;
    if (attempts.length > 1) return attempts.map(attemptRecord);
    this.#fillAttempt(first);
    return this.#attempts;
  }

  #fillAttempt(row: AttemptRow): void {
    const attempt = this.#attempt;
    attempt.id = row.id;
    attempt.number = row.number;
    attempt.startedAt = row.startedAt;
    attempt.finishedAt = row.finishedAt;
    attempt.owner = row.owner;
    attempt.result = row.result;
    attempt.error = row.error;
    attempt.output = row.output;
    attempt.refused = row.refused ? true : undefined;
  }
}

function emptyRun(): Draft<SavedRun> {
  return {
    id: '',
    taskId: '',
    occurrence: 0,
    state: 'scheduled',
    priority: 0,
    createdAt: undefined,
    scheduledAt: undefined,
    lastStateChangeAt: undefined,
    attemptCount: 0,
    failedAttempts: 0,
    lostAttempts: 0,
    createdSequence: undefined,
    stateSequence: undefined,
    historyCount: 1,
    history: NONE,
    wakeAt: undefined,
    currentAttemptId: undefined,
    lease: undefined,
    continuedFrom: undefined,
    continuedTo: undefined,
    retryOf: undefined,
    retriedBy: undefined,
    reason: undefined,
    input: undefined,
    type: undefined,
    resumedWith: undefined,
    progress: undefined,
    attempts: NONE,
    steps: NONE,
    waits: NONE,
    signals: NONE,
    continuation: undefined,
    answers: undefined,
  };
}

function emptyAttempt(): Draft<AttemptRecord> {
  return {
    id: '',
    number: 1,
    startedAt: undefined,
    finishedAt: undefined,
    owner: '',
    result: undefined,
    error: undefined,
    output: undefined,
    refused: undefined,
  };
}
