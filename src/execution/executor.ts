// Executes claimed runs in this process. A handler starts only from a durable claim; however it ends (returns,
// throws, hangs, is canceled) its attempt ends typed, its slot is freed and its late result is refused.
import { PawlError } from '../errors.js';
import { decideFinish, lateResult, type Outcome } from '../decisions/attempts.js';
import type { PawlEvent } from '../domain/events.js';
import { decodePayload, type Payload, type PayloadLimits } from '../domain/payload.js';
import { withFields, type Logger } from '../logger.js';
import type { RunRow } from '../projections/rows.js';
import { endByShutdown, finishKept, type Claimed } from './end-by-shutdown.js';
import { commitHeld, type EngineParts } from './engine-parts.js';
import { HandlerContext, type AttemptHost } from './handler-context.js';
import { isLateResult, recordRefusal } from './late-results.js';
import { LiveAttempt } from './live-attempt.js';
import { outcomeOfError, outcomeOfRefusal, outcomeOfValue } from './outcomes.js';
import { AttemptReports } from './attempt-reports.js';
import { AttemptTimes } from './attempt-times.js';

/** How long a finish that met a full disk waits before it is tried again. */
const FINISH_RETRY_MS = 1_000;

/** What the executor tells the scheduler. */
export interface ExecutorHooks {
  /** A finish was queued, so its slot is free: the next claim may share its batch. */
  slotFreed(): void;
  /** A finish was refused and is kept: nothing more should be begun for now. */
  writeRefused(): void;
  /** Something changed that a waiting decision may depend on. */
  wake(): void;
}

/** The embedded executor. */
export class Executor implements AttemptHost {
  readonly limits: PayloadLimits;
  readonly #parts: EngineParts;
  readonly #hooks: ExecutorHooks;
  readonly #reports: AttemptReports;
  readonly #times: AttemptTimes;
  readonly #open = new Map<string, LiveAttempt>();
  readonly #zombies = new Set<LiveAttempt>();
  #stopped = false;

  constructor(parts: EngineParts, hooks: ExecutorHooks) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.limits = parts.limits;
    this.#reports = new AttemptReports(parts);
    this.#times = new AttemptTimes(parts, this);
  }

  /** Attempts whose handler was started and whose finish is not queued yet. */
  get openAttempts(): ReadonlyMap<string, LiveAttempt> {
    return this.#open;
  }

  /** Handlers that go on although their attempt has ended. */
  get zombies(): ReadonlySet<LiveAttempt> {
    return this.#zombies;
  }

  /** Starts the handler of a run whose claim is durable. */
  start(row: RunRow, attemptId: string): void {
    const definition = this.#parts.handlers.get(row.detail?.taskType ?? row.task.shape.type);
    const live = new LiveAttempt(row, attemptId, this.#parts.clock.monotonicMs(), (error) => {
      this.logger(live).warn({ err: error }, 'abort listener threw');
    });
    this.#open.set(row.id, live);
    this.#times.armTimeout(live, (outcome) => {
      this.#finish(live, outcome);
    });
    const context = new HandlerContext(live, this);
    let returned: Promise<unknown>;
    try {
      if (definition === undefined)
        throw new PawlError('UNKNOWN_TASK_TYPE', `No handler for ${row.task.shape.type}.`);
      const input = live.input === undefined ? undefined : decodePayload(live.input);
      returned = Promise.resolve(definition.handler(context, input as never));
    } catch (error) {
      this.#settled(live, () => outcomeOfError(error));
      return;
    }
    returned.then(
      (value) => {
        this.#settled(live, () => outcomeOfValue(value, this.limits));
      },
      (error: unknown) => {
        this.#settled(live, () => outcomeOfError(error));
      },
    );
  }

  /** An attempt was ended by a commit that is not its own finish: cancel, suspend, expiry. */
  attemptEnded(event: PawlEvent<'AttemptFinished'>): void {
    const live = this.#open.get(event.runId);
    if (live?.attemptId !== event.attemptId) return;
    this.#giveUp(live, lateResult(live.row, { attemptId: live.attemptId, owner: this.#parts.owner }));
  }

  /** Aborts every handler: the journal can record nothing any more. */
  abortAll(reason: PawlError): void {
    this.#stopped = true;
    for (const live of [...this.#open.values()]) live.abort(reason);
  }

  /**
   * Ends every open attempt as `lost` by shutdown, so that it runs again; an end that was refused before is tried once
   * more instead. Resolves when all that is durable, or refused.
   */
  async shutDown(): Promise<void> {
    const commits: Promise<void>[] = [];
    for (const live of [...this.#open.values()]) {
      const reported = { consumed: live.takeConsumed(), progress: this.#reports.takeProgress(live) };
      if (live.kept !== undefined) {
        live.clearTimers();
        this.#free(live);
        commits.push(finishKept(this.#parts, live, live.kept, reported));
        continue;
      }
      this.#giveUp(
        live,
        new PawlError('CLOSED', `Run ${live.row.id} is interrupted: the orchestrator is closing.`, {
          runId: live.row.id,
        }),
      );
      commits.push(endByShutdown(this.#parts, live, reported));
    }
    await Promise.all(commits);
  }

  /** The same for claims whose handler was not started. */
  async endUnstarted(claims: readonly Claimed[]): Promise<void> {
    await Promise.all(claims.map((claim) => endByShutdown(this.#parts, claim)));
  }

  /** Nothing is started or written from now on. */
  stop(): void {
    this.#stopped = true;
    for (const live of this.#open.values()) live.clearTimers();
  }

  logger(live: LiveAttempt): Logger {
    return withFields(this.#parts.logger, {
      component: 'handler',
      runId: live.row.id,
      taskId: live.row.task.id,
      attemptId: live.attemptId,
    });
  }

  progress(live: LiveAttempt, value: Payload): void {
    this.#reports.progress(live, value);
  }

  consumed(live: LiveAttempt): void {
    this.#reports.consumed(live);
  }

  flushConsumed(live: LiveAttempt): Promise<void> {
    return this.#reports.flush(live);
  }

  heartbeat(live: LiveAttempt): Promise<void> {
    if (live.phase === 'open' && live.row.detail?.open?.id === live.attemptId) return Promise.resolve();
    return Promise.reject(lateResult(live.row, { attemptId: live.attemptId, owner: this.#parts.owner }));
  }

  #settled(live: LiveAttempt, outcome: () => Outcome): void {
    live.settled = true;
    if (this.#zombies.delete(live)) {
      live.clearTimers();
      this.#recordRefusal(live);
      this.#hooks.wake();
      return;
    }
    if (live.phase === 'open') this.#finish(live, this.#times.judge(live, outcome()));
  }

  #finish(live: LiveAttempt, outcome: Outcome): void {
    if (live.phase !== 'open' || this.#stopped) return;
    live.phase = 'finishing';
    live.kept = undefined;
    live.clearTimers();
    const { locks } = this.#parts;
    const { id } = live.row;
    if (locks.tryAcquireOne(id)) this.#decideFinish(live, outcome);
    else
      void locks.acquire([id]).then(() => {
        this.#decideFinish(live, outcome);
      });
  }

  #decideFinish(live: LiveAttempt, outcome: Outcome): void {
    const { context, locks, owner } = this.#parts;
    const { row, attemptId } = live;
    const consumed = live.takeConsumed();
    const { progress } = live;
    let events: PawlEvent[];
    try {
      if (this.#stopped) throw new PawlError('CLOSED', 'The orchestrator is closed.');
      events = decideFinish(context.refresh(), { runId: row.id, attemptId, owner, outcome, consumed });
      events.unshift(...this.#reports.takeProgress(live));
    } catch (error) {
      locks.releaseOne(row.id);
      this.#free(live);
      this.#finishUndecided(live, error);
      return;
    }
    this.#free(live);
    const done = (error: PawlError | undefined): void => {
      if (error !== undefined) {
        live.giveBack(consumed);
        live.progress ??= progress;
        this.#finishRefused(live, outcome, error);
      }
      this.#hooks.wake();
    };
    commitHeld(this.#parts, [row.id], events, done, { insists: true });
    this.#hooks.slotFreed();
  }

  #finishUndecided(live: LiveAttempt, error: unknown): void {
    if (isLateResult(error)) {
      this.#recordRefusal(live);
      return;
    }
    this.logger(live).error({ err: error }, 'attempt could not be ended');
    this.#hooks.wake();
  }

  #finishRefused(live: LiveAttempt, outcome: Outcome, error: PawlError): void {
    if (error.code === 'JOURNAL_POISONED' || error.code === 'CLOSED') return;
    // The result is kept in memory, its lease and its slot stay, and it is tried again until a write succeeds.
    this.#zombies.delete(live);
    this.#open.set(live.row.id, live);
    if (error.code === 'COMMIT_TOO_LARGE' && this.#finishSmaller(live, outcome, error)) return;
    live.phase = 'finishing';
    live.kept = outcome;
    this.#hooks.writeRefused();
    live.retryTimer = this.#parts.deadlines.after(FINISH_RETRY_MS, () => {
      if (live.phase === 'finishing') {
        live.phase = 'open';
        this.#finish(live, outcome);
      } else this.#recordRefusal(live);
    });
  }

  /**
   * What no commit can hold would be refused for ever. Progress goes first: the limits leave no room for it beside the
   * largest output. Then the attempt fails of it. False when it did that already.
   */
  #finishSmaller(live: LiveAttempt, outcome: Outcome, error: PawlError): boolean {
    const hadProgress = live.progress !== undefined;
    if (!hadProgress && outcome.kind === 'failure' && outcome.error.code === error.code) return false;
    if (!hadProgress) this.logger(live).error({ err: error }, 'end of an attempt does not fit into a commit');
    live.progress = undefined;
    live.phase = 'open';
    this.#finish(live, hadProgress ? outcome : outcomeOfRefusal(error));
    return true;
  }

  #free(live: LiveAttempt): void {
    live.phase = 'ended';
    if (this.#open.get(live.row.id) === live) this.#open.delete(live.row.id);
    if (!live.settled) this.#zombies.add(live);
  }

  #giveUp(live: LiveAttempt, reason: PawlError): void {
    const wasOpen = live.phase === 'open';
    live.phase = 'ended';
    live.clearTimers();
    if (this.#open.get(live.row.id) === live) this.#open.delete(live.row.id);
    if (wasOpen && !live.settled) this.#zombies.add(live);
    live.abort(reason);
    if (!live.settled) this.#times.watchAbort(live);
    if (!this.#stopped) this.#reports.flushEnded(live);
    this.#hooks.wake();
  }

  #recordRefusal(live: LiveAttempt): void {
    if (this.#stopped) return;
    recordRefusal(this.#parts, live, () => {
      this.#hooks.wake();
    });
  }
}
