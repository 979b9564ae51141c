// Submitting and canceling tasks: what one commit holds, and each refusal by its code.
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { SubmitOptions } from '../../src/domain/submission.js';
import { cancelTask, submit, submitManyAtomic } from '../../src/decisions/tasks.js';
import { given, type EventDraft, type GivenCommit } from '../../src/testing/given.js';
import { changed, runCreated, runIn, spec, taskCreated } from './support/histories.js';

const ready = (runId: string): EventDraft => changed(runId, 'scheduled', 'ready');
const once = (id: string, options: SubmitOptions = {}): { spec: ReturnType<typeof spec> } => ({
  spec: spec(id, options),
});

/** A chain of tasks, each under the one before. */
function hierarchy(depth: number): GivenCommit[] {
  return Array.from({ length: depth }, (_unused, level) =>
    taskCreated(`p${String(level + 1)}`, level === 0 ? {} : { parentId: `p${String(level)}` }),
  );
}

describe('submit', () => {
  it('creates the task with its run, promoted when due', () => {
    const { result } = given([], { now: 5_000 })
      .when(submit, once('t1'))
      .then([taskCreated('t1'), runCreated('new-1', { scheduledAt: 5_000 }), ready('new-1')]);
    expect(result).toEqual({ taskId: 't1', runIds: ['new-1'], runCount: 1, created: true });
  });

  it('leaves a run for later scheduled', () => {
    const options: SubmitOptions = { policy: { kind: 'once', startAt: 9_000 } };
    given([], { now: 8_999 })
      .when(submit, once('t1', options))
      .then([taskCreated('t1', options), runCreated('new-1', { scheduledAt: 9_000 })]);
  });

  it('promotes nothing while the engine is paused', () => {
    given([{ type: 'EnginePaused' }], { now: 5_000 })
      .when(submit, once('t1'))
      .then([taskCreated('t1'), runCreated('new-1', { scheduledAt: 5_000 })]);
  });

  it('copies the priority of the task to its runs', () => {
    const options: SubmitOptions = { metadata: { priority: -3 } };
    given([], { now: 1_000 })
      .when(submit, once('t1', options))
      .then([taskCreated('t1', options), runCreated('new-1', { priority: -3 }), ready('new-1')]);
  });

  it('answers with the first submission when the same is submitted again', () => {
    given(runIn('completed'))
      .when(submit, once('t1'))
      .then({ answer: { taskId: 't1', runIds: ['r1'], runCount: 1, created: false } });
  });

  it('leaves a run that was run again by hand out of that answer', () => {
    given([...runIn('failed'), runCreated('r2', { retryOf: 'r1' })])
      .when(submit, once('t1'))
      .then({ answer: { taskId: 't1', runIds: ['r1'], runCount: 1, created: false } });
  });

  it('takes input with its keys in another order for the same', () => {
    const first: EventDraft = { type: 'TaskCreated', spec: spec('t1', {}, { a: 1, b: [{ c: 2, d: 3 }] }) };
    given([[first, runCreated('r1')]])
      .when(submit, { spec: spec('t1', {}, { b: [{ d: 3, c: 2 }], a: 1 }) })
      .then({ answer: { taskId: 't1', runIds: ['r1'], runCount: 1, created: false } });
  });

  it.each<[string, SubmitOptions]>([
    ['priority', { metadata: { priority: 1 } }],
    ['tags in another order', { metadata: { tags: ['b', 'a'] } }],
    ['policy', { policy: { kind: 'repeat', count: 1, intervalMs: 1 } }],
    ['start', { policy: { kind: 'once', startAt: 1_000 } }],
    ['constraints', { constraints: { maxAttempts: 2 } }],
    ['content type', { contentType: 'text/plain' }],
  ])('refuses another %s under the same id', (_what, options) => {
    given([[taskCreated('t1', { metadata: { tags: ['a', 'b'] } }), runCreated('r1')]])
      .when(submit, once('t1', options))
      .then({ code: 'TASK_CONFLICT', data: { taskId: 't1' } });
  });

  it('refuses another input under the same id', () => {
    given(runIn('ready'))
      .when(submit, { spec: spec('t1', {}, { a: 1 }) })
      .then({ code: 'TASK_CONFLICT', data: { taskId: 't1' } });
  });

  it('refuses the id of a run, of a pruned task and of a pruned run', () => {
    const pruned: GivenCommit[] = [...runIn('completed'), { type: 'TasksPruned', taskIds: ['t1'] }];
    given(runIn('ready'))
      .when(submit, once('r1'))
      .then({ code: 'ID_TAKEN', data: { taskId: 'r1' } });
    given(pruned)
      .when(submit, once('t1'))
      .then({ code: 'ID_TAKEN', data: { taskId: 't1' } });
    given(pruned)
      .when(submit, once('r1'))
      .then({ code: 'ID_TAKEN', data: { taskId: 'r1' } });
  });

  it('tells nothing of the task of another tenant but that its id is taken', () => {
    const tenants: GivenCommit[] = [
      { type: 'TenantCreated', tenantId: 'one', name: 'One' },
      { type: 'TenantCreated', tenantId: 'two', name: 'Two' },
      taskCreated('t1', { tenantId: 'one' }),
    ];
    given(tenants)
      .when(submit, once('t1', { tenantId: 'two' }))
      .then({ code: 'ID_TAKEN', data: { taskId: 't1' } });
    given(tenants)
      .when(submit, once('t1'))
      .then({ code: 'ID_TAKEN', data: { taskId: 't1' } });
  });

  it('refuses a tenant that does not exist', () => {
    given([])
      .when(submit, once('t1', { tenantId: 'nowhere' }))
      .then({ code: 'TENANT_UNKNOWN', data: { taskId: 't1', tenantId: 'nowhere' } });
  });

  it('refuses a parent that does not exist, that was pruned, or that is of another tenant', () => {
    const unknown = { code: 'PARENT_UNKNOWN', data: { taskId: 't2', parentId: 't1' } } as const;
    const child = once('t2', { parentId: 't1' });
    given([]).when(submit, child).then(unknown);
    given([...runIn('completed'), { type: 'TasksPruned', taskIds: ['t1'] }])
      .when(submit, child)
      .then(unknown);
    given([{ type: 'TenantCreated', tenantId: 'one', name: 'One' }, taskCreated('t1', { tenantId: 'one' })])
      .when(submit, child)
      .then(unknown);
  });

  it('refuses a parent that has ended, or that is under a canceled task', () => {
    const terminal = { code: 'PARENT_TERMINAL', data: { taskId: 't2', parentId: 't1' } } as const;
    const child = once('t2', { parentId: 't1' });
    for (const state of ['completed', 'failed', 'canceled'] as const)
      given(runIn(state)).when(submit, child).then(terminal);
    given([taskCreated('t1'), { type: 'TaskCanceled', taskId: 't1' }])
      .when(submit, child)
      .then(terminal);
    given([taskCreated('p1'), taskCreated('t1', { parentId: 'p1' }), { type: 'TaskCanceled', taskId: 'p1' }])
      .when(submit, child)
      .then(terminal);
  });

  it('takes a task on level 8 and refuses one on level 9', () => {
    given(hierarchy(7), { now: 1_000 })
      .when(submit, once('t1', { parentId: 'p7' }))
      .then([taskCreated('t1', { parentId: 'p7' }), runCreated('new-1'), ready('new-1')]);
    given(hierarchy(8))
      .when(submit, once('t1', { parentId: 'p8' }))
      .then({ code: 'HIERARCHY_TOO_DEEP', data: { taskId: 't1', parentId: 'p8', depth: 9, limit: 8 } });
  });

  it('takes as many children as allowed and refuses one more', () => {
    const family: GivenCommit[] = [taskCreated('p1'), taskCreated('c1', { parentId: 'p1' })];
    given(family, { limits: { maxChildren: 2 }, now: 1_000 })
      .when(submit, once('t1', { parentId: 'p1' }))
      .then([taskCreated('t1', { parentId: 'p1' }), runCreated('new-1'), ready('new-1')]);
    given([...family, taskCreated('c2', { parentId: 'p1' })], { limits: { maxChildren: 2 } })
      .when(submit, once('t1', { parentId: 'p1' }))
      .then({ code: 'LIMIT_EXCEEDED', data: { limit: 'maxChildren', parentId: 'p1' } });
  });

  it('takes as many pending runs as allowed and refuses one more', () => {
    const events = [
      taskCreated('t2'),
      runCreated('new-1', { taskId: 't2', scheduledAt: 2_000 }),
      ready('new-1'),
    ];
    given(runIn('ready'), { limits: { maxPendingRuns: 2 } })
      .when(submit, once('t2'))
      .then(events);
    given(runIn('ready'), { limits: { maxPendingRuns: 1 } })
      .when(submit, once('t2'))
      .then({ code: 'OVERLOADED', data: { limit: 'maxPendingRuns', max: 1, pending: 1 } });
    given(runIn('completed'), { limits: { maxPendingRuns: 1 }, now: 2_000 })
      .when(submit, once('t2'))
      .then(events);
  });

  it('refuses a policy whose last occurrence no date can show', () => {
    const policy = { kind: 'repeat', count: 3, intervalMs: 2, startAt: 8_640_000_000_000_000 - 4 } as const;
    const options: SubmitOptions = { policy };
    given([], { now: 1_000 })
      .when(submit, once('t1', options))
      .then([
        taskCreated('t1', options),
        ...[0, 1, 2].map((occurrence) =>
          runCreated(`new-${String(occurrence + 1)}`, {
            occurrence,
            scheduledAt: policy.startAt + 2 * occurrence,
          }),
        ),
      ]);
    given([])
      .when(submit, once('t1', { policy: { ...policy, startAt: policy.startAt + 1 } }))
      .then({ code: 'POLICY_OVERFLOW', data: { count: 3, intervalMs: 2 } });
    given([])
      .when(
        submit,
        once('t1', { policy: { kind: 'repeat', count: Number.MAX_SAFE_INTEGER, intervalMs: 1_000_000 } }),
      )
      .then({ code: 'POLICY_OVERFLOW' });
  });

  it('returns no more run ids than asked for, and the number of all', () => {
    const options: SubmitOptions = {
      policy: { kind: 'repeat', count: 4, intervalMs: 1_000, startAt: 9_000 },
    };
    const { result } = given([], { limits: { maxReturnedRunIds: 3 }, now: 1_000 })
      .when(submit, once('t1', options))
      .then([
        taskCreated('t1', options),
        ...[0, 1, 2, 3].map((occurrence) =>
          runCreated(`new-${String(occurrence + 1)}`, {
            occurrence,
            scheduledAt: 9_000 + 1_000 * occurrence,
          }),
        ),
      ]);
    expect(result).toMatchObject({ runIds: ['new-1', 'new-2', 'new-3'], runCount: 4 });
  });
});

describe('submitMany, atomic', () => {
  const many = (...ids: string[]): { specs: ReturnType<typeof spec>[]; named: boolean[] } => ({
    specs: ids.map((id) => spec(id)),
    named: ids.map(() => true),
  });
  const pair = (id: string, runId: string): EventDraft[] => [
    taskCreated(id),
    runCreated(runId, { taskId: id }),
    ready(runId),
  ];

  it('puts all of them into one commit', () => {
    const { result } = given([], { now: 1_000 })
      .when(submitManyAtomic, many('t1', 't2'))
      .then([...pair('t1', 'new-1'), ...pair('t2', 'new-2')]);
    expect(result).toEqual([
      { taskId: 't1', runIds: ['new-1'], runCount: 1, created: true },
      { taskId: 't2', runIds: ['new-2'], runCount: 1, created: true },
    ]);
  });

  it('answers for those that were there, and for one that is named twice', () => {
    const { result } = given(runIn('ready'), { now: 1_000 })
      .when(submitManyAtomic, many('t1', 't2', 't2'))
      .then(pair('t2', 'new-1'));
    expect(result).toEqual([
      { taskId: 't1', runIds: ['r1'], runCount: 1, created: false },
      { taskId: 't2', runIds: ['new-1'], runCount: 1, created: true },
      { taskId: 't2', runIds: ['new-1'], runCount: 1, created: false },
    ]);
  });

  it('writes nothing when all were there', () => {
    given(runIn('ready'))
      .when(submitManyAtomic, many('t1'))
      .then({ answer: [{ taskId: 't1', runIds: ['r1'], runCount: 1, created: false }] });
  });

  it('refuses all when one is refused', () => {
    given(runIn('ready'))
      .when(submitManyAtomic, { specs: [spec('t2'), spec('t1', { contentType: 'x' })], named: [true, true] })
      .then({ code: 'TASK_CONFLICT', data: { taskId: 't1' } });
    given([])
      .when(submitManyAtomic, { specs: [spec('t2'), spec('t2', { contentType: 'x' })], named: [true, true] })
      .then({ code: 'TASK_CONFLICT', data: { taskId: 't2', index: 1 } });
    given([])
      .when(submitManyAtomic, { specs: [spec('t2'), spec('t3', { parentId: 'p9' })], named: [true, true] })
      .then({ code: 'PARENT_UNKNOWN' });
  });

  it('refuses all when their runs are more than may be pending', () => {
    given([], { limits: { maxPendingRuns: 1 } })
      .when(submitManyAtomic, many('t1', 't2'))
      .then({ code: 'OVERLOADED', data: { limit: 'maxPendingRuns' } });
  });

  it('answers a repetition from the commit, also where ids were made', () => {
    const made = [...pair('made-1', 'r5'), ...pair('t2', 'r6'), ...pair('made-3', 'r7')];
    const events = made.map((draft, index) => ({ ...draft, sequence: index + 1, at: 1_000 }));
    const context = given([[...made]]).state;
    const commit = { header: { at: 1_000 }, firstSequence: 1, events };
    const args = { specs: [spec('other-1'), spec('t2'), spec('other-3')], named: [false, true, false] };
    const limits = DEFAULT_LIMITS;
    const again = submitManyAtomic.result(commit, args, { state: context, limits });
    expect(again.map(({ taskId, runIds }) => [taskId, ...runIds])).toEqual([
      ['made-1', 'r5'],
      ['t2', 'r6'],
      ['made-3', 'r7'],
    ]);
    expect(submit.result(commit, { spec: spec('other') }, { state: context, limits })).toEqual({
      taskId: 'made-1',
      runIds: ['r5'],
      runCount: 1,
      created: true,
    });
  });
});

describe('cancelTask', () => {
  it.each(['scheduled', 'ready', 'leased', 'running', 'retryWait', 'suspended'] as const)(
    'is one fact about a task whose run is %s; the run follows by reaction',
    (state) => {
      const { result } = given(runIn(state))
        .when(cancelTask, { taskId: 't1', reason: 'obsolete' })
        .then([{ type: 'TaskCanceled', taskId: 't1', reason: 'obsolete' }]);
      expect(result).toEqual({ changed: true });
    },
  );

  it('changes nothing on a canceled task', () => {
    given([...runIn('ready'), { type: 'TaskCanceled', taskId: 't1' }])
      .when(cancelTask, { taskId: 't1' })
      .then({ answer: { changed: false } });
  });

  it.each(['completed', 'failed', 'canceled'] as const)(
    'refuses a task that ended with its run %s',
    (state) => {
      given(runIn(state))
        .when(cancelTask, { taskId: 't1' })
        .then({ code: 'INVALID_TRANSITION', data: { taskId: 't1', to: 'canceled' } });
    },
  );

  it('refuses unknown and pruned tasks, and what is no id', () => {
    given([])
      .when(cancelTask, { taskId: 't9' })
      .then({ code: 'TASK_UNKNOWN', data: { taskId: 't9' } });
    given([...runIn('completed'), { type: 'TasksPruned', taskIds: ['t1'] }])
      .when(cancelTask, { taskId: 't1' })
      .then({ code: 'TASK_PRUNED', data: { taskId: 't1' } });
    given([])
      .when(cancelTask, { taskId: '' })
      .then({ code: 'INVALID_ID', data: { field: 'taskId' } });
  });
});
