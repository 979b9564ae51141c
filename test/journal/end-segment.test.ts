// A boundary of a log in a directory: the segment is sealed there in the order of a rotation, what is written next
// begins one, none without events piles up, and no failure and no crash around it costs what was acknowledged.
import { describe, expect, it } from '@jest/globals';
import type { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn, type OpenJournalOptions } from '../../src/journal/open-journal-on.js';
import { openJournal, verify } from '../../src/journal/open-journal.js';
import { FaultyStorage, type FaultPlan } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { Random } from '../support/random.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { actorsOf } from './wal-fixtures.js';

const FIRST = '/data/wal/00000000000000000001.wal';
const RESERVE_BYTES = 4_096;
const ids = uuidV7(hostClock, hostRandom());

interface Opened {
  readonly clock: ManualClock;
  readonly journal: Journal;
}

async function open(storage: FaultyStorage, more: Partial<OpenJournalOptions> = {}): Promise<Opened> {
  const clock = new ManualClock();
  const journal = await openJournalOn(new FileBackend(storage, '/data'), {
    clock,
    ids,
    repair: 'truncate-partial',
    limits: { reserveBytes: 0 },
    ...more,
  });
  return { clock, journal };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}

/** The sequence of the boundary, when what belongs to it is done. */
async function boundary(journal: Journal): Promise<number> {
  const sequence = new Promise<number>((resolve) => {
    journal.atBoundary(() => resolve(journal.durableSequence));
  });
  const reached = await sequence;
  await turns();
  return reached;
}

function write(journal: Journal, actorId: string): Promise<unknown> {
  return appendDurably(journal, [heartbeat(actorId)]);
}

function insist(journal: Journal, actorId: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const draft = { header: { at: 1_000 }, events: [heartbeat(actorId)], urgent: true, insists: true };
    journal.append(draft, (error: PawlError | undefined, commit) => {
      if (error === undefined) resolve(commit);
      else reject(error);
    });
  });
}

/** First sequences of the segments. */
async function segments(storage: FaultyStorage): Promise<number[]> {
  return [...(await storage.readdir('/data/wal'))].sort().map((name) => Number(name.replace('.wal', '')));
}

describe('the end of a segment', () => {
  it('is in the order of a rotation: sealed, head told; the next is made by what is written next', async () => {
    const storage = new FaultyStorage();
    const lifecycle: string[] = [];
    const { journal } = await open(storage, { onLifecycle: (change) => lifecycle.push(change.type) });
    journal.markReady();
    await write(journal, 'one');
    const steps: string[] = [];
    storage.setFaults((operation, path) => {
      const name = path.split('/').at(-1)?.replace(/^0+/, '') ?? '';
      if (operation !== 'stat' && operation !== 'close' && operation !== 'read' && operation !== 'open')
        steps.push(`${operation} ${name}`);
      return undefined;
    });
    expect(await boundary(journal)).toBe(1);
    expect(steps.splice(0)).toEqual(['write 1.wal', 'datasync 1.wal', 'write head', 'datasync head']);
    expect(lifecycle).toEqual(['opened', 'recovered', 'rotationBegan', 'rotationEnded']);
    await write(journal, 'two');
    expect(steps).toEqual([
      'write 2.wal.tmp',
      'datasync 2.wal.tmp',
      'rename 2.wal.tmp',
      'syncDir wal',
      'write 2.wal',
      'datasync 2.wal',
    ]);
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ segments: 2, lastSequence: 2, sealed: true });
  });

  it('is known to head: after the worst power cut the segment is left as it is, and its end is missed', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await write(journal, 'one');
    await write(journal, 'two');
    await boundary(journal);
    storage.crash(() => 0.5);
    const { rename } = storage.counts;
    const again = await open(storage);
    expect([await actorsOf(again.journal), storage.counts.rename]).toEqual([['one', 'two'], rename]);
    storage.crash(() => 0.5);
    storage.place(FIRST, storage.contents(FIRST).subarray(0, 200));
    await expect(open(storage)).rejects.toMatchObject({ code: 'ACKNOWLEDGED_DATA_MISSING' });
  });

  it('makes no segment without events, however often it is asked for, and none at the close', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await boundary(journal);
    expect(await segments(storage)).toEqual([]);
    await write(journal, 'one');
    for (let times = 0; times < 3; times++) await boundary(journal);
    await write(journal, 'two');
    await write(journal, 'three');
    await boundary(journal);
    await journal.close();
    expect(await segments(storage)).toEqual([1, 2]);
    const before = storage.contents(FIRST);
    const again = await open(storage);
    await boundary(again.journal);
    await again.journal.close();
    expect(await segments(storage)).toEqual([1, 2]);
    expect(storage.contents(FIRST).equals(before)).toBe(true);
    expect(await verify('/data', { storage })).toMatchObject({ segments: 2, lastSequence: 3, sealed: true });
  });

  it('is not where a segment begins whose first batch was refused: nothing is in it', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await write(journal, 'one');
    await boundary(journal);
    storage.setFaults((operation, path) =>
      operation === 'write' && path.endsWith('2.wal') ? { kind: 'fail', errno: 'ENOSPC' } : undefined,
    );
    await expect(write(journal, 'two')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    storage.setFaults(undefined);
    await boundary(journal);
    await write(journal, 'three');
    await journal.close();
    expect(await segments(storage)).toEqual([1, 2]);
    expect(await verify('/data', { storage })).toMatchObject({ segments: 2, lastSequence: 2, sealed: true });
  });

  it('leaves no zeros behind it, and the next segment has its own', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage, { limits: { reserveBytes: 0, preallocateBytes: 100_000 } });
    const second = '/data/wal/00000000000000000009.wal';
    const grow = async (): Promise<void> => {
      for (let index = 0; index < 8; index++) await write(journal, 'x'.repeat(10_000));
    };
    await grow();
    expect(storage.contents(FIRST).length).toBeGreaterThan(150_000);
    await boundary(journal);
    expect(storage.contents(FIRST).length).toBeLessThan(90_000);
    await grow();
    expect(storage.contents(second).length).toBeGreaterThan(150_000);
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ segments: 2, lastSequence: 16, sealed: true });
  });
});

describe('a segment that cannot be ended', () => {
  it.each(['ENOSPC', 'EDQUOT', 'EIO'])('(%s) goes on, and so does the log', async (errno) => {
    const storage = new FaultyStorage();
    const lifecycle: string[] = [];
    const { journal } = await open(storage, { onLifecycle: (change) => lifecycle.push(change.type) });
    journal.markReady();
    await write(journal, 'one');
    storage.failNext('write', errno, { writtenBytes: 20 });
    expect(await boundary(journal)).toBe(1);
    expect(lifecycle.slice(2)).toEqual(['rotationBegan', 'rotationEnded']);
    await write(journal, 'two');
    expect([await segments(storage), journal.poisonedBy]).toEqual([[1], undefined]);
    expect(await boundary(journal)).toBe(2);
    await write(journal, 'three');
    expect(await segments(storage)).toEqual([1, 3]);
    storage.crash(() => 0.5);
    expect(await actorsOf((await open(storage)).journal)).toEqual(['one', 'two', 'three']);
  });

  it('because its fsync failed poisons the log, and what was acknowledged is there', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await write(journal, 'one');
    storage.failNext('datasync', 'EIO');
    expect(await boundary(journal)).toBe(1);
    expect(journal.poisonedBy).toMatchObject({ code: 'JOURNAL_POISONED', data: { cause: 'fsync' } });
    // Nothing is written in a boundary behind that.
    const { write: writes } = storage.counts;
    await boundary(journal);
    await journal.close();
    expect(storage.counts.write).toBe(writes);
    for (const chance of [0.1, 0.5, 0.9]) {
      storage.crash(() => chance);
      expect(await actorsOf((await open(storage)).journal)).toEqual(['one']);
    }
  });

  it('because another writer has taken over poisons the log before anything is sealed', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await write(journal, 'one');
    const before = storage.contents(FIRST);
    await storage.unlink('/data/lock');
    await boundary(journal);
    expect(journal.poisonedBy).toMatchObject({ data: { cause: 'directory' } });
    expect(storage.contents(FIRST).equals(before)).toBe(true);
  });
});

describe('a segment that cannot be begun behind a boundary', () => {
  it.each(['write', 'open', 'datasync'] as const)(
    '(%s) refuses its commit, of which nothing is in the log, and the next one begins it',
    async (kind) => {
      const storage = new FaultyStorage();
      const { journal } = await open(storage);
      await write(journal, 'one');
      await boundary(journal);
      storage.setFaults((operation, path) =>
        operation === kind && path.endsWith('.tmp') ? { kind: 'fail', errno: 'ENOSPC' } : undefined,
      );
      const { errno: _errno, ...refused } = { errno: '', code: 'STORAGE_FULL', data: { outcome: 'notDone' } };
      for (const name of ['two', 'three']) await expect(write(journal, name)).rejects.toMatchObject(refused);
      storage.setFaults(undefined);
      await write(journal, 'four');
      expect(await segments(storage)).toEqual([1, 2]);
      storage.crash(() => 0.5);
      expect(await actorsOf((await open(storage)).journal)).toEqual(['one', 'four']);
    },
  );

  it('for want of room is begun when there is room, although the reserve was given in vain', async () => {
    const storage = new FaultyStorage();
    const { journal, clock } = await open(storage, { limits: { reserveBytes: RESERVE_BYTES } });
    await write(journal, 'one');
    await clock.advance(1_000);
    expect(storage.contents('/data/reserve')).toHaveLength(RESERVE_BYTES);
    await boundary(journal);
    storage.setFaults((operation) => (operation === 'write' ? { kind: 'fail', errno: 'ENOSPC' } : undefined));
    await expect(insist(journal, 'needed')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await storage.stat('/data/reserve')).toBeUndefined();
    storage.setFaults(undefined);
    // Nothing insists any more: who looks after the directory makes the reserve again and lets everybody in.
    await clock.advance(1_000);
    await write(journal, 'two');
    expect(storage.contents('/data/reserve')).toHaveLength(RESERVE_BYTES);
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ segments: 2, lastSequence: 2, sealed: true });
  });
});

/** Writes commits with two boundaries between them and closes; what was acknowledged goes to `acknowledged`. */
async function life(storage: FaultyStorage, acknowledged: string[]): Promise<void> {
  const { journal } = await open(storage);
  const note = (name: string) => (): number => acknowledged.push(name);
  for (let round = 0; round < 3; round++) {
    const names = ['a', 'b', 'c'].map((name) => `${name}${String(round)}`);
    // The last one gathers while the first ones are in flight, and the boundary comes between them.
    const first = names.slice(0, 2).map((name) => write(journal, name).then(note(name)));
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    const reached = boundary(journal);
    const last = names.slice(2).map((name) => write(journal, name).then(note(name)));
    await Promise.all([...first, reached, ...last]);
  }
  await journal.close();
}

/** Plays the life on a disk with faults, until it is over or nothing moves any more. */
async function play(
  plan: FaultPlan,
): Promise<{ storage: FaultyStorage; acknowledged: string[]; over: boolean }> {
  const storage = new FaultyStorage();
  storage.setFaults(plan);
  const acknowledged: string[] = [];
  const played = { over: false };
  void life(storage, acknowledged).then(() => (played.over = true));
  for (let seen = -1; seen !== storage.operations && !played.over;) {
    seen = storage.operations;
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  return { storage, acknowledged, over: played.over };
}

describe('a power cut around a boundary', () => {
  it('has boundaries at the commits it is about', async () => {
    const { storage, over } = await play(() => undefined);
    expect([over, await segments(storage)]).toEqual([true, [1, 3, 6, 9]]);
  });

  it.each(['before', 'after'] as const)(
    '%s any operation costs nothing that was acknowledged',
    async (when) => {
      let operations = 0;
      let beheld = 0;
      for (let at = 0, over = false; !over; at++, operations++) {
        for (const seed of [1, 2, 3]) {
          const played = await play((_operation, _path, index) =>
            index === at ? { kind: 'halt', when } : undefined,
          );
          ({ over } = played);
          if (over) break;
          const { storage, acknowledged } = played;
          const random = new Random(seed * 10_000 + at);
          storage.crash(() => random.unit());
          const again = await open(storage);
          const found = await actorsOf(again.journal);
          expect([at, found.slice(0, acknowledged.length)]).toEqual([at, acknowledged]);
          if (acknowledged.length > 0) beheld++;
          await write(again.journal, 'after');
          await boundary(again.journal);
          await write(again.journal, 'behind');
          await again.journal.close();
          const reader = await openJournal('/data', { storage });
          expect(await actorsOf(reader)).toEqual([...found, 'after', 'behind']);
          await reader.close();
        }
      }
      expect(operations).toBeGreaterThan(60);
      expect(beheld).toBeGreaterThan(100);
    },
  );
});
