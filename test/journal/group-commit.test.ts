// One call into the backend at a time, also when the log is idle: what commits, the idle mark, a close and an abandon
// do to each other. The backend is a script whose calls end when the test says so; time is moved by hand.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { Bench, IDLE_MS, turns } from './scripted-backend.js';

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
