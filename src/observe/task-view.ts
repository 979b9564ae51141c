// One task as applications see it.
import type { TaskRecord } from '../domain/nouns.js';
import type { GuardedObservable } from './guarded-observable.js';
import { aborted, closed, onAbort } from './refusals.js';
import type { WaitOptions } from './run-views.js';
import type { TaskViews } from './task-views.js';

/** A task: its record as a stream, and its end. Making one costs nothing and checks nothing. */
export class TaskView {
  readonly id: string;
  readonly #views: TaskViews;

  constructor(id: string, views: TaskViews) {
    this.id = id;
    this.#views = views;
  }

  /**
   * The record now, then after each commit that changes it. Completes once the task is terminal and all its runs
   * have ended. Errors: `TASK_UNKNOWN`, `TASK_PRUNED`, `LIMIT_EXCEEDED`, `JOURNAL_POISONED`.
   */
  get record$(): GuardedObservable<TaskRecord> {
    return this.#views.record$(this.id);
  }

  /**
   * The record of the task once it is terminal and all its runs have ended. Never an unhandled rejection by itself.
   * Errors: `TASK_UNKNOWN`, `TASK_PRUNED`, `LIMIT_EXCEEDED`, `ABORTED`, `CLOSED`, `JOURNAL_POISONED`.
   */
  done(options: WaitOptions = {}): Promise<TaskRecord> {
    const { signal } = options;
    const what = `The wait for task ${this.id}`;
    const done = new Promise<TaskRecord>((resolve, reject: (error: unknown) => void) => {
      if (signal?.aborted === true) {
        reject(aborted(what, signal));
        return;
      }
      let last: TaskRecord | undefined;
      const subscription = this.#views.record$(this.id).subscribe({
        next: (record) => {
          last = record;
        },
        error: reject,
        complete: () => {
          if (last !== undefined && this.#views.isOver(this.id)) resolve(last);
          else reject(closed('The orchestrator is closed'));
        },
      });
      if (signal === undefined || subscription.closed) return;
      subscription.add(
        onAbort(signal, () => {
          subscription.unsubscribe();
          reject(aborted(what, signal));
        }),
      );
    });
    done.catch(() => undefined);
    return done;
  }
}
