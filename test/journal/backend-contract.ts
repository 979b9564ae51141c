// What every backend of the journal must do, run on each: `describeBackend('memory', …)`, `describeBackend('file', …)`.
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Commit, PawlEvent } from '../../src/domain/events.js';
import type { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import type { JournalBackend } from '../../src/journal/journal-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';

/** One log that can be opened again and again. */
export interface BackendUnderTest {
  /** A backend for the next opening of the same log. */
  next(): JournalBackend;
  /** Lets go of the log without closing it, as a crash would. */
  crash(): Promise<void>;
  dispose(): Promise<void>;
}

const ids = uuidV7(hostClock, hostRandom());

export function heartbeat(actorId: string): PawlEvent {
  return { type: 'ActorHeartbeat', sequence: 0, at: 0, actorId };
}

/** Appends and waits until the commit is durable and emitted. */
export function appendDurably(journal: Journal, events: readonly PawlEvent[], at = 1_000): Promise<Commit> {
  return new Promise((resolve, reject) => {
    journal.append({ header: { at }, events }, (error: PawlError | undefined, commit) => {
      if (error === undefined) resolve(commit);
      else reject(error);
    });
  });
}

async function readAll(journal: Journal, from: number, to?: number): Promise<Commit[]> {
  const commits: Commit[] = [];
  for await (const commit of journal.read(to === undefined ? { from } : { from, to })) commits.push(commit);
  return commits;
}

/** The contract. */
export function describeBackend(name: string, create: () => Promise<BackendUnderTest>): void {
  describe(`the ${name} backend`, () => {
    let log: BackendUnderTest;
    const open = async (): Promise<Journal> =>
      openJournalOn(log.next(), { clock: hostClock, ids, repair: 'truncate-partial' });

    afterEach(async () => {
      await log.dispose();
    });

    it('is at sequence 0 when it is empty and begins at 1', async () => {
      log = await create();
      const journal = await open();
      expect([journal.currentSequence, journal.durableSequence, journal.firstSequence]).toEqual([0, 0, 1]);
      const commit = await appendDurably(journal, [heartbeat('a'), heartbeat('b')]);
      expect(commit.firstSequence).toBe(1);
      expect(commit.events.map((event) => event.sequence)).toEqual([1, 2]);
      expect(journal.durableSequence).toBe(2);
      await journal.close();
    });

    it('gives back after a close what was acknowledged, in order, whole commits', async () => {
      log = await create();
      const journal = await open();
      for (let index = 0; index < 20; index++) {
        await appendDurably(journal, [heartbeat(`a${String(index)}`), heartbeat('z')], 1_000 + index);
      }
      const before = await readAll(journal, 1);
      await journal.close();
      const again = await open();
      expect([again.currentSequence, again.lastAt]).toEqual([40, 1_019]);
      expect(await readAll(again, 1)).toEqual(before);
      expect(before.map((commit) => commit.firstSequence)).toEqual(
        Array.from({ length: 20 }, (_, index) => index * 2 + 1),
      );
      await again.close();
    });

    it('gives back after a crash what was acknowledged, and goes on behind it', async () => {
      log = await create();
      const journal = await open();
      await appendDurably(journal, [heartbeat('a')]);
      await appendDurably(journal, [heartbeat('b')]);
      await log.crash();
      const again = await open();
      expect(again.currentSequence).toBe(2);
      expect(again.epoch).toBeGreaterThan(journal.epoch);
      expect((await appendDurably(again, [heartbeat('c')])).firstSequence).toBe(3);
      await again.close();
    });

    it('reads the commits that hold a range, and nothing outside it', async () => {
      log = await create();
      const journal = await open();
      for (let index = 0; index < 6; index++)
        await appendDurably(journal, [heartbeat('a'), heartbeat('b'), heartbeat('c')]);
      const firsts = async (from: number, to?: number): Promise<number[]> =>
        (await readAll(journal, from, to)).map((commit) => commit.firstSequence);
      expect(await firsts(4, 6)).toEqual([4]);
      expect(await firsts(5, 7)).toEqual([4, 7]);
      expect(await firsts(18)).toEqual([16]);
      expect(await firsts(19)).toEqual([]);
      expect(await firsts(1, 1)).toEqual([1]);
      await journal.close();
    });

    it('refuses a second opening while one is open, and allows it after', async () => {
      log = await create();
      const journal = await open();
      await expect(open()).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
      await journal.close();
      await (await open()).close();
    });

    it('shares one batch among commits of one turn and keeps their order', async () => {
      log = await create();
      const journal = await open();
      const seen: number[] = [];
      journal.commits.subscribe((commit) => seen.push(commit.firstSequence));
      await Promise.all(
        Array.from({ length: 300 }, (_, index) => appendDurably(journal, [heartbeat(`a${String(index)}`)])),
      );
      expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
      expect((await readAll(journal, 1)).length).toBe(300);
      await journal.close();
    });

    it('begins behind a snapshot when it is empty', async () => {
      log = await create();
      const journal = await open();
      journal.beginAt(41);
      expect((await appendDurably(journal, [heartbeat('a')])).firstSequence).toBe(42);
      await journal.close();
      const again = await open();
      expect([again.firstSequence, again.currentSequence]).toEqual([42, 42]);
      await expect(readAll(again, 1)).rejects.toMatchObject({
        code: 'HISTORY_GONE',
        data: { firstAvailable: 42 },
      });
      await again.close();
    });
  });
}
