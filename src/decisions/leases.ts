// Leases: who may execute a run, and until when. Causality is checked before the append: a lease is taken when
// none is in force, given back or expired only with its exact owner and expiry, and never shortened.
import { PawlError } from '../errors.js';
import type { PawlEvent } from '../domain/events.js';
import type { LeaseRecord } from '../domain/run.js';
import type { RunRow } from '../projections/rows.js';
import { lostError, finishEvents } from './attempts.js';
import type { DecisionContext } from './command.js';
import { requireTransition } from './lookups.js';
import { stateChangedFor } from './new-events.js';

/** True from the very millisecond of its expiry on. */
export function isLeaseExpired(lease: Pick<LeaseRecord, 'expiryAt'>, now: number): boolean {
  return now >= lease.expiryAt;
}

/** A change to a lease, as its owner asks for it. */
export interface LeaseClaim {
  readonly owner: string;
  readonly expiryAt: number;
}

/** The lease of a run, held by `owner`. Errors: `LEASE_WRONG_STATE`, `LEASE_MISSING`, `LEASE_OWNER_MISMATCH`. */
export function requireLease(row: RunRow, owner: string): LeaseRecord {
  if (row.state !== 'leased' && row.state !== 'running') {
    throw new PawlError(
      'LEASE_WRONG_STATE',
      `Run ${row.id} is ${row.state}; only a leased or running run has a lease.`,
      {
        runId: row.id,
        state: row.state,
      },
    );
  }
  const lease = row.detail?.lease;
  if (lease === undefined)
    throw new PawlError('LEASE_MISSING', `Run ${row.id} has no lease; claim it again.`, { runId: row.id });
  if (lease.owner !== owner) {
    throw new PawlError(
      'LEASE_OWNER_MISMATCH',
      `The lease of run ${row.id} belongs to ${lease.owner}, not to ${owner}.`,
      {
        runId: row.id,
        owner: lease.owner,
        provided: owner,
      },
    );
  }
  return lease;
}

/** Prolongs a lease. Errors: those of `requireLease`, `LEASE_EXPIRY_REGRESSION`. */
export function decideHeartbeat(row: RunRow, claim: LeaseClaim): PawlEvent[] {
  const lease = requireLease(row, claim.owner);
  if (claim.expiryAt < lease.expiryAt) {
    throw new PawlError(
      'LEASE_EXPIRY_REGRESSION',
      `The lease of run ${row.id} runs until ${String(lease.expiryAt)}; it cannot be shortened.`,
      {
        runId: row.id,
        expiryAt: lease.expiryAt,
        provided: claim.expiryAt,
      },
    );
  }
  return [
    {
      type: 'LeaseHeartbeat',
      sequence: 0,
      at: 0,
      runId: row.id,
      owner: claim.owner,
      expiryAt: claim.expiryAt,
    },
  ];
}

/** Gives a lease back before the attempt has started: leased → ready. Errors: also `LEASE_EXPIRY_MISMATCH`. */
export function decideRelease(context: DecisionContext, row: RunRow, claim: LeaseClaim): PawlEvent[] {
  const lease = requireExactLease(row, claim);
  requireTransition(context, row, 'ready');
  return [
    {
      type: 'LeaseReleased',
      sequence: 0,
      at: 0,
      runId: row.id,
      owner: lease.owner,
      expiryAt: lease.expiryAt,
    },
    stateChangedFor({ runId: row.id, from: row.state, to: 'ready' }, 'released'),
  ];
}

/**
 * Ends a lease whose time is over, as the caller has judged on the monotonic clock: leased → ready; an open attempt
 * ends `lost`. Errors: those of `requireLease`, `LEASE_EXPIRY_MISMATCH`.
 */
export function decideExpiry(context: DecisionContext, row: RunRow, claim: LeaseClaim): PawlEvent[] {
  const lease = requireExactLease(row, claim);
  const expired: PawlEvent = {
    type: 'LeaseExpired',
    sequence: 0,
    at: 0,
    runId: row.id,
    owner: lease.owner,
    expiryAt: lease.expiryAt,
  };
  if (row.state === 'leased') {
    requireTransition(context, row, 'ready');
    return [expired, stateChangedFor({ runId: row.id, from: 'leased', to: 'ready' }, 'lease expired')];
  }
  const open = row.detail?.open;
  const events =
    open === undefined
      ? [stateChangedFor({ runId: row.id, from: 'running', to: 'retryWait' }, 'lost', context.now)]
      : finishEvents(context, row, {
          attemptId: open.id,
          outcome: { kind: 'lost', error: lostError('LOST', open) },
          consumed: [],
        });
  return [
    ...events.filter((event) => event.type === 'AttemptFinished'),
    expired,
    ...events.filter(isAfterLease),
  ];
}

function requireExactLease(row: RunRow, claim: LeaseClaim): LeaseRecord {
  const lease = requireLease(row, claim.owner);
  if (lease.expiryAt === claim.expiryAt) return lease;
  throw new PawlError(
    'LEASE_EXPIRY_MISMATCH',
    `The lease of run ${row.id} runs until ${String(lease.expiryAt)}, not ${String(claim.expiryAt)}.`,
    {
      runId: row.id,
      expiryAt: lease.expiryAt,
      provided: claim.expiryAt,
    },
  );
}

function isAfterLease(event: PawlEvent): boolean {
  return event.type !== 'AttemptFinished' && event.type !== 'LeaseReleased';
}
