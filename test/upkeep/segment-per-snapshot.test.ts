// A snapshot begins a segment, whoever asked for it and whatever is being written meanwhile; a start from it reads what
// came behind it, and of what it stands for the ends of the segments.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { Storage, StorageFile } from '../../src/journal/storage.js';
import { verify } from '../../src/journal/open-journal.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import type { TestOrchestrator, TestOrchestratorOptions } from '../../src/testing/test-orchestrator.js';
import { openTest } from '../support/engine.js';

const WAL = '/data/wal';
const work = defineTask('work', () => 'done');

/** A backend is good for one opening. */
function onDisk(storage: FaultyStorage): Pick<TestOrchestratorOptions, 'backend'> {
  return { backend: new FileBackend(storage, '/data') };
}

async function open(storage: FaultyStorage, more: TestOrchestratorOptions = {}): Promise<TestOrchestrator> {
  return await openTest({ tasks: [work], ...onDisk(storage), ...more });
}

/** First sequences of what a folder holds, in order. */
async function numbers(storage: FaultyStorage, folder: string): Promise<number[]> {
  const names = await storage.readdir(`/data/${folder}`);
  return names.map((name) => Number(name.split('.')[0])).sort((left, right) => left - right);
}

async function submitAll(kit: TestOrchestrator, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => kit.pawl.submit(work)));
  await kit.clock.settle();
}

/** Expects that a segment begins behind each snapshot behind which anything was written, and one at the beginning. */
async function expectSegmentsBehind(storage: FaultyStorage, snapshots: readonly number[]): Promise<void> {
  const { lastSequence } = await verify('/data', { storage });
  const behind = snapshots.map((sequence) => sequence + 1).filter((first) => first <= lastSequence);
  expect(await numbers(storage, 'wal')).toEqual([1, ...new Set(behind)]);
}

describe('a snapshot', () => {
  it('that is asked for begins a segment', async () => {
    const storage = new FaultyStorage();
    const kit = await open(storage);
    await submitAll(kit, 3);
    const { sequence } = await kit.pawl.snapshot();
    expect(sequence).toBe(kit.pawl.projections.sequence);
    expect(await numbers(storage, 'wal')).toEqual([1]);
    await submitAll(kit, 3);
    expect(await numbers(storage, 'wal')).toEqual([1, sequence + 1]);
    // Right behind another one.
    const second = await kit.pawl.snapshot();
    await kit.pawl.snapshot();
    await submitAll(kit, 1);
    expect(await numbers(storage, 'wal')).toEqual([1, sequence + 1, second.sequence + 1]);
    await kit.pawl.close();
    await expectSegmentsBehind(storage, [sequence, second.sequence]);
  });

  it('by events or by bytes begins one in the middle of the traffic', async () => {
    for (const option of [{ snapshotEveryEvents: 40 }, { snapshotEveryBytes: 3_000 }]) {
      const storage = new FaultyStorage();
      const kit = await open(storage, option);
      const taken = new Set<number>();
      for (let round = 0; round < 5; round++) {
        await submitAll(kit, 10);
        for (const sequence of await numbers(storage, 'snapshots')) taken.add(sequence);
      }
      expect(taken.size).toBeGreaterThan(3);
      await kit.pawl.close();
      await expectSegmentsBehind(storage, [...taken]);
    }
  });

  it('is where no submission is half, however many are in flight, and nothing of them is lost', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const storage = new FaultyStorage();
      const kit = await open(storage, { seed });
      const submitted: Promise<unknown>[] = [];
      const taken: number[] = [];
      for (let round = 0; round < 4; round++) {
        for (let index = 0; index < 12; index++) {
          submitted.push(kit.pawl.submit(work, undefined, { id: `t${String(round)}-${String(index)}` }));
          for (let turn = 0; turn < (index * seed) % 7; turn++) await Promise.resolve();
        }
        const snapshot = kit.pawl.snapshot();
        submitted.push(kit.pawl.submit(work));
        taken.push((await snapshot).sequence);
      }
      await Promise.all(submitted);
      await kit.clock.settle();
      await expectSegmentsBehind(storage, taken);
      const again = await kit.crash(onDisk(storage));
      expect(again.pawl.report).toMatchObject({ snapshotLoaded: true, snapshotSequence: taken.at(-1) });
      expect(again.pawl.projections.runs.countByState('completed')).toBe(52);
      await again.pawl.close();
    }
  });

  it('of a close lies at the end of the last segment, and the close makes no other', async () => {
    const storage = new FaultyStorage();
    const kit = await open(storage, { snapshotOnCloseEvents: 1 });
    await submitAll(kit, 3);
    const { sequence } = kit.pawl.projections;
    await kit.pawl.close();
    expect([await numbers(storage, 'snapshots'), await numbers(storage, 'wal')]).toEqual([[sequence], [1]]);
    expect(await verify('/data', { storage })).toMatchObject({
      segments: 1,
      lastSequence: sequence,
      sealed: true,
    });
    const again = await kit.restart(onDisk(storage));
    expect(await numbers(storage, 'wal')).toEqual([1, sequence + 1]);
    await again.pawl.close();
  });

  it('is taken although its segment cannot be ended, and the log goes on', async () => {
    const storage = new FaultyStorage();
    const kit = await open(storage);
    await submitAll(kit, 3);
    storage.setFaults((operation, path) =>
      operation === 'write' && path.startsWith(WAL) ? { kind: 'fail', errno: 'ENOSPC' } : undefined,
    );
    const { sequence } = await kit.pawl.snapshot();
    storage.setFaults(undefined);
    await submitAll(kit, 3);
    expect(await numbers(storage, 'wal')).toEqual([1]);
    const again = await kit.crash(onDisk(storage));
    expect(again.pawl.report).toMatchObject({ snapshotLoaded: true, snapshotSequence: sequence });
    expect(again.pawl.projections.runs.countByState('completed')).toBe(6);
    await again.pawl.close();
  });
});

/** Bytes that were read of each segment. */
function counting(storage: FaultyStorage): { readonly read: Map<string, number> } {
  const read = new Map<string, number>();
  const inner: Storage['open'] = storage.open.bind(storage);
  storage.open = async (path, mode) => {
    const file: StorageFile = await inner(path, mode);
    if (!path.startsWith(WAL)) return file;
    const count: StorageFile['read'] = async (into, from, length, position) => {
      const bytes = await file.read(into, from, length, position);
      read.set(path, (read.get(path) ?? 0) + bytes);
      return bytes;
    };
    return Object.assign(Object.create(file) as StorageFile, { read: count });
  };
  return { read };
}

describe('a start from a snapshot', () => {
  it.each(['restart', 'crash'] as const)(
    'behind a %s reads what came behind it, and the ends of the segments before',
    async (how) => {
      const storage = new FaultyStorage();
      const kit = await open(storage);
      for (let round = 0; round < 3; round++) await submitAll(kit, 200);
      const { sequence } = await kit.pawl.snapshot();
      await submitAll(kit, 5);
      const [before, behind] = [1, sequence + 1].map(
        (first) => `${WAL}/${String(first).padStart(20, '0')}.wal`,
      );
      expect(storage.contents(before ?? '').length).toBeGreaterThan(60_000);
      const tail = storage.contents(behind ?? '').length;
      const { read } = counting(storage);
      const again = await kit[how](onDisk(storage));
      expect(again.pawl.report).toMatchObject({ snapshotLoaded: true, snapshotSequence: sequence });
      // A header and a seal, however large the segment is; of the rest nothing but a second look at its end.
      expect(read.get(before ?? '')).toBeLessThan(2_048);
      expect(read.get(behind ?? '')).toBeLessThan(2 * tail + 2_048);
      expect(again.pawl.projections.runs.countByState('completed')).toBe(605);
      await again.pawl.close();
    },
  );
});
