// Faults D1, D4, D11 and D18: whatever stops or fails while a snapshot is taken, a start comes to the same state, from
// the old snapshot or the new one, and what was announced as written is there.
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Commit } from '../../src/domain/events.js';
import { PawlError } from '../../src/errors.js';
import { dataDirPaths } from '../../src/journal/data-dir.js';
import { loadProjectionFromStorage } from '../../src/journal/load-projection.js';
import { openWalWriter } from '../../src/journal/open-journal.js';
import { FileSnapshots } from '../../src/journal/snapshot-store-files.js';
import { takeSnapshot, type SnapshotInfo } from '../../src/journal/snapshot-store.js';
import { Projections } from '../../src/projections/projections.js';
import { FaultyStorage, type FaultPlan, type StorageOperation } from '../../src/testing/faulty-storage.js';
import { legalHistory } from '../support/history.js';
import { Random } from '../support/random.js';

const DIR = '/data';
const SNAPSHOTS = dataDirPaths(DIR).snapshots;
const COMMITS = 20;
const SEEDS = [1, 2, 3];

/** A log of `COMMITS` commits with two snapshots of its first half, as files; the state at its end. */
const files = new Map<string, Buffer>();
let end = new Projections();
let kept: number[] = [];
let commits: Commit[] = [];

beforeAll(async () => {
  commits = [];
  const storage = new FaultyStorage();
  const writer = await openWalWriter(DIR, { storage });
  const state = new Projections();
  const store = new FileSnapshots(storage, SNAPSHOTS);
  for (const [index, { header, events }] of legalHistory(20, COMMITS).entries()) {
    const commit = await writer.append(events, header);
    commits.push(commit);
    state.apply(commit);
    if (index < 2) await takeSnapshot(state, store, { takenAt: 1 });
  }
  await writer.close();
  end = state;
  kept = (await store.list()).map(({ sequence }) => sequence);
  for (const folder of [dataDirPaths(DIR).wal, SNAPSHOTS]) {
    for (const name of await storage.readdir(folder))
      files.set(`${folder}/${name}`, storage.contents(`${folder}/${name}`));
  }
  files.set(dataDirPaths(DIR).head, storage.contents(dataDirPaths(DIR).head));
});

/** The state at the end, of its own: one whose snapshot never answers stays captured. */
function stateAtEnd(): Projections {
  const state = new Projections();
  for (const commit of commits) state.apply(commit);
  return state;
}

function disk(): FaultyStorage {
  const storage = new FaultyStorage();
  for (const [path, bytes] of files) storage.place(path, bytes);
  return storage;
}

/** Takes a snapshot of the end on a disk with faults; `undefined` when it never answers. */
async function take(
  storage: FaultyStorage,
  plan: FaultPlan | undefined,
): Promise<SnapshotInfo | Error | undefined> {
  storage.setFaults(plan);
  const taken = takeSnapshot(stateAtEnd(), new FileSnapshots(storage, SNAPSHOTS), { takenAt: 2 }).catch(
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  const silence = (async () => {
    // A disk without power never answers; one with it answers within microtasks.
    for (let seen = -1; seen !== storage.operations;) {
      seen = storage.operations;
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    return undefined;
  })();
  return await Promise.race([taken, silence]);
}

async function recoverOn(storage: FaultyStorage): Promise<number> {
  const loaded = await loadProjectionFromStorage(DIR, { storage });
  expect(loaded.projections.stateHash()).toBe(end.stateHash());
  expect(loaded.snapshotsRejected).toEqual([]);
  await loaded.writer?.close();
  const names = await storage.readdir(SNAPSHOTS);
  expect(names.filter((name) => !name.endsWith('.snapshot'))).toEqual([]);
  return loaded.snapshotSequence;
}

async function operationsOf(): Promise<StorageOperation[]> {
  const operations: StorageOperation[] = [];
  const storage = disk();
  await take(storage, (operation) => {
    operations.push(operation);
    return undefined;
  });
  return operations;
}

describe('a snapshot that is interrupted', () => {
  it('has the fixture it needs', async () => {
    expect(kept).toHaveLength(2);
    expect(await recoverOn(disk())).toBe(kept[0]);
    const operations = await operationsOf();
    const order = operations.filter((one) =>
      ['write', 'datasync', 'rename', 'syncDir', 'unlink'].includes(one),
    );
    // The older snapshot goes only when the new one is durable under its name.
    expect(order.slice(order.indexOf('write'))).toEqual(['write', 'datasync', 'rename', 'syncDir', 'unlink']);
  });

  it.each(['before', 'after'] as const)(
    'by a power cut %s any operation leaves the old one or the new one',
    async (when) => {
      const { length } = await operationsOf();
      const used = new Set<number>();
      let silent = 0;
      for (let stopAt = 0; stopAt < length; stopAt++) {
        for (const seed of SEEDS) {
          const storage = disk();
          const info = await take(storage, (_operation, _path, index) =>
            index === stopAt ? { kind: 'halt', when } : undefined,
          );
          expect(info).not.toBeInstanceOf(Error);
          const random = new Random(seed * 1_000 + stopAt);
          storage.crash(() => random.unit());
          const sequence = await recoverOn(storage);
          used.add(sequence);
          if (info !== undefined) expect(sequence).toBe(end.sequence);
          else silent++;
        }
      }
      expect(silent).toBeGreaterThan(10 * SEEDS.length);
      expect([...used].sort((left, right) => left - right)).toEqual([kept[0], end.sequence]);
    },
  );

  it('is there after a power cut once it was announced', async () => {
    for (const seed of SEEDS) {
      const storage = disk();
      expect(await take(storage, undefined)).toMatchObject({ sequence: end.sequence });
      const random = new Random(seed);
      storage.crash(() => random.unit());
      expect(await recoverOn(storage)).toBe(end.sequence);
    }
  });

  it('does not take its place when it reads back otherwise than it was written', async () => {
    const storage = disk();
    const before = await storage.readdir(SNAPSHOTS);
    const open = storage.open.bind(storage);
    storage.open = async (path, mode) => {
      const file = await open(path, mode);
      if (!path.endsWith('.tmp') || mode !== 'read') return file;
      const read: typeof file.read = async (into, from, length, position) => {
        const count = await file.read(into, from, length, position);
        if (position === 0) into.writeUInt8(into.readUInt8(from + 100) ^ 1, from + 100);
        return count;
      };
      return { ...file, read };
    };
    const store = new FileSnapshots(storage, SNAPSHOTS);
    await expect(takeSnapshot(stateAtEnd(), store, { takenAt: 2 })).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
    });
    expect(await storage.readdir(SNAPSHOTS)).toEqual(before);
    expect(await recoverOn(storage)).toBe(kept[0]);
  });

  it('does not take its place when it is wanted no more at the very end, when it was read back', async () => {
    const storage = disk();
    const before = await storage.readdir(SNAPSHOTS);
    let wanted = true;
    storage.setFaults((operation) => {
      if (operation === 'read') wanted = false;
      return undefined;
    });
    const store = new FileSnapshots(storage, SNAPSHOTS);
    const refusal = (): PawlError | undefined => (wanted ? undefined : new PawlError('CLOSED', 'closed'));
    await expect(takeSnapshot(stateAtEnd(), store, { takenAt: 2, refusal })).rejects.toMatchObject({
      code: 'CLOSED',
    });
    expect(wanted).toBe(false);
    expect(await storage.readdir(SNAPSHOTS)).toEqual(before);
  });

  it('is of the state where it was to be taken, not where it was asked for', async () => {
    const storage = disk();
    const state = new Projections();
    for (const commit of commits.slice(0, -1)) state.apply(commit);
    const looks: (() => void)[] = [];
    const taken = takeSnapshot(state, new FileSnapshots(storage, SNAPSHOTS), {
      takenAt: 2,
      atBoundary: (look) => looks.push(look),
    });
    for (const commit of commits.slice(-1)) state.apply(commit);
    const before = storage.operations;
    await new Promise((resolve) => setImmediate(resolve));
    expect(storage.operations).toBe(before);
    for (const look of looks) look();
    expect(await taken).toMatchObject({ sequence: end.sequence });
    storage.kill();
    expect(await recoverOn(storage)).toBe(end.sequence);
  });

  it('writes nothing when it is wanted no more where it was to be taken, or cannot be', async () => {
    const storage = disk();
    const state = stateAtEnd();
    const looks: (() => void)[] = [];
    const store = new FileSnapshots(storage, SNAPSHOTS);
    const options = { takenAt: 2, atBoundary: (look: () => void): unknown => looks.push(look) };
    let wanted = true;
    const refusal = (): PawlError | undefined => (wanted ? undefined : new PawlError('CLOSED', 'closed'));
    const taken = takeSnapshot(state, store, { ...options, refusal });
    wanted = false;
    const { open: opened } = storage.counts;
    for (const look of looks.splice(0)) look();
    await expect(taken).rejects.toMatchObject({ code: 'CLOSED' });
    const captured = state.capture();
    const again = takeSnapshot(state, store, options);
    for (const look of looks) look();
    await expect(again).rejects.toMatchObject({ code: 'INTERNAL' });
    captured.release();
    expect(storage.counts.open).toBe(opened);
  });

  it('is there after the worst power cut also when its folder was made for it', async () => {
    const storage = new FaultyStorage();
    await storage.mkdir(DIR);
    await storage.syncDir('/');
    const taken = await takeSnapshot(stateAtEnd(), new FileSnapshots(storage, SNAPSHOTS), { takenAt: 2 });
    storage.crash(() => 0.5);
    const found = await new FileSnapshots(storage, SNAPSHOTS).list();
    expect(found).toEqual([{ path: taken.path, sequence: taken.sequence }]);
  });

  it.each(['EIO', 'ENOSPC'])(
    'by a failing operation (%s) leaves the old one or the new one, and can be tried again',
    async (errno) => {
      const operations = await operationsOf();
      expect(operations.length).toBeGreaterThan(10);
      for (const [failAt, name] of operations.entries()) {
        const storage = disk();
        const info = await take(storage, (_operation, _path, index) =>
          index === failAt ? { kind: 'fail', errno, writtenBytes: 100 } : undefined,
        );
        storage.setFaults(undefined);
        if (info instanceof Error)
          expect(info).toMatchObject({ code: errno === 'EIO' ? 'STORAGE_FAILED' : 'STORAGE_FULL' });
        else expect(info).toMatchObject({ sequence: end.sequence });
        const names = await storage.readdir(SNAPSHOTS);
        // Only a removal that failed itself may leave a temporary file, for the next start.
        if (name !== 'unlink') expect(names.filter((one) => one.endsWith('.tmp'))).toEqual([]);
        const again = await take(storage, undefined);
        expect(again).toMatchObject({ sequence: end.sequence });
        storage.kill();
        expect(await recoverOn(storage)).toBe(end.sequence);
      }
    },
  );
});
