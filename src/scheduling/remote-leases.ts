// Leases that belong to others than this process: each ends by time, on the monotonic clock, unless a heartbeat
// moves it. What is left after a restart is min(its duration, expiry − now), at least 0.
import { decideExpiry } from '../decisions/leases.js';
import type { PawlEvent } from '../domain/events.js';
import type { LeaseRecord } from '../domain/run.js';
import { commitHeld, type EngineParts } from '../execution/engine-parts.js';
import type { RunRow } from '../projections/rows.js';
import type { Deadline } from './deadlines.js';

const EXPIRY_RETRY_MS = 1_000;

/** The lease whose time is over. */
type Ended = Pick<LeaseRecord, 'owner' | 'expiryAt'>;

/** Expires the leases of others. */
export class RemoteLeases {
  readonly #parts: EngineParts;
  readonly #wake: () => void;
  readonly #deadlines = new Map<RunRow, Deadline>();

  constructor(parts: EngineParts, wake: () => void) {
    this.#parts = parts;
    this.#wake = wake;
  }

  /** Watches the lease of a run, from now on until it ends; called again after a heartbeat. */
  watch(row: RunRow): void {
    const lease = row.detail?.lease;
    if (lease === undefined || lease.owner === this.#parts.owner) return;
    const leftMs = Math.max(
      0,
      Math.min(lease.expiryAt - lease.updatedAt, lease.expiryAt - this.#parts.clock.now()),
    );
    this.#expireIn(leftMs, row, lease);
  }

  #expireIn(delayMs: number, row: RunRow, lease: Ended): void {
    this.#deadlines.get(row)?.cancel();
    const deadline = this.#parts.deadlines.after(delayMs, () => {
      this.#deadlines.delete(row);
      void this.#expire(row, lease);
    });
    this.#deadlines.set(row, deadline);
  }

  async #expire(row: RunRow, lease: Ended): Promise<void> {
    const { context, locks, logger } = this.#parts;
    await locks.acquire([row.id]);
    const current = row.detail?.lease;
    if (current?.owner !== lease.owner || current.expiryAt !== lease.expiryAt) {
      locks.releaseOne(row.id);
      return;
    }
    let events: PawlEvent[];
    try {
      events = decideExpiry(context.refresh(), row, lease);
    } catch (error) {
      // Only a machine without the edge refuses here.
      locks.releaseOne(row.id);
      logger.error({ component: 'leases', runId: row.id, err: error }, 'lease could not be ended');
      return;
    }
    const attemptId = row.detail?.open?.id;
    logger.warn({ component: 'leases', runId: row.id, attemptId, owner: lease.owner }, 'run lost');
    commitHeld(this.#parts, [row.id], events, (error) => {
      // A refused expiry is tried again, at a pace that a full disk can bear.
      if (error !== undefined) this.#expireIn(EXPIRY_RETRY_MS, row, lease);
      this.#wake();
    });
  }
}
