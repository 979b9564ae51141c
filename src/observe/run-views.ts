// Live views of runs, routed by run id: what a run is now, every change of it, and its end. Records are built
// for runs that are followed, and for no others; a run with only waiters costs one look-up an event.
import { decodePayload } from '../domain/payload.js';
import { limitExceeded, type Places } from '../domain/places.js';
import type { RunRecord } from '../domain/run.js';
import { isTerminal } from '../domain/run-state.js';
import { missingRun } from '../decisions/lookups.js';
import { PawlError } from '../errors.js';
import type { TransitionTable } from '../machines/transition-table.js';
import type { RunRow } from '../projections/rows.js';
import { CommitFollower, type FollowerParts } from './commit-follower.js';
import { GuardedObservable } from './guarded-observable.js';
import type { ObservedProjections, SubscriberErrorHook } from './ports.js';
import { aborted, closed, onAbort } from './refusals.js';
import { RunRouting, type RunSpawner } from './run-routing.js';
import { RunWatch, type EndWaiter, type RunFollower } from './run-watch.js';

/** What run views work with. */
export interface RunViewsParts extends FollowerParts {
  readonly projections: ObservedProjections;
  readonly transitions: TransitionTable;
  readonly maxWaitingResults: number;
  readonly subscribers: Places;
  readonly onSubscriberError: SubscriberErrorHook;
}

/** How a wait is ended early. */
export interface WaitOptions {
  /** Rejects the wait with `ABORTED`; the run goes on. */
  readonly signal?: AbortSignal;
}

/** Watches runs. */
export class RunViews {
  readonly #parts: RunViewsParts;
  readonly #routing: RunRouting;
  readonly #follower: CommitFollower;
  #waiting = 0;
  #ended: 'done' | PawlError | undefined;

  constructor(parts: RunViewsParts) {
    this.#parts = parts;
    this.#routing = new RunRouting(
      parts.transitions,
      () => {
        if (this.#ended !== undefined) this.cutOff();
      },
      (error) => {
        this.#endAll(error);
      },
    );
    this.#follower = new CommitFollower(parts, this.#routing);
  }

  /** Runs that somebody watches. */
  get watched(): number {
    return this.#routing.watches.size;
  }

  /** `result()`s that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Lets a spawner follow runs as they are created or change. */
  use(spawner: RunSpawner): void {
    this.#routing.spawner = spawner;
    if (spawner.active) this.#begin();
  }

  /** A commit was emitted. */
  wake(): void {
    this.#follower.wake();
  }

  /**
   * The run as a stream: its record now, then after every change, each state of a commit on its own; completes
   * when the run has ended, at once when it had. Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, `LIMIT_EXCEEDED`.
   */
  state$(runId: string): GuardedObservable<RunRecord> {
    return new GuardedObservable(
      { where: `run ${runId}`, onError: this.#parts.onSubscriberError },
      (subscriber) => {
        const follower: RunFollower = {
          get closed() {
            return subscriber.closed;
          },
          next: (record) => {
            subscriber.next(record);
          },
          complete: () => {
            subscriber.complete();
          },
          fail: (error) => {
            subscriber.error(error);
          },
        };
        const record = this.current(runId);
        const over = isTerminal(record.state);
        if (!over) {
          subscriber.add(this.#parts.subscribers.take());
          subscriber.add(this.join(follower, record, this.#parts.projections.sequence));
        }
        subscriber.next(record);
        if (over) subscriber.complete();
      },
    );
  }

  /** The run as it is now. Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, and why the views have ended when the run has not. */
  current(runId: string): RunRecord {
    const record = this.#parts.projections.runs.get(runId);
    if (record === undefined) throw missingRun(this.#parts.projections.pruned, runId);
    if (!isTerminal(record.state) && this.#hasEnded()) throw this.#endError();
    return record;
  }

  /** Adds a follower that begins with `record`, the run after the event `sequence`. Returns what ends it. */
  join(follower: RunFollower, record: RunRecord, sequence: number): () => void {
    const watch = this.#watch(record.id);
    watch.join(follower, record, sequence);
    return () => {
      watch.leave();
      this.#drop(watch);
    };
  }

  /**
   * The output of a run once it has completed; `undefined` when it has none. A run that was continued as new
   * answers with the end of its chain. Errors: `RUN_FAILED` and `RUN_CANCELED` with the record in `data.run`,
   * `RUN_PRUNED`, `RUN_UNKNOWN`, `LIMIT_EXCEEDED`, `ABORTED`, `CLOSED`, `JOURNAL_POISONED`.
   */
  result(runId: string, options: WaitOptions = {}): Promise<unknown> {
    const result = new Promise((resolve, reject: (error: unknown) => void) => {
      if (options.signal?.aborted === true) reject(aborted(`The wait for run ${runId}`, options.signal));
      else this.#await(runId, { resolve, reject, signal: options.signal });
    });
    // Whoever never looks at the result must not bring the host down with its rejection.
    result.catch(() => undefined);
    return result;
  }

  /** Ends all views once everything durable was shown: streams complete, or fail with `error`; waits reject. */
  end(error?: PawlError): void {
    this.#ended = error ?? 'done';
    if (this.#follower.settled) this.cutOff();
  }

  /** True when no view is left that has not been shown everything. */
  get settled(): boolean {
    return this.#follower.settled;
  }

  /** Ends all views now. */
  cutOff(): void {
    this.#endAll(this.#ended instanceof PawlError ? this.#ended : undefined);
  }

  #endAll(error: PawlError | undefined): void {
    const watches = [...this.#routing.watches.values()];
    this.#routing.watches.clear();
    this.#follower.stop();
    for (const watch of watches) {
      for (const { follower } of watch.places) {
        if (follower.closed) continue;
        if (error === undefined) follower.complete();
        else follower.fail(error);
      }
      for (const waiter of watch.takeWaiters()) waiter.fail(error ?? this.#endError());
    }
  }

  #hasEnded(): boolean {
    return this.#ended !== undefined && this.#follower.settled;
  }

  #endError(): PawlError {
    if (this.#ended instanceof PawlError) return this.#ended;
    return closed('The orchestrator is closed');
  }

  #await(runId: string, wait: Wait): void {
    let watch: RunWatch | undefined;
    let counted = false;
    const off =
      wait.signal &&
      onAbort(wait.signal, () => {
        settle();
        if (wait.signal !== undefined) wait.reject(aborted(`The wait for run ${runId}`, wait.signal));
      });
    const settle = (): void => {
      off?.();
      if (counted) this.#waiting--;
      counted = false;
      watch?.stopWaiting(waiter);
      if (watch !== undefined) this.#drop(watch);
    };
    const fail = (error: unknown): void => {
      settle();
      wait.reject(error);
    };
    const advance = (from: string): void => {
      const row = this.#lastOfChain(from);
      if (row === undefined) fail(missingRun(this.#parts.projections.pruned, from));
      else if (isTerminal(row.state)) {
        settle();
        this.#settle(row, wait);
      } else if (this.#ended !== undefined && this.#follower.settled) fail(this.#endError());
      else if (!counted && this.#waiting >= this.#parts.maxWaitingResults) {
        fail(
          limitExceeded(
            'maxWaitingResults',
            this.#parts.maxWaitingResults,
            'wait for fewer results at a time',
          ),
        );
      } else {
        if (!counted) this.#waiting++;
        counted = true;
        watch = this.#watch(row.id);
        watch.wait(waiter);
      }
    };
    const waiter: EndWaiter = {
      ended: () => {
        advance(watch?.runId ?? runId);
      },
      fail,
    };
    advance(runId);
  }

  /** The run that now stands for the run: the last of those that continued it. */
  #lastOfChain(runId: string): RunRow | undefined {
    const { runs } = this.#parts.projections;
    let row = runs.row(runId);
    for (let next = row?.detail?.continuedTo; next !== undefined; next = row?.detail?.continuedTo)
      row = runs.row(next);
    return row;
  }

  #settle(row: RunRow, wait: Wait): void {
    if (row.state === 'completed') {
      const output = row.detail?.attempts.at(-1)?.output;
      wait.resolve(output === undefined ? undefined : decodePayload(output));
    } else wait.reject(runEnded(row, this.#parts.projections.runs.get(row.id)));
  }

  #watch(runId: string): RunWatch {
    const { watches } = this.#routing;
    const known = watches.get(runId);
    if (known !== undefined) return known;
    const watch = new RunWatch(runId);
    watches.set(runId, watch);
    this.#begin();
    return watch;
  }

  #begin(): void {
    this.#follower.start(this.#parts.window.latest);
  }

  #drop(watch: RunWatch): void {
    const { watches } = this.#routing;
    if (watch.unused && watches.get(watch.runId) === watch) watches.delete(watch.runId);
  }
}

interface Wait {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

function runEnded(row: RunRow, run: RunRecord | undefined): PawlError {
  const reason = row.detail?.reason === undefined ? '' : ` (${row.detail.reason})`;
  const data = { runId: row.id, run };
  if (row.state === 'canceled')
    return new PawlError(
      'RUN_CANCELED',
      `Run ${row.id} is canceled${reason}; run it again with retryRun.`,
      data,
    );
  const error = run?.attempts.at(-1)?.error;
  const why = error === undefined ? '' : `: ${error.name}: ${error.message}`;
  return new PawlError(
    'RUN_FAILED',
    `Run ${row.id} failed${reason}${why}; run it again with retryRun.`,
    data,
    error,
  );
}
