// Reading a log without the lock while its owner goes on: retention takes the oldest segments away between any two
// steps of a reader. It looks again, or says what is gone and where the log begins; it never calls that a broken disk.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { FileBackend } from '../../src/journal/file-backend.js';
import {
  loadProjectionFromStorage,
  openJournal,
  openWalReader,
  openWalWriter,
  verify,
} from '../../src/journal/index.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import type { OpenMode } from '../../src/journal/storage.js';
import { Projections } from '../../src/projections/projections.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { at } from './recovery-files.js';

const DIR = '/data';
const WAL = `${DIR}/wal`;
const EVENTS = 40;
const SNAPSHOT_AT = 30;
const files = new Map<string, Buffer>();
let segments: string[] = [];
let hash = '';

beforeAll(async () => {
  const storage = new FaultyStorage();
  const state = new Projections();
  const writer = await openWalWriter(DIR, { storage, limits: { segmentBytes: 400 } });
  for (let sequence = 1; sequence <= EVENTS; sequence++) {
    const tenantId = `t${String(sequence)}`;
    state.apply(
      await writer.append(at(sequence, 1_000, 'TenantCreated', { tenantId, name: 'n'.repeat(40) })),
    );
    if (sequence === SNAPSHOT_AT)
      await takeSnapshot(state, new FileBackend(storage, DIR).snapshots, { takenAt: 1_000 });
  }
  await writer.close();
  hash = state.stateHash();
  segments = (await storage.readdir(WAL)).map((name) => `${WAL}/${name}`);
  for (const path of [...segments, `${DIR}/head`, `${DIR}/snapshots/${String(SNAPSHOT_AT)}.snapshot`])
    files.set(path, storage.contents(path));
});

function disk(): FaultyStorage {
  const storage = new FaultyStorage();
  for (const [path, bytes] of files) storage.place(path, bytes);
  return storage;
}

function segment(index: number): string {
  return segments[index] ?? '';
}

function sequenceOf(path: string): number {
  return Number.parseInt(path.slice(-24), 10);
}

/** Does something right before a file is opened for the first time. */
function before(storage: FaultyStorage, path: string, act: () => Promise<void>): void {
  const open = storage.open.bind(storage);
  let left = 1;
  storage.open = async (asked: string, mode: OpenMode) => {
    if (asked === path && --left === 0) await act();
    return await open(asked, mode);
  };
}

async function remove(storage: FaultyStorage, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    if ((await storage.stat(segment(index))) !== undefined) await storage.unlink(segment(index));
  }
}

async function firstOf(reader: {
  read(range: object): AsyncIterable<{ firstSequence: number }>;
}): Promise<number> {
  for await (const commit of reader.read({ from: 1 })) return commit.firstSequence;
  return 0;
}

describe('segments that go while a reader is opened', () => {
  it('have the fixture they need', () => {
    expect(segments.length).toBeGreaterThan(5);
    expect(sequenceOf(segment(3))).toBeLessThan(SNAPSHOT_AT);
  });

  it.each([1, 3])('make it look again, and begin where the log begins then: %i of them', async (count) => {
    const storage = disk();
    before(storage, segment(0), () => remove(storage, count));
    const reader = await openWalReader(DIR, { storage });
    expect(reader.damage).toBeUndefined();
    expect([reader.firstSequence, reader.currentSequence]).toEqual([sequenceOf(segment(count)), EVENTS]);
  });

  it('again and again, make it look again each time', async () => {
    const storage = disk();
    for (const index of [0, 1, 2]) before(storage, segment(index), () => remove(storage, index + 1));
    const reader = await openWalReader(DIR, { storage });
    expect([reader.damage, reader.firstSequence]).toEqual([undefined, sequenceOf(segment(3))]);
  });

  it('make a verification look again', async () => {
    const storage = disk();
    before(storage, segment(0), () => remove(storage, 2));
    expect(await verify(DIR, { storage })).toMatchObject({
      segments: segments.length - 2,
      firstSequence: sequenceOf(segment(2)),
      lastSequence: EVENTS,
    });
  });

  it('in the middle are missing: retention never takes those', async () => {
    const storage = disk();
    before(storage, segment(2), () => storage.unlink(segment(2)));
    await expect(verify(DIR, { storage })).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await expect(verify(DIR, { storage })).rejects.toMatchObject({ code: 'SEGMENT_MISSING' });
  });

  it('with the whole directory are a failure of the storage, said at once', async () => {
    const storage = disk();
    before(storage, segment(0), async () => {
      await remove(storage, segments.length);
      storage.setFaults((operation) =>
        operation === 'readdir' ? { kind: 'fail', errno: 'ENOENT' } : undefined,
      );
    });
    await expect(verify(DIR, { storage })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { path: segment(0), errno: 'ENOENT' },
    });
  });
});

describe('segments that go while a reader reads', () => {
  it('are told with the first event that is kept, and reading from there goes on', async () => {
    const storage = disk();
    const reader = await openWalReader(DIR, { storage });
    await remove(storage, 2);
    const firstAvailable = sequenceOf(segment(2));
    await expect(firstOf(reader)).rejects.toMatchObject({
      code: 'HISTORY_GONE',
      data: { from: 1, firstAvailable },
    });
    const found: number[] = [];
    for await (const commit of reader.read({ from: firstAvailable })) found.push(commit.firstSequence);
    expect([found[0], found.at(-1)]).toEqual([firstAvailable, EVENTS]);
  });

  it('from a place in the middle, are told with that place', async () => {
    const storage = disk();
    const reader = await openWalReader(DIR, { storage });
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const commit of reader.read({ from: 1 })) {
          seen.push(commit.firstSequence);
          await remove(storage, 3);
        }
      })(),
    ).rejects.toMatchObject({
      code: 'HISTORY_GONE',
      data: { from: sequenceOf(segment(1)), firstAvailable: sequenceOf(segment(3)) },
    });
    // What was open is read to its end.
    expect(seen.at(-1)).toBe(sequenceOf(segment(1)) - 1);
  });

  it('are not gone when they only cannot be opened, or when nobody can tell', async () => {
    const storage = disk();
    const reader = await openWalReader(DIR, { storage });
    storage.failNext('open', 'EMFILE');
    await expect(firstOf(reader)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { errno: 'EMFILE' },
    });
    await remove(storage, 1);
    storage.setFaults((operation) => (operation === 'readdir' ? { kind: 'fail', errno: 'EIO' } : undefined));
    await expect(firstOf(reader)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { errno: 'ENOENT' },
    });
    storage.setFaults(undefined);
    await remove(storage, segments.length);
    await expect(firstOf(reader)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { errno: 'ENOENT' },
    });
  });
});

describe('a log of which nothing is there', () => {
  it('is read to its end at once, and begins with the first event', async () => {
    const storage = new FaultyStorage();
    await (await openJournal(DIR, { storage })).close();
    const reader = await openWalReader(DIR, { storage });
    expect([reader.firstSequence, await firstOf(reader)]).toEqual([1, 0]);
    const whole = await openWalReader(DIR, { storage: disk() });
    for await (const commit of whole.read({ from: 5, to: 4 })) expect(commit).toBeUndefined();
  });
});

describe('a load without the lock', () => {
  it('begins again when a segment that it needs goes, and comes to the same state', async () => {
    const storage = disk();
    await storage.unlink(`${DIR}/snapshots/${String(SNAPSHOT_AT)}.snapshot`);
    const bytes = files.get(`${DIR}/snapshots/${String(SNAPSHOT_AT)}.snapshot`) ?? Buffer.alloc(0);
    // Listed, and gone when it is read; by then a snapshot stands for it.
    before(storage, segment(0), async () => {
      storage.place(`${DIR}/snapshots/${String(SNAPSHOT_AT)}.snapshot`, bytes);
      await remove(storage, 2);
    });
    const loaded = await loadProjectionFromStorage(DIR, { storage, readOnly: true });
    expect(loaded).toMatchObject({ snapshotSequence: SNAPSHOT_AT });
    expect(loaded.projections.stateHash()).toBe(hash);
  });

  it('says what is missing when no snapshot stands for what went', async () => {
    const storage = disk();
    await storage.unlink(`${DIR}/snapshots/${String(SNAPSHOT_AT)}.snapshot`);
    // Listed, and gone when it is read.
    before(storage, segment(0), () => remove(storage, 1));
    await expect(loadProjectionFromStorage(DIR, { storage, readOnly: true })).rejects.toMatchObject({
      code: 'SEGMENT_MISSING',
      data: { stage: 'read', expectedSeq: 1, firstAvailable: sequenceOf(segment(1)) },
    });
  });

  it('knows of head what it knew before the log was looked at', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal(DIR, { storage });
    // The first commit and its head come between the look at the log and whatever follows.
    const readdir = storage.readdir.bind(storage);
    let listed = 0;
    storage.readdir = async (path: string) => {
      const names = await readdir(path);
      if (path === WAL && ++listed === 1)
        await journal.append(at(1, 1_000, 'TenantCreated', { tenantId: 't', name: 'n' }));
      return names;
    };
    const loaded = await loadProjectionFromStorage(DIR, { storage, readOnly: true });
    expect(loaded.projections.sequence).toBe(0);
    await journal.close();
  });

  it('needs no head', async () => {
    const storage = disk();
    await storage.unlink(`${DIR}/head`);
    const loaded = await loadProjectionFromStorage(DIR, { storage, readOnly: true });
    expect(loaded.projections.stateHash()).toBe(hash);
  });
});

describe('a storage that breaks its promises', () => {
  it('is not taken for damage of the log', async () => {
    const storage = disk();
    const open = storage.open.bind(storage);
    storage.open = async (path: string, mode: OpenMode) => ({
      ...(await open(path, mode)),
      ...(path === segment(0) ? { stat: () => Promise.resolve(undefined as never) } : {}),
    });
    await expect(verify(DIR, { storage })).rejects.toThrow(TypeError);
    await expect(openWalReader(DIR, { storage })).rejects.toThrow(TypeError);
  });

  it('and does not close a file is told with its path', async () => {
    const storage = disk();
    storage.failNext('close', 'EIO', { nth: 2 });
    await expect(verify(DIR, { storage })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { errno: 'EIO', action: 'close', path: segment(0) },
    });
  });
});
