// The ready queue: priority, then schedule, then age, then id; what is blocked sits apart and costs nothing.
import { describe, expect, it } from '@jest/globals';
import { RunRow, TaskRow } from '../../src/projections/rows.js';
import { TaskShapes } from '../../src/projections/task-shapes.js';
import { compareReady, ReadyQueue } from '../../src/scheduling/ready-queue.js';
import { constraints, spec } from '../support/projection-log.js';
import { Random } from '../support/random.js';

const shapes = new TaskShapes();
/** The key `k` of no tenant. */
const KEY = '/k';
let made = 0;

interface Given {
  readonly key?: string;
  readonly type?: string;
  readonly priority?: number;
  readonly scheduledAt?: number;
  readonly createdAt?: number;
  readonly id?: string;
}

function row(given: Given = {}): RunRow {
  const {
    key,
    type = 'known',
    priority = 0,
    scheduledAt = 0,
    createdAt = 0,
    id = `r${String(made++)}`,
  } = given;
  const limits = key === undefined ? {} : { constraints: constraints({ concurrencyKey: key }) };
  const task = new TaskRow(`t-${id}`, shapes.of(spec(`t-${id}`, { type, ...limits })), undefined, 0);
  return new RunRow(id, task, 0, createdAt, scheduledAt, priority);
}

function queue() {
  const holders = new Map<string, RunRow>();
  const ready = new ReadyQueue({
    hasHandler: (run) => run.task.shape.type === 'known',
    keyOf: (run) => run.task.shape.key,
    offerBefore: () => false,
    isKeyTaken: (key, run) => holders.has(key) && holders.get(key) !== run,
  });
  const drain = (): string[] => {
    const ids: string[] = [];
    while (ready.peek() !== undefined) ids.push(ready.pop()?.id ?? '');
    return ids;
  };
  return { ready, holders, drain };
}

describe('the runs of a start', () => {
  it('are taken in at once: those that are blocked sit apart, those that are in already stay', () => {
    const { ready, holders, drain } = queue();
    holders.set(KEY, row({ key: 'k' }));
    const early = row({ id: 'early', createdAt: 3 });
    ready.offer(early);
    ready.fill([
      row({ id: 'late', createdAt: 9 }),
      early,
      row({ id: 'keyed', key: 'k' }),
      row({ id: 'foreign', type: 'unknown' }),
      row({ id: 'first', createdAt: 1 }),
    ]);
    expect([ready.size, ready.waitingForKeys, ready.withoutHandler.size]).toEqual([3, 1, 1]);
    expect(drain()).toEqual(['first', 'early', 'late']);
  });
});

describe('the order of dispatch', () => {
  it('is priority, schedule, age, id', () => {
    const { ready, drain } = queue();
    const rows = [
      row({ id: 'e', createdAt: 2 }),
      row({ id: 'c', createdAt: 1 }),
      row({ id: 'b', createdAt: 1 }),
      row({ id: 'd', scheduledAt: 5, priority: 1 }),
      row({ id: 'a', scheduledAt: 4, createdAt: 9, priority: 1 }),
      row({ id: 'f', priority: -1 }),
    ];
    for (const each of rows) ready.offer(each);
    expect(drain()).toEqual(['a', 'd', 'b', 'c', 'e', 'f']);
  });

  it('is total: of two different runs one goes first', () => {
    const random = new Random(11);
    const rows = Array.from({ length: 60 }, () =>
      row({ priority: random.below(3), scheduledAt: random.below(3), createdAt: random.below(3) }),
    );
    for (const left of rows) {
      for (const right of rows) {
        if (left !== right)
          expect(Math.sign(compareReady(left, right))).toBe(-Math.sign(compareReady(right, left)));
      }
    }
  });

  it('follows a changed priority', () => {
    const { ready, drain } = queue();
    const [one, two] = [row({ id: 'one' }), row({ id: 'two' })];
    ready.offer(one);
    ready.offer(two);
    two.priority = 3;
    ready.reorder(two);
    expect(drain()).toEqual(['two', 'one']);
  });
});

describe('a run behind a key', () => {
  it('waits apart, and the first of them comes when the key is given back', () => {
    const { ready, holders, drain } = queue();
    holders.set(KEY, row());
    const low = row({ id: 'low', key: 'k' });
    const high = row({ id: 'high', key: 'k', priority: 4 });
    ready.offer(low);
    ready.offer(high);
    expect({ size: ready.size, waiting: ready.waitingForKeys, first: ready.peek() }).toEqual({
      size: 0,
      waiting: 2,
      first: undefined,
    });
    holders.clear();
    ready.keyReleased(KEY);
    expect(drain()).toEqual(['high']);
    ready.keyReleased(KEY);
    expect(drain()).toEqual(['low']);
    ready.keyReleased(KEY);
    expect({ size: ready.size, waiting: ready.waitingForKeys }).toEqual({ size: 0, waiting: 0 });
  });

  it('that was taken after the run was offered is seen when its turn comes', () => {
    const { ready, holders } = queue();
    const run = row({ key: 'k' });
    ready.offer(run);
    holders.set(KEY, row());
    const other = row({ id: 'other', priority: -1 });
    ready.offer(other);
    expect(ready.peek()).toBe(other);
    expect(ready.waitingForKeys).toBe(1);
  });

  it('does not block the run that holds it', () => {
    const { ready, holders } = queue();
    const run = row({ key: 'k' });
    holders.set(KEY, run);
    ready.offer(run);
    expect(ready.peek()).toBe(run);
  });

  it('is reordered among its like, and can be taken out', () => {
    const { ready, holders, drain } = queue();
    holders.set(KEY, row());
    const [a, b, c] = ['a', 'b', 'c'].map((id) => row({ id, key: 'k' }));
    for (const run of [a, b, c]) if (run !== undefined) ready.offer(run);
    if (c !== undefined) {
      c.priority = 1;
      ready.reorder(c);
    }
    if (a !== undefined) ready.remove(a);
    expect(ready.waitingForKeys).toBe(2);
    holders.clear();
    ready.keyReleased(KEY);
    ready.keyReleased(KEY);
    expect(drain()).toEqual(['c', 'b']);
  });
});

describe('a run without a handler', () => {
  it('sits apart until it is taken out', () => {
    const { ready } = queue();
    const run = row({ type: 'unknown' });
    ready.offer(run);
    expect({ first: ready.peek(), apart: ready.withoutHandler.size }).toEqual({ first: undefined, apart: 1 });
    ready.reorder(run);
    ready.remove(run);
    ready.remove(run);
    expect(ready.withoutHandler.size).toBe(0);
  });
});

describe('remove', () => {
  it('takes a ready run out, and ignores one that is not in', () => {
    const { ready, drain } = queue();
    const [one, two] = [row({ id: 'one' }), row({ id: 'two' })];
    ready.offer(one);
    ready.offer(two);
    ready.remove(one);
    ready.remove(one);
    ready.remove(row());
    expect(drain()).toEqual(['two']);
  });
});
