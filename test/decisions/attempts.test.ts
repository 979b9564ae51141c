// How attempts begin and end: one commit each, and what follows for the run.
import { describe, expect, it } from '@jest/globals';
import {
  decideDispatch,
  decideFinish,
  decideRefusal,
  lateResult,
  lostError,
  SHUTDOWN,
  type Outcome,
} from '../../src/decisions/attempts.js';
import type { DecisionContext } from '../../src/decisions/command.js';
import { findRun } from '../../src/decisions/lookups.js';
import { settleLost } from '../../src/decisions/reactions.js';
import { RUN_STATES, type RunState } from '../../src/domain/run-state.js';
import type { ErrorRecord } from '../../src/domain/run.js';
import type { ConstraintsInput } from '../../src/domain/submission.js';
import { given, type EventDraft, type GivenCommit, type GivenState } from '../../src/testing/given.js';
import {
  changed,
  dispatched,
  ended,
  EXPIRY_AT,
  OWNER,
  payload,
  released,
  runIn,
  taskCreated,
} from './support/histories.js';

type Decide = (context: DecisionContext) => ReturnType<typeof decideFinish>;

const claim = { owner: OWNER, attemptId: 'a2', expiryAt: EXPIRY_AT };
const error: ErrorRecord = { name: 'Error', message: 'no', retryable: true };
const terminal: ErrorRecord = { name: 'TerminalError', message: 'no', code: 'TERMINAL', retryable: false };
const finish =
  (outcome: Outcome, attemptId = 'a1', consumed: { dimension: string; amount: number }[] = []): Decide =>
  (context) =>
    decideFinish(context, { runId: 'r1', attemptId, owner: OWNER, outcome, consumed });
const finished = (
  result: EventDraft<'AttemptFinished'>['result'],
  more: Partial<EventDraft<'AttemptFinished'>> = {},
): EventDraft => ({ type: 'AttemptFinished', runId: 'r1', attemptId: 'a1', result, ...more });
const running = (constraints: ConstraintsInput): GivenState =>
  given(runIn('running', { constraints }), { now: 5_000 });
const fixed = { kind: 'fixed', delayMs: 700, jitter: 'none' } as const;

describe('dispatch', () => {
  it('is one commit: leased, with its lease, running, with its attempt', () => {
    given(runIn('ready'))
      .when((context) => decideDispatch(context, findRun(context, 'r1'), claim))
      .then(dispatched('r1', 'a2'));
  });

  it('numbers attempts over all of a run', () => {
    const commits: GivenCommit[] = [...runIn('retryWait'), changed('r1', 'retryWait', 'ready')];
    given(commits)
      .when((context) => decideDispatch(context, findRun(context, 'r1'), claim))
      .then(dispatched('r1', 'a2', 2));
  });

  it.each(RUN_STATES.filter((state) => state !== 'ready'))('refuses a %s run', (from) => {
    given(runIn(from))
      .when((context) => decideDispatch(context, findRun(context, 'r1'), claim))
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', from, to: 'leased' } });
  });
});

describe('finish', () => {
  it('of a success completes the run, with its output', () => {
    const output = payload({ answer: 42 });
    given(runIn('running'))
      .when(finish({ kind: 'success', output }))
      .then([finished('success', { output }), released('r1'), changed('r1', 'running', 'completed')]);
  });

  it('of a suspension suspends it and uses up no attempt', () => {
    const { state } = given(runIn('running'))
      .when(finish({ kind: 'suspended', reason: 'budget' }))
      .then([
        finished('suspended'),
        released('r1'),
        changed('r1', 'running', 'suspended', { reason: 'budget' }),
      ]);
    expect(state.runs.get('r1')).toMatchObject({ failedAttempts: 0, lostAttempts: 0, attemptCount: 1 });
  });

  it.each(['failure', 'timeout'] as const)('of a %s with attempts left waits for the backoff', (kind) => {
    running({ maxAttempts: 2, backoff: fixed })
      .when(finish({ kind, error }))
      .then([
        finished(kind, { error }),
        released('r1'),
        changed('r1', 'running', 'retryWait', { reason: kind, wakeAt: 5_700 }),
      ]);
  });

  it.each(['failure', 'timeout'] as const)('of a %s at the cap fails the run', (kind) => {
    running({ maxAttempts: 1 })
      .when(finish({ kind, error }))
      .then([
        finished(kind, { error }),
        released('r1'),
        changed('r1', 'running', 'failed', { reason: kind }),
      ]);
  });

  it('of a terminal failure fails the run at once', () => {
    running({ maxAttempts: 5 })
      .when(finish({ kind: 'failure', error: terminal }))
      .then([
        finished('failure', { error: terminal }),
        released('r1'),
        changed('r1', 'running', 'failed', { reason: 'terminal' }),
      ]);
  });

  it('counts failures alone against the cap: suspended and lost attempts are free', () => {
    const commits: GivenCommit[] = [
      ...runIn('running', { constraints: { maxAttempts: 2, maxLostAttempts: 5, backoff: fixed } }),
      ended('r1', 'suspended', 'suspended'),
      changed('r1', 'suspended', 'ready'),
      dispatched('r1', 'a2', 2),
      ended('r1', 'lost', 'retryWait', { attemptId: 'a2', wakeAt: 1 }),
      changed('r1', 'retryWait', 'ready'),
      dispatched('r1', 'a3', 3),
    ];
    const failure = (attemptId: string): Decide => finish({ kind: 'failure', error }, attemptId);
    given(commits, { now: 20_000 })
      .when(failure('a3'))
      .then([
        finished('failure', { attemptId: 'a3', error }),
        released('r1'),
        changed('r1', 'running', 'retryWait', { reason: 'failure', wakeAt: 20_700 }),
      ]);
    const once: GivenCommit[] = [
      ...commits,
      ended('r1', 'failure', 'retryWait', { attemptId: 'a3', wakeAt: 1 }),
      changed('r1', 'retryWait', 'ready'),
      dispatched('r1', 'a4', 4),
    ];
    given(once)
      .when(failure('a4'))
      .then([
        finished('failure', { attemptId: 'a4', error }),
        released('r1'),
        changed('r1', 'running', 'failed', { reason: 'failure' }),
      ]);
  });

  it('charges what was used to the task and to every ancestor with an allocation', () => {
    const commits: GivenCommit[] = [
      taskCreated('g1'),
      taskCreated('p1', { parentId: 'g1' }),
      { type: 'BudgetAllocated', taskId: 'g1', dimension: 'token', limit: 100 },
      { type: 'BudgetAllocated', taskId: 'p1', dimension: 'costCents', limit: 100 },
      ...runIn('running', { parentId: 'p1' }),
    ];
    given(commits)
      .when(finish({ kind: 'success' }, 'a1', [{ dimension: 'token', amount: 7 }]))
      .then([
        finished('success'),
        { type: 'BudgetConsumed', taskId: 't1', dimension: 'token', amount: 7, runId: 'r1' },
        { type: 'BudgetConsumed', taskId: 'g1', dimension: 'token', amount: 7, runId: 'r1' },
        released('r1'),
        changed('r1', 'running', 'completed'),
      ]);
  });

  it('refuses an unknown run', () => {
    given([])
      .when(finish({ kind: 'success' }))
      .then({ code: 'RUN_UNKNOWN', data: { runId: 'r1' } });
  });

  it('refuses an attempt that the run never had', () => {
    given(runIn('running'))
      .when(finish({ kind: 'success' }, 'a9'))
      .then({ code: 'ATTEMPT_UNKNOWN', data: { runId: 'r1', attemptId: 'a9' } });
  });
});

describe('a second finish', () => {
  it.each<[RunState, string]>([
    ['completed', 'ATTEMPT_MISMATCH'],
    ['failed', 'ATTEMPT_MISMATCH'],
    ['retryWait', 'ATTEMPT_MISMATCH'],
    ['suspended', 'ATTEMPT_MISMATCH'],
  ])('is refused once the run is %s', (state, code) => {
    given(runIn(state))
      .when(finish({ kind: 'success' }))
      .then({ code: code as 'ATTEMPT_MISMATCH', data: { runId: 'r1', attemptId: 'a1', state } });
  });

  it('of a canceled run says so', () => {
    const canceled: GivenCommit[] = [...runIn('running'), ended('r1', 'canceled', 'canceled')];
    given(canceled)
      .when(finish({ kind: 'success' }))
      .then({ code: 'RUN_CANCELED', data: { runId: 'r1' } });
  });

  it.each(['lost', 'timeout'] as const)('of an attempt that ended %s names the lease', (result) => {
    given([...runIn('running'), ended('r1', result, 'retryWait', { wakeAt: 1 })])
      .when(finish({ kind: 'success' }))
      .then({ code: 'LEASE_LOST', data: { runId: 'r1', attemptId: 'a1' } });
  });

  it('is refused while the next attempt is open', () => {
    given([...runIn('retryWait'), changed('r1', 'retryWait', 'ready'), dispatched('r1', 'a2', 2)])
      .when(finish({ kind: 'success' }))
      .then({ code: 'ATTEMPT_MISMATCH', data: { runId: 'r1', attemptId: 'a1', state: 'running' } });
  });

  it('is recorded as refused, at most once an attempt', () => {
    const refuse: Decide = (context) => {
      const row = findRun(context, 'r1');
      const late = { attemptId: 'a1', owner: OWNER };
      return decideRefusal(row, late, lateResult(row, late).code);
    };
    const refused: EventDraft = {
      type: 'AttemptRefused',
      runId: 'r1',
      attemptId: 'a1',
      owner: OWNER,
      why: 'ATTEMPT_MISMATCH',
    };
    given(runIn('completed')).when(refuse).then([refused]);
    given([...runIn('completed'), refused])
      .when(refuse)
      .then([]);
  });

  it('is not recorded while the attempt is open: a close that found the disk full has ended nothing', () => {
    const refuse: Decide = (context) =>
      decideRefusal(findRun(context, 'r1'), { attemptId: 'a1', owner: OWNER }, 'LEASE_LOST');
    given(runIn('running')).when(refuse).then([]);
  });
});

describe('a lost attempt', () => {
  const lost: Decide = (context) => settleLost(context, findRun(context, 'r1'), 'LOST');
  const lossOf = (state: GivenState, code: 'LOST' | 'SHUTDOWN', attemptId = 'a1'): EventDraft => {
    const open = state.state.runs.row('r1')?.detail?.open;
    if (open === undefined) throw new Error('no attempt is open');
    return finished('lost', { attemptId, error: lostError(code, open) });
  };

  it('is retried at once when it is the first', () => {
    const state = running({ maxLostAttempts: 3, backoff: fixed });
    state
      .when(lost)
      .then([
        lossOf(state, 'LOST'),
        released('r1'),
        changed('r1', 'running', 'retryWait', { reason: 'lost', wakeAt: 5_000 }),
        changed('r1', 'retryWait', 'ready'),
      ]);
  });

  const secondTry = (constraints: ConstraintsInput): GivenCommit[] => [
    ...runIn('running', { constraints }),
    [...ended('r1', 'lost', 'retryWait', { wakeAt: 1 }), changed('r1', 'retryWait', 'ready')],
    dispatched('r1', 'a2', 2),
  ];

  it('waits for the backoff when it is a later one', () => {
    const state = given(secondTry({ maxLostAttempts: 3, backoff: fixed }), { now: 9_000 });
    state
      .when(lost)
      .then([
        lossOf(state, 'LOST', 'a2'),
        released('r1'),
        changed('r1', 'running', 'retryWait', { reason: 'lost', wakeAt: 9_700 }),
      ]);
  });

  it('fails the run at the cap of losses', () => {
    const state = given(secondTry({ maxLostAttempts: 2 }));
    state
      .when(lost)
      .then([
        lossOf(state, 'LOST', 'a2'),
        released('r1'),
        changed('r1', 'running', 'failed', { reason: 'LOST' }),
      ]);
  });

  it('fails a transactional run at once', () => {
    const state = running({ safety: 'transactional' });
    state
      .when(lost)
      .then([lossOf(state, 'LOST'), released('r1'), changed('r1', 'running', 'failed', { reason: 'LOST' })]);
  });

  it('by shutdown counts as no loss and is retried at once, transactional or not', () => {
    const state = running({ safety: 'transactional', maxLostAttempts: 1 });
    const { state: after } = state
      .when((context) => settleLost(context, findRun(context, 'r1'), SHUTDOWN))
      .then([
        lossOf(state, 'SHUTDOWN'),
        released('r1'),
        changed('r1', 'running', 'retryWait', { reason: 'shutdown', wakeAt: 5_000 }),
        changed('r1', 'retryWait', 'ready'),
      ]);
    expect(after.runs.get('r1')).toMatchObject({ lostAttempts: 0, failedAttempts: 0 });
  });

  it('that never began makes a leased run ready', () => {
    given(runIn('leased'))
      .when(lost)
      .then([released('r1'), changed('r1', 'leased', 'ready', { reason: 'lost' })]);
  });

  it('that is not there makes a running run wait', () => {
    const commits: GivenCommit[] = [...runIn('leased'), changed('r1', 'leased', 'running')];
    given(commits, { now: 9_000 })
      .when(lost)
      .then([released('r1'), changed('r1', 'running', 'retryWait', { reason: 'lost', wakeAt: 9_000 })]);
  });
});
