// Row 36: ready runs start by priority, then by age; a change of priority takes effect.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { first, gate, open, refusal, run } from './support/handlers.js';

/** One slot that is taken until `free()`; every run that starts afterwards is noted by the name it was given. */
async function oneTakenSlot() {
  const order: unknown[] = [];
  const taken = gate();
  const tasks = [
    defineTask('blocker', () => taken.promise),
    defineTask('work', (_context, name: string) => {
      order.push(name);
    }),
  ];
  const opened = await open({ tasks, concurrency: 1 });
  const { runIds } = await opened.pawl.submit('blocker');
  opened.park(first(runIds));
  await opened.clock.settle();
  const submit = async (
    name: string,
    options: { priority?: number; startAt?: number } = {},
  ): Promise<string> => {
    const { priority = 0, startAt } = options;
    const submission = await opened.pawl.submit('work', name, {
      metadata: { priority },
      ...(startAt === undefined ? {} : { policy: { kind: 'once', startAt } }),
    });
    await opened.clock.settle();
    return first(submission.runIds);
  };
  const free = async (): Promise<unknown[]> => {
    taken.open(undefined);
    await opened.clock.settle();
    return order;
  };
  return { ...opened, order, submit, free };
}

describe('ready runs', () => {
  it('start by priority, the higher first', async () => {
    const { submit, free } = await oneTakenSlot();
    await submit('low', { priority: -5 });
    await submit('middle');
    await submit('high', { priority: 2_147_483_647 });
    await submit('lowest', { priority: -2_147_483_648 });
    expect(await free()).toEqual(['high', 'middle', 'low', 'lowest']);
  });

  it('of one priority start by schedule, then by age', async () => {
    const { clock, submit, free } = await oneTakenSlot();
    const startAt = clock.now() + 5_000;
    await submit('later a', { startAt });
    await clock.advance(1_000);
    await submit('later b', { startAt });
    await submit('now');
    await clock.advance(5_000);
    await submit('last');
    expect(await free()).toEqual(['now', 'later a', 'later b', 'last']);
  });

  it('start by a priority that was changed while they waited', async () => {
    const { pawl, submit, free } = await oneTakenSlot();
    await submit('first');
    const second = await submit('second');
    const third = await submit('third', { priority: 9 });
    expect(await pawl.setRunPriority(second, 5)).toEqual({ changed: true });
    expect(await pawl.setRunPriority(second, 5)).toEqual({ changed: false });
    await pawl.setRunPriority(third, -1);
    expect(await free()).toEqual(['second', 'first', 'third']);
    expect(run(pawl, second).priority).toBe(5);
  });

  it('keep a changed priority from before they were due, and across a restart', async () => {
    const { clock, pawl, submit, restart } = await oneTakenSlot();
    const startAt = clock.now() + 10_000;
    await submit('a', { startAt });
    const b = await submit('b', { startAt });
    await pawl.setRunPriority(b, 1);
    const order: unknown[] = [];
    const again = await restart({
      concurrency: 1,
      tasks: [
        defineTask('work', (_context, name: string) => {
          order.push(name);
        }),
      ],
    });
    await again.clock.advance(10_000);
    expect(order).toEqual(['b', 'a']);
  });

  it('behind one key start by priority too', async () => {
    const order: unknown[] = [];
    const taken = gate();
    const tasks = [
      defineTask('keyed', async (_context, name: string) => {
        order.push(name);
        if (name === 'holder') await taken.promise;
      }),
    ];
    const { pawl, clock, park } = await open({ tasks });
    const submit = async (name: string, priority: number): Promise<string> => {
      const options = { metadata: { priority }, constraints: { concurrencyKey: 'k' } };
      const { runIds } = await pawl.submit('keyed', name, options);
      return first(runIds);
    };
    park(await submit('holder', 0));
    await clock.settle();
    const low = await submit('low', 1);
    await submit('high', 3);
    await submit('middle', 2);
    await pawl.setRunPriority(low, 4);
    taken.open(undefined);
    await clock.settle();
    expect(order).toEqual(['holder', 'low', 'high', 'middle']);
  });
});

describe('setRunPriority', () => {
  it('is refused for a run that has started, that does not exist, and for what is no int32', async () => {
    const { pawl, submit, free } = await oneTakenSlot();
    const runId = await submit('work');
    await refusal(pawl.setRunPriority(runId, 2_147_483_648), 'INVALID_INPUT');
    await refusal(pawl.setRunPriority(runId, 0.5), 'INVALID_INPUT');
    await refusal(pawl.setRunPriority('nobody', 1), 'RUN_UNKNOWN');
    await free();
    const error = await refusal(pawl.setRunPriority(runId, 1), 'INVALID_TRANSITION');
    expect(error.data).toMatchObject({ runId, from: 'completed' });
  });
});
