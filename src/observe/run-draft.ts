// A run's record, carried forward by its events. The projection shows a run only as it is after a whole commit,
// and may be commits ahead of an observer that is behind; a view owes its observers every state in between. So
// a view folds the events of the runs that are watched by itself; a test keeps it equal to the projection.
import type { PawlEvent } from '../domain/events.js';
import { KEPT_FIRST, KEPT_LAST } from '../domain/limits.js';
import type { AttemptRecord, HistoryEntry, LeaseRecord, RunRecord, WaitRecord } from '../domain/run.js';
import { isTerminal } from '../domain/run-state.js';
import { NONE } from '../domain/task.js';
import { freezeDeep } from '../projections/freeze.js';

/** A record whose fields can be set, and unset with `undefined`. */
type Draft<T> = { -readonly [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };

/** Events that say something about one run that exists. */
export type RunEvent = Extract<PawlEvent, { readonly runId: string }>;

/** Code of the error of an attempt that close() ended; such a loss is not counted. */
const SHUTDOWN = 'SHUTDOWN';

/** The record of a run that was just created. */
export function createdRecord(event: PawlEvent<'RunCreated'>): RunRecord {
  return recordOf({
    id: event.runId,
    taskId: event.taskId,
    occurrence: event.occurrence,
    state: 'scheduled',
    priority: event.priority,
    createdAt: event.at,
    scheduledAt: event.scheduledAt,
    lastStateChangeAt: event.at,
    attemptCount: 0,
    failedAttempts: 0,
    lostAttempts: 0,
    continuedFrom: event.continuedFrom,
    retryOf: event.retryOf,
    input: event.input,
    type: event.taskType,
    historyCount: 1,
    history: appended<HistoryEntry>(NONE, Object.freeze({ to: 'scheduled', at: event.at })),
    attempts: NONE,
    steps: NONE,
    waits: NONE,
    signals: NONE,
  });
}

/** Carries a record forward. */
export class RunDraft {
  readonly #run: Draft<RunRecord>;

  constructor(record: RunRecord) {
    this.#run = { ...record };
  }

  /** The record, frozen. */
  record(): RunRecord {
    return recordOf(this.#run);
  }

  /** Applies an event of this run; returns false when the record does not show it. */
  apply(event: RunEvent): boolean {
    const run = this.#run;
    switch (event.type) {
      case 'RunStateChanged':
        this.#changeState(event);
        return true;
      case 'RunPriorityChanged':
        run.priority = event.priority;
        return true;
      case 'RunResumed':
        run.resumedWith = event.value;
        return true;
      case 'RunContinued':
        return this.#continueAsNew(event);
      case 'RunCreated':
        return this.#successorCreated(event);
      case 'AttemptStarted':
        this.#startAttempt(event);
        return true;
      case 'AttemptFinished':
        this.#finishAttempt(event);
        return true;
      case 'LeaseAcquired':
      case 'LeaseHeartbeat':
        run.lease = leaseAfter(run.lease, event);
        return true;
      case 'LeaseExpired':
      case 'LeaseReleased':
        run.lease = undefined;
        return true;
      default:
        return this.#applyProgress(event);
    }
  }

  #applyProgress(event: RunEvent): boolean {
    const run = this.#run;
    const { at } = event;
    switch (event.type) {
      case 'ProgressReported':
        run.progress = event.value;
        return true;
      case 'StepRecorded': {
        const { name, attemptId, output } = event;
        const step = { name, attemptId, at };
        run.steps = appended(run.steps, Object.freeze(output === undefined ? step : { ...step, output }));
        return true;
      }
      case 'WaitStarted':
        this.#startWait(event);
        return true;
      case 'WaitEnded':
        this.#endWait(event);
        return true;
      case 'RunSignaled': {
        const { key, payload } = event;
        run.signals = appended(
          run.signals,
          Object.freeze(payload === undefined ? { key, at } : { key, at, payload }),
        );
        return true;
      }
      default:
        return false;
    }
  }

  #changeState(event: PawlEvent<'RunStateChanged'>): void {
    const run = this.#run;
    const { from, to, at, reason } = event;
    run.state = to;
    run.lastStateChangeAt = at;
    run.reason = to === 'suspended' || isTerminal(to) ? reason : undefined;
    run.wakeAt = to === 'retryWait' ? event.wakeAt : undefined;
    run.history = kept(
      run.history,
      Object.freeze(reason === undefined ? { from, to, at } : { from, to, at, reason }),
    );
    run.historyCount++;
  }

  #continueAsNew(event: PawlEvent<'RunContinued'>): boolean {
    const run = this.#run;
    const { successorRunId, input, taskType: type } = event;
    if (run.continuedTo === successorRunId) return false;
    run.continuedTo = successorRunId;
    run.continuation = Object.freeze({
      ...(input === undefined ? {} : { input }),
      ...(type === undefined ? {} : { type }),
    });
    return true;
  }

  #successorCreated(event: PawlEvent<'RunCreated'>): boolean {
    const run = this.#run;
    if (event.continuedFrom !== run.id) return false;
    run.continuedTo = event.runId;
    run.continuation = undefined;
    return true;
  }

  #startWait(event: PawlEvent<'WaitStarted'>): void {
    const run = this.#run;
    const { name, at } = event;
    const answer = run.answers?.find((given) => given.name === name);
    const begun: WaitRecord = {
      name,
      wait: freezeDeep(event.wait),
      attemptId: run.currentAttemptId ?? '',
      startedAt: at,
    };
    const value = answer?.value;
    const ended = answer === undefined ? {} : { endedAt: at, ...(value === undefined ? {} : { value }) };
    run.waits = appended(run.waits, Object.freeze({ ...begun, ...ended }));
    if (answer === undefined) return;
    const answers = run.answers?.filter((given) => given !== answer) ?? [];
    run.answers = answers.length === 0 ? undefined : Object.freeze(answers);
  }

  #endWait(event: PawlEvent<'WaitEnded'>): void {
    const run = this.#run;
    const { name, at, value } = event;
    const given = value === undefined ? {} : { value };
    if (run.waits.some((wait) => wait.name === name)) {
      const end = { endedAt: at, ...given, ...(event.timedOut === true ? { timedOut: true } : {}) };
      run.waits = Object.freeze(
        run.waits.map((wait) => (wait.name === name ? Object.freeze({ ...wait, ...end }) : wait)),
      );
    } else {
      run.answers = appended(run.answers ?? NONE, Object.freeze({ name, at, ...given }));
    }
  }

  #startAttempt(event: PawlEvent<'AttemptStarted'>): void {
    const run = this.#run;
    const { attemptId: id, number, at: startedAt, owner } = event;
    run.attemptCount = number;
    run.currentAttemptId = id;
    run.attempts = kept(run.attempts, Object.freeze({ id, number, startedAt, owner }));
  }

  #finishAttempt(event: PawlEvent<'AttemptFinished'>): void {
    const run = this.#run;
    const { result, error, attemptId } = event;
    run.currentAttemptId = undefined;
    run.resumedWith = undefined;
    if (result === 'failure' || result === 'timeout') run.failedAttempts++;
    else if (result === 'lost' && error?.code !== SHUTDOWN) run.lostAttempts++;
    run.attempts = Object.freeze(
      run.attempts.map((attempt) => (attempt.id === attemptId ? endedAttempt(attempt, event) : attempt)),
    );
  }
}

function leaseAfter(
  lease: LeaseRecord | undefined,
  event: PawlEvent<'LeaseAcquired' | 'LeaseHeartbeat'>,
): LeaseRecord {
  const acquiredAt = event.type === 'LeaseAcquired' ? event.at : (lease?.acquiredAt ?? event.at);
  return Object.freeze({ owner: event.owner, expiryAt: event.expiryAt, acquiredAt, updatedAt: event.at });
}

function endedAttempt(attempt: AttemptRecord, event: PawlEvent<'AttemptFinished'>): AttemptRecord {
  const { id, number, startedAt, owner } = attempt;
  const { at: finishedAt, result, error, output } = event;
  const ended: Draft<AttemptRecord> = { id, number, startedAt, finishedAt, owner, result };
  if (error !== undefined) ended.error = freezeDeep(error);
  if (output !== undefined) ended.output = output;
  return Object.freeze(ended as AttemptRecord);
}

function appended<T>(items: readonly T[], item: T): readonly T[] {
  return Object.freeze([...items, item]);
}

/** The first ten and the last ninety, the new one included. */
function kept<T>(items: readonly T[], item: T): readonly T[] {
  const all = [...items, item];
  if (all.length > KEPT_FIRST + KEPT_LAST) all.splice(KEPT_FIRST, 1);
  return Object.freeze(all);
}

/** The record without the fields that are unset, frozen; what it holds is frozen already. */
function recordOf(run: Draft<RunRecord>): RunRecord {
  const record: Draft<RunRecord> = {
    id: run.id,
    taskId: run.taskId,
    occurrence: run.occurrence,
    state: run.state,
    priority: run.priority,
    createdAt: run.createdAt,
    scheduledAt: run.scheduledAt,
    lastStateChangeAt: run.lastStateChangeAt,
    attemptCount: run.attemptCount,
    failedAttempts: run.failedAttempts,
    lostAttempts: run.lostAttempts,
    historyCount: run.historyCount,
    history: run.history,
    attempts: run.attempts,
    steps: run.steps,
    waits: run.waits,
    signals: run.signals,
  };
  if (run.wakeAt !== undefined) record.wakeAt = run.wakeAt;
  if (run.currentAttemptId !== undefined) record.currentAttemptId = run.currentAttemptId;
  if (run.lease !== undefined) record.lease = run.lease;
  if (run.continuedFrom !== undefined) record.continuedFrom = run.continuedFrom;
  if (run.continuedTo !== undefined) record.continuedTo = run.continuedTo;
  if (run.retryOf !== undefined) record.retryOf = run.retryOf;
  if (run.retriedBy !== undefined) record.retriedBy = run.retriedBy;
  if (run.reason !== undefined) record.reason = run.reason;
  if (run.input !== undefined) record.input = run.input;
  if (run.type !== undefined) record.type = run.type;
  if (run.resumedWith !== undefined) record.resumedWith = run.resumedWith;
  if (run.progress !== undefined) record.progress = run.progress;
  if (run.answers !== undefined) record.answers = run.answers;
  if (run.continuation !== undefined) record.continuation = run.continuation;
  return Object.freeze(record as RunRecord);
}
