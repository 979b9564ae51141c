// Acceptance row 12: what fails while writing, rotating and closing, on the simulated disk; and how many fsyncs
// things cost. Each refusal says whether the commit may be in the log.
import { describe, expect, it } from '@jest/globals';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn, type OpenJournalOptions } from '../../src/journal/open-journal-on.js';
import { openJournal, openWalWriter, verify } from '../../src/journal/open-journal.js';
import type { JournalMachineEvent } from '../../src/machines/journal-machine.js';
import { FaultyStorage, type StorageOperation } from '../../src/testing/faulty-storage.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { actorsOf, event } from './wal-fixtures.js';

const SEGMENT = '/data/wal/00000000000000000001.wal';
const ids = uuidV7(hostClock, hostRandom());

function open(storage: FaultyStorage, more: Partial<OpenJournalOptions> = {}): Promise<Journal> {
  return openJournalOn(new FileBackend(storage, '/data'), {
    clock: hostClock,
    ids,
    repair: 'truncate-partial',
    ...more,
  });
}

/** Fails the next operation of a kind on a path that ends as given. */
function failOn(
  storage: FaultyStorage,
  operation: StorageOperation,
  ending: string,
  errno: string,
  times = 1,
): void {
  let left = times;
  storage.setFaults((begun, path) => {
    if (begun !== operation || !path.endsWith(ending) || left === 0) return undefined;
    left--;
    return { kind: 'fail', errno, writtenBytes: 20 };
  });
}

describe('row 12: a failed write', () => {
  it.each([
    ['ENOSPC', 'STORAGE_FULL'],
    ['EDQUOT', 'STORAGE_FULL'],
    ['EFBIG', 'STORAGE_FULL'],
    ['EIO', 'STORAGE_FAILED'],
  ])('%s is cut back, said as %s, and the writer goes on', async (errno, code) => {
    const storage = new FaultyStorage();
    const writer = await openWalWriter('/data', { storage });
    await writer.append(event(1, 'one'));
    const before = storage.contents(SEGMENT);
    failOn(storage, 'write', '.wal', errno);
    await expect(writer.append(event(2, 'two'))).rejects.toMatchObject({
      code,
      data: { outcome: 'notDone', errno },
    });
    expect(storage.contents(SEGMENT).equals(before)).toBe(true);
    expect(writer.currentSequence).toBe(1);
    await writer.append(event(2, 'second'));
    expect(writer.telemetry.snapshot()).toEqual({ appendSuccessTotal: 2, appendFailureTotal: 1 });
    storage.crash(() => 0.5);
    const again = await openJournal('/data', { storage });
    expect(await actorsOf(again)).toEqual(['one', 'second']);
  });

  it.each(['truncate', 'datasync'] as const)(
    'whose cut fails (%s) poisons the writer for good',
    async (operation) => {
      const storage = new FaultyStorage();
      const writer = await openWalWriter('/data', { storage });
      await writer.append(event(1));
      storage.setFaults((begun, path) =>
        path.endsWith('.wal') && (begun === 'write' || begun === operation)
          ? { kind: 'fail', errno: 'EIO', writtenBytes: 9 }
          : undefined,
      );
      await expect(writer.append(event(2))).rejects.toMatchObject({
        code: 'JOURNAL_POISONED',
        data: {
          cause: 'write',
          truncateOk: false,
          outcome: 'indeterminate',
          segment: '00000000000000000001.wal',
        },
      });
      storage.setFaults(undefined);
      const written = storage.counts.write;
      await expect(writer.append(event(2))).rejects.toMatchObject({
        code: 'JOURNAL_POISONED',
        data: { outcome: 'notDone' },
      });
      await expect(writer.append(event(7))).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
      await writer.close();
      expect(storage.counts.write).toBe(written);
    },
  );
});

describe('row 12: a failed fsync', () => {
  it.each(['EIO', 'ENOSPC', 'EDQUOT'])(
    '%s poisons, also when the next one would succeed, and loses nothing acknowledged',
    async (errno) => {
      const storage = new FaultyStorage();
      const lifecycle: JournalMachineEvent['type'][] = [];
      const journal = await open(storage, { onLifecycle: (change) => lifecycle.push(change.type) });
      await appendDurably(journal, [heartbeat('one')]);
      failOn(storage, 'datasync', '.wal', errno);
      await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
        code: 'JOURNAL_POISONED',
        data: { cause: 'fsync', outcome: 'indeterminate' },
      });
      const syncs = storage.counts.datasync;
      await expect(journal.flush()).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
      expect(await actorsOf(journal)).toEqual(['one']);
      await journal.close();
      expect(storage.counts.datasync).toBe(syncs);
      expect(lifecycle).toEqual(['opened', 'poisoned', 'draining', 'closed']);
      // The same process cannot open the directory again: the lock ends with it.
      await expect(open(storage)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
      storage.crash(() => 0.5);
      const again = await open(storage);
      expect((await actorsOf(again))[0]).toBe('one');
      await appendDurably(again, [heartbeat('three')]);
      await again.close();
    },
  );

  it('of which the cache shows nothing is undone by reopening: the segment is written anew', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage);
    await appendDurably(journal, [heartbeat('x'.repeat(2_000))]);
    failOn(storage, 'datasync', '.wal', 'EIO');
    await expect(appendDurably(journal, [heartbeat('y'.repeat(2_000))])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
    });
    // The process ends, the machine does not: the cache still shows the batch, clean.
    storage.forgetProcess();
    const again = await open(storage);
    const seen = await actorsOf(again);
    await appendDurably(again, [heartbeat('after')]);
    storage.crash(() => 0.5);
    const third = await open(storage);
    expect(await actorsOf(third)).toEqual([...seen, 'after']);
    expect(seen.length).toBe(2);
  });

  it('of the seal poisons the close, and the log is whole', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    failOn(storage, 'datasync', '.wal', 'EIO');
    await expect(journal.close()).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
    storage.crash(() => 0.5);
    expect(await actorsOf(await open(storage))).toEqual(['one']);
  });
});

describe('a seal whose fsync nobody saw return', () => {
  it.each(['of which the process died before', 'that failed'])(
    '%s is written anew before the log goes on behind it',
    async (how) => {
      const storage = new FaultyStorage();
      const journal = await open(storage);
      await appendDurably(journal, [heartbeat('one')]);
      if (how === 'that failed') {
        failOn(storage, 'datasync', '.wal', 'EIO');
        await expect(journal.close()).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
      } else {
        const stopped = new Promise<void>((resolve) => {
          storage.setFaults((operation, path) => {
            if (operation !== 'datasync' || !path.endsWith('.wal')) return undefined;
            resolve();
            return { kind: 'halt', when: 'before' };
          });
        });
        void journal.close();
        await stopped;
      }
      // The process ends, the machine does not: the cache shows a log that was closed.
      storage.forgetProcess();
      const again = await open(storage);
      await appendDurably(again, [heartbeat('two')]);
      storage.crash(() => 0.5);
      expect(await actorsOf(await open(storage))).toEqual(['one', 'two']);
    },
  );

  it('is trusted after a close in good order: the segment is left as it is', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    await journal.close();
    const { rename } = storage.counts;
    const again = await open(storage);
    expect(storage.counts.rename).toBe(rename);
    await appendDurably(again, [heartbeat('two')]);
    storage.crash(() => 0.5);
    expect(await actorsOf(await open(storage))).toEqual(['one', 'two']);
  });
});

describe('rotation', () => {
  const limits = { segmentBytes: 400 };

  it('seals, makes the next segment under a temporary name, syncs it, renames it, syncs the directory, then appends', async () => {
    const storage = new FaultyStorage();
    const lifecycle: string[] = [];
    const journal = await open(storage, { limits, onLifecycle: (change) => lifecycle.push(change.type) });
    journal.markReady();
    await appendDurably(journal, [heartbeat('x'.repeat(120))]);
    const steps: string[] = [];
    storage.setFaults((operation, path) => {
      const name = path.split('/').at(-1)?.replace(/^0+/, '') ?? '';
      if (operation !== 'stat' && operation !== 'close' && name !== 'head')
        steps.push(`${operation} ${name}`);
      return undefined;
    });
    await appendDurably(journal, [heartbeat('y'.repeat(120))]);
    expect(steps).toEqual([
      'write 1.wal',
      'datasync 1.wal',
      'open 2.wal.tmp',
      'write 2.wal.tmp',
      'datasync 2.wal.tmp',
      'rename 2.wal.tmp',
      'syncDir wal',
      'write 2.wal',
      'datasync 2.wal',
    ]);
    expect(lifecycle).toEqual(['opened', 'recovered', 'rotationBegan', 'rotationEnded']);
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ segments: 2, lastSequence: 2 });
  });

  it('reads over many segments, from inside any of them', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage, { limits });
    for (let index = 1; index <= 60; index++)
      await appendDurably(journal, [heartbeat(`a${String(index)}`), heartbeat('b')]);
    expect((await storage.readdir('/data/wal')).length).toBeGreaterThan(10);
    for (const from of [1, 2, 37, 60, 119, 120]) {
      const firsts: number[] = [];
      for await (const commit of journal.read({ from })) firsts.push(commit.firstSequence);
      expect([firsts[0], firsts.length]).toEqual([from - ((from - 1) % 2), 60 - Math.floor((from - 1) / 2)]);
    }
    await journal.close();
  });

  it.each(['open', 'write', 'datasync'] as const)(
    'that fails before the rename (%s) refuses the commit, and the next one works',
    async (operation) => {
      const storage = new FaultyStorage();
      const journal = await open(storage, { limits });
      await appendDurably(journal, [heartbeat('x'.repeat(120))]);
      failOn(storage, operation, '.wal.tmp', 'ENOSPC');
      await expect(appendDurably(journal, [heartbeat('y'.repeat(120))])).rejects.toMatchObject({
        code: 'STORAGE_FULL',
      });
      expect((await appendDurably(journal, [heartbeat('z'.repeat(120))])).firstSequence).toBe(2);
      storage.crash(() => 0.5);
      const again = await open(storage, { limits });
      expect((await actorsOf(again)).map((actor) => actor[0])).toEqual(['x', 'z']);
    },
  );

  it.each([
    ['rename', '.wal.tmp'],
    ['syncDir', '/wal'],
    ['datasync', '1.wal'],
  ] as const)('of unknown outcome (%s) poisons', async (operation, ending) => {
    const storage = new FaultyStorage();
    const journal = await open(storage, { limits });
    await appendDurably(journal, [heartbeat('x'.repeat(120))]);
    failOn(storage, operation, ending, 'EIO');
    await expect(appendDurably(journal, [heartbeat('y'.repeat(120))])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
    });
    await journal.close();
    storage.crash(() => 0.5);
    const again = await open(storage, { limits });
    expect((await actorsOf(again)).map((actor) => actor[0])).toEqual(['x']);
    await appendDurably(again, [heartbeat('w')]);
    await again.close();
  });
});

describe('crashes at every operation', () => {
  it('keep what was acknowledged: opening, appending, rotating, sealing, and recovering', async () => {
    const scenario = async (storage: FaultyStorage, acknowledged: number[]): Promise<void> => {
      const journal = await open(storage, { limits: { segmentBytes: 420 } });
      for (let index = 0; index < 5; index++) {
        const commit = await appendDurably(journal, [heartbeat('x'.repeat(100)), heartbeat('b')]);
        acknowledged.push(commit.firstSequence + 1);
      }
      await journal.close();
    };
    const full = new FaultyStorage();
    await scenario(full, []);
    const total = full.operations;
    expect(total).toBeGreaterThan(60);
    for (let index = 0; index < total; index++) {
      for (const when of ['before', 'after'] as const) {
        for (const chance of [0.1, 0.5, 0.99]) {
          const storage = new FaultyStorage();
          const acknowledged: number[] = [];
          const halted = new Promise<void>((resolve) => {
            storage.setFaults((_operation, _path, at) => {
              if (at !== index) return undefined;
              resolve();
              return { kind: 'halt', when, writtenBytes: 70 };
            });
          });
          void scenario(storage, acknowledged);
          await halted;
          for (let turn = 0; turn < 40; turn++) await Promise.resolve();
          storage.crash(() => chance);
          const journal = await open(storage);
          const context = `${when} ${String(index)} ${String(chance)}`;
          expect([
            context,
            journal.currentSequence >= (acknowledged.at(-1) ?? 0),
            journal.currentSequence % 2,
          ]).toEqual([context, true, 0]);
          await appendDurably(journal, [heartbeat('after')]);
          await journal.close();
        }
      }
    }
  }, 600_000);
});

describe('marks', () => {
  it('an idle log says that its last batch is durable, so that a reader without the lock shows it', async () => {
    const storage = new FaultyStorage();
    const fired: (() => void)[] = [];
    const journal = await open(storage, {
      clock: {
        ...hostClock,
        setTimer: (_delayMs, fire) => {
          fired.push(fire);
          return { cancel: () => undefined };
        },
      },
    });
    // The first batch of a writer is followed by head, the others are not.
    await appendDurably(journal, [heartbeat('one')]);
    await appendDurably(journal, [heartbeat('two')]);
    const reader = await openJournal('/data', { storage, readOnly: true });
    expect(await actorsOf(reader)).toEqual(['one']);
    const syncs = storage.counts.datasync;
    for (let round = 0; round < 3; round++) {
      for (const fire of fired.splice(0)) fire();
      for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    }
    const later = await openJournal('/data', { storage, readOnly: true });
    expect([await actorsOf(later), later.currentSequence]).toEqual([['one', 'two'], 2]);
    // The mark, and head.
    expect(storage.counts.datasync - syncs).toBe(2);
    await appendDurably(journal, [heartbeat('three')]);
    await journal.close();
    expect((await openJournal('/data', { storage, readOnly: true })).currentSequence).toBe(3);
  });
});

describe('the file under the name', () => {
  it('that was removed while it was open poisons at the next look', async () => {
    const storage = new FaultyStorage();
    let nowMs = 0;
    const journal = await open(storage, { clock: { ...hostClock, monotonicMs: () => nowMs } });
    await appendDurably(journal, [heartbeat('one')]);
    await storage.unlink(SEGMENT);
    nowMs += 2_000;
    await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
      data: { cause: 'directory' },
    });
    await journal.close();
  });
});

describe('the price', () => {
  it('is one fsync for commits that await together, however many', async () => {
    const storage = new FaultyStorage();
    const journal = await open(storage);
    await appendDurably(journal, [heartbeat('first')]);
    const before = storage.counts.datasync;
    await Promise.all(Array.from({ length: 100 }, () => appendDurably(journal, [heartbeat('a')])));
    expect(storage.counts.datasync - before).toBeLessThanOrEqual(2);
    await journal.close();
  });
});
