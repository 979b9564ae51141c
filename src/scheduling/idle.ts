// When nothing more can happen by itself right now, and why each run that has not ended is where it is. A ready
// run without a reason would be a defect, and is reported as one.
import { PawlError } from '../errors.js';
import type { EngineParts } from '../execution/engine-parts.js';
import type { RunRow } from '../projections/rows.js';
import { Places } from '../domain/places.js';
import { RUN_STATES, isTerminal, type RunState } from '../domain/run-state.js';
import type { Executor } from '../execution/executor.js';
import type { ClockWatch } from './clock-watch.js';
import type { Dispatcher } from './dispatcher.js';

/** What is asked of the scheduler. */
export interface IdleSources {
  /** True when nothing is in flight and nothing is left to decide. */
  readonly quiet: boolean;
  /** True while a reaction that was refused waits for its next try. */
  readonly retrying: boolean;
  readonly executor: Pick<Executor, 'openAttempts'>;
  readonly dispatcher: Dispatcher;
  readonly clockWatch: ClockWatch;
  wake(): void;
}

/** Why a run is not running. */
export type IdleReasonKind =
  | 'scheduled for'
  | 'retry at'
  | 'waits for'
  | 'suspended'
  | 'dependency'
  | 'key held by'
  | 'key cycle'
  | 'budget'
  | 'paused'
  | 'no handler'
  | 'no actor with'
  | 'zombies'
  | 'suspect'
  | 'overlap'
  | 'clock jumped'
  | 'leased elsewhere';

/** The runs that share a reason. */
export interface IdleReason {
  readonly reason: IdleReasonKind;
  readonly count: number;
  /** Up to 100 of them. */
  readonly runIds: readonly string[];
  /** The earliest moment at which one of them goes on by itself. */
  readonly nextAt?: number;
}

/** What `idle()` resolves with. */
export interface IdleReport {
  /** Runs that have not ended. */
  readonly pending: number;
  readonly reasons: readonly IdleReason[];
}

interface Waiter {
  resolve(report: IdleReport): void;
  reject(error: PawlError): void;
}

interface Gathered {
  count: number;
  readonly runIds: string[];
  nextAt: number | undefined;
}

/** Answers `idle()`. */
export class IdleWatch {
  readonly #parts: EngineParts;
  readonly #scheduler: IdleSources;
  readonly #waiters = new Set<Waiter>();
  readonly #places: Places;

  constructor(parts: EngineParts, scheduler: IdleSources) {
    this.#parts = parts;
    this.#scheduler = scheduler;
    this.#places = new Places('maxWaitingCalls', parts.limits.maxWaitingCalls, 'let one idle() end first');
  }

  /** Resolves once nothing more happens by itself right now. Errors: `LIMIT_EXCEEDED`, `ABORTED`, `CLOSED`, `JOURNAL_POISONED`. */
  wait(signal?: AbortSignal): Promise<IdleReport> {
    return new Promise<IdleReport>((resolve, reject) => {
      const abortError = (): PawlError =>
        new PawlError('ABORTED', 'The wait for idle was aborted.', {}, signal?.reason);
      if (signal?.aborted === true) throw abortError();
      const leave = this.#places.take();
      const aborted = (): void => {
        this.#waiters.delete(waiter);
        waiter.reject(abortError());
      };
      const done = (): void => {
        leave();
        signal?.removeEventListener('abort', aborted);
      };
      const waiter: Waiter = {
        resolve: (report) => {
          done();
          resolve(report);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiters.add(waiter);
      this.#scheduler.wake();
    });
  }

  /** Ends every wait with an error. */
  fail(error: PawlError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  /** Answers the waits if the engine is idle. */
  check(): void {
    if (this.#waiters.size === 0 || !this.isIdle()) return;
    const report = this.report();
    for (const waiter of this.#waiters) waiter.resolve(report);
    this.#waiters.clear();
  }

  /** True when no run is leased or running here, nothing is pending, and every ready or due run is blocked. */
  isIdle(): boolean {
    const scheduler = this.#scheduler;
    if (!scheduler.quiet || scheduler.retrying || scheduler.executor.openAttempts.size > 0) return false;
    const { runs, engine } = this.#parts.state;
    if (runs.countByState('leased') + runs.countByState('running') > 0) return false;
    return (
      engine.paused ||
      scheduler.dispatcher.blockedByZombies ||
      scheduler.dispatcher.ready.peek() === undefined
    );
  }

  /** Why each run that has not ended is where it is. Looks at all of them. */
  report(): IdleReport {
    const gathered = new Map<IdleReasonKind, Gathered>();
    const { runs } = this.#parts.state;
    let pending = 0;
    for (const state of RUN_STATES) {
      if (isTerminal(state)) continue;
      for (const row of runs.inState(state)) {
        pending++;
        this.#gather(gathered, row, state);
      }
    }
    const reasons = [...gathered].map(([reason, { count, runIds, nextAt }]) =>
      Object.freeze({
        reason,
        count,
        runIds: Object.freeze(runIds),
        ...(nextAt === undefined ? {} : { nextAt }),
      }),
    );
    return Object.freeze({ pending, reasons: Object.freeze(reasons) });
  }

  #gather(gathered: Map<IdleReasonKind, Gathered>, row: RunRow, state: RunState): void {
    const reason = this.#reasonOf(row, state);
    let entry = gathered.get(reason);
    if (entry === undefined) gathered.set(reason, (entry = { count: 0, runIds: [], nextAt: undefined }));
    entry.count++;
    if (entry.runIds.length < this.#parts.limits.maxReportedIds) entry.runIds.push(row.id);
    const at =
      reason === 'scheduled for' ? row.scheduledAt : reason === 'retry at' ? row.detail?.wakeAt : undefined;
    if (at !== undefined && (entry.nextAt === undefined || at < entry.nextAt)) entry.nextAt = at;
  }

  #reasonOf(row: RunRow, state: RunState): IdleReasonKind {
    const { clock, state: projections } = this.#parts;
    switch (state) {
      case 'scheduled':
        if (row.scheduledAt > clock.now()) return 'scheduled for';
        if (projections.engine.paused) return 'paused';
        if (this.#scheduler.clockWatch.holding) return 'clock jumped';
        return row.task.shape.policy.kind !== 'once' && row.task.shape.policy.overlap !== 'allow'
          ? 'overlap'
          : 'dependency';
      case 'retryWait':
        return this.#scheduler.clockWatch.holding ? 'clock jumped' : 'retry at';
      case 'suspended':
        return hasOpenWait(row) ? 'waits for' : row.detail?.reason === 'budget' ? 'budget' : 'suspended';
      case 'ready':
        return this.#reasonOfReady(row);
      default:
        return 'leased elsewhere';
    }
  }

  #reasonOfReady(row: RunRow): IdleReasonKind {
    const { dispatcher } = this.#scheduler;
    if (this.#parts.state.engine.paused) return 'paused';
    if (dispatcher.ready.withoutHandler.has(row)) return 'no handler';
    const { keys } = this.#parts.state;
    const key = keys.keyOf(row);
    const holder = key === undefined ? undefined : keys.holder(key);
    if (holder !== undefined && holder !== row) return 'key held by';
    return dispatcher.blockedByZombies ? 'zombies' : 'suspect';
  }
}

function hasOpenWait(row: RunRow): boolean {
  for (const wait of row.detail?.waits?.values() ?? []) if (wait.endedAt === undefined) return true;
  return false;
}
