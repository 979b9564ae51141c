// A run's record, carried forward by its events. The projection shows a run only as it is after a whole commit,
// and may be commits ahead of an observer that is behind; a view owes its observers every state in between. So
// a view folds the events of the runs that are watched by itself; a test keeps it equal to the projection.
import type { PawlEvent } from '../domain/events.js';
import { KEPT_FIRST, KEPT_LAST } from '../domain/limits.js';
import type {
  AnswerRecord,
  AttemptRecord,
  Continuation,
  HistoryEntry,
  LeaseRecord,
  RunRecord,
  SignalRecord,
  StepRecord,
  WaitRecord,
} from '../domain/run.js';
import { isTerminal } from '../domain/run-state.js';
import { freezeDeep } from '../projections/freeze.js';

/** A record whose fields can be set, and unset with `undefined`. */
type Draft<T> = { -readonly [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };

/** Events that say something about one run that exists. */
export type RunEvent = Extract<PawlEvent, { readonly runId: string }>;

/** The record of a run that was just created. */
export function createdRecord(event: PawlEvent<'RunCreated'>): RunRecord {
  return finished<RunRecord>({
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
    history: [{ to: 'scheduled', at: event.at }],
    attempts: [],
    steps: [],
    waits: [],
    signals: [],
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
    return finished<RunRecord>(this.#run);
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
    switch (event.type) {
      case 'ProgressReported':
        run.progress = event.value;
        return true;
      case 'StepRecorded':
        run.steps = [
          ...run.steps,
          finished<StepRecord>({
            name: event.name,
            attemptId: event.attemptId,
            at: event.at,
            output: event.output,
          }),
        ];
        return true;
      case 'WaitStarted':
        this.#startWait(event);
        return true;
      case 'WaitEnded':
        this.#endWait(event);
        return true;
      case 'RunSignaled':
        run.signals = [
          ...run.signals,
          finished<SignalRecord>({ key: event.key, at: event.at, payload: event.payload }),
        ];
        return true;
      default:
        return false;
    }
  }

  #changeState(event: PawlEvent<'RunStateChanged'>): void {
    const run = this.#run;
    run.state = event.to;
    run.lastStateChangeAt = event.at;
    run.reason = event.to === 'suspended' || isTerminal(event.to) ? event.reason : undefined;
    run.wakeAt = event.to === 'retryWait' ? event.wakeAt : undefined;
    const entry = finished<HistoryEntry>({
      from: event.from,
      to: event.to,
      at: event.at,
      reason: event.reason,
    });
    run.history = kept([...run.history, entry]);
    run.historyCount++;
  }

  #continueAsNew(event: PawlEvent<'RunContinued'>): boolean {
    const run = this.#run;
    if (run.continuedTo === event.successorRunId) return false;
    run.continuedTo = event.successorRunId;
    run.continuation = finished<Continuation>({ input: event.input, type: event.taskType });
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
    const { name, wait, at } = event;
    const answer = run.answers?.find((given) => given.name === name);
    const begun: WaitRecord = { name, wait, attemptId: run.currentAttemptId ?? '', startedAt: at };
    run.waits = [
      ...run.waits,
      answer === undefined ? begun : finished<WaitRecord>({ ...begun, endedAt: at, value: answer.value }),
    ];
    const answers = run.answers?.filter((given) => given !== answer);
    run.answers = answers?.length === 0 ? undefined : answers;
  }

  #endWait(event: PawlEvent<'WaitEnded'>): void {
    const run = this.#run;
    const { name, at, value } = event;
    if (run.waits.some((wait) => wait.name === name)) {
      run.waits = run.waits.map((wait) => (wait.name === name ? endedWait(wait, event) : wait));
    } else {
      run.answers = [...(run.answers ?? []), finished<AnswerRecord>({ name, at, value })];
    }
  }

  #startAttempt(event: PawlEvent<'AttemptStarted'>): void {
    const run = this.#run;
    run.attemptCount = event.number;
    run.currentAttemptId = event.attemptId;
    const attempt: AttemptRecord = {
      id: event.attemptId,
      number: event.number,
      startedAt: event.at,
      owner: event.owner,
    };
    run.attempts = kept([...run.attempts, attempt]);
  }

  #finishAttempt(event: PawlEvent<'AttemptFinished'>): void {
    const run = this.#run;
    run.currentAttemptId = undefined;
    run.resumedWith = undefined;
    if (event.result === 'failure' || event.result === 'timeout') run.failedAttempts++;
    if (event.result === 'lost' && event.error?.code !== 'SHUTDOWN') run.lostAttempts++;
    run.attempts = run.attempts.map((attempt) =>
      attempt.id === event.attemptId ? endedAttempt(attempt, event) : attempt,
    );
  }
}

function leaseAfter(
  lease: LeaseRecord | undefined,
  event: PawlEvent<'LeaseAcquired' | 'LeaseHeartbeat'>,
): LeaseRecord {
  const acquiredAt = event.type === 'LeaseAcquired' ? event.at : (lease?.acquiredAt ?? event.at);
  return { owner: event.owner, expiryAt: event.expiryAt, acquiredAt, updatedAt: event.at };
}

function endedAttempt(attempt: AttemptRecord, event: PawlEvent<'AttemptFinished'>): AttemptRecord {
  const { result, error, output } = event;
  return finished<AttemptRecord>({ ...attempt, finishedAt: event.at, result, error, output });
}

function endedWait(wait: WaitRecord, event: PawlEvent<'WaitEnded'>): WaitRecord {
  const timedOut = event.timedOut === true ? true : undefined;
  return finished<WaitRecord>({ ...wait, endedAt: event.at, value: event.value, timedOut });
}

/** The first ten and the last ninety. */
function kept<T>(items: T[]): T[] {
  if (items.length > KEPT_FIRST + KEPT_LAST) items.splice(KEPT_FIRST, 1);
  return items;
}

/** The record without the fields that are unset, frozen. */
function finished<T extends object>(draft: Draft<T>): T {
  const record: Partial<Draft<T>> = {};
  for (const key of Object.keys(draft) as (keyof T)[]) {
    if (draft[key] !== undefined) record[key] = draft[key];
  }
  return freezeDeep(record as T);
}
