// A pause against claims and promotions that are decided while it becomes durable: nothing starts behind it.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../../src/execution/define-task.js';
import { openOnFaultyStorage } from '../support/faulty-files.js';
import { first, gate, history, run, turns, type Gate } from '../support/handlers.js';

async function paused() {
  const gates: Gate[] = [];
  const work = defineTask('work', async () => {
    const going = gate();
    gates.push(going);
    await going.promise;
  });
  const { kit, storage } = await openOnFaultyStorage({ tasks: [work], concurrency: 1 });
  const submit = async (startAt?: number): Promise<string> => {
    const policy = startAt === undefined ? {} : { policy: { kind: 'once', startAt } as const };
    const runId = first((await kit.pawl.submit(work, undefined, policy)).runIds);
    kit.park(runId);
    return runId;
  };
  return { ...kit, storage, gates, submit };
}

describe('a pause that is not durable yet', () => {
  it('is followed by no claim', async () => {
    const { pawl, clock, storage, gates, submit } = await paused();
    const running = await submit();
    const next = await submit();
    await clock.settle();
    const release = storage.holdSyncs();
    const pausing = pawl.pause();
    await turns(20);
    gates[0]?.open(undefined);
    await turns(20);
    release();
    await pausing;
    await turns(20);
    expect(run(pawl, running).state).toBe('completed');
    expect(run(pawl, next).state).toBe('ready');
    expect(gates).toHaveLength(1);
    expect((await pawl.idle()).reasons).toMatchObject([{ reason: 'paused', count: 1 }]);
    await pawl.resume();
    await clock.settle();
    expect(run(pawl, next).state).toBe('running');
    gates[1]?.open(undefined);
    await clock.settle();
  });

  it('is followed by no promotion, and one that is refused holds nothing', async () => {
    const { pawl, clock, storage, submit } = await paused();
    const due = await submit(clock.now() + 10_000);
    const release = storage.holdSyncs();
    const pausing = pawl.pause();
    await turns(20);
    clock.jump(10_000);
    pawl.acceptClock();
    await turns(20);
    release();
    await pausing;
    await clock.settle();
    expect(run(pawl, due).state).toBe('scheduled');
    const events = await history(pawl);
    const behind = events.slice(events.findIndex(({ type }) => type === 'EnginePaused') + 1);
    expect(behind.map(({ type }) => type)).toEqual(['ClockJumped']);
    await expect(pawl.pause()).rejects.toMatchObject({ code: 'ALREADY_PAUSED' });
    await pawl.resume();
    await clock.settle();
    expect(run(pawl, due).state).toBe('running');
  });
});
