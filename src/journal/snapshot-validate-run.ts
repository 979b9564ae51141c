// The rules that a run in a snapshot must keep on its own (contract §9). History and attempts keep their first ten
// and last ninety entries, so between the tenth and the eleventh of a cut list nothing connects.
import { KEPT_FIRST, KEPT_LAST } from '../domain/limits.js';
import type { AttemptRecord, RunRecord } from '../domain/run.js';
import { isValidTransition } from '../machines/transition-table.js';
import { snapshotInvalid } from './snapshot-validate-refusal.js';

const KEPT = KEPT_FIRST + KEPT_LAST;

/** Checks one run. Errors: `SNAPSHOT_INVALID`. */
export function validateRun(run: RunRecord): void {
  if (run.history.length === 1 && run.historyCount === 1) checkOnlyEntry(run);
  else checkHistory(run);
  checkAttempts(run);
  if (run.lease !== undefined && run.state !== 'leased' && run.state !== 'running') {
    throw refuse(run, 'leaseState', { actual: run.state });
  }
}

function checkOnlyEntry(run: RunRecord): void {
  checkStart(run);
  if (run.state !== 'scheduled')
    throw refuse(run, 'historyEnd', { declared: run.state, actual: 'scheduled' });
}

function checkStart(run: RunRecord): void {
  const first = run.history[0];
  if (first?.from !== undefined || first?.to !== 'scheduled' || first.at !== run.createdAt) {
    throw refuse(run, 'historyStart', { declared: run.createdAt, actual: first?.at });
  }
}

function checkHistory(run: RunRecord): void {
  const { history, historyCount } = run;
  checkStart(run);
  if (history.length !== Math.min(historyCount, KEPT)) {
    throw refuse(run, 'historyBroken', { declared: historyCount, actual: history.length });
  }
  const cutAt = historyCount > KEPT ? KEPT_FIRST : -1;
  let state = history[0]?.to;
  for (let index = 1; index < history.length; index++) {
    const entry = history[index];
    if (entry?.from === undefined || (entry.from !== state && index !== cutAt)) {
      throw refuse(run, 'historyBroken', { declared: state, actual: entry?.from, index });
    }
    if (!isValidTransition(entry.from, entry.to)) {
      throw refuse(run, 'historyIllegal', { declared: entry.from, actual: entry.to, index });
    }
    state = entry.to;
  }
  if (state !== run.state) throw refuse(run, 'historyEnd', { declared: run.state, actual: state });
}

function checkAttempts(run: RunRecord): void {
  const { attempts, attemptCount, currentAttemptId } = run;
  if (attempts.length !== Math.min(attemptCount, KEPT)) {
    throw refuse(run, 'attemptCount', { declared: attemptCount, actual: attempts.length });
  }
  if (currentAttemptId !== undefined && run.state !== 'running') {
    throw refuse(run, 'activeAttempt', { attemptId: currentAttemptId, actual: run.state });
  }
  if (attempts.length === 0 && currentAttemptId === undefined) return;
  checkActive(run, attempts, currentAttemptId);
}

function checkActive(run: RunRecord, attempts: readonly AttemptRecord[], current: string | undefined): void {
  // Most runs have one attempt, and there are a million of them.
  const ids = attempts.length > 1 ? new Set<string>() : undefined;
  let listed = 0;
  const { length } = attempts;
  for (let index = 0; index < length; index++) {
    const attempt = attempts[index] as AttemptRecord;
    const open = attempt.finishedAt === undefined && attempt.result === undefined;
    if (attempt.id === current) listed++;
    // One that is open and not the current one, or the current one that is over, or listed again.
    if (open !== (attempt.id === current) || listed > 1)
      throw refuse(run, 'activeAttempt', { attemptId: attempt.id });
    if (ids?.has(attempt.id) === true) throw refuse(run, 'duplicateId', { attemptId: attempt.id });
    ids?.add(attempt.id);
  }
  if (current !== undefined && listed === 0) throw refuse(run, 'activeAttempt', { attemptId: current });
}

function refuse(
  run: RunRecord,
  rule: Parameters<typeof snapshotInvalid>[0],
  data: Readonly<Record<string, unknown>>,
): Error {
  return snapshotInvalid(rule, { section: 'runs', id: run.id, ...data });
}
