// One call into the backend at a time, also when the log is idle: what commits, the idle mark, a close and an abandon
// do to each other. The backend is a script whose calls end when the test says so; time is moved by hand.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import type { JournalBackend, OpenedLog } from '../../src/journal/journal-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { heartbeat } from './backend-contract.js';
import { countedIds } from './damage-fixture.js';

type Step = 'append' | 'settle' | 'close' | 'abandon';

/** Longer than it takes until an idle log is marked. */
const IDLE_MS = 60;

/** Says which calls were begun; each but the close ends when the test ends it. */
class ScriptedBackend implements JournalBackend {
  readonly begun: Step[] = [];
  /** Ranges that were to be read; nothing is kept. */
  readonly asked: (readonly [number, number])[] = [];
  private readonly running: { resolve(): void; reject(error: PawlError): void }[] = [];

  open(): Promise<OpenedLog> {
    return Promise.resolve({ epoch: 1, firstSequence: 0, lastSequence: 0, lastAt: 0, knownSequence: 0 });
  }

  append(): Promise<void> {
    return this.begin('append');
  }

  settle(): Promise<void> {
    return this.begin('settle');
  }

  async *read(from: number, to: number): AsyncGenerator<never, void, undefined> {
    this.asked.push([from, to]);
    yield* [];
  }

  close({ abandon }: { readonly abandon: boolean }): Promise<void> {
    this.begun.push(abandon ? 'abandon' : 'close');
    return Promise.resolve();
  }

  /** Ends the call that was begun first, and lets what follows from that happen. */
  async end(error?: PawlError): Promise<void> {
    const call = this.running.shift();
    if (call === undefined) throw new Error('no call is running');
    if (error === undefined) call.resolve();
    else call.reject(error);
    await turns();
  }

  private begin(step: Step): Promise<void> {
    this.begun.push(step);
    return new Promise((resolve, reject) => this.running.push({ resolve, reject }));
  }
}

async function turns(): Promise<void> {
  for (let index = 0; index < 50; index++) await Promise.resolve();
}

class Bench {
  readonly backend = new ScriptedBackend();
  readonly clock = new ManualClock();
  /** What became of the commits, in the order in which that was told. */
  readonly told: string[] = [];

  static async open(): Promise<{ bench: Bench; journal: Journal }> {
    const bench = new Bench();
    const { backend, clock } = bench;
    return { bench, journal: await openJournalOn(backend, { clock, ids: countedIds() }) };
  }

  async append(journal: Journal, name: string): Promise<void> {
    journal.append({ header: { at: 1 }, events: [heartbeat(name)] }, (error) => {
      this.told.push(error === undefined ? name : `${name}: ${error.code} ${String(error.data['outcome'])}`);
    });
    await turns();
  }

  /** One commit is durable, and its log idle for so long that the mark is being written. */
  static async idle(): Promise<{ bench: Bench; journal: Journal }> {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    await bench.clock.advance(IDLE_MS);
    expect(bench.backend.begun).toEqual(['append', 'settle']);
    return { bench, journal };
  }
}

const poison = new PawlError('JOURNAL_POISONED', 'the fsync of the mark failed');

describe('the mark of an idle log', () => {
  it('is written alone: a commit that comes meanwhile waits for its end', async () => {
    const { bench, journal } = await Bench.idle();
    await bench.append(journal, 'second');
    expect(bench.backend.begun).toEqual(['append', 'settle']);
    await bench.backend.end();
    expect(bench.backend.begun).toEqual(['append', 'settle', 'append']);
    await bench.backend.end();
    expect(bench.told).toEqual(['first', 'second']);
  });

  it('is not begun while a batch is being written, however long that takes', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    await bench.append(journal, 'second');
    await bench.clock.advance(10 * IDLE_MS);
    expect(bench.backend.begun).toEqual(['append', 'append']);
    await bench.backend.end();
    await bench.clock.advance(2 * IDLE_MS);
    expect(bench.backend.begun).toEqual(['append', 'append', 'settle']);
  });

  it('that fails with an unknown outcome poisons the journal: what waited is refused, as is what comes', async () => {
    const { bench, journal } = await Bench.idle();
    const heard: string[] = [];
    journal.onPoisoned(({ code }) => heard.push(code));
    await bench.append(journal, 'second');
    await bench.backend.end(poison);
    expect(bench.told).toEqual(['first', 'second: JOURNAL_POISONED notDone']);
    expect([heard, journal.poisonedBy?.code]).toEqual([['JOURNAL_POISONED'], 'JOURNAL_POISONED']);
    await expect(bench.append(journal, 'third')).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
    await journal.close();
    // Let go of as by a crash: nothing is written any more.
    expect(bench.backend.begun).toEqual(['append', 'settle', 'abandon']);
  });

  it('that could not be written otherwise costs nothing: what waited is written then', async () => {
    const { bench, journal } = await Bench.idle();
    await bench.append(journal, 'second');
    await bench.backend.end(new PawlError('STORAGE_FULL', 'no room for the mark'));
    expect(bench.backend.begun).toEqual(['append', 'settle', 'append']);
    await bench.backend.end();
    expect([bench.told, journal.poisonedBy]).toEqual([['first', 'second'], undefined]);
  });

  it('is waited for by a close, which lets go of the log only then', async () => {
    const { bench, journal } = await Bench.idle();
    const closed = journal.close();
    await turns();
    expect(bench.backend.begun).toEqual(['append', 'settle']);
    await bench.backend.end();
    await closed;
    expect(bench.backend.begun).toEqual(['append', 'settle', 'close']);
  });

  it('is not begun any more once the journal is closed', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    await journal.close();
    await bench.clock.advance(10 * IDLE_MS);
    expect(bench.backend.begun).toEqual(['append', 'close']);
  });
});

describe('a close', () => {
  it('lets go of the log when everything gathered was written, and not before', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.append(journal, 'second');
    const closed = journal.close();
    await turns();
    expect(bench.backend.begun).toEqual(['append']);
    await bench.backend.end();
    expect(bench.backend.begun).toEqual(['append', 'append']);
    await bench.backend.end();
    await closed;
    expect([bench.backend.begun, bench.told]).toEqual([
      ['append', 'append', 'close'],
      ['first', 'second'],
    ]);
  });

  it('waits until what is durable was told, and ends the stream behind it', async () => {
    const { bench, journal } = await Bench.open();
    const seen: (number | string)[] = [];
    journal.commits.subscribe({
      next: ({ firstSequence }) => seen.push(firstSequence),
      complete: () => seen.push('end'),
    });
    const release = journal.holdEmission();
    await bench.append(journal, 'first');
    await bench.backend.end();
    const closed = journal.close();
    await turns();
    expect([bench.backend.begun, seen]).toEqual([['append'], []]);
    release();
    await closed;
    expect([bench.backend.begun, seen, bench.told]).toEqual([['append', 'close'], [1, 'end'], ['first']]);
  });
});

describe('a read', () => {
  it('asks for nothing that is not durable, whatever it is asked for', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    await bench.append(journal, 'second');
    for await (const commit of journal.read({ from: 1, to: 2 })) expect(commit).toBeUndefined();
    for await (const commit of journal.read({ from: 1 })) expect(commit).toBeUndefined();
    expect([journal.currentSequence, bench.backend.asked]).toEqual([
      2,
      [
        [1, 1],
        [1, 1],
      ],
    ]);
  });
});

describe('a journal that is abandoned', () => {
  it('writes nothing of what gathered, and lets go of the log only when nothing is being written', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.append(journal, 'second');
    const abandoned = journal.abandon();
    await turns();
    expect(bench.backend.begun).toEqual(['append']);
    await bench.backend.end();
    await abandoned;
    expect(bench.backend.begun).toEqual(['append', 'abandon']);
  });

  it('waits also for a batch that fails, and for the mark', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    const abandoned = journal.abandon();
    await bench.backend.end(new PawlError('STORAGE_FULL', 'no room'));
    await abandoned;
    expect(bench.backend.begun).toEqual(['append', 'abandon']);
    const idle = await Bench.idle();
    const second = idle.journal.abandon();
    await turns();
    expect(idle.bench.backend.begun).toEqual(['append', 'settle']);
    await idle.bench.backend.end();
    await second;
    expect(idle.bench.backend.begun).toEqual(['append', 'settle', 'abandon']);
  });

  it('tells nobody of a commit that became durable meanwhile: it let go as a crash would', async () => {
    const { bench, journal } = await Bench.open();
    const seen: number[] = [];
    journal.commits.subscribe(({ firstSequence }) => seen.push(firstSequence));
    await bench.append(journal, 'first');
    const abandoned = journal.abandon();
    await bench.backend.end();
    await abandoned;
    expect([seen, bench.told]).toEqual([[], []]);
  });
});
