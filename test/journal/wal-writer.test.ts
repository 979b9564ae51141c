// Acceptance rows 1 to 5, 7, 8 and 10 of the storage, through the front door, on the real disk.
import { afterEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostClock } from '../../src/host-clock.js';
import { PawlError } from '../../src/errors.js';
import { openJournal, openWalWriter } from '../../src/journal/open-journal.js';
import { AppendTelemetry, InstrumentedWalWriter, type WalAppender } from '../../src/journal/wal-writer.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import {
  actorsOf,
  dropSeal,
  event,
  newDir,
  newestSegment,
  removeDirs,
  segmentFiles,
  tree,
} from './wal-fixtures.js';

afterEach(removeDirs);

describe('row 1: a new log', () => {
  it('is created with its folders when the parent exists', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    expect(readdirSync(dir).sort()).toEqual(['lock', 'quarantine', 'snapshots', 'wal']);
    expect(segmentFiles(dir)).toEqual([]);
    await journal.append(event(1));
    expect(segmentFiles(dir)).toEqual([join(dir, 'wal', '00000000000000000001.wal')]);
    await journal.close();
  });

  it('is opened again after nothing was written, unchanged', async () => {
    const dir = newDir();
    await (await openJournal(dir)).close();
    await (await openJournal(dir, { expectExisting: true })).close();
    expect(segmentFiles(dir)).toEqual([]);
  });
});

describe('row 2: append writes exactly the documented bytes', () => {
  it('writes the segment of the format page, byte for byte', async () => {
    const page = readFileSync(join(process.cwd(), 'docs/journal-format.md'), 'utf8');
    const block = /```hex\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    const documented = block
      .split('\n')
      .map((line) => line.replace(/\s*;.*$/, '').replace(/\s/g, ''))
      .join('');
    const dir = newDir();
    let made = 0;
    const ids = { nextId: () => `01890000-0000-7000-8000-00000000000${String(++made)}` };
    const journal = await openJournal(dir, { ids });
    await journal.append([
      { type: 'TenantCreated', sequence: 1, at: 1_795_219_200_000, tenantId: 'acme', name: 'Acme' },
      {
        type: 'RoleAssigned',
        sequence: 2,
        at: 1_795_219_200_000,
        actorId: 'ann',
        tenantId: 'acme',
        role: 'operator',
      },
    ]);
    await journal.close();
    expect(readFileSync(newestSegment(dir)).toString('hex')).toBe(documented);
  });
});

describe('row 3: append, flush and close', () => {
  it('succeed; flush with nothing waiting resolves; a second close is a no-op', async () => {
    const journal = await openJournal(newDir());
    await journal.flush();
    expect((await journal.append(event(1))).firstSequence).toBe(1);
    await journal.flush();
    await journal.close();
    await journal.close();
  });

  it('append and flush after close are refused with CLOSED', async () => {
    const journal = await openJournal(newDir());
    await journal.close();
    await expect(journal.append(event(1))).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(journal.flush()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('a log dropped without close has everything acknowledged', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    for (const sequence of [1, 2, 3]) await journal.append(event(sequence, `a${String(sequence)}`));
    await journal.close();
    dropSeal(newestSegment(dir));
    const again = await openJournal(dir);
    expect(again.currentSequence).toBe(3);
    expect(await actorsOf(again)).toEqual(['a1', 'a2', 'a3']);
    await again.close();
  });
});

describe('row 3a: telemetry', () => {
  it('is 0 and 0 on opening, counts successes and failures of append, and nothing else', async () => {
    const dir = newDir();
    const writer = await openWalWriter(dir);
    const { telemetry } = writer;
    expect(telemetry).toBeInstanceOf(AppendTelemetry);
    expect(telemetry.snapshot()).toEqual({ appendSuccessTotal: 0, appendFailureTotal: 0 });
    await writer.append([event(1), event(2)]);
    await expect(writer.append(event(9))).rejects.toMatchObject({ code: 'SEQUENCE_VIOLATION' });
    expect(telemetry.snapshot()).toEqual({ appendSuccessTotal: 1, appendFailureTotal: 1 });
    await writer.close();
    await expect(writer.flush()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(telemetry.snapshot()).toEqual({ appendSuccessTotal: 1, appendFailureTotal: 1 });
    const again = await openWalWriter(dir);
    expect(again.telemetry.snapshot()).toEqual({ appendSuccessTotal: 0, appendFailureTotal: 0 });
    await again.close();
  });

  it('passes the very error object of the writer through', async () => {
    const failure = new PawlError('STORAGE_FULL', 'full');
    const broken: WalAppender = {
      currentSequence: 7,
      append: () => Promise.reject(failure),
      flush: () => Promise.reject(failure),
      close: () => Promise.resolve(),
    };
    const writer = new InstrumentedWalWriter(broken);
    await expect(writer.append(event(8))).rejects.toBe(failure);
    await expect(writer.flush()).rejects.toBe(failure);
    expect([writer.currentSequence, writer.telemetry.snapshot()]).toEqual([
      7,
      { appendSuccessTotal: 0, appendFailureTotal: 1 },
    ]);
  });
});

describe('row 4: an empty log', () => {
  it('is at sequence 0, whichever way it is opened', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    expect(journal.currentSequence).toBe(0);
    await journal.close();
    const reader = await openJournal(dir, { readOnly: true });
    expect([reader.currentSequence, await actorsOf(reader)]).toEqual([0, []]);
  });
});

describe('row 5: a log of 3, 4, 5', () => {
  it('goes on at 6 when it is opened again', async () => {
    const dir = newDir();
    const writer = await openWalWriter(dir);
    for (const sequence of [3, 4, 5]) await writer.append(event(sequence));
    await writer.close();
    const again = await openWalWriter(dir);
    expect(again.currentSequence).toBe(5);
    expect((await again.append(event(6))).firstSequence).toBe(6);
    await again.close();
    expect(segmentFiles(dir).map((path) => path.slice(-12))).toEqual(['00000003.wal', '00000006.wal']);
  });
});

describe('row 7: places that cannot be opened', () => {
  it('a missing parent is refused and nothing is created', async () => {
    const dir = join(newDir(), 'deeper');
    await expect(openJournal(dir)).rejects.toMatchObject({ code: 'DATA_DIR_MISSING', data: { path: dir } });
    expect(existsSync(dirname(dir))).toBe(false);
  });

  it('a missing directory is refused with readOnly and with expectExisting, and nothing is created', async () => {
    const dir = newDir();
    await expect(openJournal(dir, { readOnly: true })).rejects.toMatchObject({ code: 'DATA_DIR_MISSING' });
    await expect(openJournal(dir, { expectExisting: true })).rejects.toMatchObject({
      code: 'DATA_DIR_MISSING',
    });
    expect(existsSync(dir)).toBe(false);
    mkdirSync(dir);
    await expect(openJournal(dir, { readOnly: true })).rejects.toMatchObject({ code: 'DATA_DIR_MISSING' });
    await expect(openJournal(dir, { expectExisting: true })).rejects.toMatchObject({
      code: 'DATA_DIR_MISSING',
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('a directory of somebody else, or a file, is refused and left alone', async () => {
    const dir = newDir();
    mkdirSync(dir);
    writeFileSync(join(dir, 'thesis.txt'), 'mine');
    const before = tree(dir);
    await expect(openJournal(dir)).rejects.toMatchObject({ code: 'DATA_DIR_FOREIGN', data: { path: dir } });
    expect(tree(dir)).toEqual(before);
    await expect(openJournal(join(dir, 'thesis.txt'))).rejects.toMatchObject({ code: 'DATA_DIR_FOREIGN' });
  });

  it.each([
    ['cannot be written', 'lock', 'EROFS', 'READ_ONLY_STORAGE'],
    ['may not be written', 'lock', 'EACCES', 'READ_ONLY_STORAGE'],
    ['is on a full disk', 'mkdir', 'ENOSPC', 'STORAGE_FULL'],
    ['is on a broken disk', 'readdir', 'EIO', 'STORAGE_FAILED'],
  ] as const)(
    'a directory that %s is refused with its path and left alone',
    async (_what, operation, errno, code) => {
      const storage = new FaultyStorage();
      await storage.mkdir('/data');
      storage.failNext(operation, errno);
      await expect(openJournal('/data', { storage })).rejects.toMatchObject({
        code,
        message: expect.stringContaining('/data'),
        data: { errno },
      });
      expect((await storage.readdir('/data')).filter((name) => name !== 'lock')).toEqual([]);
      await (await openJournal('/data', { storage })).close();
    },
  );
});

describe('row 8: sequences that do not follow', () => {
  it('are refused with what was expected; the file is untouched and the next right one works; also after a restart', async () => {
    const dir = newDir();
    const writer = await openWalWriter(dir);
    await writer.append(event(5));
    const before = readFileSync(newestSegment(dir));
    for (const provided of [3, 5, 10]) {
      await expect(writer.append(event(provided))).rejects.toMatchObject({
        code: 'SEQUENCE_VIOLATION',
        data: { expected: 6, provided },
      });
    }
    expect(writer.currentSequence).toBe(5);
    expect(readFileSync(newestSegment(dir)).equals(before)).toBe(true);
    await writer.append(event(6));
    await writer.close();
    const after = tree(join(dir, 'wal'));
    const again = await openWalWriter(dir);
    for (const provided of [5, 6, 8]) {
      await expect(again.append(event(provided))).rejects.toMatchObject({ data: { expected: 7, provided } });
    }
    expect(tree(join(dir, 'wal'))).toEqual(after);
    await again.append([event(7), event(8)]);
    await expect(again.append([event(9), event(11)])).rejects.toMatchObject({
      data: { expected: 10, provided: 11 },
    });
    await again.close();
  });

  it('are judged before the encoding, and the encoding after them', async () => {
    const writer = await openWalWriter(newDir());
    await writer.append(event(1));
    const broken = { ...event(4), type: 'Nothing' };
    await expect(writer.append(broken as never)).rejects.toMatchObject({ code: 'SEQUENCE_VIOLATION' });
    await expect(writer.append({ ...broken, sequence: 2 } as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    expect((await writer.append(event(2))).firstSequence).toBe(2);
    await writer.close();
    await expect(writer.append(broken as never)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('and what could not be encoded leave nothing between the commits around them', async () => {
    const dir = newDir();
    const writer = await openWalWriter(dir);
    const refused = { ...event(2, 'refused'), actorId: 7 };
    const [first, no, second] = await Promise.allSettled([
      writer.append(event(1, 'first')),
      writer.append(refused as never),
      writer.append(event(2, 'second')),
    ]);
    expect([first.status, no.status, second.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await expect(writer.append({ ...refused, sequence: 3 } as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await writer.append(event(3, 'third'));
    await writer.close();
    const again = await openJournal(dir);
    expect(await actorsOf(again)).toEqual(['first', 'second', 'third']);
    await again.close();
  });

  it('the first of an empty log is free again when it could not be encoded', async () => {
    const writer = await openWalWriter(newDir());
    await expect(writer.append({ ...event(40), actorId: 7 } as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await expect(writer.append(event(0))).rejects.toMatchObject({ data: { expected: 1, provided: 0 } });
    expect(writer.currentSequence).toBe(0);
    expect((await writer.append(event(12))).firstSequence).toBe(12);
    await writer.close();
  });
});

describe('row 10: truncate-partial on a clean log', () => {
  it.each(['closed', 'dropped'])('changes nothing in one that was %s', async (how) => {
    const dir = newDir();
    const writer = await openWalWriter(dir);
    for (const sequence of [1, 2]) await writer.append(event(sequence));
    await writer.close();
    if (how === 'dropped') dropSeal(newestSegment(dir));
    const before = tree(join(dir, 'wal'));
    const again = await openJournal(dir, { repair: 'truncate-partial' });
    expect([again.currentSequence, again.repaired]).toEqual([2, undefined]);
    expect(tree(join(dir, 'wal'))).toEqual(before);
    expect(readdirSync(join(dir, 'quarantine'))).toEqual([]);
    await again.close();
  });
});

describe('times', () => {
  it('must be equal within a commit', async () => {
    const writer = await openWalWriter(newDir(), { clock: hostClock });
    await expect(writer.append([event(1, 'a', 5), event(2, 'a', 6)])).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await writer.close();
  });
});
