// Reactions, level-triggered: a durable fact marks a task dirty, and the reactor decides from durable state, under
// the locks of what it touches, until nothing is left to do. A reaction that is refused, or that met a lock, is
// tried again. A start-up sweep marks everything and runs the same code.
import {
  replenishEvents,
  judgeDueRuns,
  judgementEvents,
  needsJudging,
  notDue,
  openRunsOf,
  type Judgement,
} from '../decisions/reactions.js';
import { cancelEvents } from '../decisions/runs.js';
import { taskCanceled } from '../decisions/tasks.js';
import { isCanceledInTree, openDescendants } from '../decisions/lookups.js';
import type { PawlEvent } from '../domain/events.js';
import { commitHeld, type EngineParts } from '../execution/engine-parts.js';
import type { TaskRow } from '../projections/rows.js';

/** Reaction commits that are decided before the event loop has its turn. */
const COMMITS_PER_TURN = 16;

/** What the reactor asks of the scheduler. */
export interface ReactorHooks {
  wake(): void;
  /** True while due runs hold still: paused, or the clock has jumped. */
  readonly holding: boolean;
  /** True when the task, or one above it, is about to be canceled. */
  isCanceling(task: TaskRow): boolean;
}

interface Work {
  readonly events: PawlEvent[];
  readonly keys: string[];
  /** True when a lock was in the way. */
  contended: boolean;
}

/** Decides reactions for dirty tasks. */
export class Reactor {
  readonly #parts: EngineParts;
  readonly #hooks: ReactorHooks;
  readonly #dirty = new Set<TaskRow>();
  /** Tasks whose due runs could not be judged because they hold still: marked again when the hold ends. */
  readonly #heldBack = new Set<TaskRow>();
  #inFlight = 0;
  #committed = 0;
  #retrying = 0;

  constructor(parts: EngineParts, hooks: ReactorHooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** Tasks with something left to decide, and reactions that are not durable yet. */
  get pending(): number {
    return this.#dirty.size + this.#inFlight;
  }

  /** Reactions that were refused and are tried again in a while. */
  get retrying(): number {
    return this.#retrying;
  }

  /** Reaction commits so far. */
  get committed(): number {
    return this.#committed;
  }

  /** Something durable touched the task. */
  mark(task: TaskRow): void {
    this.#dirty.add(task);
  }

  /** Decides for every dirty task, bounded. Returns true when some are left that no lock holds up. */
  run(): boolean {
    if (!this.#hooks.holding) this.#takeHeldBack();
    let budget = COMMITS_PER_TURN;
    for (const task of this.#dirty) {
      if (budget === 0) return true;
      const work = this.#decide(task);
      if (!work.contended) this.#dirty.delete(task);
      if (work.events.length === 0) {
        this.#parts.locks.giveBack(work.keys);
        continue;
      }
      budget--;
      this.#commit(task, work);
    }
    return false;
  }

  #takeHeldBack(): void {
    for (const task of this.#heldBack) this.mark(task);
    this.#heldBack.clear();
  }

  #commit(task: TaskRow, work: Work): void {
    this.#inFlight++;
    commitHeld(this.#parts, work.keys, work.events, (error) => {
      this.#inFlight--;
      this.#committed++;
      // Whether more is to do is judged from the state that the commit has made; a refusal is tried again.
      if (error === undefined) this.mark(task);
      else this.#retryLater(task);
      this.#hooks.wake();
    });
  }

  #retryLater(task: TaskRow): void {
    this.#retrying++;
    this.#parts.deadlines.after(1_000, () => {
      this.#retrying--;
      this.mark(task);
      this.#hooks.wake();
    });
  }

  #decide(task: TaskRow): Work {
    const work: Work = { events: [], keys: [], contended: false };
    this.#parts.context.refresh();
    if (task.extra?.canceledAt !== undefined) this.#cascade(task, work);
    else if (this.#hooks.isCanceling(task)) work.contended = true;
    else if (!isCanceledInTree(task) && task.shape.policy.kind !== 'once') this.#advancePolicy(task, work);
    return work;
  }

  /** A canceled task: its own runs, and the tasks below it, follow. */
  #cascade(task: TaskRow, work: Work): void {
    const { context, limits } = this.#parts;
    for (const run of openRunsOf(task, limits.reactionBatch)) {
      if (this.#lock(run.id, work)) work.events.push(...cancelEvents(context, run, 'task'));
    }
    for (const below of openDescendants(context, task)) {
      if (work.events.length >= limits.reactionBatch) return;
      if (this.#lock(below.id, work)) work.events.push(taskCanceled(below.id, 'parent'));
    }
  }

  /**
   * What a misfire drops goes first, all of it: only then is it sure which of the overdue runs are the newest. Created
   * ones come before those that are yet to be derived, for they are older.
   */
  #advancePolicy(task: TaskRow, work: Work): void {
    const { context, limits } = this.#parts;
    if (!this.#lock(task.id, work)) return;
    const { holding } = this.#hooks;
    if (holding && task.openRuns > 0 && needsJudging(task)) this.#heldBack.add(task);
    if (!holding && needsJudging(task)) {
      this.#awaitAgain(task);
      const { misfired, overlapped, promote } = judgeDueRuns(context, task);
      const judgement =
        misfired.length > 0 ? { ...NOTHING_DUE, misfired } : { ...NOTHING_DUE, overlapped, promote };
      work.events.push(
        ...judgementEvents(context, bounded(judgement, limits.reactionBatch), (row) =>
          this.#lock(row.id, work),
        ),
      );
    }
    if (work.events.length === 0 && !work.contended)
      work.events.push(...replenishEvents(context, task, !holding));
  }

  /** What was due has left the timers to be judged here. Once the clock has jumped back its moment is yet to come. */
  #awaitAgain(task: TaskRow): void {
    const { context, state } = this.#parts;
    for (const row of notDue(context, task)) if (!state.timers.has(row)) state.timers.putBack(row);
  }

  #lock(key: string, work: Work): boolean {
    if (this.#parts.locks.tryAcquireOne(key)) {
      work.keys.push(key);
      return true;
    }
    work.contended = true;
    return false;
  }
}

const NOTHING_DUE: Judgement = { promote: [], misfired: [], overlapped: [] };

/** As much of a judgement as fits into one commit. */
function bounded({ misfired, overlapped, promote }: Judgement, limit: number): Judgement {
  const room = limit - Math.min(limit, overlapped.length);
  return {
    misfired: misfired.slice(0, limit),
    overlapped: overlapped.slice(0, limit),
    promote: promote.slice(0, room),
  };
}
