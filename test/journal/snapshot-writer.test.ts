// Acceptance row 14: a snapshot takes its place whole, durable and read back, or not at all.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostStorage } from '../../src/journal/host-storage.js';
import { SnapshotLoader } from '../../src/journal/snapshot-loader.js';
import { SnapshotWriter } from '../../src/journal/snapshot-writer.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import type { Storage } from '../../src/journal/storage.js';
import {
  fullSections,
  payload,
  sampleRun,
  sampleSnapshot,
  sampleSpec,
  sampleTask,
  smallSnapshot,
} from './snapshot-samples.js';

let directory = '';
let path = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pawl-snapshot-'));
  path = join(directory, '3.snapshot');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function writeAll(snapshot = smallSnapshot()): Promise<void> {
  const writer = new SnapshotWriter(path);
  await writer.write(snapshot);
  await writer.close();
}

function largeSnapshot(): ReturnType<typeof smallSnapshot> {
  const tasks = Array.from({ length: 500 }, (_, index) =>
    sampleTask({ spec: sampleSpec(`task-${String(index)}`) }),
  );
  return sampleSnapshot(9, { tasks });
}

/** The machine's storage with one operation replaced. */
function storageWith(broken: Partial<Storage>): Storage {
  return { ...hostStorage, ...broken };
}

describe('writing a snapshot (row 14)', () => {
  it('leaves the target absent until it is closed, also when it was flushed', async () => {
    const writer = new SnapshotWriter(path);
    await writer.write(smallSnapshot());
    expect(existsSync(path)).toBe(false);
    await writer.flush();
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(directory)).toHaveLength(1);
    await writer.close();
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
  });

  it('leaves the old snapshot and no temporary file when it is abandoned', async () => {
    await writeAll();
    const before = readFileSync(path);
    const writer = new SnapshotWriter(path);
    await writer.write(largeSnapshot());
    await writer.abandon();
    await writer.abandon();
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('abandons what is disposed of without being closed, and leaves a closed one alone', async () => {
    const abandoned = new SnapshotWriter(path);
    await abandoned.write(smallSnapshot());
    await abandoned[Symbol.asyncDispose]();
    expect(readdirSync(directory)).toEqual([]);
    const closed = new SnapshotWriter(path);
    await closed.write(smallSnapshot());
    await closed.close();
    await closed[Symbol.asyncDispose]();
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
  });

  it('replaces a larger snapshot by a smaller one', async () => {
    await writeAll(largeSnapshot());
    const large = statSync(path).size;
    await writeAll();
    expect(statSync(path).size).toBeLessThan(large);
    expect(await new SnapshotLoader(path).load()).toEqual(smallSnapshot());
  });

  it('writes what was written last', async () => {
    const writer = new SnapshotWriter(path);
    await writer.write(largeSnapshot());
    await writer.write(smallSnapshot());
    await writer.close();
    expect(await new SnapshotLoader(path).load()).toEqual(smallSnapshot());
  });

  it('refuses a missing parent directory and creates nothing', async () => {
    const writer = new SnapshotWriter(join(directory, 'missing', '3.snapshot'));
    await expect(writer.write(smallSnapshot())).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('makes what was written durable when it is flushed', async () => {
    const storage = new FaultyStorage();
    storage.place('/snapshots/.keep', Buffer.alloc(0));
    const writer = new SnapshotWriter('/snapshots/3.snapshot', { storage });
    await writer.write(smallSnapshot());
    await storage.syncDir('/snapshots');
    expect(storage.durable('/snapshots/3.snapshot.tmp')).toHaveLength(0);
    await writer.flush();
    const durable = storage.durable('/snapshots/3.snapshot.tmp') ?? Buffer.alloc(0);
    expect(durable.equals(storage.contents('/snapshots/3.snapshot.tmp'))).toBe(true);
    expect(durable.length).toBeGreaterThan(0);
    await writer.abandon();
  });

  it('refuses write, flush and close after close with CLOSED', async () => {
    const writer = new SnapshotWriter(path);
    await writer.write(smallSnapshot());
    await writer.close();
    await expect(writer.write(smallSnapshot())).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(writer.flush()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(writer.close()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
  });

  it('refuses the same after abandon', async () => {
    const writer = new SnapshotWriter(path);
    await writer.abandon();
    await expect(writer.write(smallSnapshot())).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('puts nothing in place of the target when the counts are wrong', async () => {
    await writeAll();
    const before = readFileSync(path);
    const writer = new SnapshotWriter(path);
    const snapshot = smallSnapshot();
    const write = writer.write({ ...snapshot, counts: { ...snapshot.counts, tasks: 99 } });
    await expect(write).rejects.toMatchObject({
      code: 'SNAPSHOT_INVALID',
      data: { rule: 'countMismatch', section: 'tasks', declared: 99, actual: 1 },
    });
    await expect(writer.close()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('takes the place of the target only when what it reads back is what it wrote', async () => {
    await writeAll(largeSnapshot());
    const before = readFileSync(path);
    const lying = storageWith({
      async open(file, mode) {
        // A disk that loses what was written to it while it says that all is well.
        if (mode === 'read') writeFileSync(file, readFileSync(file).fill(1, 200, 210));
        return await hostStorage.open(file, mode);
      },
    });
    const writer = new SnapshotWriter(path, { storage: lying });
    await writer.write(smallSnapshot());
    await expect(writer.close()).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
  });

  it('refuses a whole file that is another one than was written', async () => {
    await writeAll();
    const other = readFileSync(path);
    const swapped = storageWith({
      async open(file, mode) {
        if (mode === 'read') writeFileSync(file, other);
        return await hostStorage.open(file, mode);
      },
    });
    const writer = new SnapshotWriter(path, { storage: swapped });
    await writer.write(largeSnapshot());
    await expect(writer.close()).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
      data: { reason: 'sealMismatch' },
    });
  });

  it('syncs the file before it is renamed and the directory after', async () => {
    const order: string[] = [];
    const storage = storageWith({
      async open(file, mode) {
        const opened = await hostStorage.open(file, mode);
        return {
          read: opened.read.bind(opened),
          write: opened.write.bind(opened),
          truncate: opened.truncate.bind(opened),
          stat: opened.stat.bind(opened),
          close: opened.close.bind(opened),
          datasync: async () => {
            order.push('datasync');
            await opened.datasync();
          },
        };
      },
      async rename(from, to) {
        order.push('rename');
        await hostStorage.rename(from, to);
      },
      async syncDir(folder) {
        order.push('syncDir');
        await hostStorage.syncDir(folder);
      },
    });
    const writer = new SnapshotWriter(path, { storage });
    await writer.write(smallSnapshot());
    await writer.close();
    expect(order).toEqual(['datasync', 'rename', 'syncDir']);
  });

  it.each([
    ['fsync', { open: failingSync }],
    ['rename', { rename: fail }],
  ])('leaves the old snapshot and no temporary file when the %s fails', async (_name, broken) => {
    await writeAll(largeSnapshot());
    const before = readFileSync(path);
    const writer = new SnapshotWriter(path, { storage: storageWith(broken) });
    await writer.write(smallSnapshot());
    await expect(writer.close()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
  });

  it('replaces a temporary file that a crash left', async () => {
    writeFileSync(`${path}.tmp`, 'half a snapsh');
    await writeAll();
    expect(await new SnapshotLoader(path).load()).toEqual(smallSnapshot());
    expect(readdirSync(directory)).toEqual(['3.snapshot']);
  });
});

describe('a snapshot that is read back', () => {
  it('is absent when there is no file', async () => {
    expect(await new SnapshotLoader(path).load()).toBeUndefined();
  });

  it('is deeply equal with a record in every section and every optional field set, also after a second save (row 17a)', async () => {
    const full = sampleSnapshot(9, fullSections());
    await writeAll(full);
    const first = readFileSync(path);
    const loaded = await new SnapshotLoader(path).load();
    expect(loaded).toEqual(full);
    if (loaded === undefined) throw new Error('nothing was loaded');
    await writeAll(loaded);
    expect(readFileSync(path).equals(first)).toBe(true);
    expect(await new SnapshotLoader(path).load()).toEqual(full);
  });

  it('has empty sections where the file has none (row 17a)', async () => {
    await writeAll(sampleSnapshot(3, { tasks: [sampleTask()] }));
    const loaded = await new SnapshotLoader(path).load();
    expect(loaded?.ledger).toBeUndefined();
    expect(loaded?.counts).toEqual({ tasks: 1 });
  });

  it('holds more rows than a frame may', async () => {
    const tasks = Array.from({ length: 12 }, (_, index) => {
      const spec = sampleSpec(`task-${String(index)}`, { input: payload('x'.repeat(200_000)) });
      return sampleTask({ spec });
    });
    const snapshot = sampleSnapshot(3, { tasks });
    await writeAll(snapshot);
    expect(await new SnapshotLoader(path).load()).toEqual(snapshot);
  });

  it('holds a run that is larger than a frame may be', async () => {
    const value = payload('x'.repeat(1_000_000));
    const steps = Array.from({ length: 20 }, (_, index) => ({
      name: `step-${String(index)}`,
      attemptId: 'a-1',
      at: 12,
      output: value,
    }));
    const snapshot = sampleSnapshot(9, {
      tasks: [sampleTask()],
      runs: [
        sampleRun(),
        sampleRun('ready', { id: 'run-2', steps }),
        sampleRun('scheduled', { id: 'run-3' }),
      ],
    });
    await writeAll(snapshot);
    expect(statSync(path).size).toBeGreaterThan(20_000_000);
    const loaded = await new SnapshotLoader(path).load();
    expect(loaded?.runs?.map((run) => run.id)).toEqual(['run-1', 'run-2', 'run-3']);
    expect(loaded?.runs?.[1]?.steps).toEqual(steps);
    // Also when it is the first of its section.
    const first = sampleSnapshot(9, { tasks: [sampleTask()], runs: [sampleRun('ready', { steps })] });
    await writeAll(first);
    expect((await new SnapshotLoader(path).load())?.runs?.[0]?.steps).toEqual(steps);
  });
});

function fail(): Promise<never> {
  return Promise.reject(Object.assign(new Error('broken disk'), { code: 'EIO' }));
}

async function failingSync(...[file, mode]: Parameters<Storage['open']>): ReturnType<Storage['open']> {
  const opened = await hostStorage.open(file, mode);
  return {
    read: opened.read.bind(opened),
    write: opened.write.bind(opened),
    truncate: opened.truncate.bind(opened),
    stat: opened.stat.bind(opened),
    close: opened.close.bind(opened),
    datasync: fail,
  };
}
