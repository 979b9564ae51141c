// Leases that belong to others than this process: each ends by time, on the monotonic clock, unless a heartbeat
// moves it. What is left after a restart is min(its duration, expiry − now), at least 0.
import { decideExpiry } from '../decisions/leases.js';
import { commitHeld, type EngineParts } from '../execution/engine-parts.js';
import type { RunRow } from '../projections/rows.js';
import type { Deadline } from './deadlines.js';

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
    this.#deadlines.get(row)?.cancel();
    const leftMs = Math.max(
      0,
      Math.min(lease.expiryAt - lease.updatedAt, lease.expiryAt - this.#parts.clock.now()),
    );
    const deadline = this.#parts.deadlines.after(leftMs, () => {
      this.#deadlines.delete(row);
      void this.#expire(row, lease);
    });
    this.#deadlines.set(row, deadline);
  }

  async #expire(row: RunRow, lease: { readonly owner: string; readonly expiryAt: number }): Promise<void> {
    const { context, locks, logger } = this.#parts;
    await locks.acquire([row.id]);
    const current = row.detail?.lease;
    if (current?.owner !== lease.owner || current.expiryAt !== lease.expiryAt) {
      locks.releaseOne(row.id);
      return;
    }
    logger.warn({ component: 'leases', runId: row.id, owner: lease.owner }, 'run lost');
    commitHeld(this.#parts, [row.id], decideExpiry(context.refresh(), row, lease), (error) => {
      if (error !== undefined) this.watch(row);
      this.#wake();
    });
  }
}
