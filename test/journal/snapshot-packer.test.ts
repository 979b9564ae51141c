// Records that are kept as they are written: only what the codec reads to the very same values is kept, whatever the
// bytes are; ids that occur twice are found; and buffers are let go of with the last of their records.
import { describe, expect, it } from '@jest/globals';
import { DecodeError } from '../../src/journal/byte-reader.js';
import { PackedScan } from '../../src/journal/packed-scan.js';
import type { PackedStore } from '../../src/journal/packed-store.js';
import { RecordReader } from '../../src/journal/record-reader.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { SECTION_CODECS } from '../../src/journal/snapshot-codec.js';
import { SnapshotPacker } from '../../src/journal/snapshot-packer.js';
import type { SavedTask } from '../../src/domain/nouns.js';
import type { SavedRun } from '../../src/domain/run.js';
import { loadNewestSnapshot } from '../../src/journal/recovery-snapshot.js';
import { readSnapshot } from '../../src/journal/snapshot-loader-read.js';
import { MemorySnapshots } from '../../src/journal/snapshot-store-memory.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { encodePayload, type Payload } from '../../src/domain/payload.js';
import { PAIR_FIELDS } from '../../src/domain/packed-pairs.js';
import { silentLogger } from '../../src/logger.js';
import { event } from '../support/history-maker.js';
import { changed, Log, runCreated, taskCreated } from '../support/projection-log.js';
import { Random } from '../support/random.js';
import { sampleRun, sampleTask } from './snapshot-samples.js';

const COUNTS = { created: 1, completed: 0, failed: 0, canceled: 0, skipped: 0, derived: 1 };

function waitingTask(id: string, more: Partial<SavedTask['spec']> = {}): SavedTask {
  const { spec } = sampleTask();
  const plain = { ...spec, id, ...more };
  return { spec: plain, createdAt: 1_700_000_000_123, counts: COUNTS, createdSequence: 70_000 };
}

const waitingRun = (id: string, taskId: string, more: Partial<SavedRun> = {}): SavedRun =>
  sampleRun('ready', {
    id,
    taskId,
    createdAt: 1_700_000_000_123,
    scheduledAt: 1_700_000_000_000 + 200,
    lastStateChangeAt: 1_700_000_000_124,
    createdSequence: 70_001,
    stateSequence: 70_002,
    history: [
      { to: 'scheduled', at: 1_700_000_000_123 },
      { from: 'scheduled', to: 'ready', at: 1_700_000_000_124 },
    ],
    ...more,
  });

function encoded(write: (out: RecordWriter) => void): Buffer {
  const out = new RecordWriter(4_096);
  write(out);
  return Buffer.from(out.bytes.subarray(0, out.position));
}
const taskBytes = (task: SavedTask): Buffer => encoded((out) => SECTION_CODECS.tasks.write(out, task));
const runBytes = (run: SavedRun): Buffer => encoded((out) => SECTION_CODECS.runs.write(out, run));

/** What the codec makes of the bytes, and where it ends; undefined when it refuses them. */
function decoded(
  section: 'tasks' | 'runs',
  bytes: Buffer,
): { record: SavedTask | SavedRun; end: number } | undefined {
  const reader = new RecordReader();
  reader.reset(bytes, 0, bytes.length);
  reader.begin(0);
  try {
    return { record: SECTION_CODECS[section].read(reader), end: reader.position };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** A packer that has learned what a waiting task is like. */
function learned(like = waitingTask('like')): { packer: SnapshotPacker; loaded: SavedTask[] } {
  const loaded: SavedTask[] = [];
  const packer = new SnapshotPacker((task) => loaded.push(task));
  const bytes = taskBytes(like);
  packer.frame(bytes, bytes.length);
  expect(packer.task(0)).toBe(-1);
  packer.learn(0, like);
  return { packer, loaded };
}

function keepTask(packer: SnapshotPacker, bytes: Buffer): number {
  packer.frame(bytes, bytes.length);
  return packer.task(0);
}

function keepRun(packer: SnapshotPacker, bytes: Buffer): number {
  packer.frame(bytes, bytes.length);
  return packer.run(0);
}

describe('a pair that is kept', () => {
  it('is read back as the codec reads it', () => {
    const { packer } = learned();
    const task = waitingTask('t', {
      input: encodePayload({ a: 1 }, { maxPayloadBytes: 99, maxPayloadDepth: 9 }),
    });
    const run = waitingRun('r', 't', { priority: -7 });
    expect(keepTask(packer, taskBytes(task))).toBe(taskBytes(task).length);
    expect(keepRun(packer, runBytes(run))).toBe(runBytes(run).length);
    const pairs = packer.finish();
    expect([pairs?.size, pairs?.isUnique, pairs?.placeOfTask('t'), pairs?.placeOfRun('r')]).toEqual([
      1,
      true,
      0,
      0,
    ]);
    expect([pairs?.placeOfTask('r'), pairs?.placeOfRun('t'), pairs?.placeOfTask('')]).toEqual([-1, -1, -1]);
    const pair = pairs?.read(0);
    expect(pair?.task).toEqual(decoded('tasks', taskBytes(task))?.record);
    expect(pair?.run).toMatchObject({
      id: 'r',
      taskId: 't',
      priority: -7,
      state: 'ready',
      stateSequence: 70_002,
    });
    expect([pairs?.size, pairs?.has(0), pairs?.placeOfTask('t'), pairs?.placeOfRun('r')]).toEqual([
      0,
      false,
      -1,
      -1,
    ]);
  });

  it('is found by its ids also when its times are before 1970', () => {
    const { packer } = learned();
    const at = -70_000;
    keepTask(packer, taskBytes({ ...waitingTask('t'), createdAt: at }));
    const run = waitingRun('r', 't', {
      createdAt: at,
      scheduledAt: at,
      lastStateChangeAt: at,
      history: [
        { to: 'scheduled', at },
        { from: 'scheduled', to: 'ready', at },
      ],
    });
    expect(keepRun(packer, runBytes(run))).toBeGreaterThan(0);
    const pairs = packer.finish();
    expect([pairs?.placeOfTask('t'), pairs?.placeOfRun('r'), pairs?.get(0, PAIR_FIELDS.createdAt)]).toEqual([
      0,
      0,
      at,
    ]);
  });

  it.each(['tasks', 'runs'] as const)(
    'is kept from any bytes only when the codec reads the same from them: %s',
    (section) => {
      const random = new Random(section === 'tasks' ? 1 : 2);
      const task = waitingTask('task-1', { input: 'j[1,2,3]' as Payload });
      const whole = section === 'tasks' ? taskBytes(task) : runBytes(waitingRun('run-1', 'task-1'));
      let kept = 0;
      for (let round = 0; round < 20_000; round++) {
        const bytes = Buffer.from(whole);
        for (let changes = 1 + random.below(2); changes > 0; changes--)
          bytes[random.below(bytes.length)] = random.chance(0.5)
            ? random.below(256)
            : (random.pick([0xc0, 0, 1, 0xcf, 0x9c, 0xd0, 0xd1, 0xd3]) ?? 0);
        const { packer } = learned();
        if (section === 'runs') keepTask(packer, taskBytes(task));
        const end = section === 'tasks' ? keepTask(packer, bytes) : keepRun(packer, bytes);
        if (end < 0) continue;
        kept++;
        const read = decoded(section, bytes);
        expect(read?.end).toBe(end);
        if (section === 'runs') {
          expect(packer.finish()?.read(0).run).toEqual(headOf(read?.record as SavedRun));
          continue;
        }
        const { id } = (read?.record as SavedTask).spec;
        expect(keepRun(packer, runBytes(waitingRun('the run of it', id)))).toBeGreaterThan(0);
        expect(packer.finish()?.read(0).task).toEqual(read?.record);
      }
      expect(kept).toBeGreaterThan(1_000);
    },
  );

  it.each([31, 32, 255])('is found by ids of %i characters', (length) => {
    const { packer } = learned();
    const [task, run] = ['t'.repeat(length), 'r'.repeat(length)];
    expect(keepTask(packer, taskBytes(waitingTask(task)))).toBeGreaterThan(0);
    expect(keepRun(packer, runBytes(waitingRun(run, task)))).toBeGreaterThan(0);
    const pairs = packer.finish();
    expect([pairs?.placeOfTask(task), pairs?.placeOfRun(run), pairs?.placeOfTask(`${task}t`)]).toEqual([
      0, 0, -1,
    ]);
  });

  it('lets go of a buffer with the last of its records', () => {
    const { packer } = learned();
    const tasks = ['a', 'b'].map((id) => taskBytes(waitingTask(id)));
    const both = Buffer.concat(tasks);
    packer.frame(both, both.length);
    expect(packer.task(0)).toBe(tasks[0]?.length);
    expect(packer.task(tasks[0]?.length ?? 0)).toBe(both.length);
    expect([packer.keeps(both), packer.keeps(Buffer.alloc(1))]).toEqual([true, false]);
    const runs = ['a', 'b'].map((id) => runBytes(waitingRun(`r-${id}`, id)));
    for (const bytes of runs) keepRun(packer, bytes);
    const store = packer.finish() as PackedStore;
    const all = both.length + runs.reduce((sum, bytes) => sum + bytes.length, 0);
    expect(store.heldBytes).toBe(all);
    store.read(0);
    expect(store.heldBytes).toBe(all - (runs[0]?.length ?? 0));
    store.read(1);
    expect(store.heldBytes).toBe(0);
  });
});

function headOf(run: SavedRun): object {
  const { id, taskId, occurrence, state, priority, createdAt, scheduledAt, lastStateChangeAt } = run;
  const { createdSequence, stateSequence } = run;
  return {
    id,
    taskId,
    occurrence,
    state,
    priority,
    createdAt,
    scheduledAt,
    lastStateChangeAt,
    createdSequence,
    stateSequence,
  };
}

describe('a task that is kept', () => {
  it('is loaded when its run is not there, or is more than one that waits', () => {
    const { packer, loaded } = learned();
    for (const id of ['none', 'more', 'waits']) keepTask(packer, taskBytes(waitingTask(id)));
    const more = waitingRun('r-more', 'more', { reason: 'asked for' });
    expect(keepRun(packer, runBytes(more))).toBe(-1);
    expect(loaded.map(({ spec }) => spec.id)).toEqual(['none', 'more']);
    expect(keepRun(packer, runBytes(waitingRun('r-waits', 'waits')))).toBeGreaterThan(0);
    keepTask(packer, taskBytes(waitingTask('last')));
    expect(packer.finish()?.size).toBe(1);
    expect(loaded.map(({ spec }) => spec.id)).toEqual(['none', 'more', 'last']);
  });

  it('is read when its id is empty: such an id is none', () => {
    const { packer } = learned();
    expect(keepTask(packer, taskBytes(waitingTask('')))).toBe(-1);
  });

  it('is loaded when so many stand between it and its run that it is not looked for', () => {
    const { packer, loaded } = learned();
    for (let at = 0; at < 6; at++) keepTask(packer, taskBytes(waitingTask(`t${String(at)}`)));
    expect(keepRun(packer, runBytes(waitingRun('r5', 't5')))).toBe(-1);
    expect(keepRun(packer, runBytes(waitingRun('r4', 't4')))).toBeGreaterThan(0);
    expect(packer.finish()?.size).toBe(1);
    expect(loaded.map(({ spec }) => spec.id)).toEqual(['t0', 't1', 't2', 't3', 't5']);
  });

  it('is like the one before it: another type, or another limit, is read and learned from', () => {
    const { packer } = learned();
    const other = waitingTask('o', { type: 'other' });
    const bytes = taskBytes(other);
    expect(keepTask(packer, bytes)).toBe(-1);
    packer.learn(0, other);
    expect(keepTask(packer, taskBytes(waitingTask('p')))).toBe(-1);
    expect(keepTask(packer, taskBytes(waitingTask('q', { type: 'other' })))).toBeGreaterThan(0);
  });
});

describe('a buffer from which records are kept', () => {
  it('stays while it is looked through, also when all that was kept of it so far has been read', () => {
    const { packer, loaded } = learned();
    const records = [
      taskBytes(waitingTask('a')),
      runBytes(waitingRun('r-a', 'a', { reason: 'asked for' })),
      taskBytes(waitingTask('b')),
      runBytes(waitingRun('r-b', 'b')),
    ];
    const [a, ofA, b, ofB] = records.map(({ length }) => length) as [number, number, number, number];
    const all = Buffer.concat(records);
    packer.frame(all, all.length);
    expect([packer.keeps(all), packer.task(0), packer.keeps(all)]).toEqual([false, a, true]);
    expect([packer.run(a), loaded.length, packer.keeps(all)]).toEqual([-1, 1, false]);
    expect(packer.task(a + ofA)).toBe(a + ofA + b);
    expect(packer.run(a + ofA + b)).toBe(a + ofA + b + ofB);
    const store = packer.finish() as PackedStore;
    expect([store.size, store.heldBytes, store.read(1).task.spec.id, store.heldBytes]).toEqual([
      1,
      all.length,
      'b',
      0,
    ]);
  });

  it('is let go of at the end when nothing of it was kept', () => {
    const { packer } = learned();
    keepTask(packer, taskBytes(waitingTask('a')));
    const odd = taskBytes(waitingTask('b', { type: 'other' }));
    expect(keepTask(packer, odd)).toBe(-1);
    keepRun(packer, runBytes(waitingRun('r-a', 'a')));
    const bytes = taskBytes(waitingTask('a')).length + runBytes(waitingRun('r-a', 'a')).length;
    expect((packer.finish() as PackedStore).heldBytes).toBe(bytes);
  });
});

describe('a task from which nothing can be learned', () => {
  it('is one whose id has other characters than ASCII: those like it are read', () => {
    const packer = new SnapshotPacker(() => undefined);
    const odd = waitingTask('\u00e4');
    const bytes = taskBytes(odd);
    packer.frame(bytes, bytes.length);
    packer.learn(0, odd);
    expect(keepTask(packer, taskBytes(waitingTask('t')))).toBe(-1);
  });
});

describe('a scan', () => {
  it('never reads behind the end', () => {
    const scan = new PackedScan();
    for (const whole of [
      taskBytes(waitingTask('t', { input: 'jnull' as Payload })),
      runBytes(waitingRun('r', 't')),
    ]) {
      for (let end = 0; end < whole.length; end++) {
        scan.reset(whole, end);
        expect(scan.taskHead(0) && scan.at > end).toBe(false);
        expect(scan.runHead(0) && scan.runTail()).toBe(false);
      }
    }
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
