// Subscriptions are counted together, whatever they are to: one more than allowed is refused, and each gives its place
// back however it ends.
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, map } from 'rxjs';
import { moved } from './support/history-maker.js';
import { ViewFixture } from './support/view-fixture.js';

const TOO_MANY = { code: 'LIMIT_EXCEEDED', data: { limit: 'maxSubscribers', value: 3 } };

/** Three subscriptions of three kinds, which is as many as there may be. */
function full() {
  const fixture = new ViewFixture({ limits: { maxSubscribers: 3 } });
  fixture.run('a');
  fixture.run('b');
  const ended: unknown[] = [];
  const note = (error: unknown): void => void ended.push(error);
  const { observe } = fixture;
  const events = observe.events().subscribe({ error: note });
  const run = observe.run('a').state$.subscribe({ error: note });
  const task = observe.task('task-a').record$.subscribe({ error: note });
  expect(ended).toEqual([]);
  /** What the three kinds of subscription are refused with, one after the other. */
  const refusals = (): unknown[] => {
    const refused: unknown[] = [];
    const keep = (error: unknown): void => void refused.push(error);
    const tried = [
      observe.events().subscribe({ error: keep }),
      observe.run('b').state$.subscribe({ error: keep }),
      observe.task('task-b').record$.subscribe({ error: keep }),
    ];
    for (const subscription of tried) subscription.unsubscribe();
    return refused;
  };
  return { fixture, observe, refusals, events, run, task };
}

describe('subscriptions', () => {
  it('are as many as maxSubscribers; one more of any kind is refused', () => {
    const { refusals } = full();
    expect(refusals()).toMatchObject([TOO_MANY, TOO_MANY, TOO_MANY]);
  });

  it.each(['events', 'run', 'task'] as const)(
    'give their place back when the one to the %s ends',
    (which) => {
      const opened = full();
      opened[which].unsubscribe();
      opened[which].unsubscribe();
      const next = opened.observe.run('b').state$.subscribe();
      expect(next.closed).toBe(false);
      expect(opened.refusals()).toHaveLength(3);
    },
  );

  it('give their places back with the end of the run and of its task', () => {
    const { fixture, observe, refusals } = full();
    fixture.commit(moved('a', 'scheduled', 'canceled'), {
      type: 'TaskCanceled',
      sequence: 0,
      at: 0,
      taskId: 'task-a',
      reason: undefined,
    });
    // The one to the events goes on: two places are free.
    expect(refusals()).toHaveLength(1);
    observe.run('b').state$.subscribe();
    observe.run('b').state$.subscribe();
    expect(refusals()).toHaveLength(3);
  });

  it('to what has ended need no place', async () => {
    const { fixture, observe } = full();
    fixture.commit(moved('b', 'scheduled', 'canceled'));
    const state = firstValueFrom(observe.run('b').state$.pipe(map((run) => run.state)));
    expect(await state).toBe('canceled');
  });

  it('that are piped need one place each, and done() needs one', async () => {
    const fixture = new ViewFixture({ limits: { maxSubscribers: 2 } });
    fixture.run('a');
    const { observe } = fixture;
    observe
      .events()
      .pipe(map((event) => event.type))
      .pipe(map((type) => type.length))
      .subscribe();
    const done = observe.task('task-a').done();
    await expect(observe.task('task-a').done()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    fixture.commit(moved('a', 'scheduled', 'canceled'), {
      type: 'TaskCanceled',
      sequence: 0,
      at: 0,
      taskId: 'task-a',
      reason: undefined,
    });
    expect((await done).canceledAt).toBeDefined();
  });
});
