// Rows D10, D11, D14, D20 and D21: what a dying, slow or read-only disk and a process without file descriptors do to
// an open log. Each refusal is typed and says whether anything was written; what was acknowledged stays readable.
import { describe, expect, it } from '@jest/globals';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { openWalWriter, verify } from '../../src/journal/open-journal.js';
import { FaultyStorage, type Fault, type StorageOperation } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { Random } from '../support/random.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { actorsOf, event } from './wal-fixtures.js';

const SEGMENT = '/data/wal/00000000000000000001.wal';
const ids = uuidV7(hostClock, hostRandom());
const LIMITS = { segmentBytes: 400, reserveBytes: 0 };

async function open(storage: FaultyStorage, limits = {}, logger = {}) {
  const clock = new ManualClock();
  const journal = await openJournalOn(new FileBackend(storage, '/data'), {
    clock,
    ids,
    repair: 'truncate-partial',
    limits: { ...LIMITS, ...limits },
    ...logger,
  });
  return { clock, journal };
}

/** Refuses operations of these kinds on paths that end as given, the first `times` of them. */
function failing(
  storage: FaultyStorage,
  kinds: readonly StorageOperation[],
  ending: string,
  fault: Fault,
  times = Infinity,
): void {
  let left = times;
  storage.setFaults((operation, path) =>
    kinds.includes(operation) && path.endsWith(ending) && left-- > 0 ? fault : undefined,
  );
}

/** A commit that does not fit into a segment with another one. */
function large(name: string): ReturnType<typeof heartbeat>[] {
  return [heartbeat(name.padEnd(120, '.'))];
}

async function namesIn(journal: Journal): Promise<string[]> {
  return (await actorsOf(journal)).map((actor) => actor.replace(/\.+$/, ''));
}

describe('without file descriptors (D21)', () => {
  const EMFILE = { kind: 'fail', errno: 'EMFILE' } as const;
  it.each([
    ['the next segment cannot be made', 'open', '.wal.tmp'],
    ['its directory cannot be opened for the sync', 'syncDir', '/wal'],
    ['head cannot be looked at', 'open', '/head'],
  ] as const)(
    'at a rotation %s: refused as not done, and the next commit works',
    async (_what, operation, ending) => {
      for (const errno of ['EMFILE', 'ENFILE']) {
        const storage = new FaultyStorage();
        const { journal } = await open(storage);
        await appendDurably(journal, large('one'));
        failing(storage, [operation], ending, { ...EMFILE, errno }, 2);
        for (const refused of ['two', 'three']) {
          await expect(appendDurably(journal, large(refused))).rejects.toMatchObject({
            code: 'STORAGE_FAILED',
            data: { errno, outcome: 'notDone' },
          });
          expect(await namesIn(journal)).toEqual(['one']);
        }
        expect((await appendDurably(journal, large('four'))).firstSequence).toBe(2);
        await appendDurably(journal, large('five'));
        storage.crash(() => 0.5);
        const again = await open(storage);
        expect(await namesIn(again.journal)).toEqual(['one', 'four', 'five']);
        await again.journal.close();
      }
    },
  );

  it('a name that was given and not synced survives a crash in between, or does not, and nothing is lost', async () => {
    for (const chance of [0.1, 0.9]) {
      const storage = new FaultyStorage();
      const { journal } = await open(storage);
      await appendDurably(journal, large('one'));
      failing(storage, ['syncDir'], '/wal', EMFILE, 1);
      await expect(appendDurably(journal, large('two'))).rejects.toMatchObject({
        data: { outcome: 'notDone' },
      });
      storage.crash(() => chance);
      const again = await open(storage);
      expect(await namesIn(again.journal)).toEqual(['one']);
      await appendDurably(again.journal, large('three'));
      await again.journal.close();
      expect(await verify('/data', { storage })).toMatchObject({ segments: 2, lastSequence: 2 });
    }
  });
});

describe('a segment that was named for a commit that was refused', () => {
  it('never stands before the one that begins elsewhere, wherever the power goes', async () => {
    let reached = 0;
    for (let at = 0, halted = true; halted; at++) {
      for (let seed = 1; seed <= 12; seed++) {
        const storage = new FaultyStorage();
        const writer = await openWalWriter('/data', { storage });
        failing(storage, ['syncDir'], '/wal', { kind: 'fail', errno: 'EMFILE' }, 1);
        await expect(writer.append(event(5))).rejects.toMatchObject({ data: { outcome: 'notDone' } });
        // The kernel writes names back when it likes.
        await storage.syncDir('/data/wal');
        let left = at;
        storage.setFaults(() => (left-- === 0 ? { kind: 'halt', when: 'after' } : undefined));
        const appended = writer.append(event(9));
        for (let turn = 0; turn < 200; turn++) await Promise.resolve();
        halted = storage.halted;
        if (!halted) await appended;
        reached = Math.max(reached, at);
        const random = new Random(seed);
        storage.crash(() => random.unit());
        const again = await openWalWriter('/data', { storage });
        if (!halted) expect(again.currentSequence).toBe(9);
        else expect([0, 9]).toContain(again.currentSequence);
        await again.close();
      }
    }
    expect(reached).toBeGreaterThan(6);
  });

  it('is not used for one that begins an empty log elsewhere', async () => {
    const storage = new FaultyStorage();
    const writer = await openWalWriter('/data', { storage });
    failing(storage, ['syncDir'], '/wal', { kind: 'fail', errno: 'EMFILE' }, 1);
    await expect(writer.append(event(5))).rejects.toMatchObject({ data: { outcome: 'notDone' } });
    expect((await writer.append(event(9))).firstSequence).toBe(9);
    storage.crash(() => 0.5);
    expect(await storage.readdir('/data/wal')).toEqual(['00000000000000000009.wal']);
    expect(await verify('/data', { storage })).toMatchObject({ firstSequence: 9, lastSequence: 9 });
  });
});

describe('a segment that could not be made', () => {
  it('is made when there is room again, from a file of its own', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await appendDurably(journal, large('one'));
    for (const kind of ['write', 'datasync'] as const) {
      failing(storage, [kind], '.wal.tmp', { kind: 'fail', errno: 'ENOSPC' }, 1);
      await expect(appendDurably(journal, large('two'))).rejects.toMatchObject({
        code: 'STORAGE_FULL',
        data: { outcome: 'notDone' },
      });
    }
    await appendDurably(journal, large('three'));
    storage.crash(() => 0.5);
    const again = await open(storage);
    expect(await namesIn(again.journal)).toEqual(['one', 'three']);
    await again.journal.close();
  });
});

describe('a log whose fsync failed', () => {
  it('is not touched any more, however long it is idle', async () => {
    const storage = new FaultyStorage();
    const { clock, journal } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    storage.failNext('datasync', 'EIO');
    await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
    });
    const { write, datasync, truncate } = storage.counts;
    await clock.advance(10_000);
    await journal.close();
    expect(storage.counts).toMatchObject({ write, datasync, truncate });
  });
});

describe('a disk that became read-only (D14)', () => {
  const EROFS = { kind: 'fail', errno: 'EROFS' } as const;

  it('refuses as READ_ONLY_STORAGE, keeps what is there readable, and goes on when it is writable again', async () => {
    const storage = new FaultyStorage();
    const { clock, journal } = await open(storage);
    await appendDurably(journal, large('one'));
    failing(storage, ['write', 'truncate', 'rename', 'unlink', 'mkdir'], '', EROFS);
    await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
      code: 'READ_ONLY_STORAGE',
      data: { errno: 'EROFS', outcome: 'notDone', path: SEGMENT },
    });
    // A rotation first writes its seal.
    await expect(appendDurably(journal, large('three'))).rejects.toMatchObject({ code: 'READ_ONLY_STORAGE' });
    await clock.advance(5_000);
    expect(await namesIn(journal)).toEqual(['one']);
    storage.setFaults(undefined);
    await appendDurably(journal, large('four'));
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ lastSequence: 2, sealed: true });
  });

  it('in the middle of a batch poisons: part of it is there, and cannot be cut', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    failing(storage, ['write', 'truncate'], '.wal', { ...EROFS, writtenBytes: 50 });
    await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
      data: { cause: 'write', outcome: 'indeterminate' },
    });
    expect(await namesIn(journal)).toEqual(['one']);
    await journal.close();
  });
});

describe('a disk that is full in the middle of a batch', () => {
  it('gets what was written of it cut off, durably, and takes the next one', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    storage.failNext('write', 'ENOSPC', { writtenBytes: 50 });
    await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      data: { outcome: 'notDone' },
    });
    await appendDurably(journal, [heartbeat('three')]);
    storage.crash(() => 0.5);
    const again = await open(storage);
    expect(await namesIn(again.journal)).toEqual(['one', 'three']);
    await again.journal.close();
  });
});

describe('a read-only disk that does not read either', () => {
  it('poisons: what of a refused batch is there can be neither cut nor looked at', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    storage.setFaults((operation, path) => {
      if (!path.endsWith('.wal')) return undefined;
      if (operation === 'read') return { kind: 'fail', errno: 'EIO' };
      return operation === 'write' || operation === 'truncate' ? { kind: 'fail', errno: 'EROFS' } : undefined;
    });
    await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
      data: { cause: 'write', outcome: 'indeterminate' },
    });
    storage.setFaults(undefined);
    expect(await namesIn(journal)).toEqual(['one']);
    await journal.close();
  });
});

describe('a disk that does not read (D10)', () => {
  it('refuses the start with the place, and changes nothing', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    storage.kill();
    const before = storage.contents(SEGMENT);
    failing(storage, ['read'], '1.wal', { kind: 'fail', errno: 'EIO' });
    await expect(open(storage)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', data: { reason: 'io' } });
    expect(storage.contents(SEGMENT).equals(before)).toBe(true);
    storage.setFaults(undefined);
    const again = await open(storage);
    expect(await namesIn(again.journal)).toEqual(['one']);
    await again.journal.close();
  });

  it('while the log is open refuses the read, and only that', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    failing(storage, ['read'], '1.wal', { kind: 'fail', errno: 'EIO' }, 1);
    await expect(actorsOf(journal)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { reason: 'io' },
    });
    await appendDurably(journal, [heartbeat('two')]);
    expect(await namesIn(journal)).toEqual(['one', 'two']);
    await journal.close();
  });
});

describe('EIO where names and ends are changed (D11)', () => {
  const EIO = { kind: 'fail', errno: 'EIO' } as const;

  it('at the close of a sealed segment is no failure: its seal is durable', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    await appendDurably(journal, large('one'));
    failing(storage, ['close'], '1.wal', EIO, 1);
    await appendDurably(journal, large('two'));
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ segments: 2, sealed: true });
  });

  it('at head costs the witness, not the log', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage);
    failing(storage, ['write', 'datasync'], '/head', EIO);
    await appendDurably(journal, large('one'));
    await appendDurably(journal, large('two'));
    storage.setFaults(undefined);
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ lastSequence: 2, sealed: true });
  });

  it.each(['rename', 'syncDir', 'datasync', 'truncate'] as const)(
    'poisoned by %s, the idle mark, the upkeep and the close write nothing more',
    async (operation) => {
      const storage = new FaultyStorage();
      const { clock, journal } = await open(storage);
      await appendDurably(journal, large('one'));
      const ending = { rename: '.wal.tmp', syncDir: '/wal', datasync: '1.wal', truncate: '1.wal' }[operation];
      // What needs a cut is a write that failed.
      const kinds: StorageOperation[] = operation === 'truncate' ? ['write', 'truncate'] : [operation];
      failing(storage, kinds, ending, { ...EIO, writtenBytes: 9 });
      await expect(appendDurably(journal, large('two'))).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
      storage.setFaults(undefined);
      const { write, truncate, rename, unlink, datasync } = storage.counts;
      await clock.advance(60_000);
      await journal.close();
      expect(storage.counts).toMatchObject({ write, truncate, rename, unlink, datasync });
      expect(await namesIn(journal)).toEqual(['one']);
    },
  );
});

describe('a disk that is slow (D20)', () => {
  it('costs latency; the queue is bounded, keeps room for what is urgent, and a warning is logged', async () => {
    const lines: string[] = [];
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (_fields: object, message: string) => lines.push(message),
      error: () => undefined,
    };
    const storage = new FaultyStorage();
    const limits = { maxQueuedCommands: 10, segmentBytes: 1_000_000 };
    const { clock, journal } = await open(storage, limits, { logger });
    await appendDurably(journal, [heartbeat('first')]);
    const release = storage.holdSyncs();
    const writes = Array.from({ length: 10 }, (_, index) =>
      appendDurably(journal, [heartbeat(`a${String(index)}`)]),
    );
    await expect(async () => appendDurably(journal, [heartbeat('eleventh')])).rejects.toMatchObject({
      code: 'OVERLOADED',
      data: { retryAfterMs: 100 },
    });
    const urgent = new Promise<void>((resolve, reject) => {
      const draft = { header: { at: 1_000 }, events: [heartbeat('urgent')], urgent: true };
      journal.append(draft, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
    await clock.advance(60_000);
    expect(await namesIn(journal)).toEqual(['first']);
    release();
    await Promise.all([...writes, urgent]);
    expect(lines).toContain('fsync slower than 1 s');
    expect(await namesIn(journal)).toHaveLength(12);
    await journal.close();
  });
});
