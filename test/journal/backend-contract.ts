// What every backend of the journal must do, run on each: `describeBackend('memory', …)`, `describeBackend('file', …)`.
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Commit, PawlEvent } from '../../src/domain/events.js';
import type { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { CommitDecoder, type CommitFrame } from '../../src/journal/commit-codec.js';
import type { JournalBackend, LogConsumer, LogReach } from '../../src/journal/journal-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn, type OpenJournalOptions } from '../../src/journal/open-journal-on.js';

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

/** Takes in what it is handed, from a sequence on. */
class Recorder implements LogConsumer {
  readonly lastAt = 0;
  readonly heard: (number | string | LogReach)[] = [];

  constructor(
    private readonly first: number,
    private readonly refuse?: 'apply' | 'end',
  ) {}

  from(): Promise<number> {
    this.heard.push('from');
    return Promise.resolve(this.first);
  }

  apply(frames: readonly CommitFrame[]): void {
    if (this.refuse === 'apply') throw new Error('not this one');
    for (const frame of frames) this.heard.push(new CommitDecoder().decode(frame).firstSequence);
  }

  end(reach: LogReach): void {
    if (this.refuse === 'end') throw new Error('not this one');
    this.heard.push(reach);
  }
}

/** The contract. */
export function describeBackend(name: string, create: () => Promise<BackendUnderTest>): void {
  describe(`the ${name} backend`, () => {
    let log: BackendUnderTest;
    const open = async (more: Pick<OpenJournalOptions, 'load'> = {}): Promise<Journal> =>
      openJournalOn(log.next(), { clock: hostClock, ids, repair: 'truncate-partial', ...more });

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

    it('hands its commits over while it is opened, from the one that is asked for', async () => {
      log = await create();
      const journal = await open();
      for (let index = 0; index < 4; index++) await appendDurably(journal, [heartbeat('a'), heartbeat('b')]);
      await log.crash();
      const reach = { firstSequence: 1, lastSequence: 8, knownSequence: expect.any(Number) as unknown };
      for (const [first, commits] of [
        [1, [1, 3, 5, 7]],
        [5, [5, 7]],
        [9, []],
      ] as const) {
        const load = new Recorder(first);
        const again = await open({ load });
        expect(load.heard).toEqual(['from', ...commits, reach]);
        await again.close();
      }
    });

    it('says of an empty log that nothing is kept', async () => {
      log = await create();
      const load = new Recorder(1);
      const journal = await open({ load });
      expect(load.heard).toEqual(['from', { firstSequence: 0, lastSequence: 0, knownSequence: 0 }]);
      await journal.close();
    });

    it.each(['apply', 'end'] as const)('is let go of when %s refuses it', async (refuse) => {
      log = await create();
      const journal = await open();
      await appendDurably(journal, [heartbeat('a')]);
      await log.crash();
      await expect(open({ load: new Recorder(1, refuse) })).rejects.toThrow('not this one');
      const again = await open();
      expect(again.currentSequence).toBe(1);
      await again.close();
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
