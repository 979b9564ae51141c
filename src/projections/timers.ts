// When the next thing is due: heaps of the runs that are scheduled, of those that wake, and of those that expire
// when they have not started by their moment. What is due is found at the top, never by looking at all runs.
import { RunHeap, type HeapSlot } from './run-heap.js';
import type { RunRow } from './rows.js';
import { detailOf } from './run-history.js';

const EXPIRY_SLOT: HeapSlot = {
  get: (row) => row.detail?.expiryIndex ?? -1,
  set: (row, index) => {
    if (row.detail !== undefined) row.detail.expiryIndex = index;
  },
};

const byDue = (left: RunRow, right: RunRow): number =>
  byMoment(dueAt(left) ?? 0, dueAt(right) ?? 0, left, right);

/**
 * The moments that runs wait for. Schedules have a heap of their own, so that the due runs of a paused engine do not
 * hide the retries behind them. What is taken out is the scheduler's until the run changes or is put back.
 */
export class Timers {
  readonly #scheduled = new RunHeap(byDue);
  readonly #waking = new RunHeap(byDue);
  readonly #expiries = new RunHeap(
    (left, right) => byMoment(expiresAt(left) ?? 0, expiresAt(right) ?? 0, left, right),
    EXPIRY_SLOT,
  );

  /** Number of runs that wait for a moment. */
  get size(): number {
    return this.#scheduled.size + this.#waking.size;
  }

  /** The moment a run waits for: its schedule, its wake-up, the end of its earliest wait. */
  dueAt(row: RunRow): number | undefined {
    return dueAt(row);
  }

  /** True when the run is among those that wait for a moment. */
  has(row: RunRow): boolean {
    return this.#scheduled.has(row) || this.#waking.has(row);
  }

  /** The earliest schedule. */
  nextScheduledAt(): number | undefined {
    return momentOf(this.#scheduled.peek(), dueAt);
  }

  /** The earliest end of a retry's delay or of a wait. */
  nextWakeAt(): number | undefined {
    return momentOf(this.#waking.peek(), dueAt);
  }

  /** The earliest moment by which a run must have started. */
  nextExpiryAt(): number | undefined {
    return momentOf(this.#expiries.peek(), expiresAt);
  }

  /** Takes out the first run whose schedule has come. */
  takeScheduled(now: number): RunRow | undefined {
    return takeDue(this.#scheduled, dueAt, now);
  }

  /** Takes out the first run whose delay or wait is over. */
  takeWaking(now: number): RunRow | undefined {
    return takeDue(this.#waking, dueAt, now);
  }

  /** Takes out the first run that has not started in time. */
  takeExpired(now: number): RunRow | undefined {
    return takeDue(this.#expiries, expiresAt, now);
  }

  /** The moment by which a run must have started; `undefined` when it has, or may take its time. */
  expiresAt(row: RunRow): number | undefined {
    return expiresAt(row);
  }

  /** Puts back what was taken out; does nothing when the run waits for no moment any more. */
  putBack(row: RunRow): void {
    this.update(row);
  }

  /** Takes in the runs of a snapshot, all at once. */
  load(rows: readonly RunRow[]): void {
    const scheduled: RunRow[] = [];
    const waking: RunRow[] = [];
    const expiring: RunRow[] = [];
    for (const row of rows) {
      if (row.state === 'scheduled') scheduled.push(row);
      else if (dueAt(row) !== undefined) waking.push(row);
      if (expiresAt(row) === undefined) continue;
      detailOf(row);
      expiring.push(row);
    }
    this.#scheduled.fill(scheduled);
    this.#waking.fill(waking);
    this.#expiries.fill(expiring);
  }

  /** Brings the heaps up to date after a run was created or changed. */
  update(row: RunRow): void {
    place(row.state === 'scheduled' ? this.#scheduled : this.#waking, row, dueAt(row));
    if (row.state !== 'scheduled') this.#scheduled.remove(row);
    if (row.task.shape.constraints.expireAfterMs === undefined) return;
    const expiryAt = expiresAt(row);
    if (expiryAt !== undefined) detailOf(row);
    place(this.#expiries, row, expiryAt);
  }
}

function place(heap: RunHeap, row: RunRow, at: number | undefined): void {
  if (at === undefined) heap.remove(row);
  else if (heap.has(row)) heap.update(row);
  else heap.insert(row);
}

function momentOf(row: RunRow | undefined, at: (row: RunRow) => number | undefined): number | undefined {
  return row === undefined ? undefined : at(row);
}

function takeDue(heap: RunHeap, at: (row: RunRow) => number | undefined, now: number): RunRow | undefined {
  const first = heap.peek();
  if (first === undefined || (at(first) ?? Infinity) > now) return undefined;
  return heap.pop();
}

function dueAt(row: RunRow): number | undefined {
  switch (row.state) {
    case 'scheduled':
      return row.scheduledAt;
    case 'retryWait':
      return row.detail?.wakeAt ?? row.lastStateChangeAt;
    case 'suspended':
      return row.detail?.waitUntilAt;
    default:
      return undefined;
  }
}

function expiresAt(row: RunRow): number | undefined {
  const { expireAfterMs } = row.task.shape.constraints;
  if (expireAfterMs === undefined || row.attemptCount > 0) return undefined;
  return row.state === 'scheduled' || row.state === 'ready' ? row.scheduledAt + expireAfterMs : undefined;
}

function byMoment(leftAt: number, rightAt: number, left: RunRow, right: RunRow): number {
  if (leftAt !== rightAt) return leftAt - rightAt;
  if (left.createdAt !== right.createdAt) return left.createdAt - right.createdAt;
  return left.id < right.id ? -1 : left.id > right.id ? 1 : 0;
}
