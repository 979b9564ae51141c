// The history of a run: its changes of state, of which the first ten and the last ninety are kept. It is not
// stored while it follows from the row itself (created, and perhaps made ready without a reason), nor when the run
// has ended as most do: ready at once, one attempt, completed. Else it is two numbers an entry: a record of its own
// for each would be a third of what a completed run costs.
import { KEPT_FIRST, KEPT_LAST } from '../domain/limits.js';
import type { HistoryEntry } from '../domain/run.js';
import { RUN_STATES, type RunState } from '../domain/run-state.js';
import { RunDetail, type RunRow } from './rows.js';

const KEPT = KEPT_FIRST + KEPT_LAST;
/** Code of an entry: 16 × that of `from`, or of nothing, and that of `to`. */
const CODES = Object.fromEntries(RUN_STATES.map((state, index) => [state, index])) as Record<
  RunState,
  number
>;
const NO_STATE = 15;

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
  if (detail.history === undefined) setHistory(detail, impliedHistory(row), row.state === 'ready' ? 2 : 1);
  const history = (detail.history ??= []);
  history.push(CODES[from] * 16 + CODES[to], at);
  if (reason !== undefined) (detail.historyReasons ??= new Map()).set(detail.historyCount, reason);
  detail.historyCount++;
  if (history.length <= 2 * KEPT) return;
  history.splice(2 * KEPT_FIRST, 2);
  detail.historyReasons?.delete(detail.historyCount - KEPT_LAST - 1);
}

/** Takes the kept entries of a history, of which there were `count`. */
export function setHistory(detail: RunDetail, entries: readonly HistoryEntry[], count: number): void {
  const history: number[] = [];
  entries.forEach(({ from, to, at, reason }, index) => {
    history.push((from === undefined ? NO_STATE : CODES[from]) * 16 + CODES[to], at);
    if (reason !== undefined)
      (detail.historyReasons ??= new Map()).set(numberOf(index, entries.length, count), reason);
  });
  detail.history = history.slice();
  detail.historyCount = count;
}

/** Gives back what the history of an ended run needs no more: room to grow, or all of it when it follows from the row. */
export function settleHistory(row: RunRow): void {
  const { detail } = row;
  if (detail?.history === undefined) return;
  detail.history = isStraight(row, detail) ? undefined : detail.history.slice();
}

/** The kept entries. */
export function historyOf(row: RunRow): HistoryEntry[] {
  const { detail } = row;
  const history = detail?.history;
  if (detail === undefined || history === undefined) return impliedHistory(row);
  const entries: HistoryEntry[] = [];
  const kept = history.length / 2;
  for (let index = 0; index < kept; index++) {
    const code = history[2 * index] ?? 0;
    const at = history[2 * index + 1] ?? 0;
    const to = RUN_STATES[code & 15] ?? 'scheduled';
    const from = RUN_STATES[code >> 4];
    const reason = detail.historyReasons?.get(numberOf(index, kept, detail.historyCount));
    if (reason !== undefined && from !== undefined) entries.push({ from, to, at, reason });
    else entries.push(from === undefined ? { to, at } : { from, to, at });
  }
  return entries;
}

/** Number of all entries there ever were. */
export function historyCountOf(row: RunRow): number {
  const { detail } = row;
  return detail?.history === undefined ? impliedHistory(row).length : detail.historyCount;
}

/** True when an entry that is kept leads to the state. */
export function wasIn(detail: RunDetail, state: RunState): boolean {
  const { history } = detail;
  if (history === undefined) return false;
  for (let index = 0; index < history.length; index += 2) {
    if (((history[index] ?? 0) & 15) === CODES[state]) return true;
  }
  return false;
}

/** Drops from the middle what is beyond the first ten and the last ninety. */
export function keepEnds(list: unknown[]): void {
  if (list.length > KEPT) list.splice(KEPT_FIRST, list.length - KEPT);
}

/** True when a record's history is what a row without one implies. */
export function isImplied(row: RunRow, history: readonly HistoryEntry[], count: number): boolean {
  if (row.state !== 'scheduled' && row.state !== 'ready') return false;
  const implied = impliedHistory(row);
  return (
    count === history.length &&
    history.length === implied.length &&
    implied.every((entry, index) => sameEntry(entry, history[index]))
  );
}

/** Number of a kept entry among all there ever were. */
function numberOf(index: number, kept: number, count: number): number {
  return index < KEPT_FIRST ? index : count - kept + index;
}

function sameEntry(left: HistoryEntry, right: HistoryEntry | undefined): boolean {
  return (
    left.from === right?.from && left.to === right?.to && left.at === right.at && left.reason === right.reason
  );
}

/** True when a run became ready as it was created, was claimed once and completed, without a reason on the way. */
function isStraight(row: RunRow, detail: RunDetail): boolean {
  const { history, historyReasons } = detail;
  if (row.state !== 'completed' || historyReasons !== undefined || row.attemptCount !== 1) return false;
  const straight = impliedHistory(row);
  return (
    history?.length === 2 * straight.length &&
    straight.every(
      ({ from, to, at }, index) =>
        history[2 * index] === (from === undefined ? NO_STATE : CODES[from]) * 16 + CODES[to] &&
        history[2 * index + 1] === at,
    )
  );
}

/** The history of a row that has none stored. */
function impliedHistory(row: RunRow): HistoryEntry[] {
  const { createdAt, lastStateChangeAt, state, detail } = row;
  const created: HistoryEntry = { to: 'scheduled', at: createdAt };
  if (state === 'ready') return [created, { from: 'scheduled', to: 'ready', at: lastStateChangeAt }];
  if (state !== 'completed') return [created];
  const startedAt = detail?.attempts[0]?.startedAt ?? createdAt;
  return [
    created,
    { from: 'scheduled', to: 'ready', at: createdAt },
    { from: 'ready', to: 'leased', at: startedAt },
    { from: 'leased', to: 'running', at: startedAt },
    { from: 'running', to: 'completed', at: lastStateChangeAt },
  ];
}

/** Histories for reading at once: what a row implies is put into entries that are filled again and again. */
export class HistoryDraft {
  readonly #entries: EntryDraft[] = STRAIGHT.map(([from, to]) => ({
    from,
    to,
    at: undefined,
    reason: undefined,
  }));
  /** The first entries, by their number. */
  readonly #first = STRAIGHT.map((_, index) => this.#entries.slice(0, index + 1) as HistoryEntry[]);

  /** The kept entries of a row; valid until the next call. */
  of(row: RunRow): readonly HistoryEntry[] {
    const { state, detail } = row;
    if (detail?.history !== undefined) return historyOf(row);
    if (state === 'completed') return this.#filled(row, STRAIGHT.length);
    return this.#filled(row, state === 'ready' ? 2 : 1);
  }

  #filled(row: RunRow, count: number): readonly HistoryEntry[] {
    const { createdAt, lastStateChangeAt, detail } = row;
    const startedAt = detail?.attempts[0]?.startedAt ?? createdAt;
    const entries = this.#entries;
    for (let index = 0; index < count; index++) {
      const entry = entries[index] as EntryDraft;
      entry.at = index < 2 ? createdAt : startedAt;
    }
    // Created, and nothing else: that is the last change of state, too.
    if (count > 1) (entries[count - 1] as EntryDraft).at = lastStateChangeAt;
    return this.#first[count - 1] as readonly HistoryEntry[];
  }
}

type EntryDraft = { -readonly [K in keyof Required<HistoryEntry>]: HistoryEntry[K] | undefined };

/** What most runs go through. */
const STRAIGHT: readonly (readonly [from: RunState | undefined, to: RunState])[] = [
  [undefined, 'scheduled'],
  ['scheduled', 'ready'],
  ['ready', 'leased'],
  ['leased', 'running'],
  ['running', 'completed'],
];
