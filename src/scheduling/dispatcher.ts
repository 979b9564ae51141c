// Claims ready runs while slots are free. A claim is one commit; the handler starts only when it is durable. The
// reservations that live in memory (slot, key, the run taken from the queue) are given back when it is refused.
import { decideDispatch } from '../decisions/attempts.js';
import { isExpired } from '../decisions/reactions.js';
import { isCanceledInTree } from '../decisions/lookups.js';
import { commitHeld, type EngineParts } from '../execution/engine-parts.js';
import type { Executor } from '../execution/executor.js';
import type { RunRow, TaskRow } from '../projections/rows.js';
import type { PawlError } from '../errors.js';
import { ReadyQueue } from './ready-queue.js';
import type { Deadline } from './deadlines.js';

/** What the dispatcher asks of the scheduler. */
export interface DispatcherHooks {
  wake(): void;
  isCanceling(task: TaskRow): boolean;
  /** True while the engine is paused, or about to be. */
  readonly paused: boolean;
  /** True while the clock has jumped: nothing expires then. */
  readonly clockHolding: boolean;
}

/** How long claims wait after a refused write. */
const STALL_MS = 1_000;

/** A claim that is durable and whose handler is to be started. */
export interface Claimed {
  readonly row: RunRow;
  readonly attemptId: string;
}

/** Claims runs for the embedded executor. */
export class Dispatcher {
  readonly ready: ReadyQueue;
  readonly #parts: EngineParts;
  readonly #hooks: DispatcherHooks;
  readonly #executor: Executor;
  readonly #reservedKeys = new Map<string, RunRow>();
  #claimed: Claimed[] = [];
  #claiming = 0;
  #setAside: RunRow[] = [];
  #stopped = false;
  #interrupted = false;
  /** Set when a write was refused: nothing is claimed for a while. */
  #stalled: Deadline | undefined;
  /** The suspect that runs alone, and until when. */
  #alone: { readonly row: RunRow; readonly until: Deadline } | undefined;

  constructor(parts: EngineParts, executor: Executor, hooks: DispatcherHooks) {
    this.#parts = parts;
    this.#executor = executor;
    this.#hooks = hooks;
    const { keys, runs } = parts.state;
    this.ready = new ReadyQueue({
      hasHandler: (row) => parts.handlers.has(row.detail?.taskType ?? row.task.shape.type),
      keyOf: (row) => keys.keyOf(row),
      isKeyTaken: (key, row) => {
        const holder = keys.holder(key) ?? this.#reservedKeys.get(key);
        return holder !== undefined && holder !== row;
      },
      offerBefore: (row) => runs.intake?.bringBefore(row) ?? false,
    });
  }

  /** Claims that are not durable, or whose handler has not started yet. */
  get claiming(): number {
    return this.#claiming + this.#claimed.length;
  }

  /** Ready runs that met a lock and are looked at again at the next turn. */
  get setAside(): number {
    return this.#setAside.length;
  }

  /** The suspect that keeps everything else from starting. */
  get alone(): RunRow | undefined {
    return this.#alone?.row;
  }

  /** True when as many handlers as allowed go on after their end. */
  get blockedByZombies(): boolean {
    return this.#executor.zombies.size >= this.#parts.settings.concurrency;
  }

  /** Claims nothing from now on. */
  stop(): void {
    this.#stopped = true;
    this.#alone?.until.cancel();
  }

  /** Starts no handler from now on. Gives the claims that were in flight, once it is known which of them are durable. */
  async interrupt(): Promise<readonly Claimed[]> {
    this.stop();
    this.#interrupted = true;
    // A refused batch has told its own claims.
    await this.#parts.journal.flush().catch(() => undefined);
    return this.#claimed.splice(0);
  }

  /** A write was refused, by a full disk for one: claims wait until the next try is worth while. */
  stall(): void {
    this.#stalled ??= this.#parts.deadlines.after(STALL_MS, () => {
      this.#stalled = undefined;
      this.#hooks.wake();
    });
  }

  /** Takes in the runs that are ready at a start. */
  load(rows: Iterable<RunRow>): void {
    this.ready.fill(rows);
  }

  /** A run became ready. */
  offer(row: RunRow): void {
    if (row.state === 'ready' && row.heapIndex < 0) this.ready.offer(row);
  }

  /** The key's holder gave it back, in durable state. */
  keyReleased(key: string): void {
    if (!this.#reservedKeys.has(key)) this.ready.keyReleased(key);
  }

  /** Starts the handlers of the claims that are durable. */
  startClaimed(): void {
    const claimed = this.#claimed;
    if (claimed.length === 0 || this.#interrupted) return;
    this.#claimed = [];
    for (const { row, attemptId } of claimed) {
      if (row.detail?.open?.id === attemptId) this.#executor.start(row, attemptId);
    }
  }

  /** Looks again at runs that met a lock. */
  retrySetAside(): void {
    if (this.#setAside.length === 0) return;
    const rows = this.#setAside;
    this.#setAside = [];
    for (const row of rows) this.offer(row);
  }

  /** Claims as many ready runs as there are free slots. */
  dispatch(): void {
    const { settings, locks } = this.#parts;
    this.#endAlone();
    // Asked again for each claim: one that is refused on the spot ends the round, or it would be tried for ever.
    while (!this.#blocked && this.#executor.openAttempts.size + this.claiming < settings.concurrency) {
      const row = this.ready.peek();
      if (row === undefined) return;
      const suspect = row.lostAttempts >= row.task.shape.constraints.maxLostAttempts - 1;
      // A suspect waits until everything else has ended; what comes behind it waits too, or it would never run.
      if (this.#alone !== undefined || (suspect && this.#executor.openAttempts.size + this.claiming > 0))
        return;
      this.ready.pop();
      // The cascade finds the runs of a canceled task by itself.
      if (isCanceledInTree(row.task)) continue;
      if (this.#isExpired(row) || this.#hooks.isCanceling(row.task) || !locks.tryAcquireOne(row.id)) {
        this.#setAside.push(row);
        continue;
      }
      this.#claim(row, suspect);
    }
  }

  get #blocked(): boolean {
    return this.#stopped || this.#stalled !== undefined || this.#hooks.paused || this.blockedByZombies;
  }

  /** What is expired is canceled when its moment is noticed; until then it is set aside. */
  #isExpired(row: RunRow): boolean {
    return !this.#hooks.clockHolding && isExpired(row, this.#parts.clock.now());
  }

  #claim(row: RunRow, suspect: boolean): void {
    const { context, ids, owner, settings, state } = this.#parts;
    const attemptId = ids.nextId();
    context.refresh();
    let events;
    try {
      events = decideDispatch(context, row, { owner, attemptId, expiryAt: context.at + settings.leaseMs });
    } catch (error) {
      // Only a machine without the edge refuses here; the run stays ready and is reported, not retried for ever.
      this.#parts.locks.releaseOne(row.id);
      this.#parts.logger.error(
        { component: 'dispatcher', runId: row.id, err: error },
        'run could not be claimed',
      );
      return;
    }
    const key = state.keys.keyOf(row);
    if (key !== undefined) this.#reservedKeys.set(key, row);
    if (suspect) this.#runAlone(row);
    this.#claiming++;
    commitHeld(this.#parts, [row.id], events, (error) => {
      this.#claiming--;
      if (key !== undefined) this.#reservedKeys.delete(key);
      if (error === undefined) this.#claimed.push({ row, attemptId });
      else this.#refused(row, error);
      this.#hooks.wake();
    });
  }

  #refused(row: RunRow, error: PawlError): void {
    if (this.#alone?.row === row) {
      this.#alone.until.cancel();
      this.#alone = undefined;
    }
    if (error.code === 'JOURNAL_POISONED' || error.code === 'CLOSED') return;
    this.stall();
    this.offer(row);
  }

  #runAlone(row: RunRow): void {
    const until = this.#parts.deadlines.after(this.#parts.settings.suspectMs, () => {
      if (this.#alone?.row === row) this.#alone = undefined;
      this.#hooks.wake();
    });
    this.#alone = { row, until };
  }

  #endAlone(): void {
    const alone = this.#alone;
    if (alone === undefined || this.claiming > 0 || this.#executor.openAttempts.has(alone.row.id)) return;
    alone.until.cancel();
    this.#alone = undefined;
  }
}
