// Attempts: one at a time, begun in `running`, ended by its own id. Losses that close() caused are not counted,
// and neither suspension nor cancellation uses an attempt up.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { Fold } from './fold.js';
import { refusal } from './refusal.js';
import { AttemptRow, type RunDetail, type RunRow } from './rows.js';
import { detailOf, keepEnds } from './run-history.js';
import type { Runs } from './runs.js';

/** Code of the error of an attempt that close() ended. */
const SHUTDOWN = 'SHUTDOWN';

/** Folds attempts, progress and steps into the runs. */
export class Attempts implements Fold {
  readonly handles: readonly EventType[] = [
    'AttemptStarted',
    'AttemptFinished',
    'AttemptRefused',
    'ProgressReported',
    'StepRecorded',
  ];
  readonly sections = [];

  constructor(private readonly runs: Runs) {}

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'AttemptStarted': {
        this.#start(event);
        return;
      }
      case 'AttemptFinished': {
        this.#finish(event);
        return;
      }
      case 'AttemptRefused': {
        this.#refuse(event);
        return;
      }
      case 'ProgressReported':
        detailOf(this.runs.change(event, event.runId)).progress = event.value;
        return;
      case 'StepRecorded': {
        this.#record(event);
        return;
      }
      default:
        return;
    }
  }

  #start(event: PawlEvent<'AttemptStarted'>): void {
    const row = this.runs.change(event, event.runId);
    const { runId, attemptId, number } = event;
    if (row.state !== 'running')
      throw refusal(event, 'attemptWrongState', { runId, attemptId, state: row.state });
    const detail = detailOf(row);
    if (detail.open !== undefined)
      throw refusal(event, 'attemptOpen', { runId, attemptId, open: detail.open.id });
    if (number !== row.attemptCount + 1) {
      throw refusal(event, 'attemptNumber', { runId, attemptId, number, expected: row.attemptCount + 1 });
    }
    if (attemptWith(detail, attemptId) !== undefined)
      throw refusal(event, 'attemptDuplicate', { runId, attemptId });
    const attempt = new AttemptRow(attemptId, number, event.at, event.owner);
    detail.open = attempt;
    detail.attempts.push(attempt);
    keepEnds(detail.attempts);
    row.attemptCount = number;
  }

  #finish(event: PawlEvent<'AttemptFinished'>): void {
    const row = this.runs.change(event, event.runId);
    const { detail } = row;
    const attempt = detail?.open;
    if (detail === undefined || attempt?.id !== event.attemptId) {
      throw refusal(event, 'attemptMismatch', {
        runId: row.id,
        attemptId: event.attemptId,
        open: attempt?.id ?? 'none',
      });
    }
    attempt.finishedAt = event.at;
    attempt.result = event.result;
    attempt.error = event.error;
    attempt.output = event.output;
    detail.open = undefined;
    detail.resumedWith = undefined;
    countResult(row, event);
  }

  #refuse(event: PawlEvent<'AttemptRefused'>): void {
    const row = this.runs.change(event, event.runId);
    const attempt = row.detail === undefined ? undefined : attemptWith(row.detail, event.attemptId);
    if (attempt !== undefined) attempt.refused = true;
  }

  #record(event: PawlEvent<'StepRecorded'>): void {
    const row = this.runs.change(event, event.runId);
    const { runId, name, attemptId } = event;
    if (row.detail?.open?.id !== attemptId)
      throw refusal(event, 'attemptMismatch', { runId, attemptId, state: row.state });
    const steps = (row.detail.steps ??= new Map());
    if (steps.has(name)) throw refusal(event, 'stepDuplicate', { runId, name });
    const step = { name, attemptId, at: event.at };
    steps.set(name, event.output === undefined ? step : { ...step, output: event.output });
  }
}

function attemptWith(detail: RunDetail, attemptId: string): AttemptRow | undefined {
  for (let index = detail.attempts.length - 1; index >= 0; index--) {
    const attempt = detail.attempts[index];
    if (attempt?.id === attemptId) return attempt;
  }
  return undefined;
}

function countResult(row: RunRow, event: PawlEvent<'AttemptFinished'>): void {
  if (event.result === 'failure' || event.result === 'timeout') row.failedAttempts++;
  else if (event.result === 'lost' && event.error?.code !== SHUTDOWN) row.lostAttempts++;
}
