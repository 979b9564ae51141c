// What keeps snapshots, files and memory alike: nothing is seen before it is published, nothing is left behind by one
// that is given up, and what a storage refuses is told with its path. And who is told what when taking one fails.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { removeIfThere } from '../../src/journal/remove-if-there.js';
import { FileSnapshots } from '../../src/journal/snapshot-store-files.js';
import { MemorySnapshots } from '../../src/journal/snapshot-store-memory.js';
import { snapshotStoreOf, takeSnapshot, type SnapshotStore } from '../../src/journal/snapshot-store.js';
import { errnoOf, storageFailure } from '../../src/journal/storage-errors.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { historyMaker } from '../support/history.js';
import { recordingLogger } from './recovery-files.js';

const FOLDER = '/data/snapshots';

function disk(): FaultyStorage {
  const storage = new FaultyStorage();
  storage.place('/data/lock', Buffer.alloc(0));
  return storage;
}

async function contentsOf(store: SnapshotStore): Promise<string[]> {
  const all: string[] = [];
  for (const entry of await store.list()) {
    const input = await store.read(entry);
    const bytes = Buffer.alloc(64);
    const count = await input.read(bytes, 0, 0);
    await input.close();
    // Idempotent.
    await input.close();
    all.push(`${String(entry.sequence)}: ${bytes.toString('latin1', 0, count)}`);
  }
  return all;
}

describe.each<[string, () => SnapshotStore]>([
  ['files', () => new FileSnapshots(disk(), FOLDER)],
  ['memory', () => new MemorySnapshots()],
])('snapshots in %s', (_name, make) => {
  it('are none at first, and there is nothing to tidy', async () => {
    const store = make();
    await store.tidy();
    expect(await store.list()).toEqual([]);
  });

  it('are listed newest first once they are published, and not before', async () => {
    const store = make();
    for (const sequence of [2, 10, 9]) {
      const output = await store.write(sequence);
      await output.append(Buffer.from('what is thrown away again'));
      await output.restart();
      await output.append(Buffer.from(`of ${String(sequence)}`));
      await output.sync();
      const back = await output.readBack();
      const bytes = Buffer.alloc(64);
      expect(bytes.toString('latin1', 0, await back.read(bytes, 0, 0))).toBe(`of ${String(sequence)}`);
      // Behind the end there is nothing.
      expect(await back.read(bytes, 0, 60)).toBe(0);
      await back.close();
      expect((await store.list()).map((entry) => entry.sequence)).not.toContain(sequence);
      await output.publish();
      await output.abandon();
    }
    expect(await contentsOf(store)).toEqual(['10: of 10', '9: of 9', '2: of 2']);
    const [, middle] = await store.list();
    if (middle === undefined) throw new Error('three were expected');
    await store.remove(middle);
    expect(await contentsOf(store)).toEqual(['10: of 10', '2: of 2']);
    await expect(store.read(middle)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { path: middle.path },
    });
  });

  it('that are given up leave nothing behind, however often', async () => {
    const store = make();
    const output = await store.write(3);
    await output.append(Buffer.from('half'));
    await output.abandon();
    await output.abandon();
    expect(await store.list()).toEqual([]);
  });
});

describe('a snapshot file', () => {
  it('takes nothing any more once it was published or given up', async () => {
    for (const end of ['publish', 'abandon'] as const) {
      const output = await new FileSnapshots(disk(), FOLDER).write(3);
      await output[end]();
      await expect(output.append(Buffer.from('late'))).rejects.toThrow(TypeError);
      await expect(output.sync()).rejects.toThrow(TypeError);
    }
  });

  it('is not begun over one that a crash left and that cannot be removed', async () => {
    const storage = disk();
    storage.place(`${FOLDER}/3.snapshot.tmp`, Buffer.from('left'));
    storage.failNext('unlink', 'EIO');
    await expect(new FileSnapshots(storage, FOLDER).write(3)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { errno: 'EIO', path: `${FOLDER}/3.snapshot.tmp` },
    });
    expect(storage.contents(`${FOLDER}/3.snapshot.tmp`).toString()).toBe('left');
  });

  it('that is not there need not be removed', async () => {
    await removeIfThere(disk(), `${FOLDER}/9.snapshot`);
  });
});

describe('taking a snapshot', () => {
  it('is refused for a backend that keeps none', () => {
    expect(() => snapshotStoreOf({})).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }));
    const snapshots = new MemorySnapshots();
    expect(snapshotStoreOf({ snapshots })).toBe(snapshots);
  });

  it.each<[string, Error, unknown]>([
    ['the storage', new PawlError('STORAGE_FAILED', 'refused', { path: '/there' }), '/there'],
    ['anything else', new Error('what is this'), undefined],
  ])('that fails before there is a file says where, when it knows: %s', async (_who, error, path) => {
    const snapshots = new MemorySnapshots();
    snapshots.write = () => Promise.reject(error);
    const { logger, lines } = recordingLogger();
    const { state } = historyMaker(1);
    await expect(takeSnapshot(state, snapshots, { takenAt: 1, logger })).rejects.toBe(error);
    expect(lines).toMatchObject([{ level: 'warn', message: 'snapshot failed, the log goes on' }]);
    expect(lines[0]?.['path']).toBe(path);
    // Nothing is held: the state can be captured again.
    state.capture().release();
  });

  it('keeps what it wrote when the older ones cannot be removed', async () => {
    const snapshots = new MemorySnapshots();
    const maker = historyMaker(2);
    const { logger, lines } = recordingLogger();
    snapshots.remove = () => Promise.reject(new Error('not now'));
    for (let count = 0; count < 3; count++) {
      maker.next();
      await takeSnapshot(maker.state, snapshots, { takenAt: 1, logger });
    }
    expect(snapshots.kept.size).toBe(3);
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'old snapshots could not be removed' },
    ]);
  });
});

describe('an error of the storage', () => {
  it.each<[unknown, string]>([
    [Object.assign(new Error('no room'), { code: 'ENOSPC' }), 'ENOSPC'],
    [Object.assign(new Error('a number'), { code: 5 }), ''],
    [new Error('no code'), ''],
    [null, ''],
    ['a text', ''],
    [undefined, ''],
  ])('has the errno that is in it: %s', (error, errno) => {
    expect(errnoOf(error)).toBe(errno);
  });

  it('is typed by its errno, names it or what it says, and passes when it is typed', () => {
    const typed = storageFailure(Object.assign(new Error('x'), { code: 'EDQUOT' }), 'write to', '/there');
    expect(typed).toMatchObject({ code: 'STORAGE_FULL', data: { path: '/there', errno: 'EDQUOT' } });
    expect(storageFailure(Object.assign(new Error('x'), { code: 'EACCES' }), 'open', '/there').code).toBe(
      'READ_ONLY_STORAGE',
    );
    const other = storageFailure('whatever', 'open', '/there');
    expect(other).toMatchObject({ code: 'STORAGE_FAILED', data: { errno: '' } });
    expect(other.message).toContain('whatever');
    expect(storageFailure(typed, 'close', '/elsewhere')).toBe(typed);
  });
});
