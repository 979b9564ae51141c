// The parts of the write path by themselves, where a whole journal does not lead: what was not opened yet, what was closed
// already, what a lock or a folder that is not ours says, and work that is under way when it is to end.
import { describe, expect, it } from '@jest/globals';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { dataDirPaths } from '../../src/journal/data-dir.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { GatheringBatch } from '../../src/journal/gathering-batch.js';
import { openJournal, openWalReader, openWalWriter } from '../../src/journal/index.js';
import { warnOfNetwork } from '../../src/journal/network-file-systems.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { ReserveFile } from '../../src/journal/reserve-file.js';
import type { Storage } from '../../src/journal/storage.js';
import { Upkeep } from '../../src/journal/upkeep.js';
import { WalWriter } from '../../src/journal/wal-writer.js';
import { silentLogger } from '../../src/logger.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { heartbeat } from './backend-contract.js';
import { actorsOf, event } from './wal-fixtures.js';

const DIR = '/data';
const paths = dataDirPaths(DIR);
const ids = uuidV7(hostClock, hostRandom());

describe('a batch that nothing was gathered in', () => {
  it('has no sequence, no time and no bytes, and nothing can be taken back from it', () => {
    const batch = new GatheringBatch();
    const { size, end, firstSequence, lastSequence, lastAt } = batch;
    expect({ size, end, firstSequence, lastSequence, lastAt }).toEqual({
      size: 0,
      end: 0,
      firstSequence: 0,
      lastSequence: 0,
      lastAt: 0,
    });
    expect([batch.startOf(0), batch.eventsOf(0)]).toEqual([0, 0]);
    batch.drop();
    expect(batch.end).toBe(0);
  });

  it('says where the last of its commits ends, and of one that is not there that it has no events', () => {
    const batch = new GatheringBatch();
    const events = [heartbeat('a'), heartbeat('b')];
    const bytes = batch.encode({ header: { at: 3 }, events });
    batch.keep({ header: { at: 3 }, firstSequence: 7, events }, () => undefined, false);
    expect([batch.firstSequence, batch.lastSequence, batch.lastAt]).toEqual([7, 8, 3]);
    expect([batch.eventsOf(0), batch.eventsOf(1), batch.startOf(1)]).toEqual([2, 0, batch.end]);
    expect(batch.end).toBeGreaterThan(bytes);
  });
});

describe('a backend', () => {
  it('that was not opened has nothing to read and nothing to let go of', async () => {
    const storage = new FaultyStorage();
    const backend = new FileBackend(storage, DIR);
    expect(() => backend.read(1, 2)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await backend.close({ abandon: false });
    expect(storage.operations).toBe(0);
  });

  it('that was closed takes nothing, checks nothing and is not closed again', async () => {
    const storage = new FaultyStorage();
    const backend = new FileBackend(storage, DIR);
    const journal = await openJournalOn(backend, { clock: hostClock, ids });
    journal.append({ header: { at: 1_000 }, events: [heartbeat('a')] }, () => undefined);
    await journal.close();
    const { operations } = storage;
    const batch = new GatheringBatch();
    await expect(backend.append(batch)).rejects.toMatchObject({ code: 'CLOSED' });
    await backend.checkRest();
    await backend.endSegment();
    await backend.close({ abandon: false });
    expect(storage.operations).toBe(operations);
  });

  it('that cannot be opened, nor close what it had opened, lets go of the directory', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal(DIR, { storage });
    await journal.append(event(1));
    storage.forgetProcess();
    let failed = false;
    storage.setFaults((operation, path) => {
      if (operation === 'close' && failed) return { kind: 'fail', errno: 'EIO' };
      if (operation !== 'stat' || path !== paths.lock || failed) return undefined;
      failed = true;
      return { kind: 'fail', errno: 'ENOMEM' };
    });
    await expect(openJournal(DIR, { storage })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { errno: 'ENOMEM' },
    });
    storage.setFaults(undefined);
    expect((await openJournal(DIR, { storage })).currentSequence).toBe(1);
  });
});

describe('a directory that is locked', () => {
  it.each([
    ['', 'Another process', {}],
    ['null', 'Another process', {}],
    ['7', 'Another process', {}],
    ['{"pid":1}', 'Another process', { pid: 1 }],
    ['{"pid":"1","host":"h"}', 'Another process', { pid: '1', host: 'h' }],
    ['{"pid":1,"host":"h","more":2}', 'Process 1 on h', { pid: 1, host: 'h' }],
  ])('says as much of its holder as the file does: %s', async (text, who, info) => {
    const storage = new FaultyStorage();
    await (await openJournal(DIR, { storage })).close();
    const held = await storage.lock(paths.lock);
    if (held.kind === 'held') await held.lock.describe(text);
    const error = await openJournal(DIR, { storage }).catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: 'DATA_DIR_LOCKED' });
    expect(error).toMatchObject({ message: expect.stringMatching(new RegExp(`^${who} has `)) });
    expect((error as { data: unknown }).data).toEqual({ path: paths.lock, ...info });
  });
});

describe('what is no data directory', () => {
  it('is a file', async () => {
    const storage = new FaultyStorage();
    storage.place(DIR, Buffer.from('a file'));
    const foreign = { code: 'DATA_DIR_FOREIGN', data: { path: DIR } };
    await expect(openWalReader(DIR, { storage })).rejects.toMatchObject(foreign);
    await expect(openJournal(DIR, { storage })).rejects.toMatchObject(foreign);
  });

  it.each([
    [3, 'f1, f2, f3 and'],
    [4, 'f1, f2, f3, … and'],
  ])('holds %i files of somebody else, three of which are named', async (count, said) => {
    const storage = new FaultyStorage();
    for (let index = 1; index <= count; index++) storage.place(`${DIR}/f${String(index)}`, Buffer.alloc(1));
    await expect(openWalReader(DIR, { storage })).rejects.toMatchObject({
      code: 'DATA_DIR_FOREIGN',
      message: expect.stringContaining(said),
      data: { found: ['f1', 'f2', 'f3'] },
    });
  });
});

describe('an opening', () => {
  it('takes no word for true or false', async () => {
    const storage = new FaultyStorage();
    await expect(openJournal(DIR, { storage, readOnly: 'yes' as never })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      data: { path: 'options.readOnly' },
    });
    expect(storage.operations).toBe(0);
  });

  it('without the lock finds no log in a directory that has none', async () => {
    const storage = new FaultyStorage();
    storage.place(paths.lock, Buffer.alloc(0));
    await expect(openWalReader(DIR, { storage })).rejects.toMatchObject({
      code: 'DATA_DIR_MISSING',
      message: expect.stringContaining(`no ${paths.wal}`),
    });
  });
});

describe('a log that is only read', () => {
  it('takes nothing, and has nothing to flush', async () => {
    const storage = new FaultyStorage();
    await (await openJournal(DIR, { storage })).close();
    const journal = await openJournal(DIR, { storage, readOnly: true });
    const refused = { code: 'READ_ONLY_STORAGE', data: { path: DIR } };
    await expect(journal.append(event(1))).rejects.toMatchObject(refused);
    await expect(journal.flush()).rejects.toMatchObject(refused);
    expect(journal.telemetry.snapshot()).toEqual({ appendSuccessTotal: 0, appendFailureTotal: 1 });
    await journal.close();
  });
});

describe('a writer', () => {
  it('takes no commit without events, and goes on', async () => {
    const storage = new FaultyStorage();
    const writer = await openWalWriter(DIR, { storage });
    await expect(writer.append([])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await writer.append(event(1));
    await expect(writer.append([])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(writer.currentSequence).toBe(1);
    await writer.close();
  });

  it('takes no event that there is none of, leaves nothing of it, and flushes what it took', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal(DIR, { storage });
    const unknown = { ...event(1), type: 'Nothing' } as never;
    await expect(journal.append(unknown)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    let acknowledged = 0;
    const appended = journal.append(event(1)).then(() => acknowledged++);
    await journal.flush();
    await appended;
    expect([acknowledged, await actorsOf(journal)]).toEqual([1, ['a']]);
    await journal.close();
  });

  it('that is disposed of is closed', async () => {
    const storage = new FaultyStorage();
    const writer = await openWalWriter(DIR, { storage });
    await writer[Symbol.asyncDispose]();
    await expect(writer.append(event(1))).rejects.toMatchObject({ code: 'CLOSED' });
    const journal = await openJournal(DIR, { storage });
    await journal[Symbol.asyncDispose]();
    await expect(journal.append(event(1))).rejects.toMatchObject({ code: 'CLOSED' });
    const bare = new WalWriter(await openJournalOn(new FileBackend(storage, DIR), { clock: hostClock, ids }));
    await bare[Symbol.asyncDispose]();
    await expect(bare.append(event(1))).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('the upkeep', () => {
  it('that is stopped while it is at work ends with that, and nothing follows', async () => {
    const clock = new ManualClock();
    const works: (() => void)[] = [];
    const upkeep = new Upkeep(clock, 1_000, () => new Promise((resolve) => works.push(resolve)));
    await clock.advance(1_000);
    let stopped = false;
    const stopping = upkeep.stop().then(() => {
      stopped = true;
    });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect([works.length, stopped]).toEqual([1, false]);
    works[0]?.();
    await stopping;
    await clock.advance(5_000);
    expect(works).toHaveLength(1);
  });
});

describe('the reserve', () => {
  it('that cannot be removed is no room that was given, and is looked for no more', async () => {
    const storage = new FaultyStorage();
    await storage.mkdir(DIR);
    const reserve = new ReserveFile(storage, paths, 1_000);
    expect(await reserve.keep()).toBe(true);
    storage.failNext('unlink', 'EIO');
    expect([await reserve.give(), await reserve.give()]).toEqual([false, false]);
    expect((await storage.stat(paths.reserve))?.sizeBytes).toBe(1_000);
  });
});

describe('a storage that knows nothing of its file system', () => {
  it('is not warned of', async () => {
    const rest = storageOf(new FaultyStorage());
    const warned: unknown[] = [];
    const logger = { ...silentLogger, warn: (...line: unknown[]) => warned.push(line) };
    await warnOfNetwork(rest, DIR, logger);
    await warnOfNetwork(
      { ...rest, fileSystem: () => Promise.resolve({ type: 0x6969, freeBytes: 1 }) },
      DIR,
      logger,
    );
    expect(warned).toHaveLength(1);
  });
});

function storageOf(disk: FaultyStorage): Storage {
  return {
    open: disk.open.bind(disk),
    mkdir: disk.mkdir.bind(disk),
    rename: disk.rename.bind(disk),
    unlink: disk.unlink.bind(disk),
    readdir: disk.readdir.bind(disk),
    stat: disk.stat.bind(disk),
    syncDir: disk.syncDir.bind(disk),
    lock: disk.lock.bind(disk),
    holder: disk.holder.bind(disk),
  };
}
