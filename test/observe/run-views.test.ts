// `state$` shows the present record and every later state, to everybody and in order, and completes at the end.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import type { RunRecord } from '../../src/domain/run.js';
import { isTerminal } from '../../src/domain/run-state.js';
import { PawlError } from '../../src/errors.js';
import { chance, dispatched, HistoryMaker, moved } from './support/history-maker.js';
import { turn, until } from './support/stream-fixture.js';
import { ViewFixture } from './support/view-fixture.js';

function watch(
  fixture: ViewFixture,
  runId: string,
): { readonly records: RunRecord[]; readonly ended: unknown[]; readonly stop: () => void } {
  const records: RunRecord[] = [];
  const ended: unknown[] = [];
  const subscription = fixture.observe.run(runId).state$.subscribe({
    next: (record) => {
      records.push(record);
    },
    error: (error: unknown) => {
      ended.push(error);
    },
    complete: () => {
      ended.push('complete');
    },
  });
  return {
    records,
    ended,
    stop: () => {
      subscription.unsubscribe();
    },
  };
}

const statesOf = (records: readonly RunRecord[]): string[] => records.map(({ state }) => state);

describe('state$', () => {
  it('gives the present record at once and every later state, and completes at the end', () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const { records, ended } = watch(fixture, 'a');
    expect(statesOf(records)).toEqual(['scheduled']);
    fixture.commit(moved('a', 'scheduled', 'ready'));
    fixture.commit(...dispatched('a', 1));
    expect(ended).toEqual([]);
    fixture.finish('a', 'success', 'completed');
    expect(statesOf(records)).toEqual(['scheduled', 'ready', 'leased', 'running', 'completed']);
    expect(ended).toEqual(['complete']);
  });

  it('shows each state that one commit passes through, as the run was in it', () => {
    const fixture = new ViewFixture();
    fixture.run('a', 'ready');
    const { records } = watch(fixture, 'a');
    fixture.commit(...dispatched('a', 1));
    expect(records).toMatchObject([
      { state: 'ready', attempts: [] },
      {
        state: 'leased',
        attemptCount: 0,
        attempts: [],
        lease: { owner: 'executor' },
        history: { length: 3 },
      },
      {
        state: 'running',
        attemptCount: 1,
        currentAttemptId: 'a-a1',
        lease: { owner: 'executor' },
        history: { length: 4 },
      },
    ]);
    expect(records[2]).toEqual(fixture.state.runs.get('a'));
  });

  it('shows what changes a run without changing its state', () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const { records } = watch(fixture, 'a');
    fixture.commit({ type: 'RunPriorityChanged', sequence: 0, at: 0, runId: 'a', priority: 9 });
    expect(records.map(({ state, priority }) => [state, priority])).toEqual([
      ['scheduled', 0],
      ['scheduled', 9],
    ]);
  });

  it('gives the end and completes for a run that ended long ago', () => {
    const fixture = new ViewFixture({
      history: (before) => {
        before.run('a', 'running');
        before.finish('a', 'failure', 'failed');
        before.run('b');
      },
    });
    expect(watch(fixture, 'a')).toMatchObject({
      records: [{ state: 'failed', reason: 'failure' }],
      ended: ['complete'],
    });
  });

  it('hands out frozen records', async () => {
    const fixture = new ViewFixture();
    fixture.run('a', 'ready');
    const records = firstValueFrom(fixture.observe.run('a').state$.pipe(take(3), toArray()));
    fixture.commit(...dispatched('a', 1));
    for (const record of await records) {
      for (const value of [record, record.history, record.attempts, record.history[0]])
        expect(Object.isFrozen(value)).toBe(true);
    }
  });

  it('refuses a run that never was, and one that was pruned, by code', () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    fixture.commit(moved('a', 'scheduled', 'canceled'));
    fixture.commit({ type: 'RunsPruned', sequence: 0, at: 0, runIds: ['a'] });
    expect(watch(fixture, 'a').ended).toMatchObject([{ code: 'RUN_PRUNED', data: { runId: 'a' } }]);
    expect(watch(fixture, 'b').ended).toMatchObject([{ code: 'RUN_UNKNOWN', data: { runId: 'b' } }]);
  });

  it('equals the projection after every commit of a generated history, and misses no state of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.constantFrom(0, 1), async (seed, stepMs) => {
        const random = chance(seed);
        const fixture = new ViewFixture({ limits: { emitBacklog: 10 } });
        fixture.clock.stepMs = stepMs;
        const maker = new HistoryMaker(fixture.state, random);
        const watched: { runId: string; from: number; view: ReturnType<typeof watch> }[] = [];
        for (let index = 0; index < 120; index++) {
          fixture.commit(...maker.next());
          const runs = [...fixture.state.runs.rows()];
          const row = runs[Math.floor(random() * runs.length)];
          if (row !== undefined && random() < 0.3) {
            watched.push({ runId: row.id, from: fixture.journal.latest, view: watch(fixture, row.id) });
          }
          if (stepMs === 0) expectLevel(fixture, watched);
          else if (random() < 0.2) await turn();
        }
        await until(() =>
          watched.every(({ runId, view }) => view.ended.length > 0 || isLevel(fixture, runId, view.records)),
        );
        expectLevel(fixture, watched);
        for (const { runId, from, view } of watched) {
          const passed = fixture.journal.kept.flatMap(({ events }) =>
            events.flatMap((event) =>
              event.type === 'RunStateChanged' && event.runId === runId && event.sequence > from
                ? [event.to]
                : [],
            ),
          );
          const shown = view.records
            .slice(1)
            .filter((record, index) => record.historyCount !== view.records[index]?.historyCount);
          expect(statesOf(shown)).toEqual(passed);
          expect(view.ended).toEqual(isTerminal(view.records.at(-1)?.state ?? 'ready') ? ['complete'] : []);
        }
      }),
      { numRuns: 25 },
    );
  });

  function isLevel(fixture: ViewFixture, runId: string, records: readonly RunRecord[]): boolean {
    return isDeepStrictEqual(records.at(-1), fixture.state.runs.get(runId));
  }

  function expectLevel(
    fixture: ViewFixture,
    watched: readonly { runId: string; view: ReturnType<typeof watch> }[],
  ): void {
    for (const { runId, view } of watched) {
      const record = fixture.state.runs.get(runId);
      if (record !== undefined && !isDeepStrictEqual(view.records.at(-1), record))
        expect(view.records.at(-1)).toEqual(record);
    }
  }
});

describe('a bad subscriber of state$', () => {
  it('that throws is ended and logged, and disturbs nobody', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const before = watch(fixture, 'a');
    fixture.observe.run('a').state$.subscribe(({ state }) => {
      if (state === 'ready') throw new Error('bad subscriber');
    });
    const after = watch(fixture, 'a');
    fixture.commit(moved('a', 'scheduled', 'ready'));
    fixture.commit(...dispatched('a', 1));
    await turn();
    expect(fixture.warned).toMatchObject([
      { component: 'observe', where: 'run a', err: { message: 'bad subscriber' } },
    ]);
    expect(statesOf(before.records)).toEqual(['scheduled', 'ready', 'leased', 'running']);
    expect(statesOf(after.records)).toEqual(statesOf(before.records));
  });

  it('that commits, subscribes and leaves from inside keeps the order for all', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const first = watch(fixture, 'a');
    const inner: string[][] = [];
    const subscription = fixture.observe.run('a').state$.subscribe((record) => {
      if (record.state === 'ready') fixture.commit(...dispatched('a', 1));
      if (record.state === 'leased') inner.push(statesOf(watch(fixture, 'a').records));
      if (record.state === 'running') subscription.unsubscribe();
    });
    const last = watch(fixture, 'a');
    fixture.commit(moved('a', 'scheduled', 'ready'));
    await until(() => last.records.length === 4);
    fixture.finish('a', 'success', 'completed');
    await until(() => last.ended.length === 1);
    expect(statesOf(first.records)).toEqual(['scheduled', 'ready', 'leased', 'running', 'completed']);
    expect(statesOf(last.records)).toEqual(statesOf(first.records));
    expect(inner).toEqual([['running']]);
  });

  it('that is slow is shown everything in later turns, from the journal when it is far behind', async () => {
    const fixture = new ViewFixture({ limits: { emitBacklog: 3 } });
    fixture.run('a', 'running');
    const seen: number[] = [];
    fixture.observe.run('a').state$.subscribe((record) => {
      fixture.clock.monoMs += 50;
      seen.push(record.lease?.expiryAt ?? 0);
    });
    for (let expiryAt = 50_001; expiryAt <= 50_040; expiryAt++) {
      fixture.commit({ type: 'LeaseHeartbeat', sequence: 0, at: 0, runId: 'a', owner: 'executor', expiryAt });
    }
    expect(seen.length).toBeLessThan(5);
    await until(() => seen.length === 41);
    expect(seen).toEqual(Array.from({ length: 41 }, (_, index) => 50_000 + index));
    expect(fixture.journal.reads).toBeGreaterThan(0);
  });
});

describe('the end of the views', () => {
  it('completes streams and refuses waits after what is durable was shown', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    fixture.run('b');
    const view = watch(fixture, 'a');
    const waiting = fixture.observe.run('b').result();
    fixture.commit(moved('a', 'scheduled', 'ready'));
    await fixture.observe.close();
    expect(statesOf(view.records)).toEqual(['scheduled', 'ready']);
    expect(view.ended).toEqual(['complete']);
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(lastValueFrom(fixture.observe.run('a').state$)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => fixture.observe.run('a').actor()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('is the error of a poisoned journal; what has ended can still be asked for', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    fixture.run('b', 'running');
    fixture.finish('b', 'success', 'completed');
    const view = watch(fixture, 'a');
    const waiting = fixture.observe.run('a').result();
    const poison = new PawlError('JOURNAL_POISONED', 'fsync failed');
    fixture.observe.fail(poison);
    expect(view.ended).toEqual([poison]);
    await expect(waiting).rejects.toBe(poison);
    expect(watch(fixture, 'b').ended).toEqual(['complete']);
    expect(fixture.observe.actorSystem.state).toBe('failed');
    await fixture.observe.close();
    expect(fixture.observe.actorSystem.state).toBe('closed');
  });
});
