// Leases: taken when none is in force, prolonged and given back by their owner alone, over at their very expiry.
import { describe, expect, it } from '@jest/globals';
import type { DecisionContext } from '../../src/decisions/command.js';
import { decideExpiry, decideHeartbeat, decideRelease, isLeaseExpired } from '../../src/decisions/leases.js';
import { decideDispatch, lostError } from '../../src/decisions/attempts.js';
import { findRun } from '../../src/decisions/lookups.js';
import type { RunState } from '../../src/domain/run-state.js';
import { given, type EventDraft, type GivenCommit } from '../../src/testing/given.js';
import {
  changed,
  dispatched,
  EXPIRY_AT,
  OWNER,
  released,
  runCreated,
  runIn,
  taskCreated,
} from './support/histories.js';

type Decide = (context: DecisionContext) => ReturnType<typeof decideHeartbeat>;
type Claim = Parameters<typeof decideRelease>[2];

const own: Claim = { owner: OWNER, expiryAt: EXPIRY_AT };
const decisions: Readonly<Record<string, (claim: Claim) => Decide>> = {
  heartbeat: (claim) => (context) => decideHeartbeat(findRun(context, 'r1'), claim),
  release: (claim) => (context) => decideRelease(context, findRun(context, 'r1'), claim),
  expiry: (claim) => (context) => decideExpiry(context, findRun(context, 'r1'), claim),
};
const { heartbeat, release, expiry } = decisions as Record<
  'heartbeat' | 'release' | 'expiry',
  (claim: Claim) => Decide
>;
const expired: EventDraft = { type: 'LeaseExpired', runId: 'r1', owner: OWNER, expiryAt: EXPIRY_AT };

/** A running run whose lease is gone: what an old log may hold. */
const withoutLease: GivenCommit[] = [
  ...runIn('ready'),
  [changed('r1', 'ready', 'leased'), changed('r1', 'leased', 'running')],
];

describe.each(Object.entries(decisions))('%s', (_name, decide) => {
  it.each<RunState>(['scheduled', 'ready', 'retryWait', 'suspended', 'completed', 'failed', 'canceled'])(
    'refuses a %s run',
    (state) => {
      given(runIn(state))
        .when(decide(own))
        .then({ code: 'LEASE_WRONG_STATE', data: { runId: 'r1', state } });
    },
  );

  it('refuses another owner', () => {
    given(runIn('running'))
      .when(decide({ ...own, owner: 'owner-2' }))
      .then({ code: 'LEASE_OWNER_MISMATCH', data: { runId: 'r1', owner: OWNER, provided: 'owner-2' } });
  });

  it('refuses a run without a lease', () => {
    given(withoutLease)
      .when(decide(own))
      .then({ code: 'LEASE_MISSING', data: { runId: 'r1' } });
  });
});

describe('heartbeat', () => {
  it.each(['leased', 'running'] as const)('prolongs the lease of a %s run', (state) => {
    const { state: after } = given(runIn(state))
      .when(heartbeat({ ...own, expiryAt: EXPIRY_AT + 1 }))
      .then([{ type: 'LeaseHeartbeat', runId: 'r1', owner: OWNER, expiryAt: EXPIRY_AT + 1 }]);
    expect(after.leases.get('r1')).toMatchObject({ expiryAt: EXPIRY_AT + 1 });
  });

  it('may leave the expiry as it is and never shortens it', () => {
    given(runIn('running'))
      .when(heartbeat(own))
      .then([{ type: 'LeaseHeartbeat', runId: 'r1', owner: OWNER, expiryAt: EXPIRY_AT }]);
    given(runIn('running'))
      .when(heartbeat({ ...own, expiryAt: EXPIRY_AT - 1 }))
      .then({
        code: 'LEASE_EXPIRY_REGRESSION',
        data: { runId: 'r1', expiryAt: EXPIRY_AT, provided: EXPIRY_AT - 1 },
      });
  });
});

describe('release', () => {
  it('makes a leased run ready', () => {
    given(runIn('leased'))
      .when(release(own))
      .then([released('r1'), changed('r1', 'leased', 'ready', { reason: 'released' })]);
  });

  it('refuses a running run', () => {
    given(runIn('running'))
      .when(release(own))
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', from: 'running', to: 'ready' } });
  });

  it('refuses another expiry', () => {
    given(runIn('leased'))
      .when(release({ ...own, expiryAt: EXPIRY_AT + 1 }))
      .then({
        code: 'LEASE_EXPIRY_MISMATCH',
        data: { runId: 'r1', expiryAt: EXPIRY_AT, provided: EXPIRY_AT + 1 },
      });
  });
});

describe('expiry', () => {
  it('is reached at the very millisecond', () => {
    expect([EXPIRY_AT - 1, EXPIRY_AT, EXPIRY_AT + 1].map((now) => isLeaseExpired(own, now))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('makes a leased run ready', () => {
    given(runIn('leased'))
      .when(expiry(own))
      .then([expired, changed('r1', 'leased', 'ready', { reason: 'lease expired' })]);
  });

  it('ends the open attempt of a running run as lost', () => {
    const state = given(runIn('running'), { now: EXPIRY_AT });
    const open = state.state.runs.row('r1')?.detail?.open;
    if (open === undefined) throw new Error('no attempt is open');
    state.when(expiry(own)).then([
      {
        type: 'AttemptFinished',
        runId: 'r1',
        attemptId: 'a1',
        result: 'lost',
        error: lostError('LOST', open),
      },
      expired,
      changed('r1', 'running', 'retryWait', { reason: 'lost', wakeAt: EXPIRY_AT }),
      changed('r1', 'retryWait', 'ready'),
    ]);
  });

  it('makes a running run without an open attempt wait', () => {
    given([...runIn('leased'), changed('r1', 'leased', 'running')], { now: EXPIRY_AT })
      .when(expiry(own))
      .then([expired, changed('r1', 'running', 'retryWait', { reason: 'lost', wakeAt: EXPIRY_AT })]);
  });

  it('refuses another expiry: a heartbeat came first', () => {
    given([
      ...runIn('running'),
      { type: 'LeaseHeartbeat', runId: 'r1', owner: OWNER, expiryAt: EXPIRY_AT + 9 },
    ])
      .when(expiry(own))
      .then({
        code: 'LEASE_EXPIRY_MISMATCH',
        data: { runId: 'r1', expiryAt: EXPIRY_AT + 9, provided: EXPIRY_AT },
      });
  });
});

/** A run of another task that is leased. */
const secondTask: GivenCommit[] = [
  [taskCreated('t2'), runCreated('r2', { taskId: 't2' })],
  changed('r2', 'scheduled', 'ready'),
  dispatched('r2', 'a1').slice(0, 2),
];

describe('a claim', () => {
  it('is refused while a lease is in force', () => {
    // The state never holds a lease outside leased and running, so the row is made to.
    given([...runIn('ready'), ...secondTask])
      .when((context) => {
        const row = findRun(context, 'r1');
        row.detail = findRun(context, 'r2').detail;
        return decideDispatch(context, row, { owner: 'owner-2', attemptId: 'a2', expiryAt: 1 });
      })
      .then({ code: 'LEASE_HELD', data: { runId: 'r1', owner: OWNER } });
  });
});
