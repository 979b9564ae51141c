// Rows that are kept as the columns they are written in: what is made of them is what the codec of rows makes, whatever
// the bytes are; a run goes to its own task; ids that occur twice are found; and frames are let go of with their rows.
import { describe, expect, it } from '@jest/globals';
import type { SavedTask } from '../../src/domain/nouns.js';
import type { PackedPairs } from '../../src/domain/packed-pairs.js';
import { PAIR_FIELDS } from '../../src/domain/packed-pairs.js';
import type { Payload } from '../../src/domain/payload.js';
import type { SavedRun } from '../../src/domain/run.js';
import { DecodeError } from '../../src/journal/byte-reader.js';
import type { ColumnGroup } from '../../src/journal/column-group.js';
import { RunGroup } from '../../src/journal/column-runs.js';
import { TaskGroup } from '../../src/journal/column-tasks.js';
import { readPackedRuns } from '../../src/journal/packed-runs.js';
import type { PackedStore } from '../../src/journal/packed-store.js';
import { readPackedTasks, type LikeTasks } from '../../src/journal/packed-tasks.js';
import { RecordReader } from '../../src/journal/record-reader.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { loadNewestSnapshot } from '../../src/journal/recovery-snapshot.js';
import { SECTION_CODECS } from '../../src/journal/snapshot-codec.js';
import { RunHead, runOfHead } from '../../src/journal/snapshot-codec-run.js';
import { readSnapshot } from '../../src/journal/snapshot-loader-read.js';
import { writeSpec } from '../../src/journal/task-codec.js';
import { SnapshotPacker } from '../../src/journal/snapshot-packer.js';
import { MemorySnapshots } from '../../src/journal/snapshot-store-memory.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { silentLogger } from '../../src/logger.js';
import { event } from '../support/history-maker.js';
import { changed, Log, runCreated, taskCreated } from '../support/projection-log.js';
import { Random } from '../support/random.js';
import { payload, waitingRun, waitingSections, waitingTask } from './snapshot-samples.js';

/** The payload of a frame of such rows, not at the beginning of its buffer. */
function columns<R>(group: ColumnGroup<R>, records: readonly R[]): Buffer {
  const out = new RecordWriter(64);
  out.str('before');
  for (const record of records) expect(group.add(record)).toBe(true);
  expect(group.count).toBe(records.length);
  group.write(out);
  return Buffer.from(out.written());
}
const BEFORE = 7;
const taskColumns = (tasks: readonly SavedTask[]): Buffer => columns(new TaskGroup(), tasks);
const runColumns = (runs: readonly SavedRun[]): Buffer => columns(new RunGroup(), runs);

function readerOf(bytes: Buffer): RecordReader {
  const reader = new RecordReader();
  reader.reset(bytes, BEFORE, bytes.length);
  return reader;
}

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

function throughRows<N extends 'tasks' | 'runs'>(
  section: N,
  record: N extends 'tasks' ? SavedTask : SavedRun,
): unknown {
  const out = new RecordWriter(64);
  const codec = SECTION_CODECS[section] as {
    write(out: RecordWriter, record: unknown): void;
    read(input: RecordReader): unknown;
  };
  codec.write(out, record);
  const reader = new RecordReader();
  reader.reset(out.bytes, 0, out.position);
  return codec.read(reader);
}

describe('columns', () => {
  const { tasks = [], runs = [] } = waitingSections();

  it.each([
    ['of one length', 0, 20],
    ['of many lengths', 20, 40],
    ['of which there is one', 3, 4],
  ])('give the tasks and the runs that rows would give: ids and inputs %s', (_what, from, to) => {
    const group = tasks.slice(from, to);
    const bytes = taskColumns(group);
    const packed = readPackedTasks(readerOf(bytes), { bytes, end: bytes.length, count: group.length });
    expect(group.map((_task, row) => packed.task(row))).toEqual(
      group.map((task) => throughRows('tasks', task)),
    );
    const ready = runs.slice(from, to);
    const runBytes = runColumns(ready);
    const frame = { bytes: runBytes, end: runBytes.length, count: ready.length };
    const packedRuns = readPackedRuns(readerOf(runBytes), frame);
    expect(ready.map((_run, row) => runOfHead(packedRuns.run(row, new RunHead())))).toEqual(
      ready.map((run) => throughRows('runs', run)),
    );
  });

  it('are what a group has taken in, also when it is asked for them as rows', () => {
    for (const [from, to] of [
      [0, 20],
      [20, 40],
    ] as const) {
      const group = new TaskGroup();
      for (const task of tasks.slice(from, to)) group.add(task);
      expect(tasks.slice(from, to).map((_task, row) => group.at(row))).toEqual(tasks.slice(from, to));
      group.clear();
      expect([group.count, group.bytes]).toEqual([0, 0]);
    }
    const group = new RunGroup();
    for (const run of runs) group.add(run);
    expect(runs.map((_run, row) => group.at(row))).toEqual(runs);
  });

  it.each<[string, SavedTask]>([
    ['has another policy', waitingTask('t', { policy: { kind: 'once', startAt: 5 } })],
    [
      'repeats',
      waitingTask('t', {
        policy: { kind: 'repeat', count: 2, intervalMs: 5, misfire: { kind: 'skip' }, overlap: 'allow' },
      }),
    ],
    ['has a key', waitingTask('t', { constraints: { ...LIKE.spec.constraints, concurrencyKey: 'k' } })],
    ['expires', waitingTask('t', { constraints: { ...LIKE.spec.constraints, expireAfterMs: 5 } })],
    ['has a parent', waitingTask('t', { parentId: 'p' })],
    ['depends', waitingTask('t', { dependsOn: ['p'] })],
    ['has a budget', waitingTask('t', { budgets: [{ dimension: 'token', limit: 1 }] })],
    ['has a long input', waitingTask('t', { input: `j"${'x'.repeat(65_533)}"` as Payload })],
    ['has an id that is not ASCII', waitingTask('zw\u00f6lf')],
    ['has an id whose characters are no bytes', waitingTask('\u0130')],
    ['has an empty input', waitingTask('t', { input: '' as Payload })],
    [
      'has a description that is long',
      waitingTask('t', { metadata: { ...LIKE.spec.metadata, description: 'x'.repeat(65_536) } }),
    ],
    ['was created in a year beyond those in columns', { ...waitingTask('t'), createdAt: 2 ** 52 + 1 }],
    [
      'has counts that cancel each other out',
      { ...waitingTask('t'), counts: { ...LIKE.counts, completed: 1, failed: -1 } },
    ],
    ['has a long id', waitingTask('t'.repeat(256))],
    ['has no id', waitingTask('')],
    ['was canceled', { ...waitingTask('t'), canceledAt: 12 }],
    ['has a reason', { ...waitingTask('t'), cancelReason: 'no' }],
    ['was advanced', { ...waitingTask('t'), derivedThroughAt: 12 }],
    ['has no sequence', { ...waitingTask('t'), createdSequence: undefined as never }],
    ['has a sequence that cannot be', { ...waitingTask('t'), createdSequence: -1 }],
    ['has a sequence beyond numbers', { ...waitingTask('t'), createdSequence: 2 ** 53 }],
    ['has a time that cannot be', { ...waitingTask('t'), createdAt: 0.5 }],
    ...(['completed', 'failed', 'canceled', 'skipped'] as const).map((count): [string, SavedTask] => [
      `has one ${count}`,
      { ...waitingTask('t'), counts: { ...LIKE.counts, [count]: 1 } },
    ]),
    ['has two runs', { ...waitingTask('t'), counts: { ...LIKE.counts, created: 2 } }],
    ['was derived twice', { ...waitingTask('t'), counts: { ...LIKE.counts, derived: 2 } }],
  ])('have no task that %s', (_what, task) => {
    expect(new TaskGroup().add(task)).toBe(false);
  });

  it.each<[string, Partial<SavedRun>]>([
    ['is scheduled', { state: 'scheduled' }],
    ['is a later occurrence', { occurrence: 1 }],
    ['has no sequence', { createdSequence: undefined as never }],
    ['has no sequence of its state', { stateSequence: undefined as never }],
    ['has a history of its own', { historyCount: 3 }],
    ['was made ready at another time', { lastStateChangeAt: 12 }],
    ['has a reason', { reason: 'asked for' }],
    ['has an id that is not ASCII', { id: '\u00e4' }],
    ['is of a task whose id is not ASCII', { taskId: '\u00e4' }],
    ['was created at a time that cannot be', { createdAt: NaN }],
    ['is scheduled at a time that cannot be', { scheduledAt: 2 ** 53 }],
    ['is scheduled in a year beyond those in columns', { scheduledAt: -(2 ** 52) - 1 }],
    ['has a priority that cannot be', { priority: 0.5 }],
  ])('have no run that %s', (_what, more) => {
    expect(new RunGroup().add(waitingRun('r', 't', more))).toBe(false);
  });

  it.each<[string, Partial<SavedTask['spec']>]>([
    ['type', { type: 'other' }],
    ['content type', { contentType: 'text/plain' }],
    ['policy', { policy: { kind: 'once', misfire: { kind: 'skip' } } }],
    ['constraints', { constraints: { ...LIKE.spec.constraints, maxAttempts: 9 } }],
    ['metadata', { metadata: { tags: ['x'], priority: 0 } }],
    ['tenant', { tenantId: 'other' }],
  ])('have no tasks of two kinds: another %s', (_what, more) => {
    const group = new TaskGroup();
    expect([group.add(LIKE), group.add(waitingTask('t', more)), group.add(waitingTask('u'))]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('have tasks that are like each other, though what they have in common are other objects', () => {
    const group = new TaskGroup();
    const { policy, constraints, metadata } = LIKE.spec;
    group.add(LIKE);
    const like = { policy: { ...policy }, constraints: { ...constraints }, metadata: { ...metadata } };
    expect(group.add(waitingTask('t', like))).toBe(true);
  });
});

describe('columns of any bytes', () => {
  const { runs = [] } = waitingSections();

  it.each(['tasks', 'runs'] as const)('give records, or are refused: %s', (section) => {
    const random = new Random(section === 'tasks' ? 1 : 2);
    const { tasks = [] } = waitingSections();
    const count = 6;
    let read = 0;
    for (let round = 0; round < 8_000; round++) {
      const from = 17 + random.below(3);
      const whole =
        section === 'tasks'
          ? taskColumns(tasks.slice(from < 20 && from + count > 20 ? 20 : from).slice(0, count))
          : runColumns(runs.slice(from, from + count));
      const bytes = Buffer.from(whole);
      for (let changes = 1 + random.below(2); changes > 0; changes--)
        bytes[BEFORE + random.below(bytes.length - BEFORE)] = random.below(256);
      const end = random.chance(0.1) ? BEFORE + random.below(bytes.length - BEFORE) : bytes.length;
      const reader = readerOf(bytes);
      reader.end = end;
      try {
        if (section === 'tasks') {
          const packed = readPackedTasks(reader, { bytes, end, count });
          for (let row = 0; row < count; row++) {
            const task = packed.task(row);
            expect(throughRows('tasks', task)).toEqual(task);
          }
        } else {
          const packed = readPackedRuns(reader, { bytes, end, count });
          for (let row = 0; row < count; row++) {
            const run = runOfHead(packed.run(row, new RunHead()));
            expect(throughRows('runs', run)).toEqual(run);
          }
        }
        read++;
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
    expect(read).toBeGreaterThan(500);
    expect(read).toBeLessThan(7_500);
  });

  it.each([0, 1_025])('are refused when they are said to be %i', (count) => {
    const bytes = taskColumns([LIKE]);
    expect(() => readPackedTasks(readerOf(bytes), { bytes, end: bytes.length, count })).toThrow(
      /rows where 1 to 1024 may be/,
    );
  });

  it('are refused when bytes follow the last of them', () => {
    for (const [bytes, read] of [
      [taskColumns([LIKE]), readPackedTasks],
      [runColumns([waitingRun('r', 't')]), readPackedRuns],
    ] as const) {
      const longer = Buffer.concat([bytes, Buffer.from([1])]);
      expect(() => read(readerOf(longer), { bytes: longer, end: longer.length, count: 1 })).toThrow(
        /behind the last column/,
      );
    }
  });

  it.each([
    ['ids of one length', 0, 20],
    ['ids of many lengths', 20, 40],
  ])('are refused when an id of them is not ASCII: %s', (_what, from, to) => {
    const ready = runs.slice(from, to);
    const bytes = runColumns(ready);
    const frame = { bytes, end: bytes.length, count: ready.length };
    for (const text of [ready[3]?.id, ready[3]?.taskId]) {
      const changed = Buffer.from(bytes);
      const at = changed.indexOf(text as string, 0, 'latin1');
      changed[at] = 0xe4;
      expect(() => readPackedRuns(readerOf(changed), { ...frame, bytes: changed })).toThrow(/not ASCII/);
    }
  });

  it.each([2 ** 52 + 2, -(2 ** 52) - 2])(
    'are refused when a time of them is beyond those in columns: %d',
    (at) => {
      const bytes = runColumns([waitingRun('r', 't')]);
      const columnsFrom = bytes.length - 2 - 5 * 8;
      for (const column of [0, 1, 2]) {
        const changed = Buffer.from(bytes);
        expect([10, 10, 11]).toContain(changed.readDoubleLE(columnsFrom + 8 * column));
        changed.writeDoubleLE(at, columnsFrom + 8 * column);
        expect(() =>
          readPackedRuns(readerOf(changed), { bytes: changed, end: changed.length, count: 1 }),
        ).toThrow(/a time/);
      }
    },
  );

  it('have the number 0 in one form', () => {
    const group = new TaskGroup();
    group.add({ ...LIKE, createdAt: -0 });
    expect(Object.is(group.at(0).createdAt, 0)).toBe(true);
  });

  it('are refused when a length of them is none that may be', () => {
    const [first, second] = [
      waitingTask('a', { input: payload(1) }),
      waitingTask('bb', { input: payload('x') }),
    ];
    const bytes = taskColumns([first, second]);
    // The lengths of the ids, in front of these; then those of the inputs.
    const ids = bytes.indexOf('abb', 0, 'latin1') - 8;
    const inputs = ids + 8 + 3;
    expect([bytes.readUInt32LE(ids), bytes.readUInt32LE(ids + 4)]).toEqual([1, 2]);
    for (const [at, one, other] of [
      [ids, 0, 3],
      [ids, 256, 2],
      [inputs, 65_536, 4],
    ] as const) {
      const changed = Buffer.concat([bytes, Buffer.alloc(70_000, 1)]);
      changed.writeUInt32LE(one, at);
      changed.writeUInt32LE(other, at + 4);
      expect(() =>
        readPackedTasks(readerOf(changed), { bytes: changed, end: changed.length, count: 2 }),
      ).toThrow(/outside its limits/);
    }
  });

  it.each<[string, (out: RecordWriter) => void]>([
    ['an id', (out) => writeCommon(out, { id: 'x' })],
    ['an input', (out) => writeCommon(out, { input: payload(1) })],
    ['a parent', (out) => writeCommon(out, { parentId: 'p' })],
  ])('are refused when what tasks have in common is %s', (_what, write) => {
    const out = new RecordWriter(64);
    out.str('before');
    out.array(3);
    write(out);
    out.uint(1);
    out.uint(0);
    for (const value of [10, 1]) out.position = bufferWith(out, 8).writeDoubleLE(value, out.position);
    bufferWith(out, 1);
    out.bytes.write('t', out.position++, 'latin1');
    const bytes = Buffer.from(out.written());
    expect(() => readPackedTasks(readerOf(bytes), { bytes, end: bytes.length, count: 1 })).toThrow(
      /have in common/,
    );
  });

  it.each<[string, number | undefined, number | undefined, RegExp]>([
    ['ids have no bytes', 0, 0, /an id of a length/],
    ['ids have too many', 256, 0, /an id of a length/],
    ['inputs have too many', 4, 65_536, /outside its limits/],
  ])('are refused when their %s', (_what, idBytes, inputBytes, why) => {
    const out = new RecordWriter(64);
    out.str('before');
    out.array(3);
    writeCommon(out, {});
    out.uint(idBytes ?? 0);
    out.uint(inputBytes ?? 0);
    const room = 70_000;
    bufferWith(out, room).fill(0, out.position, out.position + room);
    out.position += room;
    const bytes = Buffer.from(out.written());
    expect(() => readPackedTasks(readerOf(bytes), { bytes, end: bytes.length, count: 1 })).toThrow(why);
  });
});

function bufferWith(out: RecordWriter, bytes: number): Buffer {
  out.reserve(bytes);
  return out.bytes;
}

function writeCommon(out: RecordWriter, more: Partial<SavedTask['spec']>): void {
  out.begin(0);
  writeSpec(out, { ...LIKE.spec, id: '', ...more });
}

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
