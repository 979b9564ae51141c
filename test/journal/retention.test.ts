// Retention: which segments go and which never do, in what order, and that a start after a crash or a failure at any
// operation of it comes to the same state, from the newest snapshot and from the older one.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { dataDirPaths } from '../../src/journal/data-dir.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { HeadWriter, readHead } from '../../src/journal/head-file.js';
import type { Journal } from '../../src/journal/journal.js';
import { loadProjectionFromStorage } from '../../src/journal/load-projection.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { openWalWriter } from '../../src/journal/open-journal.js';
import { retain, type Retained, type RetainParts } from '../../src/journal/retention.js';
import { FileSnapshots } from '../../src/journal/snapshot-store-files.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { Projections } from '../../src/projections/projections.js';
import { FaultyStorage, type FaultPlan, type StorageOperation } from '../../src/testing/faulty-storage.js';
import { captured, type CapturedLog } from '../acceptance/support/captured-log.js';
import { legalHistory } from '../support/history.js';
import { Random } from '../support/random.js';

const DIR = '/data';
const paths = dataDirPaths(DIR);
const ids = uuidV7(hostClock, hostRandom());
const COMMITS = 60;
/** Commits after which the two snapshots are taken. */
const SNAPSHOTS_AFTER = [30, 50];
const SEEDS = [1, 2];

const files = new Map<string, Buffer>();
let end = '';
let covered: number[] = [];
let names: string[] = [];

beforeAll(async () => {
  const storage = new FaultyStorage();
  const state = new Projections();
  const store = new FileSnapshots(storage, paths.snapshots);
  const writer = await openWalWriter(DIR, { storage, limits: { segmentBytes: 700 } });
  for (const [index, { header, events }] of legalHistory(20, COMMITS).entries()) {
    state.apply(await writer.append(events, header));
    if (SNAPSHOTS_AFTER.includes(index)) await takeSnapshot(state, store, { takenAt: 1 });
  }
  await writer.close();
  end = state.stateHash();
  covered = (await store.list()).map(({ sequence }) => sequence);
  names = [...(await storage.readdir(paths.wal))];
  for (const folder of [paths.wal, paths.snapshots]) {
    for (const name of await storage.readdir(folder))
      files.set(`${folder}/${name}`, storage.contents(`${folder}/${name}`));
  }
  files.set(paths.head, storage.contents(paths.head));
});

function disk(): FaultyStorage {
  const storage = new FaultyStorage();
  for (const [path, bytes] of files) storage.place(path, bytes);
  return storage;
}

/** First sequences of segments, from their names. */
function beginnings(segments: readonly string[]): number[] {
  return segments.map((name) => Number.parseInt(name, 10));
}

/** The names that stay: those whose successor does not begin at or before what the older snapshot reaches, + 1. */
function expected(): string[] {
  const [, older = 0] = covered;
  return names.filter((_name, index) => (beginnings(names)[index + 1] ?? Infinity) - 1 > older);
}

interface Opened {
  readonly storage: FaultyStorage;
  readonly journal: Journal;
  readonly backend: FileBackend;
  readonly log: CapturedLog;
  readonly retain: (more?: Partial<RetainParts>) => Promise<Retained>;
}

async function opened(storage = disk()): Promise<Opened> {
  const backend = new FileBackend(storage, DIR);
  const journal = await openJournalOn(backend, { clock: hostClock, ids });
  const log = captured();
  return {
    storage,
    journal,
    backend,
    log,
    retain: (more = {}) =>
      retain({
        how: 'delete',
        segments: backend.segments,
        snapshots: backend.snapshots,
        journal,
        clock: hostClock,
        logger: log.logger,
        isStopped: () => false,
        wantedFrom: () => Infinity,
        ...more,
      }),
  };
}

/** Starts on what is kept: the same state, without a hole, also from the older snapshot alone. */
async function requireWhole(storage: FaultyStorage): Promise<string[]> {
  for (const only of ['newest', 'older'] as const) {
    const [newest] = await new FileSnapshots(storage, paths.snapshots).list();
    if (only === 'older' && newest !== undefined) await storage.unlink(newest.path);
    const loaded = await loadProjectionFromStorage(DIR, { storage });
    expect(loaded.projections.stateHash()).toBe(end);
    expect(loaded.snapshotsRejected).toEqual([]);
    await loaded.writer?.close();
  }
  return [...(await storage.readdir(paths.wal))];
}

describe('segments', () => {
  it('have the fixture they need', () => {
    expect(names.length).toBeGreaterThan(8);
    expect(covered).toHaveLength(2);
    expect(expected().length).toBeLessThan(names.length - 2);
    expect(expected().length).toBeGreaterThan(2);
  });

  it('go when the second newest snapshot covers them whole, and not one more', async () => {
    const { storage, journal, retain: run, log } = await opened();
    const removed = names.length - expected().length;
    expect(await run()).toEqual({ removed, heldBack: false });
    expect(await storage.readdir(paths.wal)).toEqual(expected());
    expect(journal.firstSequence).toBe(beginnings(expected())[0]);
    expect(log.all('segment removed')).toHaveLength(removed);
    expect(await run()).toEqual({ removed: 0, heldBack: false });
    await journal.close();
    await requireWhole(storage);
  });

  it('go one by one, each durably before the next', async () => {
    const { storage, retain: run } = await opened();
    const order: string[] = [];
    storage.setFaults((operation, path) => {
      if (['unlink', 'rename', 'syncDir', 'mkdir'].includes(operation))
        order.push(`${operation} ${path.replace('/data/', '')}`);
      return undefined;
    });
    await run();
    const gone = names.slice(0, names.length - expected().length);
    expect(order).toEqual([
      'syncDir snapshots',
      ...gone.flatMap((name) => [`unlink wal/${name}`, 'syncDir wal']),
    ]);
  });

  it('are moved to archive whole, the new name durable before the old one is gone', async () => {
    const { storage, journal, retain: run } = await opened();
    const order: string[] = [];
    storage.setFaults((operation, path) => {
      if (['unlink', 'rename', 'syncDir', 'mkdir'].includes(operation))
        order.push(`${operation} ${path.replace('/data', '')}`);
      return undefined;
    });
    await run({ how: 'archive' });
    const gone = names.slice(0, names.length - expected().length);
    expect(order).toEqual([
      'syncDir /snapshots',
      'mkdir /archive',
      'syncDir ',
      ...gone.flatMap((name) => [`rename /wal/${name}`, 'syncDir /archive', 'syncDir /wal']),
    ]);
    expect(await storage.readdir(`${DIR}/archive`)).toEqual(gone);
    for (const name of gone)
      expect(storage.contents(`${DIR}/archive/${name}`)).toEqual(files.get(`${paths.wal}/${name}`));
    await journal.close();
    await requireWhole(storage);
  });

  it('stay while there is one snapshot, or none', async () => {
    for (const count of [1, 0]) {
      const storage = disk();
      for (const { path } of (await new FileSnapshots(storage, paths.snapshots).list()).slice(count))
        await storage.unlink(path);
      const { retain: run } = await opened(storage);
      expect(await run()).toEqual({ removed: 0, heldBack: false });
      expect(await storage.readdir(paths.wal)).toEqual(names);
    }
  });

  it('stay from the one on that a reader wants', async () => {
    const { storage, retain: run } = await opened();
    const starts = beginnings(names);
    const wanted = starts[2] ?? 0;
    expect(await run({ wantedFrom: () => wanted - 1 })).toEqual({ removed: 1, heldBack: true });
    expect(await run({ wantedFrom: () => wanted })).toEqual({ removed: 1, heldBack: true });
    expect(await storage.readdir(paths.wal)).toEqual(names.slice(2));
  });

  it('stay once nothing more is to be removed', async () => {
    const { storage, retain: run, log } = await opened();
    await run({ isStopped: () => log.all('segment removed').length === 2 });
    expect(await storage.readdir(paths.wal)).toEqual(names.slice(2));
  });
});

describe('events that are gone', () => {
  it('are refused at once, with the first that is there; the rest is read on', async () => {
    const { journal, retain: run } = await opened();
    const all: number[] = [];
    const reading = journal.read({ from: 1 });
    expect((await reading.next()).done).toBe(false);
    await run();
    const [firstAvailable = 0] = beginnings(expected());
    const { firstSequence } = journal;
    expect(firstSequence).toBe(firstAvailable);
    const gone = { code: 'HISTORY_GONE', data: expect.objectContaining({ firstAvailable }) as unknown };
    await expect(journal.read({ from: firstAvailable - 1 }).next()).rejects.toMatchObject(gone);
    for await (const commit of journal.read({ from: firstAvailable })) all.push(commit.firstSequence);
    expect(all[0]).toBe(firstAvailable);
    // Who was in the middle is told so when it comes to what is gone, and not that the disk failed.
    await expect(
      (async () => {
        for await (const commit of reading) expect(commit.firstSequence).toBeLessThan(firstAvailable);
      })(),
    ).rejects.toMatchObject(gone);
  });
});

describe('nothing goes', () => {
  async function refuses(storage: FaultyStorage, before?: (log: Opened) => Promise<void>): Promise<string> {
    const log = await opened(storage);
    await before?.(log);
    const there = await storage.readdir(paths.wal);
    expect(await log.retain()).toEqual({ removed: 0, heldBack: false });
    expect(await storage.readdir(paths.wal)).toEqual(there);
    return String(log.log.one('segments are kept, for log, head and snapshots disagree')['why']);
  }

  async function writeHead(storage: FaultyStorage, change: object): Promise<void> {
    const head = await readHead(storage, paths.head);
    if (head === undefined) throw new Error('the fixture has a head');
    const writer = new HeadWriter(storage, paths, head.generation);
    await writer.write({ ...head, ...change });
    await writer.close();
  }

  it.each<[string, object]>([
    ['belongs to another log', { logId: 'another-log' }],
    ['is of a later writer', { epoch: 99 }],
    ['knows more than the log', { durableSequence: 1_000_000 }],
  ])('when head %s', async (_name, change) => {
    const storage = disk();
    expect(await refuses(storage, () => writeHead(storage, change))).toMatch(/head/);
  });

  it('when a segment is gone that should be there', async () => {
    const storage = disk();
    const name = names[3] ?? '';
    const why = await refuses(storage, () => storage.unlink(`${paths.wal}/${name}`));
    expect(why).toContain(name);
  });

  it('when a segment is there that should not be', async () => {
    const storage = disk();
    const name = `${'0'.repeat(19)}2.wal`;
    const why = await refuses(storage, async () => {
      storage.place(`${paths.wal}/${name}`, Buffer.from('not ours'));
      await Promise.resolve();
    });
    expect(why).toContain(name);
  });

  it('when the oldest segment is shorter than it was', async () => {
    const storage = disk();
    const path = `${paths.wal}/${names[0] ?? ''}`;
    const why = await refuses(storage, async () => {
      storage.place(path, storage.contents(path).subarray(0, 100));
      await Promise.resolve();
    });
    expect(why).toContain('shorter');
  });

  it('when the newest snapshot is ahead of the log', async () => {
    const storage = disk();
    const why = await refuses(storage, async ({ backend }) => {
      const state = new Projections();
      for (const { header, events } of legalHistory(20, COMMITS + 10))
        state.apply({ header, events, firstSequence: state.sequence + 1 });
      await takeSnapshot(state, backend.snapshots, { takenAt: 1 });
    });
    expect(why).toContain('ahead');
  });

  it.each(['newest', 'older'] as const)('when the %s snapshot is damaged', async (which) => {
    const storage = disk();
    const path = `${paths.snapshots}/${String(covered[which === 'newest' ? 0 : 1])}.snapshot`;
    const bytes = storage.contents(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    storage.place(path, bytes);
    const { retain: run, log } = await opened(storage);
    expect(await run()).toEqual({ removed: 0, heldBack: false });
    expect(await storage.readdir(paths.wal)).toEqual(names);
    expect(log.one('snapshot does not count, it is not whole')).toMatchObject({ path });
  });

  it('when the journal is poisoned', async () => {
    const { retain: run, journal, storage } = await opened();
    const { durableSequence } = journal;
    const keptFrom = (): void => undefined;
    const poisonedBy = new PawlError('JOURNAL_POISONED', 'the fsync of a batch failed');
    const poisoned = { durableSequence, poisonedBy, keptFrom };
    expect(await run({ journal: poisoned })).toEqual({ removed: 0, heldBack: false });
    expect(await storage.readdir(paths.wal)).toEqual(names);
  });

  it('when recovery could not use one of the snapshots, though it is whole', async () => {
    const { retain: run, backend, storage } = await opened();
    backend.snapshots.rejected.add(`${paths.snapshots}/${String(covered[0])}.snapshot`);
    expect(await run()).toEqual({ removed: 0, heldBack: false });
    expect(await storage.readdir(paths.wal)).toEqual(names);
  });

  it('when a snapshot has another name than it was given', async () => {
    const storage = disk();
    const [newest = 0, older = 0] = covered;
    await storage.rename(
      `${paths.snapshots}/${String(older)}.snapshot`,
      `${paths.snapshots}/${String(newest - 1)}.snapshot`,
    );
    const { retain: run } = await opened(storage);
    expect(await run()).toEqual({ removed: 0, heldBack: false });
    expect(await storage.readdir(paths.wal)).toEqual(names);
  });
});

describe('the name of a snapshot', () => {
  /** A third snapshot, at the end of the log, whose name the disk may not have. */
  async function unsynced({ storage, backend }: Opened): Promise<void> {
    const state = new Projections();
    for (const { header, events } of legalHistory(20, COMMITS))
      state.apply({ header, events, firstSequence: state.sequence + 1 });
    storage.failNext('syncDir', 'EIO');
    await expect(takeSnapshot(state, backend.snapshots, { takenAt: 1 })).rejects.toThrow('EIO');
  }

  it('that was not fsynced covers nothing: segments stay', async () => {
    const log = await opened();
    await unsynced(log);
    expect(await log.retain()).toEqual({ removed: 0, heldBack: false });
    expect(await log.storage.readdir(paths.wal)).toEqual(names);
    const { why } = log.log.one('segments are kept, for log, head and snapshots disagree');
    expect(why).toContain('fsync');
  });

  it('that an earlier process left is fsynced before a segment goes', async () => {
    const first = await opened();
    await unsynced(first);
    await first.journal.close();
    const { storage } = first;
    storage.forgetProcess();
    const second = await opened(storage);
    const { removed } = await second.retain();
    expect(removed).toBeGreaterThan(names.length - expected().length);
    // Nothing of what is not durable is left.
    storage.crash(() => 0.99);
    const begin = beginnings(storage.durableNames(paths.wal))[0] ?? 0;
    const covering = beginnings(storage.durableNames(paths.snapshots)).filter((at) => at >= begin - 1);
    expect(covering).toHaveLength(2);
  });

  it('of which it cannot be said whether it is durable keeps the segments', async () => {
    const log = await opened();
    log.storage.failNext('syncDir', 'EIO');
    await expect(log.retain()).rejects.toThrow('EIO');
    expect(await log.retain()).toEqual({ removed: 0, heldBack: false });
    expect(await log.storage.readdir(paths.wal)).toEqual(names);
  });
});

describe('retention that is interrupted', () => {
  const ways = ['delete', 'archive'] as const;

  /** Retention on a disk with faults; `undefined` when it never answers. */
  async function run(
    log: Opened,
    how: 'delete' | 'archive',
    plan: FaultPlan,
  ): Promise<Retained | Error | undefined> {
    const { storage } = log;
    const began = storage.operations;
    storage.setFaults((operation, path, index) => plan(operation, path, index - began));
    const done = log
      .retain({ how })
      .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    const silence = (async () => {
      for (let seen = -1; seen !== storage.operations;) {
        seen = storage.operations;
        for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
      return undefined;
    })();
    return await Promise.race([done, silence]);
  }

  async function operationsOf(how: 'delete' | 'archive'): Promise<StorageOperation[]> {
    const operations: StorageOperation[] = [];
    await run(await opened(), how, (operation) => {
      operations.push(operation);
      return undefined;
    });
    return operations;
  }

  it.each(ways)('by a power cut at any operation (%s) leaves a log without a hole', async (how) => {
    const operations = await operationsOf(how);
    const left = new Set<string>();
    for (const [stopAt, name] of operations.entries()) {
      if (name === 'read' || name === 'stat') continue;
      for (const when of ['before', 'after'] as const) {
        for (const seed of SEEDS) {
          const log = await opened();
          const { storage } = log;
          await run(log, how, (_operation, _path, index) =>
            index === stopAt ? { kind: 'halt', when } : undefined,
          );
          const random = new Random(seed * 1_000 + stopAt);
          storage.crash(() => random.unit());
          const segments = await requireWhole(storage);
          left.add(segments[0] ?? '');
          // Done again, it comes to where it would have come at once.
          const again = await opened(storage);
          expect(await again.retain({ how })).toMatchObject({ heldBack: false });
        }
      }
    }
    expect(left.size).toBeGreaterThan(4);
  });

  it.each(ways)('by a failing operation (%s) leaves a log that goes on', async (how) => {
    const operations = await operationsOf(how);
    let failures = 0;
    for (const [failAt, name] of operations.entries()) {
      if (name === 'read' && failAt % 5 !== 0) continue;
      const log = await opened();
      const { storage, journal } = log;
      const result = await run(log, how, (_operation, _path, index) =>
        index === failAt ? { kind: 'fail', errno: 'EIO' } : undefined,
      );
      storage.setFaults(undefined);
      if (result instanceof Error) {
        failures++;
        expect(result).toMatchObject({ code: 'STORAGE_FAILED' });
      }
      const before = (await storage.readdir(paths.wal)).length;
      await log.retain({ how });
      // After a failed fsync nobody knows which names the disk has: nothing more goes.
      if (name === 'syncDir') expect((await storage.readdir(paths.wal)).length).toBe(before);
      expect(journal.firstSequence).toBe(beginnings(await storage.readdir(paths.wal))[0]);
      await journal.close();
      storage.kill();
      await requireWhole(storage);
    }
    expect(failures).toBeGreaterThan(5);
  });
});
