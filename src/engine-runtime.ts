// The parts of a running engine, wired: facts from the journal go to the projections first, then to the scheduler
// and the views; failure and closing go through every part in order.
import { isPawlError, PawlError } from './errors.js';
import { CommandPipeline } from './commands/pipeline.js';
import { Pruner } from './commands/pruner.js';
import type { Commit } from './domain/events.js';
import type { Limits } from './domain/limits.js';
import type { EngineParts } from './execution/engine-parts.js';
import type { SnapshotInfo } from './journal/snapshot-store.js';
import type { Observe } from './observe/observe.js';
import type { Projections } from './projections/projections.js';
import { Scheduler } from './scheduling/scheduler.js';
import type { StartReport } from './start-report.js';
import type { Upkeep } from './upkeep/upkeep.js';

/** What a runtime is made of. */
export interface RuntimeParts {
  readonly engine: EngineParts;
  readonly observe: Observe;
  /** Makes what works in the background. */
  readonly upkeep: (pruner: Pruner) => Upkeep;
  readonly onFailed: ((error: PawlError) => void) | undefined;
}

/** A running engine. */
export class EngineRuntime {
  readonly parts: EngineParts;
  readonly state: Projections;
  readonly limits: Limits;
  readonly pipeline: CommandPipeline;
  readonly scheduler: Scheduler;
  readonly observe: Observe;
  readonly pruner: Pruner;
  readonly upkeep: Upkeep;
  readonly failed: Promise<PawlError>;
  readonly #runtime: RuntimeParts;
  #report: StartReport | undefined;
  #closed: PawlError | undefined;
  #tellFailed: (error: PawlError) => void = () => undefined;

  constructor(runtime: RuntimeParts) {
    const { engine, observe } = runtime;
    this.#runtime = runtime;
    this.parts = engine;
    this.state = engine.state;
    this.limits = engine.limits;
    this.observe = observe;
    this.scheduler = new Scheduler(engine);
    this.pipeline = new CommandPipeline({
      context: engine.context,
      journal: engine.journal,
      locks: engine.locks,
      onReleased: () => {
        this.scheduler.wake();
      },
    });
    this.pruner = new Pruner(engine, this.pipeline);
    this.upkeep = runtime.upkeep(this.pruner);
    this.failed = new Promise((resolve) => {
      this.#tellFailed = resolve;
    });
    engine.journal.onPoisoned((error) => {
      this.#tellFailed(error);
      this.fail(error);
    });
  }

  /** What the start found; set once. */
  get report(): StartReport {
    if (this.#report === undefined) throw new PawlError('INTERNAL', 'The start is not over.');
    return this.#report;
  }

  /** Opens for commands and dispatch. */
  start(report: StartReport): void {
    this.#report = report;
    this.scheduler.start();
    this.parts.journal.checkRest().catch((error: unknown) => {
      this.fail(isPawlError(error) ? error : new PawlError('INTERNAL', String(error), {}, error));
    });
    this.upkeep.start();
  }

  /** A commit is durable, and applied to the projections. */
  onCommit(commit: Commit): void {
    this.scheduler.onCommit(commit);
    this.upkeep.snapshots.onCommit(commit.events.length, !this.stopped);
  }

  /** Writes a snapshot; calls that overlap share one. */
  takeSnapshot(): Promise<SnapshotInfo> {
    return this.upkeep.snapshots.take();
  }

  /** Throws `CLOSED` or `JOURNAL_POISONED` when it is. */
  requireOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** True once nothing is decided or started any more. */
  get stopped(): boolean {
    return this.#closed !== undefined;
  }

  /** Lets go as a crash would: nothing is written, nobody is told. For tests. */
  async abandon(): Promise<void> {
    this.#closed = new PawlError('CLOSED', 'The orchestrator was abandoned.');
    this.pipeline.close(this.#closed);
    this.scheduler.stop();
    this.scheduler.executor.abortAll(this.#closed);
    const given = this.upkeep.abandon(this.#closed);
    await this.parts.journal.abandon();
    await given;
    await this.observe.close();
  }

  /** Drains, interrupts, seals, lets go. When the journal has failed, or fails meanwhile, nothing more is written. */
  async close(drainMs: number): Promise<void> {
    const { journal, clock } = this.parts;
    if (!this.stopped) await this.#drain(drainMs);
    const closed = new PawlError('CLOSED', 'The orchestrator is closed; open the directory again.');
    if (!this.stopped) {
      this.#closed = closed;
      this.pipeline.close(closed);
      await this.upkeep.beginClose();
      await this.scheduler.shutDown();
      // Whatever this refuses was told to its callers; the directory is let go of all the same.
      await journal.flush().catch(() => undefined);
    }
    // Nothing may be written in a directory whose lock is let go of.
    await this.upkeep.close();
    this.scheduler.stop();
    this.scheduler.idle.fail(closed);
    this.scheduler.cancelWaits.fail(closed);
    await this.observe.close();
    await this.#letGo();
    // Lets what was resolved above reach its waiters before the caller goes on.
    await new Promise<void>((resolve) => {
      clock.yieldTurn(resolve);
    });
  }

  /** Closes the journal. A seal that a full disk has no room for costs the next start a check, and nothing else. */
  async #letGo(): Promise<void> {
    try {
      await this.parts.journal.close();
    } catch (error) {
      if (!isPawlError(error, 'STORAGE_FULL')) throw error;
      this.parts.logger.warn({ component: 'orchestrator', err: error }, 'log closed without its seal');
    }
  }

  /** Lets attempts in flight finish, for a while. */
  async #drain(drainMs: number): Promise<void> {
    this.observe.actorSystem.sendOrchestrator({ type: 'drain' });
    this.scheduler.stopClaiming();
    if (drainMs === 0) return;
    let giveUp: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (giveUp = resolve));
    const deadline = this.parts.deadlines.after(drainMs, giveUp);
    await Promise.race([this.scheduler.drained(), late, this.failed]);
    deadline.cancel();
  }

  /** The engine can go on no more: everything that waits is told, handlers are aborted. */
  fail(error: PawlError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#tellFailed(error);
    this.pipeline.close(error);
    this.scheduler.stop();
    this.scheduler.executor.abortAll(error);
    this.scheduler.idle.fail(error);
    this.scheduler.cancelWaits.fail(error);
    this.observe.fail(error);
    void this.upkeep.abandon(error);
    try {
      this.#runtime.onFailed?.(error);
    } catch (thrown) {
      this.parts.logger.error({ component: 'orchestrator', err: thrown }, 'onFailed threw');
    }
  }
}
