// Turns durable facts into what happens next: it keeps the queues in step with the state, lets the reactor and the
// due runs decide, claims what is ready and arms one timer for the earliest moment. It holds no truth of its own.
import type { Commit } from '../domain/events.js';
import { TIMER_HORIZON_MS } from '../domain/limits.js';
import type { TimerHandle } from '../clock.js';
import { commitHeld, type EngineParts } from '../execution/engine-parts.js';
import { Executor } from '../execution/executor.js';
import type { TaskRow } from '../projections/rows.js';
import { CancelWaits } from './cancel-waits.js';
import { ClockWatch } from './clock-watch.js';
import { Dispatcher } from './dispatcher.js';
import { DueRuns } from './due-runs.js';
import { FactRouting } from './fact-routing.js';
import { IdleWatch } from './idle.js';
import { Reactor } from './reactor.js';
import { RemoteLeases } from './remote-leases.js';

/** The scheduler of a running engine. */
export class Scheduler {
  readonly executor: Executor;
  readonly dispatcher: Dispatcher;
  readonly reactor: Reactor;
  readonly dueRuns: DueRuns;
  readonly clockWatch: ClockWatch;
  readonly idle: IdleWatch;
  readonly cancelWaits: CancelWaits;
  readonly #remoteLeases: RemoteLeases;
  readonly #facts: FactRouting;
  readonly #parts: EngineParts;
  /** Tasks whose cancellation is being decided: nothing of them is claimed or promoted meanwhile. */
  readonly #canceling = new Map<TaskRow, Promise<void>>();
  /** Pauses that are being decided: nothing is claimed or promoted meanwhile. */
  #pausing = 0;
  readonly #drainWaits: (() => void)[] = [];
  #timer: TimerHandle | undefined;
  #timerForAt = Infinity;
  #turnQueued = false;
  #live = false;
  #stopped = false;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.clockWatch = new ClockWatch(parts.clock, parts.settings);
    this.cancelWaits = new CancelWaits(parts.limits.maxWaitingCalls);
    const wake = (): void => {
      this.wake();
    };
    const isCanceling = (task: TaskRow): boolean => this.isCanceling(task);
    const paused = (): boolean => this.#pausing > 0 || parts.state.engine.paused;
    const scheduledHold = (): boolean => paused() || this.clockWatch.holding;
    const clockHold = (): boolean => this.clockWatch.holding;
    this.executor = new Executor(parts, {
      wake,
      slotFreed: () => {
        if (this.#live) this.dispatcher.dispatch();
      },
      writeRefused: () => {
        this.dispatcher.stall();
      },
    });
    this.dispatcher = new Dispatcher(parts, this.executor, {
      wake,
      isCanceling,
      get paused() {
        return paused();
      },
      get clockHolding() {
        return clockHold();
      },
    });
    this.reactor = new Reactor(parts, {
      wake,
      isCanceling,
      get holding() {
        return scheduledHold();
      },
    });
    this.dueRuns = new DueRuns(parts, {
      wake,
      isCanceling,
      judge: (task) => {
        this.reactor.mark(task);
      },
      get holding() {
        return scheduledHold();
      },
      get clockHolding() {
        return clockHold();
      },
    });
    this.#remoteLeases = new RemoteLeases(parts, wake);
    parts.locks.whenFreed(wake);
    this.#facts = new FactRouting(parts.state, parts.owner, {
      executor: this.executor,
      dispatcher: this.dispatcher,
      reactor: this.reactor,
      remoteLeases: this.#remoteLeases,
    });
    this.idle = new IdleWatch(parts, this);
  }

  /** True when nothing is in flight and nothing is left to decide. */
  get quiet(): boolean {
    const { journal } = this.#parts;
    const working =
      this.#turnQueued || journal.pendingCommits > 0 || this.reactor.pending > 0 || this.dueRuns.pending > 0;
    return (
      !working &&
      this.dispatcher.claiming === 0 &&
      this.dispatcher.setAside === 0 &&
      this.#canceling.size + this.#pausing === 0
    );
  }

  /** True while a reaction that was refused waits for its next try. */
  get retrying(): boolean {
    return this.reactor.retrying + this.dueRuns.retrying > 0;
  }

  /** Takes up what the state holds: ready runs, leases of remote actors. Before `start`. */
  load(): void {
    const { runs } = this.#parts.state;
    runs.intake?.whenMade((row) => {
      this.dispatcher.offer(row);
    });
    this.dispatcher.load(runs.readyRows());
    for (const state of ['leased', 'running'] as const) {
      for (const row of runs.inState(state)) this.#remoteLeases.watch(row);
    }
  }

  /** Decides reactions until none is left; the number of commits it took. Before `start`. */
  async settleReactions(): Promise<number> {
    const before = this.reactor.committed;
    while (this.reactor.pending > 0) {
      this.reactor.run();
      await this.#parts.journal.flush();
    }
    return this.reactor.committed - before;
  }

  /** Settles what came due meanwhile; the number of runs it touched. Before `start`. */
  async settleDueRuns(): Promise<number> {
    const before = this.dueRuns.settled;
    while (this.dueRuns.run() || this.dueRuns.pending > 0 || this.reactor.pending > 0) {
      await this.#parts.journal.flush();
      this.reactor.run();
      await this.#parts.journal.flush();
    }
    return this.dueRuns.settled - before;
  }

  /** Opens for work. */
  start(): void {
    this.#live = true;
    this.wake();
  }

  /** Claims nothing more; attempts in flight go on. */
  stopClaiming(): void {
    this.dispatcher.stop();
  }

  /** Ends what is in flight, durable claims without a handler included, so that it runs again after the next start. */
  async shutDown(): Promise<void> {
    const started = this.executor.shutDown();
    const claimed = await this.dispatcher.interrupt();
    await Promise.all([started, this.executor.endUnstarted(claimed)]);
  }

  /** Resolves when every attempt in flight has ended; call after `stopClaiming`. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaits.push(resolve);
      this.wake();
    });
  }

  /** Decides nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.executor.stop();
    this.#parts.deadlines.close();
  }

  /** True when the task, or one above it, is about to be canceled. */
  isCanceling(task: TaskRow): boolean {
    return this.#cancelingOf(task) !== undefined;
  }

  /**
   * Keeps a task still while its cancellation is decided: what was decided before is durable when this resolves,
   * and nothing new is decided until the returned function is called.
   */
  async holdForCancel(task: TaskRow): Promise<() => void> {
    while (this.#canceling.has(task)) await this.#canceling.get(task);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#canceling.set(task, held);
    // A batch that failed told its own callers; whether the journal can go on is asked when the command is decided.
    await this.#parts.journal.flush().catch(() => undefined);
    return () => {
      this.#canceling.delete(task);
      release();
      this.wake();
    };
  }

  /** The same for a pause: what was decided before is durable, and nothing is claimed or promoted until it is released. */
  async holdForPause(): Promise<() => void> {
    this.#pausing++;
    this.#parts.context.pausing = true;
    await this.#parts.journal.flush().catch(() => undefined);
    return () => {
      this.#pausing--;
      this.#parts.context.pausing = this.#pausing > 0;
      this.wake();
    };
  }

  /** Resolves when no cancellation of the task, or of one above it, is being decided; ask `isCanceling` again then. */
  async afterCancel(task: TaskRow): Promise<void> {
    await this.#cancelingOf(task);
  }

  #cancelingOf(task: TaskRow): Promise<void> | undefined {
    if (this.#canceling.size === 0) return undefined;
    for (let level: TaskRow | undefined = task; level !== undefined; level = level.extra?.parent) {
      const held = this.#canceling.get(level);
      if (held !== undefined) return held;
    }
    return undefined;
  }

  /** Ends the hold that follows a long jump of the clock, also of one that nobody has noticed yet. */
  acceptClock(): void {
    if (this.#live && !this.#stopped) this.#watchClock();
    this.clockWatch.accept();
    this.wake();
  }

  /** A turn will be taken soon. */
  wake(): void {
    if (this.#turnQueued || !this.#live || this.#stopped) return;
    this.#turnQueued = true;
    queueMicrotask(() => {
      this.#turn();
    });
  }

  /** A commit is durable and applied. */
  onCommit(commit: Commit): void {
    for (const event of commit.events) this.#facts.apply(event);
    this.wake();
  }

  #turn(): void {
    this.#turnQueued = false;
    if (this.#stopped) return;
    this.#watchClock();
    this.dispatcher.startClaimed();
    const moreDue = this.dueRuns.run();
    const moreReactions = this.reactor.run();
    this.dispatcher.retrySetAside();
    this.dispatcher.dispatch();
    this.#arm();
    if (moreDue || moreReactions) {
      this.#turnQueued = true;
      this.#parts.clock.yieldTurn(() => {
        this.#turn();
      });
      return;
    }
    this.cancelWaits.check();
    if (this.executor.openAttempts.size + this.dispatcher.claiming === 0) {
      for (const resolve of this.#drainWaits.splice(0)) resolve();
    }
    this.idle.check();
  }

  #watchClock(): void {
    const jump = this.clockWatch.check();
    if (jump === undefined) return;
    const byMs = jump.toAt - jump.fromAt;
    this.#parts.logger.warn({ component: 'clock', ...jump, byMs }, 'clock jumped');
    this.#parts.context.refresh();
    commitHeld(
      this.#parts,
      [],
      [{ type: 'ClockJumped', sequence: 0, at: 0, fromAt: jump.fromAt, toAt: jump.toAt }],
    );
  }

  /** One timer for the earliest moment, never further away than the horizon: a clock that is set meets it there. */
  #arm(): void {
    const dueAt = this.dueRuns.nextDueAt() ?? Infinity;
    const now = this.#parts.clock.now();
    const fireAt = Math.min(dueAt, now + TIMER_HORIZON_MS);
    if (this.#timer !== undefined && this.#timerForAt <= fireAt && this.#timerForAt > now) return;
    this.#timer?.cancel();
    this.#timerForAt = fireAt;
    this.#timer = this.#parts.clock.setTimer(Math.max(0, fireAt - now), () => {
      this.#timer = undefined;
      this.wake();
    });
  }
}
