// Observing over the real journal and projections: what is seen is durable, whole and in order.
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { PawlEvent } from '../../src/domain/events.js';
import { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import type { Journal } from '../../src/journal/journal.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { hostStorage } from '../../src/journal/host-storage.js';
import type { JournalBackend } from '../../src/journal/journal-backend.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { silentLogger } from '../../src/logger.js';
import { journalMachine } from '../../src/machines/journal-machine.js';
import { Observe } from '../../src/observe/observe.js';
import { Projections } from '../../src/projections/projections.js';
import { chance, HistoryMaker, runCreated, taskCreated } from './support/history-maker.js';
import { turn, until, upTo } from './support/stream-fixture.js';
import { temporaryDirectory } from '../support/engine.js';

interface Opened {
  readonly journal: Journal;
  readonly state: Projections;
  readonly observe: Observe;
  /** Resolves when the commit is acknowledged. */
  readonly commit: (events: readonly PawlEvent[]) => Promise<void>;
}

async function open(backend: JournalBackend): Promise<Opened> {
  const clock = hostClock;
  const limits = { ...DEFAULT_LIMITS, emitBacklog: 50 };
  const observe = new Observe({ clock, limits, logger: silentLogger });
  const onLifecycle = observe.actorSystem.startJournal(journalMachine);
  const journal = await openJournalOn(backend, { clock, ids: uuidV7(clock, hostRandom()), onLifecycle });
  const state = new Projections();
  for await (const commit of journal.read({ from: 1 })) state.apply(commit);
  journal.commits.subscribe((commit) => {
    state.apply(commit);
  });
  observe.attach({ journal, projections: state });
  journal.onPoisoned((error) => {
    observe.fail(error);
  });
  journal.markReady();
  return {
    journal,
    state,
    observe,
    commit: (events) =>
      new Promise((resolve, reject) => {
        journal.append({ header: { at: 5 }, events }, (error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      }),
  };
}

const submission = (id: string): PawlEvent[] => [taskCreated(`t${id}`), runCreated(id, `t${id}`)];

describe('events over the journal', () => {
  it('joined at every offset of a running workload, observed and pulled, are whole and in order, also after a restart', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const first = await open(new FileBackend(hostStorage, dataDir));
    const maker = new HistoryMaker(first.state, chance(7));
    for (let index = 0; index < 60; index++) await first.commit(maker.next());
    await first.observe.close();
    await first.journal.close();

    const { journal, state, observe, commit } = await open(new FileBackend(hostStorage, dataDir));
    const next = new HistoryMaker(state, chance(8), 'late');
    const observed: number[][] = [];
    const pulled: Promise<number[]>[] = [];
    const from = upTo(journal.durableSequence);
    for (const start of from) {
      const seen: number[] = [];
      observed.push(seen);
      observe.events({ from: start }).subscribe(({ sequence }) => seen.push(sequence));
      if (pulled.length < 20) {
        pulled.push(
          (async () => {
            const sequences: number[] = [];
            for await (const { sequence } of observe.events({ from: start })) sequences.push(sequence);
            return sequences;
          })(),
        );
      }
      await commit(next.next());
      while (observe.cursors > 60) await turn();
    }
    const last = journal.durableSequence;
    await until(() => observed.every((seen) => seen.at(-1) === last));
    await observe.close();
    for (const [index, seen] of observed.entries()) expect(seen).toEqual(upTo(last, from[index]));
    for (const [index, sequences] of pulled.entries())
      expect(await sequences).toEqual(upTo(last, from[index]));
    await journal.close();
  });

  it('are those that are durable: nothing is emitted when the fsync fails', async () => {
    const backend = new MemoryBackend();
    const { observe, state, commit } = await open(backend);
    await commit(submission('a'));
    const seen: string[] = [];
    const ended: unknown[] = [];
    observe
      .events({ from: 1 })
      .subscribe({ next: ({ type }) => seen.push(type), error: (error: unknown) => ended.push(error) });
    await until(() => seen.length === 2);
    backend.failNext(new PawlError('JOURNAL_POISONED', 'fsync failed', { cause: 'fsync' }));
    await expect(commit(submission('b'))).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
    await turn();
    expect(seen).toEqual(['TaskCreated', 'RunCreated']);
    expect(state.runs.get('b')).toBeUndefined();
    expect(ended).toMatchObject([{ code: 'JOURNAL_POISONED' }]);
    expect(observe.actorSystem.state).toBe('failed');
    expect(observe.actorSystem.system.get('journal')).toBeDefined();
  });

  it('reach projections and views from the stream only: held, they stay; released, they catch up in order', async () => {
    const { journal, observe, state, commit } = await open(new MemoryBackend());
    await commit(submission('a'));
    const seen: number[] = [];
    observe.events().subscribe(({ sequence }) => seen.push(sequence));
    const release = journal.holdEmission();
    const held = [commit(submission('b')), commit(submission('c'))];
    await until(() => journal.durableSequence === 6);
    expect([state.sequence, seen]).toEqual([2, []]);
    expect(state.runs.get('b')).toBeUndefined();
    release();
    await Promise.all(held);
    expect([state.sequence, seen]).toEqual([6, [3, 4, 5, 6]]);
  });
});
