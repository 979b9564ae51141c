// The seventeen edges of a run: machine, compiled table and docs/states.md agree on every pair of states.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createActor, setup } from 'xstate';
import { adjacencyMapToArray, getAdjacencyMap } from 'xstate/graph';
import { isTerminal, RUN_STATES, type RunState } from '../../src/domain/run-state.js';
import { runMachine, type RunMachineEvent } from '../../src/machines/run-machine.js';
import {
  compileTransitionTable,
  isValidTransition,
  transitionTable,
  validTransitions,
} from '../../src/machines/transition-table.js';
import { isPawlError } from '../../src/errors.js';
import { edgesOf, renderStates, replaceDiagram } from '../../scripts/render-states.mjs';

const page = readFileSync(path.join(process.cwd(), 'docs', 'states.md'), 'utf8');

/** Contract §4, written out once more, so that an edge cannot change in one place unseen. */
const CONTRACT = [
  'scheduled→ready',
  'scheduled→canceled',
  'ready→leased',
  'ready→canceled',
  'leased→running',
  'leased→ready',
  'leased→canceled',
  'running→completed',
  'running→failed',
  'running→retryWait',
  'running→suspended',
  'running→canceled',
  'retryWait→ready',
  'retryWait→failed',
  'retryWait→canceled',
  'suspended→ready',
  'suspended→canceled',
].sort();

const EVENTS: RunMachineEvent[] = [
  ...new Set(edgesOf(runMachine).map(([, , event]) => event as RunMachineEvent['type'])),
].map((type) => ({ type }));

const pairs = RUN_STATES.flatMap((from) => RUN_STATES.map((to) => [from, to] as const));

/** Edges by walking the machine from its initial state, with xstate's own graph. */
function edgesByGraph(): string[] {
  const steps = adjacencyMapToArray(
    getAdjacencyMap(runMachine, { events: EVENTS, serializeState: (state) => state.value }),
  );
  const moves = steps.filter(({ state, nextState }) => state.value !== nextState.value);
  return [...new Set(moves.map(({ state, nextState }) => `${state.value}→${nextState.value}`))].sort();
}

function edgesOfPage(): string[] {
  const rows = page.matchAll(/^\| `(\w+)` \| `(\w+)` \| \S.*\|$/gm);
  return Array.from(rows, ([, from, to]) => `${String(from)}→${String(to)}`).sort();
}

function edgesOfDiagram(): string[] {
  const arrows = page.matchAll(/^ {4}(\w+) --> (\w+): \w+$/gm);
  return Array.from(arrows, ([, from, to]) => `${String(from)}→${String(to)}`).sort();
}

describe('the edges of a run', () => {
  it('are the seventeen of the contract, in machine, graph, table and page', () => {
    expect(edgesByGraph()).toEqual(CONTRACT);
    expect(
      edgesOf(runMachine)
        .map(([from, to]) => `${from}→${to}`)
        .sort(),
    ).toEqual(CONTRACT);
    expect(
      pairs
        .filter(([from, to]) => isValidTransition(from, to))
        .map((pair) => pair.join('→'))
        .sort(),
    ).toEqual(CONTRACT);
    expect(edgesOfPage()).toEqual(CONTRACT);
    expect(edgesOfDiagram()).toEqual(CONTRACT);
  });

  it.each(pairs)('give one answer for %s → %s', (from, to) => {
    const legal = CONTRACT.includes(`${from}→${to}`);
    expect(isValidTransition(from, to)).toBe(legal);
    expect(validTransitions(from).includes(to)).toBe(legal);
    const start = runMachine.resolveState({ value: from, context: { run: undefined } });
    const taken = EVENTS.filter((event) => {
      if (isTerminal(from)) return false;
      const actor = createActor(runMachine, { snapshot: start }).start();
      actor.send(event);
      const arrived = actor.getSnapshot().value;
      actor.stop();
      return arrived === to && to !== from;
    });
    expect(taken).toHaveLength(legal ? 1 : 0);
    if (legal) expect(transitionTable.eventFor(from, to)).toBe(taken[0]?.type);
  });

  it('leave no terminal state, and reach all nine from the first', () => {
    for (const state of RUN_STATES) {
      expect(validTransitions(state).length === 0).toBe(isTerminal(state));
    }
    const reached = new Set<RunState>(['scheduled']);
    for (const state of reached) for (const next of validTransitions(state)) reached.add(next);
    expect([...reached].sort()).toEqual([...RUN_STATES].sort());
  });

  it('are refused by code when there is none', () => {
    let thrown: unknown;
    try {
      transitionTable.eventFor('completed', 'running');
    } catch (error) {
      thrown = error;
    }
    expect(isPawlError(thrown, 'INVALID_TRANSITION')).toBe(true);
    expect(thrown).toMatchObject({ data: { from: 'completed', to: 'running' } });
  });

  it('cannot be changed by who reads them', () => {
    expect(Object.isFrozen(validTransitions('running'))).toBe(true);
  });
});

describe('the machine', () => {
  it('has nine states, no guard, no effect but the copy of the run', () => {
    expect(Object.keys(runMachine.states)).toEqual([...RUN_STATES]);
    for (const state of Object.values(runMachine.states)) {
      expect(state.invoke).toEqual([]);
      expect(state.after).toEqual([]);
      expect(state.entry).toEqual([]);
      expect(state.exit).toEqual([]);
      for (const transition of [...state.transitions.values()].flat()) {
        expect(transition.guard).toBeUndefined();
        expect(transition.actions).toEqual(['copyRun']);
      }
    }
  });

  it('compiles to a table without an edge when it is built without that edge', () => {
    const without = setup({ types: { events: {} as { type: 'promote' | 'cancel' } } }).createMachine({
      initial: 'scheduled',
      states: {
        scheduled: { on: { promote: 'ready' } },
        ready: { on: { cancel: 'canceled' } },
        canceled: { type: 'final' },
      },
    });
    const table = compileTransitionTable(without);
    const edges = pairs.filter(([from, to]) => table.isValidTransition(from, to));
    expect(edges).toEqual([
      ['scheduled', 'ready'],
      ['ready', 'canceled'],
    ]);
    expect(() => table.eventFor('scheduled', 'canceled')).toThrow(
      'A run cannot go from scheduled to canceled.',
    );
  });

  it.each(CONTRACT)('compiles to a table that lacks %s alone when that edge is taken out', (edge) => {
    const states = Object.fromEntries(
      Object.entries(runMachine.states).map(([key, state]) => {
        const kept = [...state.transitions].filter(([, [transition]]) => {
          return `${key}→${String(transition?.target?.[0]?.key)}` !== edge;
        });
        return [key, { transitions: new Map(kept) }];
      }),
    );
    const table = compileTransitionTable({ states });
    const edges = pairs
      .filter(([from, to]) => table.isValidTransition(from, to))
      .map((pair) => pair.join('→'));
    expect(edges.sort()).toEqual(CONTRACT.filter((other) => other !== edge));
  });
});

describe('the drawing in docs/states.md', () => {
  it('is what `npm run docs:states` would draw', () => {
    expect(page).toContain(renderStates(runMachine));
    expect(replaceDiagram(page, runMachine)).toBe(page);
  });

  it('says so when the page has lost the place of the drawing', () => {
    expect(() => replaceDiagram('# States', runMachine)).toThrow('docs/states.md must hold the lines');
  });
});
