// A live actor is at every moment what the projection says of its run; it belongs to the one actor system and
// takes orders from nobody.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { InspectionEvent } from 'xstate';
import { isTerminal, type RunState } from '../../src/domain/run-state.js';
import { journalMachine } from '../../src/machines/journal-machine.js';
import type { RunActor } from '../../src/observe/run-actor.js';
import { chance, dispatched, HistoryMaker, moved } from './support/history-maker.js';
import { turn } from './support/stream-fixture.js';
import { ViewFixture } from './support/view-fixture.js';

const idOf = (event: InspectionEvent): string => (event.actorRef as RunActor).id;
const nonTerminal = (fixture: ViewFixture): string[] =>
  [...fixture.state.runs.rows()].filter(({ state }) => !isTerminal(state)).map(({ id }) => id);

describe('a live actor', () => {
  it('has the state and the record of the projection after every commit of a generated history', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = chance(seed);
        const fixture = new ViewFixture();
        const maker = new HistoryMaker(fixture.state, random);
        const actors = new Map<string, RunActor>();
        for (let index = 0; index < 150; index++) {
          fixture.commit(...maker.next());
          for (const [runId, actor] of actors) {
            const record = fixture.state.runs.get(runId);
            const { value, context, status } = actor.getSnapshot();
            if (record === undefined) continue;
            if (!isDeepStrictEqual({ value, ...context }, { value: record.state, run: record })) {
              expect({ value, ...context }).toEqual({ value: record.state, run: record });
            }
            expect(status).toBe(isTerminal(record.state) ? 'done' : 'active');
          }
          const open = nonTerminal(fixture);
          const runId = open[Math.floor(random() * open.length)];
          if (runId !== undefined && random() < 0.4) actors.set(runId, fixture.observe.run(runId).actor());
        }
        expect(fixture.observe.liveActors).toBe(
          [...actors.values()].filter((actor) => actor.getSnapshot().status === 'active').length,
        );
      }),
      { numRuns: 25 },
    );
  });

  it('is the same for every call, and a member of the one system by its id', () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const actor = fixture.observe.run('a').actor();
    expect(fixture.observe.run('a').actor()).toBe(actor);
    expect(actor.system.get('run:a')).toBe(actor);
    expect(actor.system.get('orchestrator')).toBe(fixture.observe.actorSystem.orchestrator);
  });

  it('shows its observers every state, and completes with its run', () => {
    const fixture = new ViewFixture();
    fixture.run('a', 'ready');
    const seen: (RunState | 'complete')[] = [];
    const actor = fixture.observe.run('a').actor();
    actor.subscribe({ next: ({ value }) => seen.push(value), complete: () => seen.push('complete') });
    fixture.commit(...dispatched('a', 1));
    fixture.finish('a', 'success', 'completed');
    expect(seen).toEqual(['leased', 'running', 'completed', 'complete']);
    expect(actor.system.get('run:a')).toBeUndefined();
    expect(fixture.observe.liveActors).toBe(0);
  });

  it('refuses events, and so do the orchestrator and the journal', () => {
    const fixture = new ViewFixture();
    fixture.observe.actorSystem.startJournal(journalMachine);
    fixture.run('a');
    const actor = fixture.observe.run('a').actor();
    const refused = expect.objectContaining({ code: 'ACTOR_READ_ONLY' });
    expect(() => {
      actor.send({ type: 'promote' });
    }).toThrow(refused);
    for (const id of ['orchestrator', 'journal']) {
      expect(() => {
        (actor.system.get(id) as RunActor).send({ type: 'promote' });
      }).toThrow(refused);
    }
    expect(actor.getSnapshot().value).toBe('scheduled');
  });

  it('of a run that has ended is at its final state and is not kept', () => {
    const fixture = new ViewFixture({ limits: { maxLiveActors: 1 } });
    fixture.run('a');
    fixture.commit(moved('a', 'scheduled', 'canceled', 'by hand'));
    const { value, status, context } = fixture.observe.run('a').actor().getSnapshot();
    expect({ value, status, reason: context.run?.reason }).toEqual({
      value: 'canceled',
      status: 'done',
      reason: 'by hand',
    });
    expect(fixture.observe.liveActors).toBe(0);
  });

  it('stops when it is told to, and the next call makes another', () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const actor = fixture.observe.run('a').actor();
    expect(actor.stop()).toBe(actor);
    actor.stop();
    expect(actor.getSnapshot().status).toBe('stopped');
    expect(fixture.observe.liveActors).toBe(0);
    const next = fixture.observe.run('a').actor();
    fixture.commit(moved('a', 'scheduled', 'ready'));
    expect([actor.getSnapshot().value, next.getSnapshot().value]).toEqual(['scheduled', 'ready']);
  });

  it('is refused beyond maxLiveActors, and for runs that are not there', () => {
    const fixture = new ViewFixture({ limits: { maxLiveActors: 2 } });
    for (const id of ['a', 'b', 'c']) fixture.run(id);
    fixture.observe.run('a').actor();
    fixture.observe.run('b').actor();
    const actorOfC = (): RunActor => fixture.observe.run('c').actor();
    expect(actorOfC).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED', data: { limit: 'maxLiveActors', value: 2 } }),
    );
    expect(() => fixture.observe.run('none').actor()).toThrow(
      expect.objectContaining({ code: 'RUN_UNKNOWN' }),
    );
    fixture.commit(moved('a', 'scheduled', 'canceled'));
    expect(actorOfC().getSnapshot().value).toBe('scheduled');
  });

  it('isolates an observer that throws', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const actor = fixture.observe.run('a').actor();
    const seen: string[] = [];
    actor.subscribe(() => {
      throw new Error('bad observer');
    });
    actor.subscribe(({ value }) => seen.push(value));
    fixture.commit(moved('a', 'scheduled', 'ready'));
    fixture.commit(...dispatched('a', 1));
    await turn();
    await turn();
    expect(seen).toEqual(['ready', 'leased', 'running']);
    expect(fixture.warned).toMatchObject([{ where: 'actor run:a', err: { message: 'bad observer' } }]);
  });
});

describe('liveActors: all', () => {
  it('makes every run that has not ended an actor of the system, those from before too', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = chance(seed);
        const fixture = new ViewFixture({
          liveActors: 'all',
          history: (before) => {
            const maker = new HistoryMaker(before.state, random);
            for (let index = 0; index < 40; index++) before.commit(...maker.next());
          },
        });
        const maker = new HistoryMaker(fixture.state, random, 'late');
        expectAll(fixture);
        for (let index = 0; index < 60; index++) {
          fixture.commit(...maker.next());
          expectAll(fixture);
        }
      }),
      { numRuns: 15 },
    );
  });

  function expectAll(fixture: ViewFixture): void {
    const { system } = fixture.observe.actorSystem;
    const open = nonTerminal(fixture);
    expect(fixture.observe.liveActors).toBe(open.length);
    for (const runId of open) {
      const actor = system.get(`run:${runId}`) as RunActor | undefined;
      expect(actor?.getSnapshot().value).toBe(fixture.state.runs.row(runId)?.state);
    }
  }

  it('never makes more than maxLiveActors, and takes up others as places become free', () => {
    const fixture = new ViewFixture({ liveActors: 'all', limits: { maxLiveActors: 2 } });
    for (const id of ['a', 'b', 'c']) fixture.run(id);
    expect(fixture.observe.liveActors).toBe(2);
    fixture.commit(moved('a', 'scheduled', 'canceled'));
    fixture.commit(moved('c', 'scheduled', 'ready'));
    expect(fixture.observe.actorSystem.system.get('run:c')).toBeDefined();
  });
});

describe('inspection', () => {
  it('sees the tree: orchestrator, journal and live runs, with every edge a run takes', () => {
    const events: InspectionEvent[] = [];
    const fixture = new ViewFixture({ liveActors: 'all', inspect: (event) => events.push(event) });
    const tellJournal = fixture.observe.actorSystem.startJournal(journalMachine);
    tellJournal({ type: 'opened', epoch: 1, sequence: 0 });
    fixture.run('a', 'running');
    fixture.finish('a', 'success', 'completed');
    const actors = events.filter(({ type }) => type === '@xstate.actor');
    expect(actors.map(idOf)).toEqual(['orchestrator', 'journal', 'run:a']);
    expect(actors.map(({ actorRef }) => (actorRef as RunActor)._parent?.id)).toEqual([
      undefined,
      'orchestrator',
      'orchestrator',
    ]);
    const told = events.flatMap((event) =>
      event.type === '@xstate.event' && idOf(event) === 'run:a' ? [event.event.type] : [],
    );
    expect(told).toEqual(['xstate.init', 'promote', 'claim', 'start', 'complete']);
    expect((actors[2]?.actorRef as RunActor).logic.config).toMatchObject({ id: 'run' });
  });

  it('of chosen runs adds actors for those', () => {
    const seen = new Set<string>();
    const fixture = new ViewFixture({
      inspect: {
        observer: { next: (event) => seen.add(idOf(event)) },
        runs: (run) => run.taskId.startsWith('task-x'),
      },
      history: (before) => {
        before.run('x-early');
        before.run('y-early');
      },
    });
    fixture.run('x-late', 'running');
    fixture.run('y-late', 'running');
    expect([...seen]).toEqual(['orchestrator', 'run:x-early', 'run:x-late']);
  });

  it('that throws is dropped and logged, and disturbs nothing; so is a choice that throws', () => {
    const fixture = new ViewFixture({
      inspect: {
        observer: () => {
          throw new Error('bad inspector');
        },
        runs: () => {
          throw new Error('bad choice');
        },
      },
    });
    fixture.run('a', 'running');
    const actor = fixture.observe.run('a').actor();
    actor.system.inspect(() => {
      throw new Error('bad guest');
    });
    fixture.finish('a', 'success', 'completed');
    expect(actor.getSnapshot().value).toBe('completed');
    expect(fixture.warned.map(({ where, err }) => [where, (err as Error).message])).toEqual([
      ['inspect', 'bad inspector'],
      ['inspect.runs', 'bad choice'],
      ['inspect', 'bad guest'],
    ]);
  });
});

describe('the actor of the orchestrator', () => {
  it('goes from opening to closed, and follows pauses', async () => {
    const fixture = new ViewFixture();
    const system = fixture.observe.actorSystem;
    const seen: string[] = [];
    system.orchestrator.subscribe(({ value }) => seen.push(value));
    system.sendOrchestrator({ type: 'recover' });
    fixture.commit({ type: 'EnginePaused', sequence: 0, at: 0 });
    system.sendOrchestrator({ type: 'live' });
    fixture.commit({ type: 'EngineResumed', sequence: 0, at: 0 });
    fixture.commit({ type: 'EnginePaused', sequence: 0, at: 0 });
    system.sendOrchestrator({ type: 'drain' });
    await fixture.observe.close();
    expect(seen).toEqual(['recovering', 'live', 'paused', 'live', 'paused', 'draining', 'closed']);
    system.sendOrchestrator({ type: 'drain' });
  });

  it('ends after the journal', async () => {
    const fixture = new ViewFixture();
    const system = fixture.observe.actorSystem;
    const tellJournal = system.startJournal(journalMachine);
    tellJournal({ type: 'opened', epoch: 1, sequence: 0 });
    await fixture.observe.close();
    tellJournal({ type: 'draining' });
    expect(system.state).toBe('draining');
    tellJournal({ type: 'closed', sequence: 0 });
    expect(system.state).toBe('closed');
  });

  it('ends closed and stops the live actors, from any state', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const actor = fixture.observe.run('a').actor();
    await fixture.observe.close();
    await fixture.observe.close();
    expect(actor.getSnapshot().status).toBe('stopped');
    expect(fixture.observe.actorSystem.state).toBe('closed');
  });
});
