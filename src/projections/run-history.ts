// The history of a run: its changes of state, of which the first ten and the last ninety are kept. It is not
// stored while it follows from the row itself: created, and perhaps made ready without a reason.
import { KEPT_FIRST, KEPT_LAST } from '../domain/limits.js';
import type { HistoryEntry } from '../domain/run.js';
import type { RunState } from '../domain/run-state.js';
import { RunDetail, type RunRow } from './rows.js';

/** The detail of a run, made when there is none. */
export function detailOf(row: RunRow): RunDetail {
  return (row.detail ??= new RunDetail());
}

/** Notes a change of state; to be called before the row's own fields change. */
export function noteChange(row: RunRow, to: RunState, at: number, reason: string | undefined): void {
  const from = row.state;
  if (from === 'scheduled' && to === 'ready' && reason === undefined && row.detail?.history === undefined)
    return;
  const detail = detailOf(row);
  const history = (detail.history ??= impliedHistory(row));
  history.push(reason === undefined ? { from, to, at } : { from, to, at, reason });
  detail.historyCount = Math.max(detail.historyCount, history.length - 1) + 1;
  keepEnds(history);
}

/** The kept entries. */
export function historyOf(row: RunRow): HistoryEntry[] {
  return row.detail?.history ?? impliedHistory(row);
}

/** Number of all entries there ever were. */
export function historyCountOf(row: RunRow): number {
  const { detail } = row;
  return detail?.history === undefined ? (row.state === 'ready' ? 2 : 1) : detail.historyCount;
}

/** Drops from the middle what is beyond the first ten and the last ninety. */
export function keepEnds(list: unknown[]): void {
  if (list.length > KEPT_FIRST + KEPT_LAST) list.splice(KEPT_FIRST, list.length - KEPT_FIRST - KEPT_LAST);
}

/** True when a record's history is what a row without one implies. */
export function isImplied(row: RunRow, history: readonly HistoryEntry[], count: number): boolean {
  const implied = impliedHistory(row);
  if (row.state !== 'scheduled' && row.state !== 'ready') return false;
  return (
    count === history.length &&
    history.length === implied.length &&
    implied.every((entry, index) => sameEntry(entry, history[index]))
  );
}

function sameEntry(left: HistoryEntry, right: HistoryEntry | undefined): boolean {
  return (
    left.from === right?.from && left.to === right?.to && left.at === right.at && left.reason === right.reason
  );
}

function impliedHistory(row: RunRow): HistoryEntry[] {
  const created: HistoryEntry = { to: 'scheduled', at: row.createdAt };
  if (row.state !== 'ready') return [created];
  return [created, { from: 'scheduled', to: 'ready', at: row.lastStateChangeAt }];
}
