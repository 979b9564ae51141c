// What a pause or a jump of the clock holds still is judged when the hold ends, not forgotten.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../../src/execution/define-task.js';
import { gate, open, states, turns, type Gate } from '../support/handlers.js';

async function buffered() {
  const gates: Gate[] = [];
  const work = defineTask('work', async () => {
    const going = gate();
    gates.push(going);
    await going.promise;
  });
  const kit = await open({ tasks: [work], concurrency: 2 });
  const { taskId, runIds } = await kit.pawl.submit(work, undefined, {
    policy: { kind: 'repeat', count: 2, intervalMs: 1_000, overlap: 'bufferOne' },
  });
  for (const runId of runIds) kit.park(runId);
  await kit.clock.advance(1_500);
  expect(states(kit.pawl, taskId)).toEqual(['running', 'scheduled']);
  return { ...kit, taskId, gates };
}

describe('a judgement that falls into a hold', () => {
  it('follows the resume when the earlier occurrence ended during the pause', async () => {
    const { pawl, clock, taskId, gates } = await buffered();
    await pawl.pause();
    gates[0]?.open(undefined);
    await turns(20);
    await clock.advance(1_000);
    expect(states(pawl, taskId)).toEqual(['completed', 'scheduled']);
    await pawl.idle();
    await pawl.resume();
    await clock.advance(1_000);
    expect(states(pawl, taskId)).toEqual(['completed', 'running']);
    gates[1]?.open(undefined);
    await turns(20);
    await clock.settle();
    expect(states(pawl, taskId)).toEqual(['completed', 'completed']);
  });

  it('follows the end of the hold when the clock had jumped', async () => {
    const { pawl, clock, taskId, gates } = await buffered();
    clock.jump(3_600_000);
    await clock.advance(60_000 - 1_500);
    gates[0]?.open(undefined);
    await turns(20);
    await clock.settle();
    pawl.acceptClock();
    await clock.settle();
    expect(states(pawl, taskId)).toEqual(['completed', 'running']);
    gates[1]?.open(undefined);
    await turns(20);
    await clock.settle();
  });
});
