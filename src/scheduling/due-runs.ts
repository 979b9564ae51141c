// What the wall clock makes due: scheduled runs become ready, retries wake, runs that waited too long expire.
// Driven by the earliest moment of three heaps, never by looking at every run; oldest first, in bounded commits.
import { isExpired, needsJudging, promoteEvents } from '../decisions/reactions.js';
import { cancelEvents } from '../decisions/runs.js';
import { isCanceledInTree } from '../decisions/lookups.js';
import type { PawlEvent } from '../domain/events.js';
import { commitHeld, type EngineParts } from '../execution/engine-parts.js';
import type { RunRow, TaskRow } from '../projections/rows.js';

/** Commits that are decided before the event loop has its turn. */
const COMMITS_PER_TURN = 16;

/** What it asks of the scheduler. */
export interface DueRunsHooks {
  wake(): void;
  /** The due runs of this task need judging together. */
  judge(task: TaskRow): void;
  /** True while scheduled runs hold still: paused, or the clock has jumped. */
  readonly holding: boolean;
  /** True while the clock has jumped. */
  readonly clockHolding: boolean;
  /** True when the task, or one above it, is about to be canceled. */
  isCanceling(task: TaskRow): boolean;
}

/** Promotes, wakes and expires. */
export class DueRuns {
  readonly #parts: EngineParts;
  readonly #hooks: DueRunsHooks;
  /** Due rows that a lock held up; they are tried again at the next turn. */
  #heldUp: RunRow[] = [];
  #inFlight = 0;
  #settled = 0;
  #retrying = 0;

  constructor(parts: EngineParts, hooks: DueRunsHooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** Due runs that are not settled yet. */
  get pending(): number {
    return this.#inFlight + this.#heldUp.length;
  }

  /** Commits that were refused and are tried again in a while. */
  get retrying(): number {
    return this.#retrying;
  }

  /** Due runs that were settled so far. */
  get settled(): number {
    return this.#settled;
  }

  /** The earliest moment at which something is due, or undefined. */
  nextDueAt(): number | undefined {
    const { timers } = this.#parts.state;
    let next: number | undefined;
    const consider = (at: number | undefined): void => {
      if (at !== undefined && (next === undefined || at < next)) next = at;
    };
    if (!this.#hooks.holding) consider(timers.nextScheduledAt());
    if (!this.#hooks.clockHolding) {
      consider(timers.nextWakeAt());
      consider(timers.nextExpiryAt());
    }
    return next;
  }

  /** Settles what is due now, bounded. Returns true when more is due. */
  run(): boolean {
    const { context, limits } = this.#parts;
    const retry = this.#heldUp;
    this.#heldUp = [];
    for (const row of retry) this.#putBack(row);
    for (let turn = 0; turn < COMMITS_PER_TURN; turn++) {
      const { now } = context.refresh();
      const keys: string[] = [];
      const events: PawlEvent[] = [];
      const rows: RunRow[] = [];
      for (let row = this.#takeDue(now); row !== undefined; row = this.#takeDue(now)) {
        if (this.#addDue(row, keys, events)) rows.push(row);
        if (rows.length >= limits.reactionBatch) break;
      }
      if (rows.length === 0) return false;
      this.#commit(keys, events, rows);
    }
    return true;
  }

  #takeDue(now: number): RunRow | undefined {
    const { timers } = this.#parts.state;
    if (!this.#hooks.clockHolding) {
      const expired = timers.takeExpired(now);
      if (expired !== undefined) return expired;
      const waking = timers.takeWaking(now);
      if (waking !== undefined) return waking;
    }
    return this.#hooks.holding ? undefined : timers.takeScheduled(now);
  }

  /** Adds what follows for one due row; false when nothing does, or not now. */
  #addDue(row: RunRow, keys: string[], events: PawlEvent[]): boolean {
    const { context, locks } = this.#parts;
    const expired = isExpired(row, context.now);
    if (!expired) {
      // What cancels the task cancels its runs; a wait's end is not this function's business.
      if (isCanceledInTree(row.task) || row.state === 'suspended') return false;
      if (row.state === 'scheduled' && needsJudging(row.task)) {
        this.#hooks.judge(row.task);
        return false;
      }
      if (this.#hooks.isCanceling(row.task)) {
        this.#heldUp.push(row);
        return false;
      }
    }
    if (!locks.tryAcquireOne(row.id)) {
      this.#heldUp.push(row);
      return false;
    }
    keys.push(row.id);
    events.push(...(expired ? cancelEvents(context, row, 'expired') : promoteEvents(context, row)));
    return true;
  }

  #commit(keys: readonly string[], events: readonly PawlEvent[], rows: readonly RunRow[]): void {
    this.#inFlight++;
    commitHeld(this.#parts, keys, events, (error) => {
      this.#inFlight--;
      if (error === undefined) this.#settled += rows.length;
      else {
        this.#retrying++;
        this.#parts.deadlines.after(1_000, () => {
          this.#retrying--;
          for (const row of rows) this.#putBack(row);
          this.#hooks.wake();
        });
      }
      this.#hooks.wake();
    });
  }

  #putBack(row: RunRow): void {
    this.#parts.state.timers.putBack(row);
  }
}
