// What pruning may take: ended records, oldest first, a terminal task with all its runs or not at all.
import { describe, expect, it } from '@jest/globals';
import type { DecisionContext } from '../../src/decisions/command.js';
import { checkPruneArgs, choosePrunable, PRUNE_BATCH, pruneEvents } from '../../src/decisions/prune.js';
import type { PawlEvent } from '../../src/domain/events.js';
import { given, type EventDraft, type GivenCommit } from '../../src/testing/given.js';
import { changed, runCreated, runIn, taskCreated } from './support/histories.js';

type Decide = (context: DecisionContext) => readonly PawlEvent[];

const prune =
  (args = {}, take: (ids: readonly string[]) => boolean = () => true): Decide =>
  (context) =>
    pruneEvents(choosePrunable(context, checkPruneArgs(args), take));
const tasks = (...taskIds: string[]): EventDraft => ({ type: 'TasksPruned', taskIds });
const runs = (...runIds: string[]): EventDraft => ({ type: 'RunsPruned', runIds });

/** A task whose one run is canceled at once. */
function endedTask(taskId: string, runId: string, options = {}): GivenCommit {
  return [
    taskCreated(taskId, options),
    runCreated(runId, { taskId }),
    changed(runId, 'scheduled', 'canceled'),
  ];
}

const repeat = { policy: { kind: 'repeat', count: 3, intervalMs: 1_000, startAt: 1_000 } } as const;
/** A repeat task with three runs; `ended` of them are over. */
function repeating(ended: number): GivenCommit[] {
  const all = [0, 1, 2].map((occurrence) => runCreated(`r${String(occurrence)}`, { occurrence }));
  const over = [0, 1, 2].slice(0, ended).map((at) => changed(`r${String(at)}`, 'scheduled', 'canceled'));
  return [[taskCreated('t1', repeat), ...all], ...over];
}

describe('a terminal task', () => {
  it('goes with all its runs', () => {
    const { state } = given(repeating(3))
      .when(prune())
      .then([tasks('t1')]);
    expect([state.tasks.count, state.runs.count]).toEqual([0, 0]);
    expect(['r0', 'r1', 'r2'].map((runId) => state.pruned.hasRun(runId))).toEqual([true, true, true]);
  });

  it.each(['scheduled', 'ready', 'leased', 'running', 'retryWait', 'suspended'] as const)(
    'is not one with a %s run',
    (state) => {
      given(runIn(state)).when(prune()).then([]);
    },
  );

  it('stays while its parent or a child of it is not terminal', () => {
    given([taskCreated('p1'), endedTask('t1', 'r1', { parentId: 'p1' })])
      .when(prune())
      .then([]);
    given([
      [
        taskCreated('t1'),
        runCreated('r1'),
        taskCreated('c1', { parentId: 't1' }),
        changed('r1', 'scheduled', 'canceled'),
      ],
    ])
      .when(prune())
      .then([]);
  });

  it('goes with its family once all of that is terminal', () => {
    given([
      [taskCreated('p1'), runCreated('r0', { taskId: 'p1' })],
      endedTask('t1', 'r1', { parentId: 'p1' }),
      changed('r0', 'scheduled', 'canceled'),
    ])
      .when(prune())
      .then([tasks('t1', 'p1')]);
  });

  it('stays while a task that has not ended has it as a prerequisite', () => {
    const dependents: GivenCommit[] = [
      endedTask('t1', 'r1'),
      [taskCreated('t2'), { type: 'DependencyDeclared', taskId: 't2', dependsOn: ['t1'] }],
    ];
    given(dependents).when(prune()).then([]);
    given([...dependents, { type: 'TaskCanceled', taskId: 't2' }])
      .when(prune())
      .then([tasks('t1')]);
  });

  it('stays while an unspent subscription watches it', () => {
    const watched: GivenCommit[] = [
      [taskCreated('t2'), runCreated('r2', { taskId: 't2' })],
      endedTask('t1', 'r1'),
      {
        type: 'SubscriptionCreated',
        subscriptionId: 's1',
        taskId: 't2',
        filter: { kind: 'taskCompleted', taskId: 't1' },
      },
    ];
    given(watched).when(prune()).then([]);
    given([...watched, { type: 'SubscriptionCanceled', subscriptionId: 's1' }])
      .when(prune())
      .then([tasks('t1')]);
  });

  it('stays when one of its ids is locked', () => {
    given([...repeating(3), endedTask('t2', 'r9')])
      .when(prune({}, (ids) => !ids.includes('r1')))
      .then([tasks('t2')]);
  });
});

describe('of a task that goes on', () => {
  it('ended runs go alone', () => {
    const { state } = given(repeating(2))
      .when(prune())
      .then([runs('r0', 'r1')]);
    expect(state.tasks.get('t1')?.counts).toMatchObject({ created: 3, canceled: 2, derived: 3 });
  });

  it('a run stays while the one that took its place has not ended', () => {
    given([...repeating(2), runCreated('r5', { occurrence: 0, retryOf: 'r0' })])
      .when(prune())
      .then([runs('r1')]);
  });

  it('no run of a once task goes: its only occurrence goes on', () => {
    given([...runIn('failed'), runCreated('r2', { retryOf: 'r1' })])
      .when(prune())
      .then([]);
  });
});

describe('the bounds', () => {
  const three: GivenCommit[] = [endedTask('t1', 'r1'), endedTask('t2', 'r2'), endedTask('t3', 'r3')];

  it('by age spare what ended later, to the millisecond', () => {
    given(three, { now: 12_000 })
      .when(prune({ olderThanMs: 10_000 }))
      .then([tasks('t1', 't2')]);
    given(three, { now: 12_000 })
      .when(prune({ olderThanMs: 10_001 }))
      .then([tasks('t1')]);
  });

  it('by count spare the newest ended runs', () => {
    given(three)
      .when(prune({ keepNewest: 2 }))
      .then([tasks('t1')]);
    given(three)
      .when(prune({ keepNewest: 3 }))
      .then([]);
  });

  it('by count spare a task when one of its runs is among the newest', () => {
    given([...repeating(3), endedTask('t2', 'r9')])
      .when(prune({ keepNewest: 2 }))
      .then([]);
    given([...repeating(3), endedTask('t2', 'r9')])
      .when(prune({ keepNewest: 1 }))
      .then([tasks('t1')]);
  });

  it('both must allow it', () => {
    given(three, { now: 12_000 })
      .when(prune({ olderThanMs: 10_000, keepNewest: 2 }))
      .then([tasks('t1')]);
  });

  it('no event takes more than a thousand ids, and the next one takes the rest', () => {
    const many = Array.from({ length: PRUNE_BATCH + 1 }, (_unused, index) => {
      const suffix = String(index).padStart(4, '0');
      return endedTask(`t${suffix}`, `r${suffix}`) as readonly EventDraft[];
    });
    const { events, state } = given([many.flat()])
      .when(prune())
      .then([
        tasks(
          ...Array.from({ length: PRUNE_BATCH }, (_unused, index) => `t${String(index).padStart(4, '0')}`),
        ),
      ]);
    expect(events).toHaveLength(1);
    expect(state.tasks.count).toBe(1);
  });
});

describe('INVALID_INPUT', () => {
  it.each<[string, unknown]>([
    ['prune', null],
    ['prune.before', { before: 1 }],
    ['prune.olderThanMs', { olderThanMs: -1 }],
    ['prune.keepNewest', { keepNewest: 0.5 }],
  ])('names %s', (path, args) => {
    expect(() => checkPruneArgs(args)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', data: expect.objectContaining({ path }) as unknown }),
    );
  });
});
