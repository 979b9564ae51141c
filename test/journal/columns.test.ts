// Rows that are written as columns: which may be, that they are read to what rows would be, and that nothing else is
// taken for them, whatever the bytes are.
import { describe, expect, it } from '@jest/globals';
import type { SavedTask } from '../../src/domain/nouns.js';
import type { Payload } from '../../src/domain/payload.js';
import type { SavedRun } from '../../src/domain/run.js';
import { DecodeError } from '../../src/journal/byte-reader.js';
import { RunGroup } from '../../src/journal/column-runs.js';
import { TaskGroup } from '../../src/journal/column-tasks.js';
import { readPackedRuns } from '../../src/journal/packed-runs.js';
import { readPackedTasks } from '../../src/journal/packed-tasks.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { RunHead, runOfHead } from '../../src/journal/snapshot-codec-run.js';
import { writeSpec } from '../../src/journal/task-codec.js';
import { Random } from '../support/random.js';
import { payload, waitingRun, waitingSections, waitingTask } from './snapshot-samples.js';
import { BEFORE, readerOf, runColumns, taskColumns, throughRows } from './column-frames.js';

const LIKE = waitingTask('like');
/** Milliseconds beyond those in columns. */
const FAR = 2 ** 52 + 1;

/** The history of a run that was created and made ready at these times. */
function historyAt(createdAt: number, readyAt: number): SavedRun['history'] {
  return [
    { to: 'scheduled', at: createdAt },
    { from: 'scheduled', to: 'ready', at: readyAt },
  ];
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
    ['was created in such a year', { createdAt: FAR, history: historyAt(FAR, 11) }],
    ['was made ready in such a year', { lastStateChangeAt: FAR, history: historyAt(10, FAR) }],
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
