// A boundary of the log, where a snapshot is taken: nothing is being written there, everything that was is handed out,
// and what is written next begins a segment. Whatever becomes of the batch, of the segment or of the log meanwhile, who
// asked for the boundary gets it once.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import type { Journal } from '../../src/journal/journal.js';
import { heartbeat } from './backend-contract.js';
import { Bench, IDLE_MS, turns } from './scripted-backend.js';

const full = new PawlError('STORAGE_FULL', 'no room');
const poison = new PawlError('JOURNAL_POISONED', 'the fsync of the seal failed');

/** Keeps, for each look, how far the log was handed out and what the backend had begun by then. */
function watch(bench: Bench, journal: Journal): { readonly look: () => void; readonly seen: unknown[] } {
  const seen: unknown[] = [];
  let emitted = 0;
  journal.commits.subscribe(({ firstSequence }) => (emitted = firstSequence));
  return { seen, look: () => seen.push([emitted, journal.durableSequence, bench.backend.begun.length]) };
}

describe('a boundary', () => {
  it('of an idle log is there at once, and what comes meanwhile waits until the segment has ended', async () => {
    const { bench, journal } = await Bench.open();
    const { look, seen } = watch(bench, journal);
    await bench.append(journal, 'first');
    await bench.backend.end();
    journal.atBoundary(look);
    expect(seen).toEqual([[1, 1, 1]]);
    await bench.append(journal, 'second');
    expect(bench.backend.begun).toEqual(['append', 'endSegment']);
    await bench.backend.end();
    expect(bench.backend.begun).toEqual(['append', 'endSegment', 'append']);
    await bench.backend.end();
    expect([bench.told, seen.length]).toEqual([['first', 'second'], 1]);
  });

  it('under way comes behind the batch in flight, once that is handed out, and before the one that gathers', async () => {
    const { bench, journal } = await Bench.open();
    const { look, seen } = watch(bench, journal);
    await bench.append(journal, 'first');
    await bench.append(journal, 'second');
    journal.atBoundary(look);
    journal.atBoundary(look);
    await turns();
    expect([seen, bench.backend.begun]).toEqual([[], ['append']]);
    await bench.backend.end();
    expect(seen).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect([bench.backend.begun, bench.told]).toEqual([['append', 'endSegment'], ['first']]);
    await bench.backend.end();
    await bench.backend.end();
    expect([bench.backend.begun, bench.told]).toEqual([
      ['append', 'endSegment', 'append'],
      ['first', 'second'],
    ]);
  });

  it('that a subscriber asks for comes behind what is handed out with its commit, not in the middle of that', async () => {
    const { bench, journal } = await Bench.open();
    const { look, seen } = watch(bench, journal);
    journal.commits.subscribe(({ firstSequence }) => {
      if (firstSequence === 1) journal.atBoundary(look);
    });
    const both = [bench.append(journal, 'first'), bench.append(journal, 'second')];
    await Promise.all(both);
    await bench.backend.end();
    expect([seen, bench.backend.begun]).toEqual([[[2, 2, 1]], ['append', 'endSegment']]);
  });

  it('comes also while the idle mark is being written, behind it', async () => {
    const { bench, journal } = await Bench.idle();
    const { look, seen } = watch(bench, journal);
    journal.atBoundary(look);
    await turns();
    expect([seen.length, bench.backend.begun]).toEqual([0, ['append', 'settle']]);
    await bench.backend.end();
    expect([seen.length, bench.backend.begun]).toEqual([1, ['append', 'settle', 'endSegment']]);
  });

  it.each([full, poison].map((error) => [error.code, error] as const))(
    'comes also when the batch in flight is refused with %s',
    async (code, error) => {
      const { bench, journal } = await Bench.open();
      const { look, seen } = watch(bench, journal);
      await bench.append(journal, 'first');
      journal.atBoundary(look);
      await bench.backend.end(error);
      expect(seen).toEqual([[0, 0, 1]]);
      expect(journal.poisonedBy?.code).toBe(code === 'JOURNAL_POISONED' ? code : undefined);
    },
  );

  it('comes also when the room for what insists was made, and what insists is written behind it', async () => {
    const { bench, journal } = await Bench.open();
    const { look, seen } = watch(bench, journal);
    const makeRoom = (): Promise<boolean> => Promise.resolve(true);
    Object.assign(bench.backend, { makeRoom });
    const draft = { header: { at: 1 }, events: [heartbeat('a')], insists: true };
    journal.append(draft, () => bench.told.push('insisted'));
    await turns();
    journal.atBoundary(look);
    await bench.backend.end(full);
    expect([seen.length, bench.backend.begun]).toEqual([1, ['append', 'endSegment']]);
    await bench.backend.end(full);
    await bench.backend.end();
    expect([bench.backend.begun, bench.told]).toEqual([['append', 'endSegment', 'append'], ['insisted']]);
  });
});

describe('a segment that cannot be ended', () => {
  it('goes on: what waited is written, and an idle log is marked later', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    journal.atBoundary(() => undefined);
    await bench.append(journal, 'second');
    await bench.backend.end(full);
    await bench.backend.end();
    expect([bench.told, journal.poisonedBy]).toEqual([['first', 'second'], undefined]);
    journal.atBoundary(() => undefined);
    // As long as it takes until an idle log would be marked.
    await bench.clock.advance(IDLE_MS);
    await bench.backend.end(full);
    await bench.clock.advance(IDLE_MS);
    expect(bench.backend.begun.at(-1)).toBe('settle');
  });

  it('with an unknown outcome poisons the journal: what waited is refused, as is what comes', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    journal.atBoundary(() => undefined);
    await bench.append(journal, 'second');
    await bench.backend.end(poison);
    expect(bench.told).toEqual(['first', 'second: JOURNAL_POISONED notDone']);
    await expect(bench.append(journal, 'third')).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
    await journal.close();
    expect(bench.backend.begun).toEqual(['append', 'endSegment', 'abandon']);
  });
});

describe('a journal that is let go of', () => {
  it('by a close waits for the end of the segment', async () => {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    journal.atBoundary(() => undefined);
    const closed = journal.close();
    await turns();
    expect(bench.backend.begun).toEqual(['append', 'endSegment']);
    await bench.backend.end();
    await closed;
    expect(bench.backend.begun).toEqual(['append', 'endSegment', 'close']);
  });

  it.each(['in flight', 'idle'])(
    'by an abandon shows the boundary all the same (%s), and ends nothing',
    async (how) => {
      const { bench, journal } = await Bench.open();
      const { look, seen } = watch(bench, journal);
      await bench.append(journal, 'first');
      if (how === 'idle') await bench.backend.end();
      else journal.atBoundary(look);
      const abandoned = journal.abandon();
      if (how === 'idle') journal.atBoundary(look);
      else await bench.backend.end();
      await abandoned;
      expect([seen.length, bench.backend.begun]).toEqual([1, ['append', 'abandon']]);
    },
  );
});

describe('a backend without segments', () => {
  it('shows the state as it is', async () => {
    const { bench, journal } = await Bench.open();
    const { look, seen } = watch(bench, journal);
    Object.assign(bench.backend, { endSegment: undefined });
    await bench.append(journal, 'first');
    journal.atBoundary(look);
    expect(seen).toEqual([[0, 0, 1]]);
    await bench.backend.end();
    expect(bench.backend.begun).toEqual(['append']);
  });
});
