// What the sweeps look at is found by indexes. It must be what a look at every row finds, in any state that a
// history of all kinds of events leads to, also when that state came from a snapshot: what is missed here is a fact
// without its reaction.
import { describe, expect, it } from '@jest/globals';
import { openDescendants } from '../../../src/decisions/lookups.js';
import type { Projections } from '../../../src/projections/projections.js';
import { tasksToReactOn } from '../../../src/scheduling/sweeps/reactions.js';
import { historyMaker } from '../../support/history.js';
import { event } from '../../support/history-maker.js';
import { changed, Log, runCreated, taskCreated } from '../../support/projection-log.js';
import { loadSections, saveSections } from '../../support/projection-states.js';
import { Random } from '../../support/random.js';

const SEEDS = Array.from({ length: 10 }, (_value, index) => index + 1);
const ids = (rows: Iterable<{ readonly id: string }>): string[] => [...rows].map(({ id }) => id).sort();

function scannedTasks(state: Projections): string[] {
  const found = [...state.tasks.rows()].filter((task) => {
    if (task.extra?.canceledAt === undefined)
      return task.shape.policy.kind !== 'once' && !state.tasks.isTerminal(task);
    return task.openRuns > 0 || [...openDescendants({ state }, task)].length > 0;
  });
  return ids(found);
}

function scannedRuns(state: Projections): string[] {
  return ids([...state.runs.rows()].filter((run) => run.detail?.continuation !== undefined));
}

function expectIndexed(state: Projections): void {
  expect(ids(tasksToReactOn(state))).toEqual(scannedTasks(state));
  expect(ids(state.runs.awaitingSuccessor)).toEqual(scannedRuns(state));
  expect(ids(state.tasks.canceled)).toEqual(
    ids([...state.tasks.rows()].filter((task) => task.extra?.canceledAt !== undefined)),
  );
}

describe('what the sweeps look at', () => {
  it.each(SEEDS)('is what a look at every row finds, live and loaded, seed %i', (seed) => {
    const maker = historyMaker(seed);
    for (let boundary = 0; boundary < 300; boundary++) {
      maker.next();
      const { state } = maker;
      expectIndexed(state);
      if (boundary % 20 !== 0) continue;
      const header = { sequence: state.sequence, takenAt: state.lastAt };
      expectIndexed(loadSections(saveSections(state), header, new Random(boundary)));
    }
  });

  it('holds tasks of both kinds in those histories', () => {
    const found = SEEDS.map((seed) => {
      const maker = historyMaker(seed);
      for (let made = 0; made < 300; made++) maker.next();
      return [...tasksToReactOn(maker.state)];
    }).flat();
    expect(found.some((task) => task.extra?.canceledAt !== undefined)).toBe(true);
    expect(found.some((task) => task.shape.policy.kind !== 'once')).toBe(true);
  });

  it('is nothing when a thousand plain tasks wait, and the run whose successor is missing', () => {
    const log = new Log();
    for (let index = 0; index < 1_000; index++) {
      const name = String(index);
      log.commit([taskCreated(`t-${name}`), runCreated(`r-${name}`, `t-${name}`)]);
    }
    expect([...tasksToReactOn(log.state)]).toEqual([]);
    expect([...log.state.runs.awaitingSuccessor]).toEqual([]);
    log.commit([
      changed('r-7', 'scheduled', 'ready'),
      changed('r-7', 'ready', 'leased'),
      event('LeaseAcquired', { runId: 'r-7', owner: 'one', expiryAt: log.at + 1_000 }),
      changed('r-7', 'leased', 'running'),
      event('AttemptStarted', { runId: 'r-7', attemptId: 'a-7', number: 1, owner: 'one' }),
      event('RunContinued', { runId: 'r-7', successorRunId: 'r-next' }),
    ]);
    expect(ids(log.state.runs.awaitingSuccessor)).toEqual(['r-7']);
    log.commit([runCreated('r-next', 't-7', { continuedFrom: 'r-7' })]);
    expect(ids(log.state.runs.awaitingSuccessor)).toEqual([]);
  });
});
