// A full disk refuses admissions and loses nothing: a finish is kept in memory with its lease and its slot, nothing
// new is begun, and the engine goes on by itself when a write succeeds.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { openOnFaultyStorage } from './support/faulty-files.js';
import { eventsOf, first, gate, refusal, run, turns, type Gate } from './support/handlers.js';

function fill(storage: FaultyStorage): void {
  storage.setFaults((operation) => (operation === 'write' ? { kind: 'fail', errno: 'ENOSPC' } : undefined));
}

/** A write finds room only where the reserve was. */
function fillUpToTheReserve(storage: FaultyStorage): void {
  let given = false;
  storage.setFaults((operation, path) => {
    given ||= operation === 'unlink' && path === '/data/reserve';
    if (operation !== 'write' || (given && path !== '/data/reserve')) return undefined;
    return { kind: 'fail', errno: 'ENOSPC' };
  });
}

function makeRoom(storage: FaultyStorage): void {
  storage.setFaults(undefined);
}

/** One slot; every handler waits for its gate, in order of start. */
async function open(concurrency = 1) {
  const gates: Gate<string>[] = [];
  const live = { now: 0, most: 0 };
  const work = defineTask('work', async (context) => {
    const going = gate<string>();
    gates.push(going);
    await context.consume('token', 5);
    live.most = Math.max(live.most, ++live.now);
    try {
      return await going.promise;
    } finally {
      live.now--;
    }
  });
  const opened = await openOnFaultyStorage({ tasks: [work], concurrency, limits: { reserveBytes: 65_536 } });
  const submit = async (): Promise<string> => {
    const { runIds } = await opened.kit.pawl.submit(work);
    const runId = first(runIds);
    opened.kit.park(runId);
    return runId;
  };
  return { ...opened, ...opened.kit, gates, live, submit, work };
}

describe('a full disk', () => {
  it('refuses admissions with STORAGE_FULL, writes nothing of them, and admits again when there is room', async () => {
    const { storage, pawl, submit, work } = await open();
    fill(storage);
    const error = await refusal(pawl.submit(work), 'STORAGE_FULL');
    expect(error.message).toContain('free some space');
    expect(error.data).toMatchObject({ path: '/data/wal/00000000000000000001.wal', outcome: 'notDone' });
    await refusal(pawl.submit(work, undefined, { id: 'again' }), 'STORAGE_FULL');
    expect(pawl.projections.tasks.count).toBe(0);
    makeRoom(storage);
    await submit();
    expect(pawl.projections.tasks.count).toBe(1);
  });

  it('keeps a finish, its lease and its slot, and writes it within a second of there being room', async () => {
    const { storage, pawl, clock, submit, gates, live } = await open();
    const done = await submit();
    const next = await submit();
    await clock.settle();
    fill(storage);
    gates[0]?.open('result');
    await clock.settle();
    await clock.advance(10_000);
    expect(run(pawl, done)).toMatchObject({ state: 'running', attemptCount: 1 });
    expect(pawl.projections.leases.get(done)).toBeDefined();
    expect(run(pawl, next).state).toBe('ready');
    makeRoom(storage);
    await clock.advance(1_000);
    await turns(20);
    expect(run(pawl, done)).toMatchObject({ state: 'completed', attemptCount: 1 });
    expect(await pawl.run(done).result()).toBe('result');
    expect(run(pawl, next).state).toBe('running');
    expect(live.most).toBe(1);
    gates[1]?.open('second');
    expect(await pawl.run(next).result()).toBe('second');
    const used = await eventsOf(pawl, 'BudgetConsumed');
    expect(used.map(({ runId, amount }) => [runId, amount])).toEqual([
      [done, 5],
      [next, 5],
    ]);
  });

  it('never opens more attempts than there are slots, however it comes and goes', async () => {
    const { storage, clock, submit, gates, live, pawl } = await open(2);
    const ids: string[] = [];
    for (let count = 0; count < 6; count++) ids.push(await submit());
    for (let round = 0; round < 6; round++) {
      await clock.settle();
      fill(storage);
      gates[round]?.open('x');
      await clock.advance(1_500);
      makeRoom(storage);
      // The log looks for room once a second, and a claim that was refused is tried again once a second.
      await clock.advance(3_000);
      expect(pawl.projections.runs.countByState('running')).toBeLessThanOrEqual(2);
    }
    expect(live.most).toBe(2);
    expect(ids.map((id) => run(pawl, id).state)).toEqual(ids.map(() => 'completed'));
    expect(ids.map((id) => run(pawl, id).attemptCount)).toEqual(ids.map(() => 1));
  });

  it('does not look idle while something that was refused is still to be tried', async () => {
    const { storage, pawl, clock, submit, gates } = await open();
    const policy = { kind: 'once', startAt: clock.now() + 1_000 } as const;
    const { runIds } = await pawl.submit('work', undefined, { policy });
    fill(storage);
    await clock.advance(1_000);
    let idle = false;
    const waiting = pawl.idle().then(() => (idle = true));
    await turns(20);
    expect({ idle, state: run(pawl, runIds[0]).state }).toEqual({ idle: false, state: 'scheduled' });
    makeRoom(storage);
    await submit();
    await clock.advance(1_000);
    for (const going of gates) going.open('x');
    await turns(20);
    for (const going of gates) going.open('x');
    await waiting;
    expect(run(pawl, runIds[0]).state).toBe('completed');
  });

  it('keeps what a handler consumed until it can be written', async () => {
    const going = gate();
    const eager = defineTask('eager', async (context) => {
      await going.promise;
      void context.consume('token', 3);
      await new Promise(() => undefined);
    });
    const { kit, storage } = await openOnFaultyStorage({ tasks: [eager] });
    const { runIds } = await kit.pawl.submit(eager);
    kit.park(first(runIds));
    await kit.clock.settle();
    fill(storage);
    going.open(undefined);
    await kit.clock.advance(5_000);
    makeRoom(storage);
    await kit.clock.advance(1_000);
    const used = await eventsOf(kit.pawl, 'BudgetConsumed');
    expect(used).toMatchObject([{ dimension: 'token', amount: 3, runId: runIds[0] }]);
  });

  it('with a reserve, work that was admitted ends, is canceled and paused; nothing new is begun', async () => {
    const { storage, pawl, clock, submit, gates, work } = await open(2);
    const [done, stopped, next] = [await submit(), await submit(), await submit()];
    await clock.advance(1_000);
    fillUpToTheReserve(storage);
    gates[0]?.open('result');
    expect(await pawl.run(done).result()).toBe('result');
    await pawl.cancelRun(stopped);
    await pawl.pause();
    await pawl.resume();
    await clock.advance(5_000);
    expect(run(pawl, stopped).state).toBe('canceled');
    expect(run(pawl, next).state).toBe('ready');
    await refusal(pawl.submit(work), 'STORAGE_FULL');
    makeRoom(storage);
    await clock.advance(2_000);
    expect(run(pawl, next).state).toBe('running');
    await submit();
    gates[2]?.open('late');
    expect(await pawl.run(next).result()).toBe('late');
  });

  it('a finish that was kept is tried once more at close', async () => {
    const { kit, storage, pawl, clock, submit, gates, work } = await open();
    const runId = await submit();
    await clock.settle();
    fill(storage);
    gates[0]?.open('kept');
    await clock.settle();
    expect(run(pawl, runId).state).toBe('running');
    makeRoom(storage);
    await pawl.close({ drainMs: 0 });
    const again = await kit.restart({ tasks: [work], backend: new FileBackend(storage, '/data') });
    expect(await again.pawl.run(runId).result()).toBe('kept');
    expect(run(again.pawl, runId)).toMatchObject({ state: 'completed', attemptCount: 1 });
    expect((await eventsOf(again.pawl, 'BudgetConsumed')).map(({ amount }) => amount)).toEqual([5]);
  });

  it('lets go of the directory at close; what could not be written runs again', async () => {
    const { kit, storage, pawl, clock, submit, gates, work } = await open();
    const runId = await submit();
    await clock.settle();
    fill(storage);
    gates[0]?.open('lost with the process');
    await clock.settle();
    await pawl.close({ drainMs: 0 });
    makeRoom(storage);
    const again = await kit.restart({ tasks: [work], backend: new FileBackend(storage, '/data') });
    again.park(runId);
    await again.clock.settle();
    gates[1]?.open('second');
    expect(await again.pawl.run(runId).result()).toBe('second');
    expect(run(again.pawl, runId).attempts).toMatchObject([{ result: 'lost' }, { result: 'success' }]);
  });
});
