// Leases: a view over the runs, for a lease is part of its run. Acquire needs none in force; heartbeat, expiry
// and release need its owner, expiry and release its exact expiry too; a heartbeat never shortens.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { LeaseRecord } from '../domain/run.js';
import type { Fold } from './fold.js';
import { refusal } from './refusal.js';
import type { RunDetail, RunRow } from './rows.js';
import { detailOf } from './run-history.js';
import type { Runs } from './runs.js';

/** A lease with the run it is for. */
export interface RunLease {
  readonly runId: string;
  readonly lease: LeaseRecord;
}

/** The leases in force. */
export class Leases implements Fold {
  readonly handles: readonly EventType[] = [
    'LeaseAcquired',
    'LeaseHeartbeat',
    'LeaseExpired',
    'LeaseReleased',
  ];
  readonly sections = [];
  /** Sequence of the first event of the commit that is being applied. */
  commitStart = 0;
  #count = 0;

  constructor(private readonly runs: Runs) {}

  /** Number of leases in force. */
  get count(): number {
    return this.#count;
  }

  /** The lease of a run; `undefined` when it has none. */
  get(runId: string): LeaseRecord | undefined {
    const lease = this.runs.row(runId)?.detail?.lease;
    return lease === undefined ? undefined : Object.freeze(lease);
  }

  /** All leases in force. */
  *list(): IterableIterator<RunLease> {
    for (const state of ['leased', 'running'] as const) {
      for (const row of this.runs.inState(state)) {
        const lease = row.detail?.lease;
        if (lease !== undefined) yield Object.freeze({ runId: row.id, lease: Object.freeze(lease) });
      }
    }
  }

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'LeaseAcquired': {
        this.#acquire(event);
        return;
      }
      case 'LeaseHeartbeat': {
        this.#extend(event);
        return;
      }
      case 'LeaseExpired':
      case 'LeaseReleased': {
        this.#end(event);
        return;
      }
      default:
        return;
    }
  }

  finishLoad(): void {
    this.#count = [...this.list()].length;
  }

  #acquire(event: PawlEvent<'LeaseAcquired'>): void {
    const row = this.runs.change(event, event.runId);
    const { owner, expiryAt, at, runId } = event;
    const detail = detailOf(row);
    if (detail.lease !== undefined) throw refusal(event, 'leaseHeld', { runId, owner: detail.lease.owner });
    if (row.state !== 'leased') throw refusal(event, 'leaseWrongState', { runId, state: row.state });
    if (row.stateSequence < this.commitStart) throw refusal(event, 'leaseNotWithClaim', { runId });
    detail.lease = { owner, expiryAt, acquiredAt: at, updatedAt: at };
    this.#count++;
  }

  #extend(event: PawlEvent<'LeaseHeartbeat'>): void {
    const { detail, lease } = this.#own(event);
    const { owner, expiryAt, at, runId } = event;
    if (expiryAt < lease.expiryAt)
      throw refusal(event, 'leaseExpiryRegression', { runId, expiryAt: lease.expiryAt });
    detail.lease = { owner, expiryAt, acquiredAt: lease.acquiredAt, updatedAt: at };
  }

  #end(event: PawlEvent<'LeaseExpired' | 'LeaseReleased'>): void {
    const { row, detail, lease } = this.#own(event);
    if (event.expiryAt !== lease.expiryAt) {
      throw refusal(event, 'leaseExpiryMismatch', { runId: event.runId, expiryAt: lease.expiryAt });
    }
    detail.lease = undefined;
    this.#count--;
    this.runs.commitRules.note(row, event);
  }

  #own(event: PawlEvent<'LeaseHeartbeat' | 'LeaseExpired' | 'LeaseReleased'>): Owned {
    const row = this.runs.change(event, event.runId);
    const { runId, owner } = event;
    if (row.state !== 'leased' && row.state !== 'running') {
      throw refusal(event, 'leaseWrongState', { runId, state: row.state });
    }
    const { detail } = row;
    const lease = detail?.lease;
    if (detail === undefined || lease === undefined)
      throw refusal(event, 'leaseMissing', { runId, state: row.state });
    if (lease.owner !== owner) throw refusal(event, 'leaseOwnerMismatch', { runId, owner: lease.owner });
    return { row, detail, lease };
  }
}

interface Owned {
  readonly row: RunRow;
  readonly detail: RunDetail;
  readonly lease: LeaseRecord;
}
