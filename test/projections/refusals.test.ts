// Every rule by which replay refuses an event, each in the smallest history that breaks it.
import { describe, expect, it } from '@jest/globals';
import type { PawlEvent } from '../../src/domain/events.js';
import { RUN_STATES, isTerminal } from '../../src/domain/run-state.js';
import { runMachine } from '../../src/machines/run-machine.js';
import {
  compileTransitionTable,
  isValidTransition,
  transitionTable,
} from '../../src/machines/transition-table.js';
import { Projections } from '../../src/projections/projections.js';
import { REPLAY_RULES, type ReplayRule } from '../../src/projections/refusal.js';
import { commitOf } from '../support/history-maker.js';
import {
  begun,
  changed,
  claimed,
  ended,
  Log,
  logWithRun,
  T0,
  taskCreated,
} from '../support/projection-log.js';
import { NOUN_CASES } from './refusal-cases-nouns.js';
import { RUN_CASES } from './refusal-cases-runs.js';
import { finished, lease } from './refusal-support.js';

/** Rules about commits as a whole, tested below one by one. */
const COMMIT_RULES: readonly ReplayRule[] = ['broken', 'sequenceGap', 'timeBackwards', 'timeMismatch'];

describe('replay refuses', () => {
  it.each([...NOUN_CASES, ...RUN_CASES])('$when: $rule', ({ rule, log, events }) => {
    const given = log();
    const before = given.state.sequence;
    given.refuses(rule, events);
    expect(given.state.sequence).toBe(before);
  });

  it('by rules that all have a test', () => {
    expect(
      new Set([...COMMIT_RULES, ...NOUN_CASES.map((one) => one.rule), ...RUN_CASES.map((one) => one.rule)]),
    ).toEqual(new Set(Object.keys(REPLAY_RULES)));
  });

  it('every pair of states the machine has no edge for, and no other', () => {
    for (const from of RUN_STATES) {
      for (const to of RUN_STATES) {
        const log = logWithRun(from);
        // Only the edge is judged here: attempt and lease end with it.
        const settled = from === 'running' || from === 'leased' ? endsOf(from) : [];
        const change = [...settled, changed('r', from, to)];
        if (isValidTransition(from, to))
          log.commit(
            from === 'leased' && to === 'running'
              ? [changed('r', from, to)]
              : from === 'ready' && to === 'leased'
                ? claimed('r')
                : change,
          );
        else log.refuses('illegalTransition', change);
        if (isTerminal(from)) expect(isValidTransition(from, to)).toBe(false);
      }
    }
  });

  it('a transition that the machine it was built with lacks', () => {
    const nodes = Object.entries(runMachine.states).map(([name, { transitions }]) => {
      return [
        name,
        { transitions: name === 'running' ? without(transitions, 'suspend') : transitions },
      ] as const;
    });
    const machine = { states: Object.fromEntries(nodes) };
    const log = logWithRun('running', {}, { transitions: compileTransitionTable(machine) });
    log.refuses('illegalTransition', ended('r', 'suspended', { result: 'suspended' }));
    expect(transitionTable.isValidTransition('running', 'suspended')).toBe(true);
  });
});

describe('a commit', () => {
  it('that does not follow the last one is refused', () => {
    const state = new Projections();
    expect(() => state.apply(commitOf([taskCreated('t')], 2, { at: T0 }))).toThrow(
      refused('sequenceGap', { sequence: 2, expected: 1 }),
    );
  });

  it('whose events are not numbered in turn is refused', () => {
    const commit = commitOf([taskCreated('t'), taskCreated('u')], 1, { at: T0 });
    const events = commit.events.map((one) => ({ ...one, sequence: 1 }));
    expect(() => new Projections().apply({ ...commit, events })).toThrow(
      refused('sequenceGap', { sequence: 1, expected: 2 }),
    );
  });

  it('stamped before the last one is refused', () => {
    const log = new Log();
    log.commit([taskCreated('t')]);
    expect(() => log.commit([taskCreated('u')], { at: T0 - 1 })).toThrow(
      refused('timeBackwards', { sequence: 2 }),
    );
  });

  it('with an event of another time is refused', () => {
    const commit = commitOf([taskCreated('t')], 1, { at: T0 });
    const events = commit.events.map((one) => ({ ...one, at: T0 + 1 }));
    expect(() => new Projections().apply({ ...commit, events })).toThrow(
      refused('timeMismatch', { sequence: 1 }),
    );
  });

  it('after a refused one is refused too, whatever it holds', () => {
    const log = new Log();
    log.commit([taskCreated('t')]);
    log.refuses('unknownRun', [taskCreated('u'), changed('r', 'scheduled', 'ready')]);
    expect(log.state.refused).toMatchObject({ code: 'REPLAY_REFUSED' });
    log.refuses('broken', [taskCreated('v')]);
    expect(log.state.sequence).toBe(1);
  });

  it('refused names sequence, type, rule and run, and what to do', () => {
    const log = logWithRun('ready');
    expect(() => log.commit([taskCreated('u'), changed('r', 'ready', 'running')])).toThrow(
      expect.objectContaining({
        data: {
          sequence: 5,
          type: 'RunStateChanged',
          rule: 'illegalTransition',
          runId: 'r',
          from: 'ready',
          to: 'running',
        },
        message: expect.stringMatching(/Event 5 \(RunStateChanged\).*readOnly: true/),
      }),
    );
  });

  it('may end attempt and lease in either order beside the change of state', () => {
    const log = logWithRun('running');
    log.commit([finished(), lease('LeaseReleased'), changed('r', 'running', 'completed')]);
    expect(log.state.runs.get('r')).toMatchObject({ state: 'completed', attemptCount: 1 });
    const other = logWithRun('running');
    other.commit([lease('LeaseReleased'), changed('r', 'running', 'completed'), finished()]);
    expect(other.state.runs.get('r')?.currentAttemptId).toBeUndefined();
  });

  it('may release a lease and take a new one', () => {
    const log = logWithRun('leased');
    log.commit([
      lease('LeaseReleased'),
      changed('r', 'leased', 'ready'),
      ...claimed('r', 'you'),
      ...begun('r', 1, 'you'),
    ]);
    expect(log.state.leases.get('r')).toMatchObject({ owner: 'you' });
  });
});

function refused(rule: ReplayRule, data: object): unknown {
  return expect.objectContaining({
    code: 'REPLAY_REFUSED',
    data: expect.objectContaining({ rule, ...data }),
  });
}

function endsOf(state: 'leased' | 'running'): PawlEvent[] {
  return state === 'running' ? [finished(), lease('LeaseReleased')] : [lease('LeaseReleased')];
}

function without<V>(transitions: ReadonlyMap<string, V>, name: string): ReadonlyMap<string, V> {
  return new Map([...transitions].filter(([key]) => key !== name));
}
