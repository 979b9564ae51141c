// What a snapshot hands over packed is there for everybody who asks, as if every row had been made at the start: in all
// lists and counts, in its order, by its id, for the commits that follow and in the queue.
import { describe, expect, it } from '@jest/globals';
import { RUN_STATES } from '../../src/domain/run-state.js';
import type { RunRow } from '../../src/projections/rows.js';
import type { Projections } from '../../src/projections/projections.js';
import { compareReady, ReadyQueue } from '../../src/scheduling/ready-queue.js';
import { historyMaker } from '../support/history.js';
import type { HistoryMaker } from '../support/history-maker.js';
import { throughSnapshot, waitingPair } from '../support/packed-states.js';
import { derivedState } from '../support/projection-states.js';
import { Log, runCreated, taskCreated, changed } from '../support/projection-log.js';

const SEEDS = [1, 2, 3, 4, 5, 6];

/** A history in which so many tasks wait, among all other kinds of events. */
function busy(seed: number, pairs: number): HistoryMaker {
  const maker = historyMaker(seed);
  for (let made = 0; made < pairs; made++) {
    maker.commit(waitingPair(maker));
    if (maker.random.chance(0.3)) maker.next();
  }
  return maker;
}

const packed = (state: Projections): number => state.runs.intake?.size ?? 0;
const waiting = (state: Projections): RunRow[] => [...state.runs.inState('ready')];

describe('a state with packed pairs', () => {
  it.each(SEEDS)('counts them, and equals the one it was saved from, seed %i', async (seed) => {
    const { state } = busy(seed, 700);
    const loaded = await throughSnapshot(state);
    expect(packed(loaded)).toBeGreaterThan(300);
    expect([loaded.tasks.count, loaded.runs.count, loaded.runs.nonTerminal]).toEqual([
      state.tasks.count,
      state.runs.count,
      state.runs.nonTerminal,
    ]);
    for (const name of RUN_STATES) expect(loaded.runs.countByState(name)).toBe(state.runs.countByState(name));
    for (const type of ['plain', 'tagged', 'strict', 'work']) {
      const [has, had] = [loaded, state].map(({ tasks }) => tasks.index.list('type', type));
      expect([has?.tasks, has?.runs]).toEqual([had?.tasks, had?.runs]);
    }
    expect(packed(loaded)).toBeGreaterThan(300);
    expect(loaded.stateHash()).toBe(state.stateHash());
    expect(packed(loaded)).toBe(0);
    expect(derivedState(loaded)).toEqual(derivedState(state));
  });

  it.each(SEEDS)('goes on with the commits that follow, seed %i', async (seed) => {
    const maker = busy(seed, 400);
    const { state, random } = maker;
    const loaded = await throughSnapshot(state);
    const before = packed(loaded);
    for (let step = 0; step < 150; step++) {
      loaded.apply(random.chance(0.5) ? maker.next() : maker.commit(waitingPair(maker)));
      if (random.chance(0.1)) loaded.runs.intake?.bringSome();
    }
    expect(before).toBeGreaterThan(200);
    expect(derivedState(loaded)).toEqual(derivedState(state));
    expect(loaded.stateHash()).toBe(state.stateHash());
  });

  it('gives each of them by id, and nothing for an id that none has', async () => {
    const { state, random } = busy(7, 600);
    const loaded = await throughSnapshot(state);
    const before = packed(loaded);
    expect([loaded.tasks.get('none'), loaded.runs.get('none'), loaded.runs.get('')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(packed(loaded)).toBe(before);
    const rows = waiting(state);
    for (const at of [0, 1, random.below(200), rows.length >> 1, rows.length - 1]) {
      const row = rows[at];
      expect(loaded.runs.get(row?.id ?? '')).toEqual(state.runs.get(row?.id ?? ''));
      expect(loaded.tasks.get(row?.task.id ?? '')).toEqual(state.tasks.get(row?.task.id ?? ''));
    }
  });

  it.each([
    {},
    { state: 'ready' },
    { type: 'tagged' },
    { tag: 'b' },
    { type: 'plain', state: 'ready' },
    { state: 'completed' },
  ] as const)('lists page by page what is there: %j', async (filter) => {
    const { state } = busy(8, 600);
    const loaded = await throughSnapshot(state);
    const pages = (of: Projections): unknown[] => {
      const ids: unknown[] = [];
      for (let cursor: string | undefined, more = true; more;) {
        const page = of.runs.list(filter, { limit: 90, ...(cursor === undefined ? {} : { cursor }) });
        ids.push(page.items.map(({ id }) => id));
        cursor = page.cursor;
        more = cursor !== undefined;
      }
      return ids;
    };
    expect(pages(loaded)).toEqual(pages(state));
    const { state: _state, ...ofTasks } = { state: undefined, ...filter };
    const fresh = await throughSnapshot(state);
    const tasks = (of: Projections): string[] =>
      of.tasks.list(ofTasks, { limit: 1_000 }).items.map(({ spec }) => spec.id);
    expect(tasks(fresh)).toEqual(tasks(state));
  });

  it('keeps what is read for one row as it was for a capture that comes later', async () => {
    const maker = busy(9, 500);
    const loaded = await throughSnapshot(maker.state);
    const hash = maker.state.stateHash();
    const capture = loaded.capture();
    for (let step = 0; step < 40; step++) loaded.apply(maker.next());
    const again = await throughSnapshot({ epoch: 0, capture: () => capture } as never);
    expect(again.stateHash()).toBe(hash);
  });
});

describe('the order of kinds', () => {
  it.each([
    ['a change of the second', 'r-a2'],
    ['a change of the last', 'r-b6'],
  ])('is that of their oldest tasks, whichever is written first: %s', async (_what, changedFirst) => {
    const log = new Log();
    for (const at of [1, 2, 3, 4, 5, 6]) {
      for (const [kind, fields] of [
        ['a', {}],
        ['b', { type: 'b' }],
        ['c', { type: 'c' }],
      ] as const) {
        const id = `${kind}${String(at)}`;
        const events = [
          taskCreated(id, fields),
          runCreated(`r-${id}`, id),
          changed(`r-${id}`, 'scheduled', 'ready'),
        ];
        log.commit(events);
      }
    }
    const wanted = log.state.tasks.list({}, { limit: 100 }).items.map(({ spec }) => spec.id);
    const capture = log.state.capture();
    // What changes beside a snapshot is written first, as it was.
    log.commit([changed(changedFirst, 'ready', 'canceled')]);
    const again = await throughSnapshot({ epoch: 0, capture: () => capture } as never);
    expect(packed(again)).toBeGreaterThan(10);
    expect(again.tasks.list({}, { limit: 100 }).items.map(({ spec }) => spec.id)).toEqual(wanted);
  });
});

type Of = (at: number) => number;

describe('the queue', () => {
  function queueOver(state: Projections): ReadyQueue {
    const queue = new ReadyQueue({
      hasHandler: (row) => row.task.shape.type !== 'strict',
      keyOf: () => undefined,
      isKeyTaken: () => false,
      offerBefore: (row) => state.runs.intake?.bringBefore(row) ?? false,
    });
    state.runs.intake?.whenMade((row) => {
      queue.offer(row);
    });
    queue.fill(state.runs.readyRows());
    return queue;
  }

  it.each(SEEDS)(
    'gives them in the order of dispatch, whatever is unpacked before, seed %i',
    async (seed) => {
      const { state, random } = busy(seed, 900);
      const loaded = await throughSnapshot(state);
      const queue = queueOver(loaded);
      const given: string[] = [];
      for (let row = queue.peek(); row !== undefined; row = queue.peek()) {
        given.push(row.id);
        queue.pop();
        if (random.chance(0.02)) loaded.runs.intake?.bringSome();
      }
      const wanted = waiting(state).filter((row) => row.task.shape.type !== 'strict');
      expect(given).toEqual(wanted.sort(compareReady).map(({ id }) => id));
    },
  );

  it.each([
    ['in the order in which they are written', {}],
    ['by priority', { priority: (at: number) => at % 3 }],
    ['by priority, which only falls', { priority: (at: number) => -at }],
    ['by priority, which rises at the end', { priority: (at: number) => (at < 699 ? 0 : 1) }],
    ['by the time they are scheduled for', { scheduledAt: (at: number) => 5_000 - at }],
    ['by the time of the first of each ten', { scheduledAt: (at: number) => 5_000 + (at % 10) }],
  ])('gives those of one kind %s', async (_what, of: Partial<Record<'priority' | 'scheduledAt', Of>>) => {
    const log = new Log();
    for (let at = 0; at < 700; at++) {
      const id = String(at).padStart(3, '0');
      log.commit([
        taskCreated(`t${id}`),
        runCreated(`r${id}`, `t${id}`, {
          priority: of.priority?.(at) ?? 0,
          scheduledAt: of.scheduledAt?.(at) ?? log.at,
        }),
        changed(`r${id}`, 'scheduled', 'ready'),
      ]);
    }
    const loaded = await throughSnapshot(log.state);
    expect(packed(loaded)).toBe(699);
    const queue = queueOver(loaded);
    const given: string[] = [];
    for (let row = queue.peek(); row !== undefined; row = queue.peek()) {
      given.push(row.id);
      queue.pop();
    }
    expect(given).toEqual(
      waiting(log.state)
        .sort(compareReady)
        .map(({ id }) => id),
    );
  });

  it('unpacks no more than it needs when they stand in the order of dispatch', async () => {
    const log = new Log();
    for (let at = 0; at < 1_000; at++) {
      const id = String(at).padStart(4, '0');
      log.commit([
        taskCreated(`t${id}`),
        runCreated(`r${id}`, `t${id}`, { scheduledAt: log.at }),
        changed(`r${id}`, 'scheduled', 'ready'),
      ]);
    }
    const loaded = await throughSnapshot(log.state);
    // The first of a kind is read in full.
    expect(packed(loaded)).toBe(999);
    const queue = queueOver(loaded);
    for (let at = 0; at < 100; at++) {
      expect(queue.peek()?.id).toBe(`r${String(at).padStart(4, '0')}`);
      queue.pop();
    }
    expect(packed(loaded)).toBe(999 - 256);
  });
});

describe('what is not packed', () => {
  it('is a pair whose task was created later than that of another which became ready after it', async () => {
    const log = new Log();
    for (const id of ['first', 'second', 'third'])
      log.commit([taskCreated(id), runCreated(`r-${id}`, id), changed(`r-${id}`, 'scheduled', 'ready')]);
    log.commit([taskCreated('early'), runCreated('r-early', 'early')]);
    log.commit([taskCreated('late'), runCreated('r-late', 'late'), changed('r-late', 'scheduled', 'ready')]);
    log.commit([changed('r-early', 'scheduled', 'ready')]);
    const loaded = await throughSnapshot(log.state);
    expect(packed(loaded)).toBe(3);
    const runIds = ['r-first', 'r-second', 'r-third', 'r-late', 'r-early'];
    expect(waiting(loaded).map(({ id }) => id)).toEqual(runIds);
    const taskIds = ['first', 'second', 'third', 'early', 'late'];
    expect(loaded.tasks.list().items.map(({ spec }) => spec.id)).toEqual(taskIds);
  });

  it('is a task whose run is another, and those around it are, however many there are', async () => {
    const log = new Log();
    // One here and there, and many in a row: runs that are rows, of tasks that are columns.
    const isOther = (at: number): boolean => at % 20 === 7 || (at > 300 && at < 390);
    let others = 0;
    for (let at = 0; at < 400; at++) {
      const id = String(at).padStart(3, '0');
      const ready = isOther(at) ? [] : [changed(`r-${id}`, 'scheduled', 'ready')];
      log.commit([taskCreated(id), runCreated(`r-${id}`, id), ...ready]);
      if (isOther(at)) others++;
    }
    const loaded = await throughSnapshot(log.state);
    expect(packed(loaded)).toBe(400 - 1 - others);
    expect(derivedState(loaded)).toEqual(derivedState(log.state));
  });

  it('is a pair that something else refers to', async () => {
    const log = new Log();
    for (const id of ['a', 'b', 'c', 'd'])
      log.commit([taskCreated(id), runCreated(`r-${id}`, id), changed(`r-${id}`, 'scheduled', 'ready')]);
    log.commit([taskCreated('child', { parentId: 'b' }), runCreated('r-child', 'child')]);
    const loaded = await throughSnapshot(log.state);
    expect(packed(loaded)).toBe(2);
    expect([...(loaded.tasks.row('b')?.extra?.children ?? [])].map(({ id }) => id)).toEqual(['child']);
    expect(packed(loaded)).toBe(2);
    expect(derivedState(loaded)).toEqual(derivedState(log.state));
  });

  it.each([
    ['a key', { constraints: { concurrencyKey: 'k' } }],
    ['an end', { constraints: { expireAfterMs: 5 } }],
    ['a start', { policy: { kind: 'once', startAt: 5 } }],
    [
      'repetitions',
      { policy: { kind: 'repeat', count: 2, intervalMs: 5, overlap: 'allow', misfire: { kind: 'skip' } } },
    ],
  ] as const)(
    'is a task with %s',
    async (_what, { constraints, policy }: { constraints?: object; policy?: object }) => {
      const log = new Log();
      const fields = {
        ...(constraints === undefined ? {} : { constraints: { ...taskDefaults(), ...constraints } }),
        ...(policy === undefined ? {} : { policy }),
      } as object;
      for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
        log.commit([
          taskCreated(id, fields),
          runCreated(`r-${id}`, id),
          changed(`r-${id}`, 'scheduled', 'ready'),
        ]);
      const loaded = await throughSnapshot(log.state);
      expect(packed(loaded)).toBe(0);
      expect(derivedState(loaded)).toEqual(derivedState(log.state));
    },
  );
});

function taskDefaults(): object {
  const made = taskCreated('x');
  return made.type === 'TaskCreated' ? made.spec.constraints : {};
}
