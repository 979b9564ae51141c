// From a policy to runs: occurrences and their moments, the window, what a misfire skips, who may run beside whom.
import { describe, expect, it } from '@jest/globals';
import type { DecisionContext } from '../../src/decisions/command.js';
import {
  isOverdue,
  keptByMisfire,
  MISFIRE_AFTER_MS,
  overdueUnderived,
  type PolicyState,
} from '../../src/decisions/policies.js';
import { isExpired, judgeDueRuns, judgementEvents, replenishEvents } from '../../src/decisions/reactions.js';
import { submit } from '../../src/decisions/tasks.js';
import type { PawlEvent } from '../../src/domain/events.js';
import type { PolicyInput } from '../../src/domain/submission.js';
import type { Misfire, Overlap } from '../../src/domain/task.js';
import { given, type EventDraft, type GivenCommit } from '../../src/testing/given.js';
import { changed, dispatched, ended, runCreated, runIn, spec, taskCreated } from './support/histories.js';

type Repeat = Extract<PolicyInput, { kind: 'repeat' }>;
type Decide = (context: DecisionContext) => readonly PawlEvent[];

const START = 10_000;
const EVERY = 1_000;
const repeat = (count: number, more: Partial<Repeat> = {}): { policy: Repeat } => ({
  policy: { kind: 'repeat', count, intervalMs: EVERY, startAt: START, ...more },
});
const made = (from: number, to: number): EventDraft[] =>
  Array.from({ length: to - from + 1 }, (_unused, index) =>
    runCreated(`new-${String(index + 1)}`, {
      occurrence: from + index,
      scheduledAt: START + EVERY * (from + index),
    }),
  );
const ready = (runId: string): EventDraft => changed(runId, 'scheduled', 'ready');
/** The first `count` of them promoted where they are created. */
const promoted = (events: readonly EventDraft[], count: number): EventDraft[] =>
  events.flatMap((event, index) => (index < count ? [event, ready(`new-${String(index + 1)}`)] : [event]));
const skipped = (from: number, through: number): EventDraft => ({
  type: 'PolicyAdvanced',
  taskId: 't1',
  throughOccurrence: through,
  throughAt: START + EVERY * through,
  skipped: through - from + 1,
  reason: 'misfire',
});

/** A repeat task with `count` of its runs created, `r0` being the first. */
function repeating(count: number, options: { policy: Repeat }): GivenCommit {
  const runs = Array.from({ length: count }, (_unused, occurrence) =>
    runCreated(`r${String(occurrence)}`, { occurrence, scheduledAt: START + EVERY * occurrence }),
  );
  return { at: 1_000, events: [taskCreated('t1', options), ...runs] };
}

function row(context: Pick<DecisionContext, 'state'>) {
  const task = context.state.tasks.row('t1');
  if (task === undefined) throw new Error('t1 is not there');
  return task;
}

const replenish: Decide = (context) => replenishEvents(context, row(context), !context.state.engine.paused);
const judge: Decide = (context) => judgementEvents(context, judgeDueRuns(context, row(context)), () => true);

describe('a submission', () => {
  it('of once with no start is due at the wall clock of the submission', () => {
    given([], { now: START })
      .when(submit, { spec: spec('t1') })
      .then([taskCreated('t1'), runCreated('new-1', { scheduledAt: START }), ready('new-1')]);
  });

  it('of repeat creates every occurrence at its moment and promotes those that are due', () => {
    given([], { now: START + EVERY })
      .when(submit, { spec: spec('t1', repeat(3)) })
      .then([taskCreated('t1', repeat(3)), ...promoted(made(0, 2), 2)]);
  });

  it('creates no more than the window', () => {
    given([], { now: 0, limits: { repeatWindow: 4 } })
      .when(submit, { spec: spec('t1', repeat(1_000_000)) })
      .then([taskCreated('t1', repeat(1_000_000)), ...made(0, 3)]);
  });

  it('skips what is overdue already, as its misfire says, before it creates', () => {
    const options = repeat(10, { misfire: { kind: 'catchUp', cap: 2 } });
    given([], { now: START + 5 * EVERY + 1 })
      .when(submit, { spec: spec('t1', options) })
      .then([taskCreated('t1', options), skipped(0, 2), ...promoted(made(3, 9), 3)]);
  });

  it('judges nothing while the engine is paused', () => {
    const options = repeat(2, { misfire: { kind: 'skip' } });
    given([{ type: 'EnginePaused' }], { now: START + 100 * EVERY })
      .when(submit, { spec: spec('t1', options) })
      .then([taskCreated('t1', options), ...made(0, 1)]);
  });

  it('promotes none of a task whose due runs need judging together', () => {
    const options = repeat(2, { overlap: 'skip' });
    given([], { now: START })
      .when(submit, { spec: spec('t1', options) })
      .then([taskCreated('t1', options), ...made(0, 1)]);
  });
});

describe('the window', () => {
  const limits = { repeatWindow: 3 };

  it('is left alone while it is full', () => {
    given([repeating(3, repeat(10))], { limits })
      .when(replenish)
      .then([]);
  });

  it('is filled up as runs end', () => {
    const two = [changed('r0', 'scheduled', 'canceled'), changed('r1', 'scheduled', 'canceled')];
    given([repeating(3, repeat(10)), ...two], { limits, now: 0 })
      .when(replenish)
      .then(made(3, 4));
  });

  it('ends with the last occurrence', () => {
    const ends = [0, 1, 2].map((index) => changed(`r${String(index)}`, 'scheduled', 'canceled'));
    given([repeating(3, repeat(4)), ...ends], { limits, now: 0 })
      .when(replenish)
      .then(made(3, 3));
    given([repeating(3, repeat(3)), ...ends], { limits, now: 0 })
      .when(replenish)
      .then([]);
  });

  it('counts a run that was run again by hand', () => {
    const again = [
      changed('r0', 'scheduled', 'canceled'),
      runCreated('r9', { occurrence: 0, retryOf: 'r0' }),
    ];
    given([repeating(3, repeat(10)), ...again], { limits })
      .when(replenish)
      .then([]);
  });
});

describe('misfire arithmetic', () => {
  it('takes a run for overdue when it is more than its tolerance late', () => {
    const late = [0, MISFIRE_AFTER_MS, MISFIRE_AFTER_MS + 1].map((ms) => isOverdue(START, START + ms));
    expect(late).toEqual([false, false, true]);
  });

  it.each<[number, number, number]>([
    [START - 1, 0, 0],
    [START + MISFIRE_AFTER_MS, 0, 0],
    [START + MISFIRE_AFTER_MS + 1, 0, 1],
    [START + MISFIRE_AFTER_MS + 1, 1, 0],
    [START + 4 * EVERY + MISFIRE_AFTER_MS + 1, 2, 3],
    [START + 1_000_000 * EVERY, 0, 10],
    [START + 1_000_000 * EVERY, 10, 0],
  ])('at %d, with %d derived, %d are overdue', (now, derived, overdue) => {
    const { policy } = spec('t1', repeat(10));
    const state: PolicyState = { taskId: 't1', policy, startAt: START, derived, openRuns: 0, priority: 0 };
    expect(overdueUnderived({ now }, state, 10)).toBe(overdue);
  });

  it.each<[Misfire, number, number]>([
    [{ kind: 'catchUp' }, 1_000_000, 1_000_000],
    [{ kind: 'catchUp', cap: 3 }, 2, 2],
    [{ kind: 'catchUp', cap: 3 }, 3, 3],
    [{ kind: 'catchUp', cap: 3 }, 4, 3],
    [{ kind: 'skip' }, 4, 0],
    [{ kind: 'coalesce' }, 4, 1],
    [{ kind: 'coalesce' }, 0, 0],
  ])('%j of %d overdue keeps %d', (misfire, overdue, kept) => {
    expect(keptByMisfire(misfire, overdue)).toBe(kept);
  });
});

describe('overdue runs', () => {
  const now = START + 4 * EVERY + MISFIRE_AFTER_MS + 1;
  const misfired = (index: number): EventDraft =>
    changed(`r${String(index)}`, 'scheduled', 'canceled', { reason: 'misfire' });
  const all = (misfire: Misfire): GivenCommit[] => [repeating(6, repeat(6, { misfire }))];

  it('are canceled by skip, but for the one that is on time', () => {
    given(all({ kind: 'skip' }), { now })
      .when(judge)
      .then([...[0, 1, 2, 3, 4].map(misfired), ready('r5')]);
  });

  it('but for the newest are canceled by coalesce', () => {
    given(all({ kind: 'coalesce' }), { now })
      .when(judge)
      .then([...[0, 1, 2, 3].map(misfired), ready('r4'), ready('r5')]);
  });

  it('but for the newest ones are canceled by a cap', () => {
    given(all({ kind: 'catchUp', cap: 2 }), { now })
      .when(judge)
      .then([...[0, 1, 2].map(misfired), ready('r3'), ready('r4'), ready('r5')]);
  });

  it('give way to newer ones that are yet to be derived', () => {
    const commits = [repeating(2, repeat(5, { misfire: { kind: 'catchUp', cap: 2 } }))];
    given(commits, { now }).when(judge).then([0, 1].map(misfired));
    given([...commits, misfired(0), misfired(1)], { now })
      .when(replenish)
      .then([skipped(2, 2), ...promoted(made(3, 4), 2)]);
  });

  it('that were run again by hand are not judged by when their occurrence was', () => {
    const commits = [
      ...all({ kind: 'skip' }),
      changed('r0', 'scheduled', 'canceled'),
      runCreated('r9', { occurrence: 0, retryOf: 'r0', scheduledAt: 1_000 }),
    ];
    given(commits, { now })
      .when(judge)
      .then([...[1, 2, 3, 4].map(misfired), ready('r9'), ready('r5')]);
  });
});

describe('overlap', () => {
  const overlapped = (runId: string): EventDraft =>
    changed(runId, 'scheduled', 'canceled', { reason: 'overlap' });
  const started = (overlap: Overlap, state: 'running' | 'ended'): GivenCommit[] => [
    repeating(4, repeat(4, { overlap })),
    ready('r0'),
    dispatched('r0', 'a1'),
    ...(state === 'ended' ? [ended('r0', 'success', 'completed')] : []),
  ];
  const now = START + 2 * EVERY;

  it('skip cancels what comes due while an earlier occurrence goes on', () => {
    given(started('skip', 'running'), { now })
      .when(judge)
      .then([overlapped('r1'), overlapped('r2')]);
  });

  it('skip lets the first run once the earlier one has ended', () => {
    given(started('skip', 'ended'), { now })
      .when(judge)
      .then([overlapped('r2'), ready('r1')]);
  });

  it('bufferOne keeps the newest that waits', () => {
    given(started('bufferOne', 'running'), { now })
      .when(judge)
      .then([overlapped('r1')]);
    given(started('bufferOne', 'running'), { now: START + EVERY })
      .when(judge)
      .then([]);
  });

  it('bufferOne lets it run once the earlier one has ended', () => {
    given(started('bufferOne', 'ended'), { now: START + EVERY })
      .when(judge)
      .then([ready('r1')]);
  });

  const buffered = repeat(4, { overlap: 'bufferOne', misfire: { kind: 'skip' } });
  const waited: GivenCommit[] = [repeating(4, buffered), ready('r0'), dispatched('r0', 'a1')];

  it('bufferOne does not take the time a run waits for a misfire', () => {
    const later = START + 1_500 * EVERY;
    given(waited, { now: later })
      .when(judge)
      .then([overlapped('r1'), overlapped('r2')]);
    given([...waited, { at: later, events: ended('r0', 'success', 'completed') }], { now: later })
      .when(judge)
      .then([overlapped('r2'), ready('r1')]);
  });

  it('bufferOne takes the time a run did not need to wait for a misfire', () => {
    const endedAt = START + EVERY;
    const commits = [...waited, { at: endedAt, events: ended('r0', 'success', 'completed') }];
    given(commits, { now: endedAt + MISFIRE_AFTER_MS + 1 })
      .when(judge)
      .then([changed('r1', 'scheduled', 'canceled', { reason: 'misfire' }), ready('r2')]);
  });

  it('allow promotes all that are due', () => {
    given(started('allow', 'running'), { now })
      .when(judge)
      .then([ready('r1'), ready('r2')]);
  });

  it.each(['retryWait', 'suspended'] as const)('counts an earlier occurrence in %s as going on', (state) => {
    const result = state === 'retryWait' ? 'failure' : 'suspended';
    const commits = [...started('skip', 'running'), ended('r0', result, state, { wakeAt: 99_000 })];
    given(commits, { now: START + EVERY })
      .when(judge)
      .then([overlapped('r1')]);
  });
});

describe('expiry', () => {
  const options = { constraints: { expireAfterMs: 500 } };

  it.each(['scheduled', 'ready'] as const)('of a %s run comes at the very millisecond', (state) => {
    const run = given(runIn(state, options)).state.runs.row('r1');
    if (run === undefined) throw new Error('r1 is not there');
    expect([1_499, 1_500].map((now) => isExpired(run, now))).toEqual([false, true]);
  });

  it.each(['leased', 'running', 'retryWait', 'suspended', 'completed'] as const)(
    'never comes to a %s run: it has been started',
    (state) => {
      const run = given(runIn(state, options)).state.runs.row('r1');
      if (run === undefined) throw new Error('r1 is not there');
      expect(isExpired(run, 1_000_000)).toBe(false);
    },
  );

  it('never comes to a run that was started and is ready again', () => {
    const run = given([...runIn('retryWait', options), changed('r1', 'retryWait', 'ready')]).state.runs.row(
      'r1',
    );
    if (run === undefined) throw new Error('r1 is not there');
    expect(isExpired(run, 1_000_000)).toBe(false);
  });
});
