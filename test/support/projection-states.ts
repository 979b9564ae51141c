// Comparing projections: what is saved, and what follows from it and is not.
import { RUN_STATES } from '../../src/domain/run-state.js';
import type { RunRow } from '../../src/projections/rows.js';
import { Projections } from '../../src/projections/projections.js';
import { tasksToReactOn } from '../../src/scheduling/sweeps/reactions.js';
import type { LoadHeader, StateCapture } from '../../src/projections/snapshot-section.js';
import type { Random } from './random.js';
import { shown } from './shown.js';

/** Something whose sections can be read. */
export interface Saved {
  readonly name: string;
  readonly records: readonly object[];
}

/** The records of all sections, copied. */
export function saveSections(from: Projections | StateCapture): Saved[] {
  return from.sections.map((section) => ({
    name: section.name,
    records: structuredClone([...shown(section.records())]),
  }));
}

/** New projections from saved sections, which are loaded in an order that chance gives. */
export function loadSections(saved: readonly Saved[], header: LoadHeader, random?: Random): Projections {
  const state = new Projections();
  const order = random === undefined ? [...saved] : [...saved].sort(() => random.unit() - 0.5);
  for (const { name, records } of order) {
    const section = state.sections.find((one) => one.name === name);
    for (const record of records) section?.load(record as Parameters<typeof section.load>[0]);
  }
  state.finishLoad(header);
  return state;
}

/** What follows from the state without being saved: orders, counts, holders, what is due. */
export function derivedState(state: Projections): unknown {
  const tasks = [...state.tasks.rows()].sort((left, right) => (left.id < right.id ? -1 : 1));
  return {
    states: RUN_STATES.map((name) => [...state.runs.inState(name)].map((row) => row.id)),
    tasks: tasks.map((task) => ({
      id: task.id,
      openRuns: task.openRuns,
      terminal: state.tasks.isTerminal(task),
      parent: task.extra?.parent?.id,
      children: [...(task.extra?.children ?? [])].map((child) => child.id),
      runs: state.runs.list({ taskId: task.id }, { limit: 1_000 }).items.map((run) => run.id),
      dependents: [...state.dependencies.dependentsOf(task.id)].sort(),
      watching: state.subscriptions
        .watching(task.id)
        .map((one) => one.id)
        .sort(),
      budgets: state.budgets
        .ofTask(task.id)
        .map((one) => one.dimension)
        .sort(),
    })),
    listed: listed(state),
    reactions: [...tasksToReactOn(state)].map((task) => task.id).sort(),
    awaiting: [...state.runs.awaitingSuccessor].map((run) => run.id).sort(),
    holders: holders(state),
    due: due(state),
    leases: state.leases.count,
    nonTerminal: state.runs.nonTerminal,
    live: state.actors
      .live()
      .map((actor) => actor.id)
      .sort(),
    ledger: state.ledger.list({}, { limit: 10_000 }).items.map((entry) => entry.id),
  };
}

/** How many tasks and runs the lists of the index say they have. */
function listed(state: Projections): unknown {
  const { index } = state.tasks;
  const types = [...new Set([...state.tasks.rows()].map((task) => task.shape.type))].sort();
  const all = index.list('all', '');
  return [['all', all?.tasks, all?.runs]].concat(
    types.map((type) => [type, index.list('type', type)?.tasks, index.list('type', type)?.runs]),
  );
}

function holders(state: Projections): [string, string | undefined][] {
  const keys = new Set([...state.runs.rows()].flatMap((row) => state.keys.keyOf(row) ?? []));
  return [...keys].sort().map((key) => [key, state.keys.holder(key)?.id]);
}

function due(state: Projections): unknown {
  const { timers } = state;
  const scheduled = drain(() => timers.takeScheduled(Infinity));
  const waking = drain(() => timers.takeWaking(Infinity));
  const expiring = drain(() => timers.takeExpired(Infinity));
  for (const row of new Set([...scheduled, ...waking, ...expiring])) timers.putBack(row);
  return {
    scheduled: scheduled.map((row) => [row.id, timers.dueAt(row)]),
    waking: waking.map((row) => [row.id, timers.dueAt(row)]),
    expiring: expiring.map((row) => [row.id, timers.expiresAt(row)]),
  };
}

function drain(take: () => RunRow | undefined): RunRow[] {
  const rows: RunRow[] = [];
  for (let row = take(); row !== undefined; row = take()) rows.push(row);
  return rows;
}
