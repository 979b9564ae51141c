// Rows that are kept as the columns they are written in: what is made of them is what the codec of rows makes, whatever
// the bytes are; a run goes to its own task; ids that occur twice are found; and frames are let go of with their rows.
import { describe, expect, it } from '@jest/globals';
import type { SavedTask } from '../../src/domain/nouns.js';
import type { PackedPairs } from '../../src/domain/packed-pairs.js';
import { PAIR_FIELDS } from '../../src/domain/packed-pairs.js';
import type { Payload } from '../../src/domain/payload.js';
import type { SavedRun } from '../../src/domain/run.js';
import { readPackedRuns } from '../../src/journal/packed-runs.js';
import type { PackedStore } from '../../src/journal/packed-store.js';
import { readPackedTasks, type LikeTasks } from '../../src/journal/packed-tasks.js';
import { loadNewestSnapshot } from '../../src/journal/recovery-snapshot.js';
import { runOfHead } from '../../src/journal/snapshot-codec-run.js';
import { readSnapshot } from '../../src/journal/snapshot-loader-read.js';
import { SnapshotPacker } from '../../src/journal/snapshot-packer.js';
import { MemorySnapshots } from '../../src/journal/snapshot-store-memory.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { silentLogger } from '../../src/logger.js';
import { event } from '../support/history-maker.js';
import { changed, Log, runCreated, taskCreated } from '../support/projection-log.js';
import { payload, waitingRun, waitingTask } from './snapshot-samples.js';
import { readerOf, runColumns, taskColumns, throughRows } from './column-frames.js';

/** What a packer hands over, and what it loaded at once. */
class Packing {
  readonly loaded: string[] = [];
  readonly packer = new SnapshotPacker({
    task: (task) => this.loaded.push(task.spec.id),
    run: (run) => this.loaded.push(run.id),
  });
  #like: LikeTasks | undefined;

  tasks(...tasks: readonly SavedTask[]): Buffer {
    const bytes = taskColumns(tasks);
    const frame = { bytes, end: bytes.length, count: tasks.length };
    const packed = readPackedTasks(readerOf(bytes), frame, this.#like);
    this.#like = packed.like;
    this.packer.tasks(packed, bytes);
    return bytes;
  }

  runs(...runs: readonly SavedRun[]): Buffer {
    const bytes = runColumns(runs);
    this.packer.runs(
      readPackedRuns(readerOf(bytes), { bytes, end: bytes.length, count: runs.length }),
      bytes,
    );
    return bytes;
  }

  finish(): PackedPairs & { readonly heldFrames: number } {
    return this.packer.finish() as PackedStore;
  }
}

/** A task of which the packer learns what the others are like. */
const LIKE = waitingTask('like');

describe('a pair that is kept', () => {
  it('is found by its ids, and read as it was written, once', () => {
    const packing = new Packing();
    const task = waitingTask('t', { input: payload({ a: 1 }) });
    const run = waitingRun('r', 't', { priority: -7 });
    packing.tasks(LIKE, task);
    packing.runs(waitingRun('r-like', 'like'), run);
    const pairs = packing.finish();
    expect(packing.loaded).toEqual(['like', 'r-like']);
    expect([pairs.size, pairs.places, pairs.isUnique, pairs.kinds]).toEqual([
      1,
      1,
      true,
      [{ taskId: 'like' }],
    ]);
    expect([pairs.placeOfTask('t'), pairs.placeOfRun('r'), pairs.kindOf(0), pairs.has(0)]).toEqual([
      0,
      0,
      0,
      true,
    ]);
    expect(['r', 'like', ''].map((id) => pairs.placeOfTask(id))).toEqual([-1, -1, -1]);
    expect(['t', 'r-like', ''].map((id) => pairs.placeOfRun(id))).toEqual([-1, -1, -1]);
    const { createdSequence, stateSequence, priority, scheduledAt, createdAt } = PAIR_FIELDS;
    const fields = [createdSequence, stateSequence, priority, scheduledAt, createdAt];
    expect(fields.map((field) => pairs.get(0, field))).toEqual([70_000, 70_002, -7, 10, 10]);
    const pair = pairs.read(0);
    expect(pair.task).toEqual(throughRows('tasks', task));
    expect(runOfHead(pair.run)).toEqual(throughRows('runs', run));
    expect([pairs.size, pairs.has(0), pairs.placeOfTask('t'), pairs.placeOfRun('r')]).toEqual([
      0,
      false,
      -1,
      -1,
    ]);
  });

  it('is found whatever frames its task and its run are in', () => {
    const packing = new Packing();
    const ids = Array.from({ length: 60 }, (_value, at) => `t${String(at).padStart(3, '0')}`);
    packing.tasks(LIKE, ...ids.slice(0, 7).map((id) => waitingTask(id)));
    packing.tasks(...ids.slice(7, 31).map((id) => waitingTask(id)));
    packing.tasks(...ids.slice(31).map((id) => waitingTask(id)));
    packing.runs(...ids.slice(0, 20).map((id) => waitingRun(`r-${id}`, id)));
    packing.runs(...ids.slice(20).map((id) => waitingRun(`r-${id}`, id)));
    const pairs = packing.finish();
    expect([packing.loaded, pairs.size]).toEqual([['like'], 60]);
    // In any order, so that each look goes to another frame.
    for (let at = 0; at < 60; at++) {
      const place = (at * 37) % 60;
      expect(pairs.placeOfTask(ids[place] as string)).toBe(place);
      expect(pairs.placeOfRun(`r-${ids[place] as string}`)).toBe(place);
      const { task, run } = pairs.read(place);
      expect([task.spec.id, run.taskId, run.id]).toEqual([
        ids[place],
        ids[place],
        `r-${ids[place] as string}`,
      ]);
    }
    expect(pairs.heldFrames).toBe(0);
  });

  it('keeps its frames until the last of their rows is read', () => {
    const packing = new Packing();
    const [first, second] = [
      packing.tasks(LIKE, waitingTask('a'), waitingTask('b')),
      packing.tasks(waitingTask('c')),
    ];
    expect([first, second].map((bytes) => packing.packer.keeps(bytes))).toEqual([false, true]);
    const runs = packing.runs(...['a', 'b', 'c'].map((id) => waitingRun(`r-${id}`, id)));
    expect([packing.packer.keeps(runs), packing.packer.keeps(Buffer.alloc(1))]).toEqual([true, false]);
    const pairs = packing.finish();
    const held = [pairs.heldFrames];
    for (const place of [2, 0, 1]) {
      pairs.read(place);
      held.push(pairs.heldFrames);
      expect(['a', 'b', 'c'].map((id) => pairs.placeOfTask(id))).toEqual(
        [0, 1, 2].map((at) => (pairs.has(at) ? at : -1)),
      );
    }
    expect(held).toEqual([3, 2, 2, 0]);
  });
});

describe('a task that is kept', () => {
  it('is loaded when its run is not there, or is more than one that waits', () => {
    const packing = new Packing();
    packing.tasks(LIKE, ...['none', 'more', 'waits'].map((id) => waitingTask(id)));
    packing.runs(waitingRun('r-waits', 'waits'));
    packing.tasks(waitingTask('last'));
    expect(packing.finish().size).toBe(1);
    expect(packing.loaded).toEqual(['like', 'none', 'more', 'last']);
  });

  it('is loaded when so many stand between it and its run that it is not looked for', () => {
    const packing = new Packing();
    packing.tasks(LIKE, ...[0, 1, 2, 3, 4, 5].map((at) => waitingTask(`t${String(at)}`)));
    packing.runs(waitingRun('r5', 't5'), waitingRun('r4', 't4'), waitingRun('rx', 'tx'));
    expect(packing.finish().size).toBe(1);
    expect(packing.loaded).toEqual(['like', 'r5', 't0', 't1', 't2', 't3', 'rx', 't5']);
  });

  it('is one of its kind: the first of each is loaded, also of one that was there before', () => {
    const packing = new Packing();
    packing.tasks(LIKE, waitingTask('a'));
    packing.tasks(waitingTask('other', { type: 'other' }), waitingTask('b', { type: 'other' }));
    packing.tasks(waitingTask('again'));
    packing.tasks(waitingTask('c'));
    packing.runs(...['a', 'b', 'c'].map((id) => waitingRun(`r-${id}`, id)));
    const pairs = packing.finish();
    expect(packing.loaded).toEqual(['like', 'other', 'again']);
    expect(pairs.kinds.map(({ taskId }) => taskId)).toEqual(['like', 'other', 'again']);
    expect([0, 1, 2].map((place) => pairs.kindOf(place))).toEqual([0, 1, 2]);
  });

  it.each([
    ['of another length', 'taskk', 'task'],
    ['of the same length', 'task', 'tasq'],
    ['of which the first run is another', 'aa', 'bb'],
  ])('gets no run of a task whose id is like its own: %s', (_what, id, other) => {
    const packing = new Packing();
    packing.tasks(LIKE, waitingTask(id), waitingTask('zz'));
    packing.runs(waitingRun('r-other', other), waitingRun('r-zz', 'zz'));
    const pairs = packing.finish();
    expect([pairs.size, pairs.placeOfRun('r-zz'), pairs.placeOfRun('r-other')]).toEqual([1, 1, -1]);
    expect(packing.loaded).toEqual(['like', 'r-other', id]);
  });

  it('is loaded when its run goes by as a row; those behind it wait for theirs', () => {
    const packing = new Packing();
    packing.tasks(LIKE, ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => waitingTask(id)));
    // Neither a run of a task that is no column, nor one of a task further ahead than is looked, changes anything.
    for (const taskId of ['b', 'none', 'g']) packing.packer.pass({ taskId });
    expect(packing.loaded).toEqual(['like', 'a', 'b', 'c', 'd', 'e', 'f', 'g']);
    packing.tasks(...['h', 'i', 'j', 'k', 'l', 'm', 'n'].map((id) => waitingTask(id)));
    for (const taskId of ['h', 'n']) packing.packer.pass({ taskId });
    packing.runs(waitingRun('r-i', 'i'));
    expect(packing.finish().size).toBe(1);
    expect(packing.loaded.slice(8)).toEqual(['h', 'j', 'k', 'l', 'm', 'n']);
  });

  it('leaves nothing when none has its run', () => {
    const packing = new Packing();
    packing.tasks(LIKE, waitingTask('a'));
    expect(packing.packer.finish()).toBeUndefined();
    expect(packing.loaded).toEqual(['like', 'a']);
  });
});

describe('pairs of which two have one id', () => {
  it.each([
    ['tasks', ['a', 'b', 'b'], ['ra', 'rb', 'rc']],
    ['runs', ['a', 'b', 'c'], ['ra', 'rb', 'rb']],
    ['tasks far from each other', ['a', 'c', 'b', 'a'], ['ra', 'rb', 'rc', 'rd']],
    ['none', ['a', 'b', 'c'], ['ra', 'rb', 'rc']],
  ])('are known: %s', (what, taskIds, runIds) => {
    const packing = new Packing();
    packing.tasks(LIKE, ...taskIds.map((id) => waitingTask(id)));
    packing.runs(...runIds.map((id, at) => waitingRun(id, taskIds[at] as string)));
    const pairs = packing.finish();
    expect([pairs.size, pairs.isUnique]).toEqual([taskIds.length, what === 'none']);
  });
});

describe('a snapshot with pairs', () => {
  const stored = async (log: Log): Promise<MemorySnapshots> => {
    const store = new MemorySnapshots();
    await takeSnapshot(log.state, store, { takenAt: 0, logger: silentLogger });
    return store;
  };
  const waiting = (log: Log, id: string, input?: Payload): void => {
    const fields = input === undefined ? {} : { input };
    log.commit([
      taskCreated(id, fields),
      runCreated(`r-${id}`, id),
      changed(`r-${id}`, 'scheduled', 'ready'),
    ]);
  };

  it('is read in chunks, frames of any size across their borders', async () => {
    const log = new Log();
    const sizes = [10, 70_000, 200_000, 1_500_000, 3_000_000, 20, 131_000, 900_000];
    for (const [at, size] of sizes.entries())
      waiting(log, `t${String(at)}`, `j"${'x'.repeat(size)}"` as Payload);
    for (let at = 0; at < 3_000; at++)
      waiting(log, `s${String(at)}`, `j"${'y'.repeat(at % 700)}"` as Payload);
    const store = await stored(log);
    const { loaded } = await loadNewestSnapshot(store, {}, silentLogger);
    expect(loaded?.projections.runs.intake?.size).toBeGreaterThan(2_900);
    expect(loaded?.projections.stateHash()).toBe(log.state.stateHash());
    const [entry] = await store.list();
    if (entry === undefined) throw new Error('no snapshot');
    const input = await store.read(entry);
    const digest = await readSnapshot(input);
    expect(digest).toHaveLength(32);
    await input.close();
  });

  it('is read into buffers that are left alone as long as something in them is kept', async () => {
    const log = new Log();
    // Several times what is read at once.
    for (let at = 0; at < 12_000; at++)
      waiting(log, `t${String(at).padStart(5, '0')}`, `j"${String(at).padEnd(400, 'z')}"` as Payload);
    const store = await stored(log);
    const { loaded } = await loadNewestSnapshot(store, {}, silentLogger);
    expect(loaded?.projections.runs.intake?.size).toBe(11_999);
    expect(loaded?.projections.stateHash()).toBe(log.state.stateHash());
  });

  it('holds the tasks that others refer to', async () => {
    const log = new Log();
    for (let at = 0; at < 20; at++) waiting(log, `t${String(at)}`);
    log.commit([taskCreated('d'), event('DependencyDeclared', { taskId: 'd', dependsOn: ['t9'] })]);
    const store = await stored(log);
    const { loaded, rejected } = await loadNewestSnapshot(store, {}, silentLogger);
    expect(rejected).toEqual([]);
    expect(loaded?.projections.runs.intake?.hasTask('t9')).toBe(true);
    expect(loaded?.projections.stateHash()).toBe(log.state.stateHash());
  });

  it('waits for its last read before the file is closed, also when what it read is refused', async () => {
    const log = new Log();
    for (let at = 0; at < 2_000; at++) waiting(log, `t${String(at)}`, `j"${'x'.repeat(300)}"` as Payload);
    const store = await stored(log);
    const [entry] = await store.list();
    if (entry === undefined) throw new Error('no snapshot');
    const input = await store.read(entry);
    let reading = 0;
    const slow = {
      path: input.path,
      close: () => input.close(),
      async read(into: Buffer, from: number, position: number): Promise<number> {
        reading++;
        await new Promise((resolve) => setTimeout(resolve, 5));
        const count = await input.read(into, from, position);
        if (position > 0) into.fill(0, from, from + count);
        reading--;
        return count;
      },
    };
    await expect(readSnapshot(slow)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    expect(reading).toBe(0);
    await input.close();
  });
});
