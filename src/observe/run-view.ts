// One run as applications see it.
import type { RunRecord } from '../domain/run.js';
import type { GuardedObservable } from './guarded-observable.js';
import type { RunActor } from './run-actor.js';
import type { RunActors } from './run-actors.js';
import type { RunViews, WaitOptions } from './run-views.js';

/** A run: its state as a stream, its result, its live xstate actor. Making one costs nothing and checks nothing. */
export class RunView<O = unknown> {
  readonly id: string;
  readonly #views: RunViews;
  readonly #actors: RunActors;

  constructor(id: string, views: RunViews, actors: RunActors) {
    this.id = id;
    this.#views = views;
    this.#actors = actors;
  }

  /**
   * The record now, then after every change; each state that a commit passes through is shown. Completes at the end
   * of the run, at once when it ended long ago. Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, `LIMIT_EXCEEDED`, `JOURNAL_POISONED`.
   */
  get state$(): GuardedObservable<RunRecord> {
    return this.#views.state$(this.id);
  }

  /**
   * The output of the run once it has completed, `undefined` when it has none; of the last run of the chain when it
   * was continued as new. A result that nobody looks at is no unhandled rejection. Errors: `RUN_FAILED` and
   * `RUN_CANCELED` with the record in `data.run`, `RUN_PRUNED`, `RUN_UNKNOWN`, `LIMIT_EXCEEDED`, `ABORTED`,
   * `CLOSED`, `JOURNAL_POISONED`.
   */
  result(options: WaitOptions = {}): Promise<O> {
    // The output was encoded from what the handler returned; its type is the caller's word.
    return this.#views.result(this.id, options) as Promise<O>;
  }

  /**
   * A live actor of the run machine that follows this run: its value is the state, its context the record. The same
   * one for every call while it lives; it ends with the run or by `stop()`, and takes no events (`ACTOR_READ_ONLY`).
   * Errors: `LIMIT_EXCEEDED`, `RUN_UNKNOWN`, `RUN_PRUNED`, `CLOSED`.
   */
  actor(): RunActor {
    return this.#actors.get(this.id);
  }
}
