// Row 45: whichever fsync of a run's life fails, nothing of its batch is emitted, applied or acted on. What anybody saw
// is compared with what the disk holds when nothing unsynced survives: it is never more.
import { describe, expect, it } from '@jest/globals';
import { isPawlError } from '../../src/errors.js';
import type { PawlEvent } from '../../src/domain/events.js';
import type { RunState } from '../../src/domain/run-state.js';
import { defineTask } from '../../src/execution/define-task.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { openJournal } from '../../src/journal/open-journal.js';
import { openOnFaultyStorage } from './support/faulty-files.js';
import { first, turns } from './support/handlers.js';

/** Nothing that was not synced is there after the power cut. */
const NOTHING_UNSYNCED = (): number => 0.6;

/** What the world saw of a life in which the `nth` fsync after the start failed. */
async function seenWhenFsyncFails(nth: number) {
  const called: string[] = [];
  const work = defineTask('work', ({ attemptId }) => {
    called.push(attemptId);
    return 'done';
  });
  const states: string[] = [];
  const { kit, storage } = await openOnFaultyStorage({
    tasks: [work],
    liveActors: 'all',
    inspect: (event) => {
      if (event.type !== '@xstate.snapshot') return;
      const { id, value } = { ...event.actorRef, ...event.snapshot } as { id?: string; value?: string };
      if (id?.startsWith('run:') === true) states.push(String(value));
    },
  });
  const { pawl } = kit;
  const live: PawlEvent[] = [];
  const replayed: PawlEvent[] = [];
  const ended: unknown[] = [];
  const note = (error: unknown): void => void ended.push(error);
  pawl.events().subscribe({ next: (event) => live.push(event), error: note });
  pawl.events({ from: 1 }).subscribe({ next: (event) => replayed.push(event), error: note });
  storage.failNext('datasync', 'EIO', { nth });

  const submitted = await pawl.submit(work, undefined, { id: 'task' }).catch(note);
  const runId = typeof submitted === 'object' ? first(submitted.runIds) : undefined;
  const followed: RunState[] = [];
  if (runId !== undefined)
    pawl.run(runId).state$.subscribe({ next: ({ state }) => followed.push(state), error: note });
  const result = runId === undefined ? undefined : await pawl.run(runId).result().catch(note);
  await turns(20);
  const record = runId === undefined ? undefined : pawl.projections.runs.get(runId);
  const { sequence } = pawl.projections;
  await pawl.close();

  storage.crash(NOTHING_UNSYNCED);
  const journal = await openJournal('/data', { storage, clock: kit.clock });
  const onDisk: PawlEvent[] = [];
  for await (const commit of journal.read({ from: 1 })) onDisk.push(...commit.events);
  await journal.close();
  return { called, states, live, replayed, ended, submitted, followed, result, record, sequence, onDisk };
}

function types(events: readonly PawlEvent[]): string[] {
  return events.map((event) => event.type);
}

const LIVES = [
  { nth: 1, what: 'the submission', tasks: 0, state: undefined, calls: 0 },
  { nth: 2, what: 'the claim', tasks: 1, state: 'ready', calls: 0 },
  { nth: 3, what: 'the end of the attempt', tasks: 1, state: 'running', calls: 1 },
] as const;

describe('a failed fsync', () => {
  it.each(LIVES)('of $what: nobody sees more than the disk holds', async ({ nth, tasks, state, calls }) => {
    const seen = await seenWhenFsyncFails(nth);
    const last = seen.onDisk.at(-1)?.sequence ?? 0;
    expect(types(seen.onDisk).filter((type) => type === 'TaskCreated')).toHaveLength(tasks);
    expect(seen.sequence).toBe(last);
    expect(seen.replayed).toEqual(seen.onDisk);
    expect(seen.live).toEqual(seen.onDisk.slice(seen.onDisk.length - seen.live.length));

    expect(seen.called).toHaveLength(calls);
    const started = seen.onDisk.flatMap((event) =>
      event.type === 'AttemptStarted' ? [event.attemptId] : [],
    );
    expect(seen.called).toEqual(started);

    expect(seen.record?.state).toBe(state);
    expect(seen.followed.at(-1)).toBe(state);
    expect(seen.states.at(-1)).toBe(state);
    expect(seen.result).not.toBe('done');
    expect(seen.ended.length).toBeGreaterThan(0);
    expect(seen.ended.every((error) => isPawlError(error, 'JOURNAL_POISONED'))).toBe(true);
  });

  it('none of them: the same life ends completed, so the three before did fail in its course', async () => {
    const seen = await seenWhenFsyncFails(99);
    expect(seen).toMatchObject({ result: 'done', ended: [], record: { state: 'completed' } });
    expect(seen.called).toHaveLength(1);
    expect(seen.replayed).toEqual(seen.onDisk);
  });
});

describe('a failed fsync at the start', () => {
  it('of the new epoch: nothing is dispatched, and the start is refused', async () => {
    const called: string[] = [];
    const work = defineTask('work', ({ runId }) => void called.push(runId));
    const { kit, storage } = await openOnFaultyStorage({ tasks: [] });
    await kit.pawl.submit('work', undefined);
    await kit.pawl.close();
    let failing = false;
    storage.setFaults((operation, path) => {
      failing ||= operation === 'write' && path.endsWith('.wal');
      return failing && operation === 'datasync' ? { kind: 'fail', errno: 'EIO' } : undefined;
    });
    const opening = kit.restart({ tasks: [work], backend: new FileBackend(storage, '/data') });
    await expect(opening).rejects.toMatchObject({ name: 'PawlError' });
    await turns(20);
    expect(called).toEqual([]);
  });
});
