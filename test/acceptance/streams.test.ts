// Rows 42–44 and 46a: what applications see of the events, runs and projections of a working engine.
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import type { EngineRuntime } from '../../src/engine-runtime.js';
import type { PawlEvent } from '../../src/domain/events.js';
import { openWith } from '../../src/open-orchestrator.js';
import { onTestEnd, temporaryDirectory } from '../support/engine.js';
import { first, history, open, run, turns } from './support/handlers.js';

const flaky = defineTask('flaky', (context, input: { readonly fails: number }) => {
  context.progress({ attempt: context.attempt });
  if (context.attempt <= input.fails) throw new Error('again');
  return { attempts: context.attempt };
});
const constraints = { maxAttempts: 3, backoff: { kind: 'fixed', delayMs: 50, jitter: 'none' } } as const;

describe('row 42: events({ from }) of a working engine', () => {
  it('gives each joiner, wherever it joins, the same events without gap or duplicate', async () => {
    const { pawl, clock } = await open({ tasks: [flaky], concurrency: 3 });
    const joined: { readonly from: number; readonly seen: PawlEvent[] }[] = [];
    const join = (from: number): void => {
      const seen: PawlEvent[] = [];
      joined.push({ from, seen });
      pawl.events({ from }).subscribe((event) => seen.push(event));
    };
    join(1);
    for (let step = 0; step < 20; step++) {
      await pawl.submit(flaky, { fails: step % 3 }, { constraints });
      for (let from = 1; from <= pawl.projections.sequence; from += 7) join(from);
      // Few enough to stay within the cursors that may be open at a time.
      while (joined.length > 60) joined.pop();
      await clock.advance(20);
    }
    await clock.advance(1_000);
    const all = await history(pawl);
    expect(all.map((event) => event.sequence)).toEqual(all.map((_event, index) => index + 1));
    for (const { from, seen } of joined) expect(seen).toEqual(all.slice(from - 1));
    expect(joined.length).toBeGreaterThan(40);
  });

  it('pulls the same with for await, also while it is behind', async () => {
    const { pawl, clock } = await open({ tasks: [flaky] });
    const pulled: number[] = [];
    const pulling = (async () => {
      for await (const event of pawl.events({ from: 1 })) {
        pulled.push(event.sequence);
        if (event.sequence % 5 === 0) await turns(1);
      }
    })();
    for (let step = 0; step < 10; step++) await pawl.submit(flaky, { fails: 1 }, { constraints });
    await clock.advance(1_000);
    const { sequence } = pawl.projections;
    await pawl.close({ drainMs: 0 });
    await pulling;
    expect(pulled).toEqual(Array.from({ length: sequence }, (_value, index) => index + 1));
  });
});

describe('row 43: run(id).state$', () => {
  it('gives the state now, then every later one, and completes', async () => {
    const { pawl, clock } = await open({ tasks: [flaky] });
    const startAt = clock.now() + 1_000;
    const { runIds } = await pawl.submit(
      flaky,
      { fails: 1 },
      { constraints, policy: { kind: 'once', startAt } },
    );
    const states: string[] = [];
    let completed = false;
    pawl.run(first(runIds)).state$.subscribe({
      next: ({ state }) => {
        if (states.at(-1) !== state) states.push(state);
      },
      complete: () => {
        completed = true;
      },
    });
    expect(states).toEqual(['scheduled']);
    await clock.advance(2_000);
    expect(states).toEqual([
      'scheduled',
      'ready',
      'leased',
      'running',
      'retryWait',
      'ready',
      'leased',
      'running',
      'completed',
    ]);
    expect(completed).toBe(true);
  });

  it('shows a run that ended before a restart, and its result', async () => {
    const before = await open({ tasks: [flaky] });
    const { runIds } = await before.pawl.submit(flaky, { fails: 0 });
    await before.clock.settle();
    const { pawl } = await before.restart();
    const seen: string[] = [];
    let completed = false;
    pawl.run(first(runIds)).state$.subscribe({
      next: ({ state }) => seen.push(state),
      complete: () => {
        completed = true;
      },
    });
    await turns();
    expect({ seen, completed }).toEqual({ seen: ['completed'], completed: true });
    expect(await pawl.run(first(runIds)).result()).toEqual({ attempts: 1 });
  });
});

describe('row 44: bad subscribers', () => {
  it('hurt nobody else: one throws, one is slow, one submits from inside', async () => {
    const { pawl, clock } = await open({ tasks: [flaky] });
    const seen: number[] = [];
    const submitted: Promise<unknown>[] = [];
    pawl.events().subscribe(() => {
      throw new Error('a subscriber that throws');
    });
    pawl.events().subscribe(() => {
      // Slow: holds the loop for a while at each event.
      for (let turn = 0; turn < 200_000; turn++) Math.sqrt(turn);
    });
    pawl.events().subscribe((event) => {
      if (event.type === 'TaskCreated' && submitted.length < 5)
        submitted.push(pawl.submit(flaky, { fails: 0 }));
    });
    pawl.events().subscribe((event) => seen.push(event.sequence));
    const from = pawl.projections.sequence;
    await pawl.submit(flaky, { fails: 0 });
    await clock.advance(100);
    expect((await Promise.all(submitted)).length).toBe(5);
    expect(pawl.projections.runs.countByState('completed')).toBe(6);
    const last = pawl.projections.sequence;
    expect(seen).toEqual(Array.from({ length: last - from }, (_value, index) => from + 1 + index));
  });
});

describe('row 46a: projections', () => {
  it('get events from the stream only: held, they stay; released, they catch up in order', async () => {
    let runtime: EngineRuntime | undefined;
    const pawl = await openWith(
      { dataDir: join(await temporaryDirectory(), 'data') },
      {
        onRuntime: (opened) => {
          runtime = opened;
        },
      },
    );
    onTestEnd(() => pawl.close({ drainMs: 0 }));
    const before = pawl.projections.sequence;
    const release = runtime?.parts.journal.holdEmission();
    const answers = [pawl.submit('elsewhere', 1), pawl.submit('elsewhere', 2)];
    // On the disk, and not in the projections: both submissions are three events.
    const durable = (): number => runtime?.parts.journal.durableSequence ?? 0;
    while (durable() < before + 6) await turns(1);
    expect(pawl.projections.sequence).toBe(before);
    expect(pawl.projections.tasks.count).toBe(0);
    release?.();
    const submissions = await Promise.all(answers);
    expect(pawl.projections.sequence).toBe(runtime?.parts.journal.durableSequence);
    for (const { runIds } of submissions) expect(run(pawl, first(runIds)).state).toBe('ready');
  });
});
