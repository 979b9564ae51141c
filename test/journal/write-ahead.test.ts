// Zeros ahead of the log: they are a clean end wherever a log may stop, are gone from a segment that is closed, and
// that there is no room for them is no failure. Readers without the lock see through them, also while a writer writes.
import { afterEach, describe, expect, it } from '@jest/globals';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { hostStorage } from '../../src/journal/host-storage.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { openJournal, openWalReader, verify } from '../../src/journal/open-journal.js';
import type { Storage } from '../../src/journal/storage.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { actorsOf, newDir, removeDirs } from './wal-fixtures.js';

const SEGMENT = '/data/wal/00000000000000000001.wal';
const STEP = 4_096;
/** Below this a log is as large as what it holds. */
const SMALL_BYTES = 65_536;
const BIG = 'x'.repeat(20_000);
const ids = uuidV7(hostClock, hostRandom());

afterEach(removeDirs);

function open(storage: Storage, limits = {}, root = '/data'): Promise<Journal> {
  return openJournalOn(new FileBackend(storage, root), {
    clock: hostClock,
    ids,
    repair: 'truncate-partial',
    limits: { preallocateBytes: STEP, reserveBytes: 0, ...limits },
  });
}

/** Fills a log until it is no small one any more; the number of commits. */
async function grow(journal: Journal): Promise<number> {
  for (let count = 1; ; count++) {
    await appendDurably(journal, [heartbeat(`${String(count)}${BIG}`)]);
    if (count * BIG.length > SMALL_BYTES) return count;
  }
}

/** Bytes at the end of a file that are zero. */
function zerosBehind(bytes: Buffer): number {
  let at = bytes.length;
  while (at > 0 && bytes[at - 1] === 0) at--;
  return bytes.length - at;
}

describe('zeros ahead of the log', () => {
  it('are written in steps once the log is no small one, and one step serves many batches', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage);
    await appendDurably(journal, [heartbeat('small')]);
    expect(zerosBehind(storage.contents(SEGMENT))).toBe(0);
    await grow(journal);
    const sizeBytes = storage.contents(SEGMENT).length;
    expect(zerosBehind(storage.contents(SEGMENT))).toBe(STEP);
    const { write } = storage.counts;
    for (let count = 0; count < 20; count++) await appendDurably(journal, [heartbeat('a')]);
    expect(storage.counts.write - write).toBe(20);
    expect(storage.contents(SEGMENT)).toHaveLength(sizeBytes);
    await journal.close();
  });

  it('never follow a seal, also of a large log that is opened after a kill and closed with nothing written', async () => {
    const storage = new FaultyStorage();
    const count = await grow(await open(storage));
    storage.kill();
    await (await open(storage)).close();
    expect(zerosBehind(storage.contents(SEGMENT))).toBe(0);
    const again = await open(storage);
    expect(await actorsOf(again)).toHaveLength(count);
    await again.close();
  });

  it('are not written without a step, nor beyond the size of a segment', async () => {
    const without = new FaultyStorage();
    const first = await open(without, { preallocateBytes: 0 });
    await grow(first);
    expect(zerosBehind(without.contents(SEGMENT))).toBe(0);
    await first.close();
    const segmentBytes = 100_000;
    const storage = new FaultyStorage();
    const journal = await open(storage, { preallocateBytes: 1_000_000, segmentBytes });
    await grow(journal);
    expect(storage.contents(SEGMENT)).toHaveLength(segmentBytes);
    await journal.close();
  });

  it('are cut, durably, before the seal is written: by a close and by a rotation', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage, { segmentBytes: 110_000 });
    await grow(journal);
    const steps: string[] = [];
    storage.setFaults((operation, path) => {
      if (path === SEGMENT && operation !== 'stat') steps.push(operation);
      return undefined;
    });
    await appendDurably(journal, [heartbeat(BIG)]);
    await appendDurably(journal, [heartbeat(BIG)]);
    expect(steps.slice(-5)).toEqual(['truncate', 'datasync', 'write', 'datasync', 'close']);
    expect(zerosBehind(storage.contents(SEGMENT))).toBe(0);
    await grow(journal);
    await journal.close();
    for (const name of await storage.readdir('/data/wal'))
      expect(zerosBehind(storage.contents(`/data/wal/${name}`))).toBe(0);
    expect(await verify('/data', { storage })).toMatchObject({ sealed: true });
  });

  it.each(['truncate', 'datasync'] as const)(
    'that cannot be cut (%s) poison, and nothing is lost',
    async (operation) => {
      const storage = new FaultyStorage();
      const journal = await open(storage);
      const count = await grow(journal);
      storage.failNext(operation, 'EIO');
      await expect(journal.close()).rejects.toMatchObject({
        code: 'JOURNAL_POISONED',
        data: { cause: 'seal' },
      });
      storage.crash(() => 0.5);
      const again = await open(storage);
      expect(again.durableSequence).toBe(count);
      await again.close();
    },
  );

  it.each(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'])(
    'for which there is no room (%s) are left out; what was written of them is cut at the seal',
    async (errno) => {
      const storage = new FaultyStorage();
      const journal = await open(storage);
      let zeros = 0;
      storage.setFaults((operation, path) => {
        // The fourth batch passes the size of a small log: its zeros are written before it.
        if (operation !== 'write' || path !== SEGMENT || storage.contents(SEGMENT).length < 60_000)
          return undefined;
        return zeros++ === 0 ? { kind: 'fail', errno, writtenBytes: 1_000 } : undefined;
      });
      const count = await grow(journal);
      await appendDurably(journal, [heartbeat('after')]);
      expect(zeros).toBeGreaterThan(1);
      await journal.close();
      expect(zerosBehind(storage.contents(SEGMENT))).toBe(0);
      expect(await verify('/data', { storage })).toMatchObject({ lastSequence: count + 1, sealed: true });
    },
  );

  it('are a clean end after a kill, for strict too, and the segment that is written anew has none', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage);
    const count = await grow(journal);
    await journal.abandon();
    storage.kill();
    expect(zerosBehind(storage.contents(SEGMENT))).toBe(STEP);
    expect(await verify('/data', { storage })).toMatchObject({
      lastSequence: count,
      torn: false,
      sealed: false,
    });
    const again = await openJournal('/data', {
      storage,
      limits: { preallocateBytes: STEP, reserveBytes: 0 },
    });
    expect([again.currentSequence, again.repaired]).toEqual([count, undefined]);
    expect(zerosBehind(storage.contents(SEGMENT))).toBe(0);
    await again.close();
  });

  it('lose nothing acknowledged and keep no half of a batch when the power goes at any write or fsync', async () => {
    const scenario = async (storage: FaultyStorage, acknowledged: number[]): Promise<void> => {
      const journal = await open(storage, { segmentBytes: 120_000 });
      for (let count = 0; count < 9; count++) {
        const commit = await appendDurably(journal, [heartbeat(BIG), heartbeat('b')]);
        acknowledged.push(commit.firstSequence + 1);
      }
      await journal.close();
    };
    const full = new FaultyStorage();
    await scenario(full, []);
    for (let index = 12; index < full.operations; index++) {
      const storage = new FaultyStorage();
      const acknowledged: number[] = [];
      const halted = new Promise<void>((resolve) => {
        storage.setFaults((_operation, _path, at) => {
          if (at !== index) return undefined;
          resolve();
          return { kind: 'halt', when: index % 2 === 0 ? 'before' : 'after', writtenBytes: 700 };
        });
      });
      void scenario(storage, acknowledged);
      await halted;
      for (let turn = 0; turn < 40; turn++) await Promise.resolve();
      let seed = index;
      storage.crash(() => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647);
      const again = await open(storage);
      const context = `operation ${String(index)}`;
      expect([
        context,
        again.durableSequence >= (acknowledged.at(-1) ?? 0),
        again.durableSequence % 2,
      ]).toEqual([context, true, 0]);
      await appendDurably(again, [heartbeat('after')]);
      await again.close();
    }
  }, 600_000);

  it('on the real disk: a reader without the lock follows a log that is being written', async () => {
    const dir = newDir();
    const journal = await open(hostStorage, { preallocateBytes: 100_000 }, dir);
    const count = await grow(journal);
    expect(statSync(join(dir, 'wal', '00000000000000000001.wal')).size).toBeGreaterThan(140_000);
    const load = { writing: true };
    const writes = (async () => {
      while (load.writing) await appendDurably(journal, [heartbeat('y'.repeat(700))]);
    })();
    let seen = count - 1;
    try {
      for (let look = 0; look < 60; look++) {
        const reader = await openWalReader(dir);
        expect(reader.damage).toBeUndefined();
        expect(reader.currentSequence).toBeGreaterThanOrEqual(seen);
        seen = reader.currentSequence;
        await verify(dir, { repair: 'truncate-partial' });
      }
    } finally {
      load.writing = false;
      await writes;
    }
    const { durableSequence } = journal;
    await journal.close();
    expect((await actorsOf(await openJournal(dir, { readOnly: true }))).length).toBe(durableSequence);
  }, 600_000);
});

describe('a batch of which a reader without the lock sees a part', () => {
  async function halfSeen(): Promise<{ storage: FaultyStorage; whole: Buffer; partial: Buffer }> {
    const storage = new FaultyStorage();
    const journal = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    await appendDurably(journal, [heartbeat('two')]);
    const before = storage.contents(SEGMENT).length;
    await appendDurably(journal, [heartbeat('a'.repeat(60))]);
    const whole = storage.contents(SEGMENT);
    const partial = Buffer.from(whole);
    partial.fill(0, before + 80);
    storage.place(SEGMENT, partial);
    return { storage, whole, partial };
  }

  it('is looked at again, and is whole then', async () => {
    const { storage, whole } = await halfSeen();
    let opened = 0;
    storage.setFaults((operation, path) => {
      if (operation === 'open' && path === SEGMENT && ++opened === 2) storage.place(SEGMENT, whole);
      return undefined;
    });
    const reader = await openWalReader('/data', { storage });
    expect([reader.damage, reader.currentSequence, opened]).toEqual([undefined, 2, 2]);
  });

  it('counts as damage when it is there a second time, for a reader and for verify', async () => {
    const { storage } = await halfSeen();
    const { open: opens } = storage.counts;
    const reader = await openWalReader('/data', { storage });
    expect(reader.damage).toMatchObject({ code: 'JOURNAL_CORRUPT', data: { reason: 'crcMismatch' } });
    // The segment and head, twice.
    expect(storage.counts.open - opens).toBe(4);
    await expect(verify('/data', { storage })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });
});
