// Rows D13 and D15, and fencing: a process that lost its directory, or its place as the only writer, notices within a
// second, also while it writes nothing, and writes nothing from then on.
import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { HeadWriter, readHead } from '../../src/journal/head-file.js';
import { hostStorage } from '../../src/journal/host-storage.js';
import type { Journal } from '../../src/journal/journal.js';
import { networkFileSystem } from '../../src/journal/network-file-systems.js';
import { openJournalOn, type OpenJournalOptions } from '../../src/journal/open-journal-on.js';
import { openJournal } from '../../src/journal/open-journal.js';
import type { Storage } from '../../src/journal/storage.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { actorsOf, newDir, removeDirs } from './wal-fixtures.js';

const SEGMENT = '/data/wal/00000000000000000001.wal';
const ids = uuidV7(hostClock, hostRandom());

afterEach(removeDirs);

async function open(storage: Storage, root = '/data', more: Partial<OpenJournalOptions> = {}) {
  const clock = new ManualClock();
  const journal = await openJournalOn(new FileBackend(storage, root), {
    clock,
    ids,
    repair: 'truncate-partial',
    ...more,
  });
  const failures: PawlError[] = [];
  journal.onPoisoned((error) => failures.push(error));
  return { journal, clock, failures };
}

/** Poisoned for good: appending, flushing and closing write nothing. */
async function expectDead(journal: Journal, cause: string): Promise<void> {
  const dead = { code: 'JOURNAL_POISONED', data: { cause, outcome: 'notDone' } };
  await expect(async () => appendDurably(journal, [heartbeat('late')])).rejects.toMatchObject(dead);
  await expect(journal.flush()).rejects.toMatchObject(dead);
  await journal.close();
}

describe('a directory that is lost while the log is idle', () => {
  it.each([
    ['the segment is removed', SEGMENT],
    ['the lock file is removed', '/data/lock'],
  ])('%s: noticed within a second, and reads of what is open go on', async (_what, path) => {
    const storage = new FaultyStorage();
    const { journal, clock, failures } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    await storage.unlink(path);
    await clock.advance(999);
    expect(failures).toEqual([]);
    await clock.advance(1);
    expect(failures).toMatchObject([
      { code: 'JOURNAL_POISONED', data: { cause: 'directory', path: '/data' } },
    ]);
    expect(failures[0]?.message).toContain(`${path} was removed or replaced`);
    const { write, datasync } = storage.counts;
    if (path !== SEGMENT) expect(await actorsOf(journal)).toEqual(['one']);
    await expectDead(journal, 'directory');
    expect(storage.counts).toMatchObject({ write, datasync });
  });

  it('the segment is replaced by a copy of itself: noticed', async () => {
    const storage = new FaultyStorage();
    const { journal, clock, failures } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    storage.place('/data/copy', storage.contents(SEGMENT));
    await storage.rename('/data/copy', SEGMENT);
    await clock.advance(1_000);
    expect(failures).toMatchObject([{ data: { cause: 'directory' } }]);
    await expectDead(journal, 'directory');
  });

  it('before anything was written: noticed by its lock file', async () => {
    const storage = new FaultyStorage();
    const { journal, clock, failures } = await open(storage);
    await storage.unlink('/data/lock');
    await clock.advance(1_000);
    expect(failures).toHaveLength(1);
    await expectDead(journal, 'directory');
  });

  it('moved away on the real disk: noticed, and its bytes stay as they are', async () => {
    const dir = newDir();
    const { journal, clock, failures } = await open(hostStorage, dir);
    await appendDurably(journal, [heartbeat('one')]);
    // The watermark of an idle log.
    await clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const moved = `${dir}-moved`;
    renameSync(dir, moved);
    const segment = join(moved, 'wal', '00000000000000000001.wal');
    const before = readFileSync(segment);
    for (let waited = 0; failures.length === 0 && waited < 100; waited++) {
      await clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(failures).toMatchObject([{ data: { cause: 'directory' } }]);
    await expectDead(journal, 'directory');
    expect(readFileSync(segment).equals(before)).toBe(true);
  });

  it('which nobody can look at proves nothing', async () => {
    const storage = new FaultyStorage();
    const { journal, clock, failures } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    storage.setFaults((operation) => (operation === 'stat' ? { kind: 'fail', errno: 'EIO' } : undefined));
    await clock.advance(5_000);
    storage.setFaults(undefined);
    expect(failures).toEqual([]);
    await appendDurably(journal, [heartbeat('two')]);
    await journal.close();
  });
});

describe('a directory that is lost while something is written', () => {
  it('refuses that as indeterminate: the file without a name took it without a word', async () => {
    const storage = new FaultyStorage();
    const { journal, clock, failures } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    const release = storage.holdSyncs();
    const writing = appendDurably(journal, [heartbeat('two')]);
    writing.catch(() => undefined);
    await storage.unlink(SEGMENT);
    await clock.advance(1_000);
    expect(failures).toEqual([]);
    release();
    await expect(writing).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
      data: { cause: 'directory', outcome: 'indeterminate' },
    });
    expect(failures).toHaveLength(1);
    await expectDead(journal, 'directory');
  });

  it('is looked for by the batch itself when the event loop was held for so long that no timer fired', async () => {
    const storage = new FaultyStorage();
    let nowMs = 0;
    const clock = { ...hostClock, monotonicMs: () => nowMs };
    const { journal } = await open(storage, '/data', { clock });
    await appendDurably(journal, [heartbeat('one')]);
    await storage.unlink(SEGMENT);
    nowMs += 2_000;
    await expect(appendDurably(journal, [heartbeat('two')])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
      data: { cause: 'directory', outcome: 'indeterminate' },
    });
    await journal.close();
  });
});

describe('another writer that took over', () => {
  it('because the lock file was deleted: the first one stops, the second one goes on', async () => {
    const dir = newDir();
    const first = await open(hostStorage, dir);
    await appendDurably(first.journal, [heartbeat('first')]);
    unlinkSync(join(dir, 'lock'));
    const second = await open(hostStorage, dir);
    await appendDurably(second.journal, [heartbeat('second')]);
    for (let waited = 0; first.failures.length === 0 && waited < 100; waited++) {
      await first.clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(first.failures).toHaveLength(1);
    // Two look for it, and the disk decides who is first: the lock file is not ours any more, and head has another epoch.
    const cause = String(first.failures[0]?.data['cause']);
    expect(['directory', 'fenced']).toContain(cause);
    await expectDead(first.journal, cause);
    await appendDurably(second.journal, [heartbeat('third')]);
    await second.journal.close();
    expect(await actorsOf(await openJournal(dir, { readOnly: true }))).toEqual(['first', 'second', 'third']);
  });

  it('shows in head, if nowhere else: within a second', async () => {
    const storage = new FaultyStorage();
    const { journal, clock, failures } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    await takeOver(storage, journal.epoch + 1);
    await clock.advance(1_000);
    expect(failures).toMatchObject([{ data: { cause: 'fenced' } }]);
    expect(failures[0]?.message).toContain(
      'another writer has taken over: head has epoch 2, and this writer has 1',
    );
    await expectDead(journal, 'fenced');
  });

  it('shows in head also when this one wrote there behind it', async () => {
    const storage = new FaultyStorage();
    const { journal, clock, failures } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    // The watermark of an idle log, and head with it.
    await clock.advance(100);
    await takeOver(storage, journal.epoch + 1);
    // Both looked before either wrote: the slot of this writer is the newer one.
    const other = new FaultyStorage();
    await other.mkdir('/data');
    const paths = { root: '/data', head: '/data/head' };
    const { generation = 0, ...theirs } = { ...(await readHead(storage, paths.head)) };
    const writer = new HeadWriter(other, paths, generation);
    await writer.write({
      durableSequence: 1,
      segment: 1,
      batch: 1,
      logId: '',
      ...theirs,
      epoch: journal.epoch,
    });
    const ours = other.contents(paths.head);
    const both = storage.contents(paths.head);
    const at = ((generation + 1) % 2) * 512;
    ours.copy(both, at, at, at + 512);
    storage.place(paths.head, both);
    expect(await readHead(storage, paths.head)).toMatchObject({ epoch: journal.epoch });
    await clock.advance(1_000);
    expect(failures).toMatchObject([{ data: { cause: 'fenced' } }]);
    await expectDead(journal, 'fenced');
  });

  it('shows in head at a rotation at once: nothing is sealed, nothing is made', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage, '/data', { limits: { segmentBytes: 400 } });
    await appendDurably(journal, [heartbeat('x'.repeat(120))]);
    await takeOver(storage, journal.epoch + 1);
    const before = storage.contents(SEGMENT);
    await expect(appendDurably(journal, [heartbeat('y'.repeat(120))])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
      data: { cause: 'fenced' },
    });
    expect(storage.contents(SEGMENT).equals(before)).toBe(true);
    expect(await storage.readdir('/data/wal')).toEqual(['00000000000000000001.wal']);
    await journal.close();
  });

  it('is not written over in head', async () => {
    const storage = new FaultyStorage();
    const { journal, failures } = await open(storage);
    await appendDurably(journal, [heartbeat('one')]);
    const head = storage.contents('/data/head');
    await takeOver(storage, journal.epoch + 1);
    const theirs = storage.contents('/data/head');
    expect(theirs.equals(head)).toBe(false);
    await appendDurably(journal, [heartbeat('two')]);
    // Closing writes head.
    await journal.close().catch(() => undefined);
    expect(storage.contents('/data/head').equals(theirs)).toBe(true);
    expect(failures.length).toBeLessThanOrEqual(1);
  });

  it('and made the next segment already is not overwritten', async () => {
    const storage = new FaultyStorage();
    const { journal } = await open(storage, '/data', { limits: { segmentBytes: 400 } });
    await appendDurably(journal, [heartbeat('x'.repeat(120))]);
    const theirs = '/data/wal/00000000000000000002.wal';
    storage.place(theirs, Buffer.from('theirs'));
    await expect(appendDurably(journal, [heartbeat('y'.repeat(120))])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
      data: { cause: 'fenced' },
    });
    expect(storage.contents(theirs).toString()).toBe('theirs');
    await journal.close();
  });
});

describe('a file system of the network', () => {
  it.each([
    [0x6969, 'nfs'],
    [0xfe534d42, 'smb2'],
    [0x01021997, '9p'],
    [0xef53, undefined],
  ])('%d is %s', (type, name) => {
    expect(networkFileSystem(type)).toBe(name);
  });

  it('is told at opening, and nothing is refused', async () => {
    const storage = new FaultyStorage();
    const network = Object.assign(storage, {
      fileSystem: () => Promise.resolve({ type: 0x6969, freeBytes: 1e12 }),
    });
    const lines: unknown[] = [];
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (fields: object, message: string) => lines.push({ ...fields, message }),
      error: () => undefined,
    };
    const { journal } = await open(network, '/data', { logger });
    await appendDurably(journal, [heartbeat('one')]);
    await journal.close();
    expect(lines).toEqual([
      {
        component: 'journal',
        dataDir: '/data',
        fileSystem: 'nfs',
        message: 'data directory on a network file system',
      },
    ]);
  });

  it('that cannot be asked is not told', async () => {
    const storage = Object.assign(new FaultyStorage(), {
      fileSystem: () => Promise.reject(new Error('ENOSYS')),
    });
    await (await open(storage)).journal.close();
  });
});

/** Writes head as a later writer does. */
async function takeOver(storage: Storage, epoch: number): Promise<void> {
  const writer = new HeadWriter(storage, { root: '/data', head: '/data/head' }, 1);
  await writer.write({ epoch, durableSequence: 1, segment: 1, batch: 3, logId: 'x' });
  await writer.close();
}
