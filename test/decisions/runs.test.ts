// Commands about one run, from each of the nine states: what each does, and what each refuses by which code.
import { describe, expect, it } from '@jest/globals';
import { RUN_STATES, type RunState } from '../../src/domain/run-state.js';
import { cancelRun, resumeRun, retryRun, setRunPriority, suspendRun } from '../../src/decisions/runs.js';
import { given, type GivenCommit, type GivenState, type WhenDecided } from '../../src/testing/given.js';
import { changed, payload, released, runCreated, runIn, taskCreated } from './support/histories.js';

const others = (...states: RunState[]): RunState[] => RUN_STATES.filter((state) => !states.includes(state));

const pruned: GivenCommit[] = [...runIn('completed'), { type: 'TasksPruned', taskIds: ['t1'] }];

const commands: Readonly<Record<string, (state: GivenState, runId: string) => WhenDecided<unknown>>> = {
  cancelRun: (state, runId) => state.when(cancelRun, { runId }),
  suspendRun: (state, runId) => state.when(suspendRun, { runId }),
  resumeRun: (state, runId) => state.when(resumeRun, { runId }),
  retryRun: (state, runId) => state.when(retryRun, { runId }),
  setRunPriority: (state, runId) => state.when(setRunPriority, { runId, priority: 1 }),
};

describe.each(Object.entries(commands))('%s', (_name, decide) => {
  it('refuses an unknown run', () => {
    decide(given([]), 'r9').then({ code: 'RUN_UNKNOWN', data: { runId: 'r9' } });
  });

  it('refuses a pruned run', () => {
    decide(given(pruned), 'r1').then({ code: 'RUN_PRUNED', data: { runId: 'r1' } });
  });

  it('refuses what is no id', () => {
    decide(given([]), 'no id').then({ code: 'INVALID_ID', data: { field: 'runId' } });
  });
});

describe('cancelRun', () => {
  it.each(['scheduled', 'ready', 'retryWait', 'suspended'] as const)('cancels a %s run', (state) => {
    given(runIn(state))
      .when(cancelRun, { runId: 'r1', reason: 'not needed' })
      .then([changed('r1', state, 'canceled', { reason: 'not needed' })]);
  });

  it('gives the lease of a leased run back', () => {
    given(runIn('leased'))
      .when(cancelRun, { runId: 'r1' })
      .then([released('r1'), changed('r1', 'leased', 'canceled')]);
  });

  it('ends the open attempt of a running run in the same commit', () => {
    const { result } = given(runIn('running'))
      .when(cancelRun, { runId: 'r1' })
      .then([
        { type: 'AttemptFinished', runId: 'r1', attemptId: 'a1', result: 'canceled' },
        released('r1'),
        changed('r1', 'running', 'canceled'),
      ]);
    expect(result).toEqual({ changed: true });
  });

  it('changes nothing on a canceled run', () => {
    given(runIn('canceled'))
      .when(cancelRun, { runId: 'r1' })
      .then({ answer: { changed: false } });
  });

  it.each(['completed', 'failed'] as const)('refuses a %s run', (from) => {
    given(runIn(from))
      .when(cancelRun, { runId: 'r1' })
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', from, to: 'canceled' } });
  });

  it('cancels the last of a chain', () => {
    const chain: GivenCommit[] = [
      ...runIn('running'),
      [
        { type: 'AttemptFinished', runId: 'r1', attemptId: 'a1', result: 'success' },
        released('r1'),
        { type: 'RunContinued', runId: 'r1', successorRunId: 'r2' },
        changed('r1', 'running', 'completed'),
        runCreated('r2', { continuedFrom: 'r1' }),
      ],
    ];
    given(chain)
      .when(cancelRun, { runId: 'r1' })
      .then([changed('r2', 'scheduled', 'canceled')]);
  });
});

describe('suspendRun', () => {
  it('ends the attempt of a running run as suspended', () => {
    const { state } = given(runIn('running'))
      .when(suspendRun, { runId: 'r1' })
      .then([
        { type: 'AttemptFinished', runId: 'r1', attemptId: 'a1', result: 'suspended' },
        released('r1'),
        changed('r1', 'running', 'suspended', { reason: 'operator' }),
      ]);
    expect(state.runs.get('r1')).toMatchObject({ state: 'suspended', failedAttempts: 0, lostAttempts: 0 });
  });

  it.each(others('running'))('refuses a %s run', (from) => {
    given(runIn(from))
      .when(suspendRun, { runId: 'r1' })
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', from, to: 'suspended' } });
  });
});

describe('resumeRun', () => {
  it('makes a suspended run ready, with the value', () => {
    given(runIn('suspended'))
      .when(resumeRun, { runId: 'r1', value: payload({ ok: true }) })
      .then([
        changed('r1', 'suspended', 'ready'),
        { type: 'RunResumed', runId: 'r1', value: payload({ ok: true }) },
      ]);
  });

  it.each(others('suspended'))('refuses a %s run', (from) => {
    given(runIn(from))
      .when(resumeRun, { runId: 'r1' })
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', from, to: 'ready' } });
  });

  it('refuses a run with open waits, naming them', () => {
    const waiting: GivenCommit[] = [
      ...runIn('running'),
      [
        { type: 'WaitStarted', runId: 'r1', name: 'approval', wait: { kind: 'answer' } },
        { type: 'WaitStarted', runId: 'r1', name: 'nap', wait: { kind: 'sleep', untilAt: 90_000 } },
        { type: 'AttemptFinished', runId: 'r1', attemptId: 'a1', result: 'suspended' },
        released('r1'),
        changed('r1', 'running', 'suspended'),
      ],
    ];
    given(waiting)
      .when(resumeRun, { runId: 'r1' })
      .then({ code: 'RUN_WAITING', data: { runId: 'r1', waits: ['approval', 'nap'] } });
    given([
      ...waiting,
      [
        { type: 'WaitEnded', runId: 'r1', name: 'approval' },
        { type: 'WaitEnded', runId: 'r1', name: 'nap' },
      ],
    ])
      .when(resumeRun, { runId: 'r1' })
      .then([changed('r1', 'suspended', 'ready'), { type: 'RunResumed', runId: 'r1' }]);
  });
});

describe('setRunPriority', () => {
  it.each(['scheduled', 'ready'] as const)('changes a %s run', (state) => {
    given(runIn(state))
      .when(setRunPriority, { runId: 'r1', priority: 7 })
      .then([{ type: 'RunPriorityChanged', runId: 'r1', priority: 7 }]);
  });

  it('changes nothing when the run has that priority', () => {
    given(runIn('ready'))
      .when(setRunPriority, { runId: 'r1', priority: 0 })
      .then({ answer: { changed: false } });
  });

  it.each(others('scheduled', 'ready'))('refuses a %s run', (state) => {
    given(runIn(state))
      .when(setRunPriority, { runId: 'r1', priority: 7 })
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', from: state } });
  });

  it.each([2_147_483_647, -2_147_483_648])('takes %d, the end of the int32 range', (priority) => {
    given(runIn('ready'))
      .when(setRunPriority, { runId: 'r1', priority })
      .then([{ type: 'RunPriorityChanged', runId: 'r1', priority }]);
  });

  it.each([2_147_483_648, -2_147_483_649, 0.5, Number.NaN])('refuses the priority %d', (priority) => {
    given(runIn('ready'))
      .when(setRunPriority, { runId: 'r1', priority })
      .then({ code: 'INVALID_INPUT', data: { path: 'priority' } });
  });
});

describe('retryRun', () => {
  it.each(['failed', 'canceled'] as const)('puts a new run in the place of a %s one', (state) => {
    const { state: after, result } = given(runIn(state), { now: 9_000 })
      .when(retryRun, { runId: 'r1' })
      .then([runCreated('new-1', { scheduledAt: 9_000, retryOf: 'r1' })]);
    expect(result).toEqual({ runId: 'new-1' });
    expect(after.runs.get('r1')).toMatchObject({ state, retriedBy: 'new-1' });
    expect(after.tasks.get('t1')?.counts).toMatchObject({ created: 1, failed: 0, canceled: 0 });
  });

  it.each(others('failed', 'canceled'))('refuses a %s run', (from) => {
    given(runIn(from))
      .when(retryRun, { runId: 'r1' })
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', from } });
  });

  it('refuses a run that was run again already, naming the one that took its place', () => {
    given([...runIn('failed'), runCreated('r2', { retryOf: 'r1' })])
      .when(retryRun, { runId: 'r1' })
      .then({ code: 'INVALID_TRANSITION', data: { runId: 'r1', retriedBy: 'r2' } });
  });

  it('refuses a run of a canceled task, and of one under a canceled task', () => {
    given([...runIn('failed'), { type: 'TaskCanceled', taskId: 't1' }])
      .when(retryRun, { runId: 'r1' })
      .then({ code: 'TASK_CANCELED', data: { runId: 'r1', taskId: 't1' } });
    const child: GivenCommit[] = [
      taskCreated('p1'),
      ...runIn('failed', { parentId: 'p1' }),
      { type: 'TaskCanceled', taskId: 'p1' },
    ];
    given(child).when(retryRun, { runId: 'r1' }).then({ code: 'TASK_CANCELED' });
  });

  it('refuses a run whose failure canceled dependents, unless it is detached from them', () => {
    const dependents: GivenCommit[] = [
      ...runIn('failed'),
      [taskCreated('t2'), { type: 'DependencyDeclared', taskId: 't2', dependsOn: ['t1'] }],
      { type: 'TaskCanceled', taskId: 't2', reason: 'prerequisite' },
    ];
    given(dependents)
      .when(retryRun, { runId: 'r1' })
      .then({ code: 'RUN_HAS_DEPENDENTS', data: { runId: 'r1', dependents: ['t2'] } });
    given(dependents)
      .when(retryRun, { runId: 'r1', detached: true })
      .then([runCreated('new-1', { scheduledAt: 6_000, retryOf: 'r1' })]);
  });

  it('keeps the priority the old run had', () => {
    const given7: GivenCommit[] = [
      ...runIn('scheduled'),
      { type: 'RunPriorityChanged', runId: 'r1', priority: 7 },
    ];
    given([...given7, changed('r1', 'scheduled', 'canceled')])
      .when(retryRun, { runId: 'r1' })
      .then([runCreated('new-1', { scheduledAt: 3_000, priority: 7, retryOf: 'r1' })]);
  });
});
