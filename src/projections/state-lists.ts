// The runs in each state, linked through the rows in the order in which they entered it, with counts. A run
// moves from one list to another without a search, and no list is ever copied.
import { RUN_STATES, type RunState } from '../domain/run-state.js';
import type { RunRow } from './rows.js';

interface StateList {
  first: RunRow | undefined;
  last: RunRow | undefined;
  /** Where the latest run stands that went to its place between others. */
  linked: RunRow | undefined;
  count: number;
}

const empty = (): StateList => ({ first: undefined, last: undefined, linked: undefined, count: 0 });

/** One list a state. */
export class StateLists {
  readonly #lists: Readonly<Record<RunState, StateList>> = {
    scheduled: empty(),
    ready: empty(),
    leased: empty(),
    running: empty(),
    retryWait: empty(),
    suspended: empty(),
    completed: empty(),
    failed: empty(),
    canceled: empty(),
  };

  /** Number of runs in a state. */
  count(state: RunState): number {
    return this.#lists[state].count;
  }

  /** Number of runs in each state. */
  counts(): Record<RunState, number> {
    const counts = RUN_STATES.map((state) => [state, this.#lists[state].count]);
    return Object.fromEntries(counts) as Record<RunState, number>;
  }

  /** The run that entered a state first, of those still in it. */
  first(state: RunState): RunRow | undefined {
    return this.#lists[state].first;
  }

  /** Appends a run that is in no list to the one of its state. */
  add(row: RunRow): void {
    const list = this.#lists[row.state];
    row.previousInState = list.last;
    if (list.last === undefined) list.first = row;
    else list.last.nextInState = row;
    list.last = row;
    list.count++;
  }

  /** Counts runs in a state that `link` brings later. */
  reserve(state: RunState, runs: number): void {
    this.#lists[state].count += runs;
  }

  /** Puts a run that was counted in its place by the change that brought it into its state. They come in that order. */
  link(row: RunRow): void {
    const list = this.#lists[row.state];
    let before = list.linked;
    let after = before === undefined ? list.first : before.nextInState;
    while (after !== undefined && after.stateSequence < row.stateSequence) {
      before = after;
      after = after.nextInState;
    }
    row.previousInState = before;
    row.nextInState = after;
    if (before === undefined) list.first = row;
    else before.nextInState = row;
    if (after === undefined) list.last = row;
    else after.previousInState = row;
    list.linked = row;
  }

  /** Takes a run out of the list of its state. */
  remove(row: RunRow): void {
    const list = this.#lists[row.state];
    if (list.linked === row) list.linked = row.previousInState;
    if (row.previousInState === undefined) list.first = row.nextInState;
    else row.previousInState.nextInState = row.nextInState;
    if (row.nextInState === undefined) list.last = row.previousInState;
    else row.nextInState.previousInState = row.previousInState;
    row.nextInState = undefined;
    row.previousInState = undefined;
    list.count--;
  }
}
