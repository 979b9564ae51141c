// Live views of tasks, routed by task id. A task's record has no history to be shown in between: followers get
// the record as it is once a commit that touches the task was emitted.
import type { Commit, PawlEvent } from '../domain/events.js';
import type { TaskRecord } from '../domain/nouns.js';
import type { Places } from '../domain/places.js';
import { isTerminal } from '../domain/run-state.js';
import { missingTask } from '../decisions/lookups.js';
import { PawlError } from '../errors.js';
import { CommitFollower, type CommitDelivery, type FollowerParts } from './commit-follower.js';
import { GuardedObservable } from './guarded-observable.js';
import type { ObservedProjections, SubscriberErrorHook } from './ports.js';
import { closed } from './refusals.js';

/** What task views work with. */
export interface TaskViewsParts extends FollowerParts {
  readonly projections: ObservedProjections;
  readonly subscribers: Places;
  readonly onSubscriberError: SubscriberErrorHook;
}

interface TaskFollower {
  readonly closed: boolean;
  next(record: TaskRecord): void;
  complete(): void;
  error(error: unknown): void;
}

/** Watches tasks. */
export class TaskViews implements CommitDelivery {
  readonly #parts: TaskViewsParts;
  readonly #follower: CommitFollower;
  readonly #watches = new Map<string, Set<TaskFollower>>();
  #commit: readonly PawlEvent[] = [];
  #due: { readonly taskId: string; readonly follower: TaskFollower }[] = [];
  #ended: 'done' | PawlError | undefined;

  constructor(parts: TaskViewsParts) {
    this.#parts = parts;
    this.#follower = new CommitFollower(parts, this);
  }

  get wanted(): boolean {
    return this.#watches.size > 0;
  }

  /** A commit was emitted. */
  wake(): void {
    this.#follower.wake();
  }

  /**
   * The task as a stream: its record now, then after each commit that changes it; completes once the task is
   * terminal and all its runs have ended. Errors: `TASK_UNKNOWN`, `TASK_PRUNED`, `LIMIT_EXCEEDED`, `CLOSED`.
   */
  record$(taskId: string): GuardedObservable<TaskRecord> {
    return new GuardedObservable(
      { where: `task ${taskId}`, onError: this.#parts.onSubscriberError },
      (subscriber) => {
        const record = this.#current(taskId);
        if (this.isOver(taskId)) {
          subscriber.next(record);
          subscriber.complete();
          return;
        }
        if (this.#ended !== undefined && this.#follower.settled) throw this.#endError();
        subscriber.add(this.#parts.subscribers.take());
        const followers = this.#watches.get(taskId) ?? new Set();
        this.#watches.set(taskId, followers.add(subscriber));
        this.#follower.start(this.#parts.window.latest);
        subscriber.add(() => {
          followers.delete(subscriber);
          if (followers.size === 0 && this.#watches.get(taskId) === followers) this.#watches.delete(taskId);
        });
        subscriber.next(record);
      },
    );
  }

  /** Ends all views once everything durable was shown. */
  end(error?: PawlError): void {
    this.#ended = error ?? 'done';
    if (this.#follower.settled) this.cutOff();
  }

  /** True when no view is left that has not been shown everything. */
  get settled(): boolean {
    return this.#follower.settled;
  }

  /** Ends all views now: they complete, or fail with the error of the end. */
  cutOff(): void {
    const ended = this.#ended;
    this.#endAll((follower) => {
      if (ended instanceof PawlError) follower.error(ended);
      else follower.complete();
    });
  }

  begin(commit: Commit): void {
    this.#commit = commit.events;
  }

  step(): boolean {
    this.#gather();
    const due = this.#due.pop();
    if (due === undefined) return false;
    const { taskId, follower } = due;
    if (follower.closed) return true;
    const record = this.#parts.projections.tasks.get(taskId);
    if (record === undefined) {
      follower.error(missingTask(this.#parts.projections.pruned, taskId));
      return true;
    }
    follower.next(record);
    if (this.isOver(taskId)) follower.complete();
    return true;
  }

  caughtUp(): void {
    if (this.#ended !== undefined) this.cutOff();
  }

  failed(error: PawlError): void {
    this.#endAll((follower) => {
      follower.error(error);
    });
  }

  #gather(): void {
    const events = this.#commit;
    if (events.length === 0) return;
    this.#commit = [];
    const touched = new Set<string>();
    for (const event of events) for (const taskId of this.#taskIdsOf(event)) touched.add(taskId);
    for (const taskId of touched) {
      for (const follower of this.#watches.get(taskId) ?? []) this.#due.push({ taskId, follower });
    }
    this.#due.reverse();
  }

  /** Tasks whose record or end an event can change. */
  #taskIdsOf(event: PawlEvent): readonly string[] {
    switch (event.type) {
      case 'RunStateChanged': {
        if (!isTerminal(event.to)) return [];
        const task = this.#parts.projections.runs.row(event.runId)?.task;
        return task === undefined ? [] : [task.id];
      }
      case 'RunCreated':
      case 'TaskCanceled':
      case 'PolicyAdvanced':
      case 'DependencyDeclared':
        return [event.taskId];
      case 'TasksPruned':
        return event.taskIds;
      default:
        return [];
    }
  }

  #current(taskId: string): TaskRecord {
    const record = this.#parts.projections.tasks.get(taskId);
    if (record === undefined) throw missingTask(this.#parts.projections.pruned, taskId);
    return record;
  }

  /** True when the task is terminal and all its runs have ended. */
  isOver(taskId: string): boolean {
    const { tasks } = this.#parts.projections;
    const row = tasks.row(taskId);
    return row?.openRuns === 0 && tasks.isTerminal(row);
  }

  #endAll(how: (follower: TaskFollower) => void): void {
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    this.#due = [];
    this.#follower.stop();
    for (const followers of watches) for (const follower of [...followers]) how(follower);
  }

  #endError(): PawlError {
    return this.#ended instanceof PawlError ? this.#ended : closed('The orchestrator is closed');
  }
}
