// A walk over what has ended, oldest first: every record once, in steps, while the state goes on changing. What
// ends after the walk began is for the next one.
import type { Projections } from '../projections/projections.js';
import type { RunRow, TaskRow } from '../projections/rows.js';

/** How far a walk may go. */
export interface WalkBounds {
  /** Runs that ended later stay, milliseconds since the Unix epoch. */
  readonly endedBefore: number;
  /** So many of the newest ended runs stay. */
  readonly keepNewest: number;
}

/** A run that has ended, with its task; or a task without runs. */
export interface EndedRecord {
  readonly task: TaskRow;
  readonly run: RunRow | undefined;
}

/** The walk. Nothing else may prune while it is under way. */
export class PruneWalk {
  readonly #state: Projections;
  /** Nothing later than this is looked at: the lists grow at their ends meanwhile. */
  readonly #until: number;
  /** The next row of each list of ended runs. */
  readonly #heads: (RunRow | undefined)[];
  readonly #runless: Iterator<TaskRow, undefined>;
  /** Runs that were looked at and are still there. */
  #passed = 0;

  constructor(state: Projections) {
    const { states } = state.runs;
    this.#state = state;
    this.#until = state.sequence;
    this.#heads = [states.first('completed'), states.first('failed'), states.first('canceled')];
    this.#runless = state.tasks.runless.values();
  }

  /** The next record, tasks without runs first; undefined when the rest stays. */
  next(bounds: WalkBounds): EndedRecord | undefined {
    const task = this.#runless.next().value;
    if (task !== undefined) return { task, run: undefined };
    const run = this.#nextRun(bounds);
    return run === undefined ? undefined : { task: run.task, run };
  }

  /** So many of the runs that were looked at are gone from the state. */
  gone(runs: number): void {
    this.#passed -= runs;
  }

  /** The ended runs in the order in which they ended: a merge of the three lists that keep it. */
  #nextRun({ endedBefore, keepNewest }: WalkBounds): RunRow | undefined {
    const { runs } = this.#state;
    if (runs.count - runs.nonTerminal - this.#passed <= keepNewest) return undefined;
    let oldest = -1;
    for (const [index, head] of this.#heads.entries()) {
      const best = this.#heads[oldest];
      if (head !== undefined && (best === undefined || head.stateSequence < best.stateSequence))
        oldest = index;
    }
    const row = this.#heads[oldest];
    if (row === undefined || row.stateSequence > this.#until || row.lastStateChangeAt > endedBefore)
      return undefined;
    this.#heads[oldest] = row.nextInState;
    this.#passed++;
    return row;
  }
}
