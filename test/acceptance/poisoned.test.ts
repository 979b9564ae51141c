// A journal that can write no more: what was gathered is refused as not done, what was in the failing batch as
// indeterminate; reads go on, the host is told, handlers are aborted, and close works without writing anything.
import { describe, expect, it } from '@jest/globals';
import { isPawlError, type PawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { openOnFaultyStorage } from './support/faulty-files.js';
import { eventsOf, first, gate, history, refusal, run, turns } from './support/handlers.js';

const work = defineTask('work', () => 'done');

/** Two submissions, in two batches; the fsync of the first one fails while the second gathers. */
async function poisonedByTwo(onFailed: (error: PawlError) => void = () => undefined) {
  const going = gate();
  const aborted: unknown[] = [];
  const endless = defineTask('endless', async ({ signal }) => {
    signal.addEventListener('abort', () => void aborted.push(signal.reason));
    await going.promise;
  });
  const { kit, storage } = await openOnFaultyStorage({ tasks: [work, endless], onFailed });
  const inFlight = await kit.pawl.submit(endless);
  kit.park(first(inFlight.runIds));
  const before = await kit.pawl.submit(work, undefined, { id: 'before' });
  await kit.clock.settle();
  storage.failNext('datasync', 'EIO');
  const release = storage.holdSyncs();
  const failing = refusal(
    kit.pawl.submit(work, undefined, { id: 'failing', commandId: 'f' }),
    'JOURNAL_POISONED',
  );
  await turns();
  const gathered = refusal(
    kit.pawl.submit(work, undefined, { id: 'gathered', commandId: 'g' }),
    'JOURNAL_POISONED',
  );
  await turns();
  release();
  return { kit, storage, going, aborted, inFlight, before, failing: await failing, gathered: await gathered };
}

function bytesOf(storage: FaultyStorage): string {
  return storage.contents('/data/wal/00000000000000000001.wal').toString('base64');
}

describe('when an fsync fails', () => {
  it('the failing batch is refused as indeterminate, what was gathered behind it as not done', async () => {
    const { failing, gathered } = await poisonedByTwo();
    expect(failing.data).toMatchObject({ outcome: 'indeterminate', cause: 'fsync' });
    expect(gathered.data).toMatchObject({ outcome: 'notDone' });
  });

  it('nothing of either is seen, and no handler of theirs is called', async () => {
    const { kit } = await poisonedByTwo();
    await turns(20);
    expect(kit.pawl.projections.tasks.get('failing')).toBeUndefined();
    expect(kit.pawl.projections.tasks.get('gathered')).toBeUndefined();
    expect(kit.pawl.projections.tasks.count).toBe(2);
  });

  it('the host is told once, by onFailed and by failed', async () => {
    const told: PawlError[] = [];
    const { kit } = await poisonedByTwo((error) => told.push(error));
    const error = await kit.pawl.failed;
    expect(isPawlError(error, 'JOURNAL_POISONED')).toBe(true);
    expect(told).toEqual([error]);
  });

  it('an onFailed that throws hurts nobody', async () => {
    const { kit } = await poisonedByTwo(() => {
      throw new Error('from the host');
    });
    await kit.pawl.close();
  });

  it('running handlers are aborted with that error, and their results are not written', async () => {
    const { kit, aborted, going, inFlight } = await poisonedByTwo();
    expect(aborted).toHaveLength(1);
    expect(isPawlError(aborted[0], 'JOURNAL_POISONED')).toBe(true);
    going.open(undefined);
    await turns(20);
    expect(run(kit.pawl, inFlight.runIds[0]).state).toBe('running');
  });

  it('every later command is refused at once, and idle and waiting results too', async () => {
    const { kit, inFlight } = await poisonedByTwo();
    await refusal(kit.pawl.submit(work), 'JOURNAL_POISONED');
    await refusal(kit.pawl.pause(), 'JOURNAL_POISONED');
    await refusal(kit.pawl.cancelRun(first(inFlight.runIds)), 'JOURNAL_POISONED');
    await refusal(kit.pawl.idle(), 'JOURNAL_POISONED');
    await refusal(kit.pawl.run(first(inFlight.runIds)).result(), 'JOURNAL_POISONED');
  });

  it('reads go on: records, results of the past, and history', async () => {
    const { kit, before } = await poisonedByTwo();
    expect(run(kit.pawl, before.runIds[0]).state).toBe('completed');
    expect(await kit.pawl.run(first(before.runIds)).result()).toBe('done');
    expect((await history(kit.pawl)).at(-1)?.sequence).toBe(kit.pawl.projections.sequence);
    expect(await eventsOf(kit.pawl, 'TaskCreated')).toHaveLength(2);
  });

  it('close works, writes nothing, and can be repeated', async () => {
    const { kit, storage } = await poisonedByTwo();
    const bytes = bytesOf(storage);
    const { write, datasync } = storage.counts;
    const closing = kit.pawl.close({ drainMs: 60_000 });
    await closing;
    await kit.pawl.close();
    await refusal(kit.pawl.submit(work), 'JOURNAL_POISONED');
    expect(bytesOf(storage)).toBe(bytes);
    expect(storage.counts).toMatchObject({ write, datasync });
  });

  it('the same process cannot open the directory again; another one finds the outcome by commandId', async () => {
    const { kit, storage, going } = await poisonedByTwo();
    await kit.pawl.close();
    await refusal(kit.restart({ backend: new FileBackend(storage, '/data') }), 'DATA_DIR_LOCKED');
    storage.crash(() => 0.6);
    going.open(undefined);
    const again = await kit.restart({ backend: new FileBackend(storage, '/data') });
    await again.pawl.submit(work, undefined, { id: 'failing', commandId: 'f' });
    await again.pawl.submit(work, undefined, { id: 'gathered', commandId: 'g' });
    await again.clock.settle();
    expect(await again.pawl.idle()).toEqual({ pending: 0, reasons: [] });
    const created = (await eventsOf(again.pawl, 'TaskCreated')).map(({ spec }) => spec.id);
    expect(created.filter((id) => id === 'failing' || id === 'gathered')).toEqual(['failing', 'gathered']);
  });

  it('during a drain, close still ends', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [work], concurrency: 1 });
    const going = gate();
    const slow = defineTask('slow', () => going.promise);
    const again = await kit.restart({ tasks: [slow], backend: new FileBackend(storage, '/data') });
    const { runIds } = await again.pawl.submit(slow);
    again.park(first(runIds));
    await again.clock.settle();
    const closing = again.pawl.close({ drainMs: 3_600_000 });
    storage.failNext('datasync', 'EIO');
    going.open(undefined);
    await again.pawl.failed;
    await closing;
    expect(run(again.pawl, runIds[0]).state).toBe('running');
  });

  it('of the interruption itself, close still ends', async () => {
    const { kit, storage } = await openOnFaultyStorage({ tasks: [] });
    const going = gate();
    const slow = defineTask('slow', () => going.promise);
    const again = await kit.restart({ tasks: [slow], backend: new FileBackend(storage, '/data') });
    const { runIds } = await again.pawl.submit(slow);
    again.park(first(runIds));
    await again.clock.settle();
    storage.failNext('datasync', 'EIO');
    await again.pawl.close({ drainMs: 0 });
    expect(isPawlError(await again.pawl.failed, 'JOURNAL_POISONED')).toBe(true);
    going.open(undefined);
  });
});
