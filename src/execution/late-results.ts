// Results that come when their attempt is no longer open: never applied, and recorded as refused at most once an attempt.
import { decideRefusal, lateResult } from '../decisions/attempts.js';
import { isPawlError, type ErrorCode } from '../errors.js';
import type { RunRow } from '../projections/rows.js';
import { commitHeld, type EngineParts } from './engine-parts.js';

/** What a result is refused with when its attempt is no longer open. */
const LATE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'LEASE_LOST',
  'ATTEMPT_MISMATCH',
  'RUN_CANCELED',
  'RUN_UNKNOWN',
  'RUN_PRUNED',
]);

/** True for the refusal of a result that came too late. */
export function isLateResult(error: unknown): boolean {
  return isPawlError(error) && LATE_CODES.has(error.code);
}

/** Writes that the result of an attempt was refused; `decided` is called when that is queued, or was not needed. */
export function recordRefusal(
  parts: EngineParts,
  { row, attemptId }: { readonly row: RunRow; readonly attemptId: string },
  decided: () => void,
): void {
  const { context, locks, owner, state } = parts;
  const decide = (): void => {
    const current = state.runs.row(row.id);
    const finish = { attemptId, owner };
    const events =
      current === undefined ? [] : decideRefusal(current, finish, lateResult(current, finish).code);
    if (events.length === 0) locks.releaseOne(row.id);
    else {
      context.refresh();
      commitHeld(parts, [row.id], events, undefined, { insists: true });
    }
    decided();
  };
  if (locks.tryAcquireOne(row.id)) decide();
  else void locks.acquire([row.id]).then(decide);
}
