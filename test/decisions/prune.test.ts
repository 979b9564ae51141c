// What pruning may take: ended records, oldest first, a terminal task with all its runs or not at all.
import { describe, expect, it } from '@jest/globals';
import type { DecisionContext } from '../../src/decisions/command.js';
import { PruneWalk } from '../../src/decisions/prune-walk.js';
import {
  checkPruneArgs,
  checkPrunePolicy,
  choosePrunable,
  PRUNE_BATCH,
  pruneEvents,
  type PruneLocks,
} from '../../src/decisions/prune.js';
import type { PawlEvent } from '../../src/domain/events.js';
import { given, type EventDraft, type GivenCommit } from '../../src/testing/given.js';
import { Projections } from '../../src/projections/projections.js';
import { changed, runCreated, runIn, taskCreated } from './support/histories.js';

type Decide = (context: DecisionContext) => readonly PawlEvent[];

const prune =
  (args = {}, take: (ids: readonly string[]) => boolean = () => true): Decide =>
  (context) =>
    pruneEvents(choosePrunable(context, checkPruneArgs(args), new PruneWalk(context.state), taking(take)));
/** Locks of which nobody else has any. */
const taking = (take: (ids: readonly string[]) => boolean): PruneLocks => ({ take, isNeeded: () => false });
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
      .then([tasks('t2', 't1')]);
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

describe('a terminal task without runs', () => {
  /** Three of five occurrences have run and their runs are pruned; the task goes on. */
  const pruned: GivenCommit[] = [
    [
      taskCreated('t1', { policy: { ...repeat.policy, count: 5 } }),
      ...[0, 1, 2].map((occurrence) => runCreated(`r${String(occurrence)}`, { occurrence })),
    ],
    ...[0, 1, 2].map((at) => changed(`r${String(at)}`, 'scheduled', 'canceled')),
    { type: 'RunsPruned', runIds: ['r0', 'r1', 'r2'] },
  ];
  const canceled: GivenCommit[] = [...pruned, { type: 'TaskCanceled', taskId: 't1' }];

  it('goes when its runs were pruned before it was canceled', () => {
    given(pruned).when(prune()).then([]);
    const { state } = given(canceled)
      .when(prune())
      .then([tasks('t1')]);
    expect([state.tasks.count, state.tasks.runless.size]).toEqual([0, 0]);
  });

  it('goes when it was canceled before it had a run', () => {
    given([taskCreated('t1'), { type: 'TaskCanceled', taskId: 't1' }])
      .when(prune())
      .then([tasks('t1')]);
  });

  it('goes when its policy skipped all that was left', () => {
    const skipped: EventDraft = {
      type: 'PolicyAdvanced',
      taskId: 't1',
      throughOccurrence: 4,
      throughAt: 4_000,
      skipped: 2,
      reason: 'misfire',
    };
    given([...pruned, skipped])
      .when(prune())
      .then([tasks('t1')]);
  });

  it('goes after a load from a snapshot too', () => {
    const { state } = given(canceled)
      .when(() => [])
      .then([]);
    const loaded = new Projections();
    for (const section of state.sections) {
      const into = loaded.sections.find(({ name }) => name === section.name);
      for (const record of section.records()) into?.load(record);
    }
    loaded.finishLoad({ sequence: state.sequence, takenAt: 1 });
    expect([...loaded.tasks.runless].map(({ id }) => id)).toEqual(['t1']);
  });

  it('stays as long as its end is too young, to the millisecond', () => {
    // `given` stamps its commits a second apart, from 1 000 on: the fifth is the cancellation.
    const { state } = given(canceled)
      .when(() => [])
      .then([]);
    const at = state.tasks.get('t1')?.canceledAt ?? 0;
    given(canceled, { now: at + 10_000 })
      .when(prune({ olderThanMs: 10_001 }))
      .then([]);
    given(canceled, { now: at + 10_000 })
      .when(prune({ olderThanMs: 10_000 }))
      .then([tasks('t1')]);
  });

  it('is none while a run was created again', () => {
    const again = runCreated('r9', { occurrence: 3 });
    const { state } = given([...pruned, again])
      .when(prune())
      .then([]);
    expect(state.tasks.runless.size).toBe(0);
  });
});

describe('a walk', () => {
  const three: GivenCommit[] = [endedTask('t1', 'r1'), endedTask('t2', 'r2'), endedTask('t3', 'r3')];
  it('looks at each record once, and goes on where it was', () => {
    const steps: Decide = (context) => {
      const walk = new PruneWalk(context.state);
      const nothing = choosePrunable(
        context,
        { keepNewest: 2 },
        walk,
        taking(() => false),
      );
      expect(nothing).toEqual({ taskIds: [], runIds: [], runs: 0, last: true });
      return pruneEvents(
        choosePrunable(
          context,
          {},
          walk,
          taking(() => true),
        ),
      );
    };
    given(three)
      .when(steps)
      .then([tasks('t2', 't3')]);
  });

  it('keeps the newest also when it is done in steps', () => {
    const steps: Decide = (context) => {
      const walk = new PruneWalk(context.state);
      const taken: string[] = [];
      // One record a step, none of them gone from the state yet.
      for (let chosen = 1; chosen > 0;) {
        let left = 1;
        const { taskIds } = choosePrunable(
          context,
          { keepNewest: 2 },
          walk,
          taking(() => left-- > 0),
        );
        chosen = taskIds.length;
        taken.push(...taskIds);
      }
      return [{ type: 'TasksPruned', sequence: 0, at: 0, taskIds: taken }];
    };
    given([...three, endedTask('t4', 'r4')])
      .when(steps)
      .then([tasks('t1')]);
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

describe('a policy', () => {
  it('has defaults, and needs a bound', () => {
    expect(checkPrunePolicy({ keepNewest: 5 })).toEqual({ olderThanMs: 0, keepNewest: 5, everyMs: 10_000 });
    expect(checkPrunePolicy({ olderThanMs: 0, everyMs: 1 })).toEqual({
      olderThanMs: 0,
      keepNewest: 0,
      everyMs: 1,
    });
  });

  it.each<[string, unknown]>([
    ['options.prune', {}],
    ['options.prune', { everyMs: 5 }],
    ['options.prune.olderThanMs', { olderThanMs: -1 }],
    ['options.prune.keepNewest', { keepNewest: 1.5 }],
    ['options.prune.everyMs', { keepNewest: 1, everyMs: 0 }],
    ['options.prune.keep', { keep: 1 }],
  ])('is refused at %s: %j', (path, policy) => {
    expect(() => checkPrunePolicy(policy)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', data: expect.objectContaining({ path }) as unknown }),
    );
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
