// `result()` answers with the output of the last run of the chain, or refuses by code; it never hurts the host.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { moved, payload } from './support/history-maker.js';
import { turn } from './support/stream-fixture.js';
import { ViewFixture } from './support/view-fixture.js';

describe('result()', () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => {
    unhandled.push(error);
  };

  beforeEach(() => {
    process.on('unhandledRejection', note);
  });

  afterEach(async () => {
    await turn();
    process.off('unhandledRejection', note);
    expect(unhandled.splice(0)).toEqual([]);
  });

  it('waits for the end and decodes the output', async () => {
    const fixture = new ViewFixture();
    fixture.run('a', 'running');
    const result = fixture.observe.run<{ sum: number }>('a').result();
    fixture.finish('a', 'success', 'completed', payload({ sum: 3 }));
    expect(await result).toEqual({ sum: 3 });
  });

  it('answers at once for a run that ended long ago, and with undefined when there is no output', async () => {
    const fixture = new ViewFixture({
      history: (before) => {
        before.run('a', 'running');
        before.finish('a', 'success', 'completed');
      },
    });
    expect(await fixture.observe.run('a').result()).toBeUndefined();
  });

  it('rejects with RUN_FAILED and the record, the error of the last attempt being the cause', async () => {
    const fixture = new ViewFixture();
    fixture.run('a', 'running');
    const result = fixture.observe.run('a').result();
    fixture.finish('a', 'failure', 'failed');
    await expect(result).rejects.toMatchObject({
      code: 'RUN_FAILED',
      data: { runId: 'a', run: { id: 'a', state: 'failed', attempts: [{ result: 'failure' }] } },
      cause: { message: 'failure' },
    });
  });

  it('rejects with RUN_CANCELED and the record', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    const result = fixture.observe.run('a').result();
    fixture.commit(moved('a', 'scheduled', 'canceled', 'by hand'));
    await expect(result).rejects.toMatchObject({
      code: 'RUN_CANCELED',
      data: { run: { state: 'canceled', reason: 'by hand' } },
    });
  });

  it('rejects with RUN_PRUNED and RUN_UNKNOWN', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    fixture.commit(moved('a', 'scheduled', 'canceled'));
    fixture.commit({ type: 'RunsPruned', sequence: 0, at: 0, runIds: ['a'] });
    await expect(fixture.observe.run('a').result()).rejects.toMatchObject({ code: 'RUN_PRUNED' });
    await expect(fixture.observe.run('b').result()).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
  });

  it('follows a chain of 1 000 runs that were continued as new, while it waits and afterwards', async () => {
    const fixture = new ViewFixture();
    fixture.run('c0', 'running');
    const early = fixture.observe.run('c0').result();
    for (let index = 1; index <= 1_000; index++) {
      const id = `c${String(index)}`;
      fixture.continueAsNew(`c${String(index - 1)}`, id);
      fixture.commit(moved(id, 'scheduled', 'ready'));
      fixture.commit(
        moved(id, 'ready', 'leased'),
        { type: 'LeaseAcquired', sequence: 0, at: 0, runId: id, owner: 'executor', expiryAt: 9 },
        moved(id, 'leased', 'running'),
        {
          type: 'AttemptStarted',
          sequence: 0,
          at: 0,
          runId: id,
          attemptId: id,
          number: 1,
          owner: 'executor',
        },
      );
    }
    fixture.finish('c1000', 'success', 'completed', payload('last'));
    expect(await early).toBe('last');
    expect(await fixture.observe.run('c500').result()).toBe('last');
  });

  it('is not followed by state$: a continued run completes with its own end', () => {
    const fixture = new ViewFixture();
    fixture.run('a', 'running');
    const states: (string | undefined)[] = [];
    fixture.observe.run('a').state$.subscribe({
      next: ({ state, continuedTo }) => states.push(state, continuedTo),
      complete: () => states.push('complete'),
    });
    fixture.continueAsNew('a', 'b');
    expect(states).toEqual(['running', undefined, 'completed', 'b', 'complete']);
  });

  it('ends with ABORTED by its signal, before and while it waits, and gives its place back', async () => {
    const fixture = new ViewFixture({ limits: { maxWaitingResults: 1 } });
    fixture.run('a');
    const abort = new AbortController();
    const waiting = fixture.observe.run('a').result({ signal: abort.signal });
    await expect(fixture.observe.run('a').result()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    await expect(fixture.observe.run('a').result({ signal: abort.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    const next = fixture.observe.run('a').result();
    fixture.commit(moved('a', 'scheduled', 'canceled'));
    await expect(next).rejects.toMatchObject({ code: 'RUN_CANCELED' });
  });

  it('waits up to maxWaitingResults at a time: limit − 1 and limit do, limit + 1 is refused', async () => {
    const fixture = new ViewFixture({ limits: { maxWaitingResults: 3 } });
    fixture.run('a', 'running');
    const waits = [1, 2, 3].map(() => fixture.observe.run('a').result());
    await expect(fixture.observe.run('a').result()).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      data: { limit: 'maxWaitingResults', value: 3 },
    });
    fixture.finish('a', 'success', 'completed', payload(1));
    expect(await Promise.all(waits)).toEqual([1, 1, 1]);
    fixture.run('b', 'running');
    const after = [1, 2, 3].map(() => fixture.observe.run('b').result());
    fixture.finish('b', 'success', 'completed', payload(2));
    expect(await Promise.all(after)).toEqual([2, 2, 2]);
  });

  it('that nobody looks at is no unhandled rejection', async () => {
    const fixture = new ViewFixture();
    fixture.run('a');
    void fixture.observe.run('a').result();
    void fixture.observe.run('none').result();
    fixture.commit(moved('a', 'scheduled', 'canceled'));
    await turn();
    expect(unhandled).toEqual([]);
  });

  it('builds no record while the run goes on', () => {
    const fixture = new ViewFixture();
    fixture.run('a', 'running');
    const reads: string[] = [];
    const get = fixture.state.runs.get.bind(fixture.state.runs);
    fixture.state.runs.get = (runId) => {
      reads.push(runId);
      return get(runId);
    };
    void fixture.observe.run('a').result();
    fixture.finish('a', 'failure', 'retryWait');
    fixture.commit(moved('a', 'retryWait', 'ready'));
    expect(reads).toEqual([]);
  });
});
