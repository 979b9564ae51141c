// Row 46: live actors follow the durable stream, inspection sees the tree, and an edge that the machine lacks is
// refused by the engine.
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { runMachine } from '../../src/machines/run-machine.js';
import { compileTransitionTable } from '../../src/machines/transition-table.js';
import { openWith } from '../../src/open-orchestrator.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { onTestEnd, temporaryDirectory } from '../support/engine.js';
import { first, open, refusal, run, turns } from './support/handlers.js';

const flaky = defineTask('flaky', (context, input: { readonly fails: number }) => {
  if (context.attempt <= input.fails) throw new Error('again');
});
const constraints = { maxAttempts: 3, backoff: { kind: 'fixed', delayMs: 50, jitter: 'none' } } as const;

describe('row 46: live actors', () => {
  it('show the state and the record of the projection after every event', async () => {
    const { pawl, clock } = await open({ tasks: [flaky], liveActors: 'all' });
    const compared: string[] = [];
    for (let fails = 0; fails < 4; fails++) {
      const startAt = clock.now() + 10 * (fails + 1);
      const { runIds } = await pawl.submit(
        flaky,
        { fails },
        { constraints, policy: { kind: 'once', startAt } },
      );
      const actor = pawl.run(first(runIds)).actor();
      actor.subscribe((snapshot) => {
        compared.push(snapshot.value);
        expect(snapshot.context.run?.state).toBe(snapshot.value);
      });
    }
    for (let step = 0; step < 40; step++) {
      await clock.advance(10);
      for (const { id, state } of pawl.projections.runs.list({}, { limit: 100 }).items) {
        if (state === 'completed' || state === 'failed') continue;
        const { value, context } = pawl.run(id).actor().getSnapshot();
        expect(value).toBe(state);
        expect(context.run).toEqual(pawl.projections.runs.get(id));
      }
    }
    expect(compared).toEqual(
      expect.arrayContaining(['leased', 'running', 'retryWait', 'completed', 'failed']),
    );
  });

  it('are one system with the orchestrator and the journal, seen by one inspector', async () => {
    const systemIds = new Set<string>();
    const { pawl, clock } = await open({
      tasks: [flaky],
      liveActors: 'all',
      inspect: (event) => {
        if (event.type === '@xstate.actor' && 'id' in event.actorRef)
          systemIds.add(String(event.actorRef.id));
      },
    });
    const { runIds } = await pawl.submit(
      flaky,
      { fails: 0 },
      { policy: { kind: 'once', startAt: clock.now() + 5 } },
    );
    await turns();
    expect([...systemIds]).toEqual(
      expect.arrayContaining(['orchestrator', 'journal', `run:${first(runIds)}`]),
    );
  });

  it('take no events', async () => {
    const { pawl } = await open({ liveActors: 'observed' });
    const { runIds } = await pawl.submit('elsewhere');
    const actor = pawl.run(first(runIds)).actor();
    await refusal(
      Promise.resolve().then(() => {
        actor.send({ type: 'cancel' });
      }),
      'ACTOR_READ_ONLY',
    );
    expect(run(pawl, first(runIds)).state).toBe('ready');
  });
});

describe('row 46: a machine without the edge ready → canceled', () => {
  it('makes the engine refuse that change', async () => {
    const ready = runMachine.states['ready'];
    if (ready === undefined) throw new TypeError('The machine has no state ready.');
    const kept = [...ready.transitions].filter(([event]) => event !== 'cancel');
    expect(kept.length).toBe(ready.transitions.size - 1);
    const states = { ...runMachine.states, ready: { transitions: new Map(kept) } };
    const transitions = compileTransitionTable({ states });
    const pawl = await openWith(
      { dataDir: join(await temporaryDirectory(), 'data'), clock: new ManualClock() },
      { transitions },
    );
    onTestEnd(() => pawl.close({ drainMs: 0 }));
    const { runIds } = await pawl.submit('elsewhere');
    const error = await refusal(pawl.cancelRun(first(runIds)), 'INVALID_TRANSITION');
    expect(error.data).toMatchObject({ from: 'ready', to: 'canceled' });
    expect(run(pawl, first(runIds)).state).toBe('ready');
  });
});
