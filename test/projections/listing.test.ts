// Listings: every filter over every index gives what a scan gives, page by page, also while records come and go.
import { describe, expect, it } from '@jest/globals';
import { RUN_STATES } from '../../src/domain/run-state.js';
import { collectPage, MAX_LOOKED_AT, MAX_PAGE } from '../../src/projections/paging.js';
import type { RunFilter } from '../../src/projections/run-list.js';
import type { TaskFilter } from '../../src/projections/task-list.js';
import { historyMaker } from '../support/history.js';
import { event } from '../support/history-maker.js';
import { changed, Log, runCreated, taskCreated } from '../support/projection-log.js';
import type { Projections } from '../../src/projections/projections.js';

const TAGS = [undefined, 'eu', 'vip', 'nowhere'];
const TYPES = [undefined, 'type-0', 'type-next', 'nothing'];

function stateAfter(seed: number, commits: number): Projections {
  const maker = historyMaker(seed);
  for (let made = 0; made < commits; made++) maker.next();
  return maker.state;
}

function allRuns(state: Projections, filter: RunFilter, limit: number): string[] {
  const ids: string[] = [];
  let page = state.runs.list(filter, { limit });
  for (;;) {
    ids.push(...page.items.map((run) => run.id));
    if (page.cursor === undefined) return ids;
    page = state.runs.list(filter, { limit, cursor: page.cursor });
  }
}

function scan(state: Projections, filter: RunFilter): string[] {
  const rows = [...state.runs.rows()].filter((row) => {
    const { shape } = row.task;
    return (
      (filter.state === undefined || row.state === filter.state) &&
      (filter.taskId === undefined || row.task.id === filter.taskId) &&
      (filter.type === undefined || (row.detail?.taskType ?? shape.type) === filter.type) &&
      (filter.tag === undefined || shape.metadata.tags.includes(filter.tag)) &&
      (filter.tenantId === undefined || shape.tenantId === filter.tenantId)
    );
  });
  return rows.map((row) => row.id).sort();
}

const given = <T extends object>(filter: T): T =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as T;

describe('a listing of runs', () => {
  it.each([1, 2, 3])('gives what a scan gives for every filter, seed %i', (seed) => {
    const state = stateAfter(seed, 400);
    const tenants = [undefined, ...[...state.tenants.list()].slice(0, 2).map((tenant) => tenant.id)];
    const taskIds = [undefined, [...state.tasks.rows()].find((task) => task.firstRun !== task.lastRun)?.id];
    for (const name of [undefined, ...RUN_STATES]) {
      for (const type of TYPES) {
        for (const tag of TAGS) {
          for (const tenantId of tenants) {
            for (const taskId of taskIds) {
              const filter = given({ state: name, type, tag, tenantId, taskId }) as RunFilter;
              expect(allRuns(state, filter, 7).sort()).toEqual(scan(state, filter));
            }
          }
        }
      }
    }
  });

  it('in a state is in the order in which the runs entered it', () => {
    const log = new Log();
    for (const id of ['a', 'b', 'c']) log.commit([taskCreated(`t${id}`), runCreated(id, `t${id}`)]);
    for (const id of ['c', 'a', 'b']) log.commit([changed(id, 'scheduled', 'ready')]);
    expect(allRuns(log.state, { state: 'ready' }, 1)).toEqual(['c', 'a', 'b']);
  });

  it.each<RunFilter>([{ state: 'canceled' }, { tag: 'eu' }, { type: 'work' }, {}])(
    'goes on behind a run that was pruned, by %j',
    (filter) => {
      const log = new Log();
      for (const id of ['a', 'b', 'c', 'd']) {
        log.commit([
          taskCreated(`t${id}`, { metadata: { tags: ['eu'], priority: 0 } }),
          runCreated(id, `t${id}`),
          changed(id, 'scheduled', 'canceled'),
        ]);
      }
      const first = log.state.runs.list(filter, { limit: 2 });
      log.commit([event('RunsPruned', { runIds: ['b'] })]);
      const rest = log.state.runs.list(filter, { cursor: first.cursor ?? '' });
      expect([...first.items, ...rest.items].map((run) => run.id)).toEqual(['a', 'b', 'c', 'd']);
    },
  );

  it('goes on behind a run that left the state', () => {
    const log = new Log();
    for (const id of ['a', 'b', 'c', 'd']) log.commit([taskCreated(`t${id}`), runCreated(id, `t${id}`)]);
    const first = log.state.runs.list({ state: 'scheduled' }, { limit: 2 });
    log.commit([changed('b', 'scheduled', 'ready')]);
    const rest = log.state.runs.list({ state: 'scheduled' }, { cursor: first.cursor ?? '' });
    expect(rest.items.map((run) => run.id)).toEqual(['c', 'd']);
  });

  it('goes on behind a task that was pruned with its runs', () => {
    const log = new Log();
    for (const id of ['a', 'b', 'c'])
      log.commit([taskCreated(`t${id}`), runCreated(id, `t${id}`), changed(id, 'scheduled', 'canceled')]);
    const first = log.state.runs.list({ type: 'work' }, { limit: 1 });
    const tasks = log.state.tasks.list({ type: 'work' }, { limit: 1 });
    log.commit([event('TasksPruned', { taskIds: ['ta'] })]);
    expect(
      log.state.runs.list({ type: 'work' }, { cursor: first.cursor ?? '' }).items.map((run) => run.id),
    ).toEqual(['b', 'c']);
    expect(
      log.state.tasks
        .list({ type: 'work' }, { cursor: tasks.cursor ?? '' })
        .items.map((task) => task.spec.id),
    ).toEqual(['tb', 'tc']);
  });

  it('has no cursor when its last page is full', () => {
    const log = new Log();
    log.commit([taskCreated('t'), runCreated('r', 't')]);
    expect(log.state.runs.list({}, { limit: 1 })).toEqual({ items: [expect.objectContaining({ id: 'r' })] });
    expect(log.state.runs.list({ state: 'failed' })).toEqual({ items: [] });
  });

  it.each([0, MAX_PAGE + 1, 1.5])('refuses a limit of %d', (limit) => {
    expect(() => new Log().state.runs.list({}, { limit })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });

  it('takes a limit of one and of the largest page', () => {
    const { runs } = new Log().state;
    expect(runs.list({}, { limit: 1 }).items).toEqual([]);
    expect(runs.list({}, { limit: MAX_PAGE }).items).toEqual([]);
  });

  it.each([
    '',
    'nonsense',
    Buffer.from('{}').toString('base64url'),
    Buffer.from('["type","x"]').toString('base64url'),
    Buffer.from('["state","lost",1]').toString('base64url'),
  ])('refuses the cursor %j', (cursor) => {
    const { runs } = new Log().state;
    expect(() => runs.list({ state: 'ready' }, { cursor })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });
});

describe('a listing of tasks', () => {
  it.each([1, 2])('gives what a scan gives for every filter, seed %i', (seed) => {
    const state = stateAfter(seed, 400);
    const parents = [
      undefined,
      [...state.tasks.rows()].find((task) => (task.extra?.children?.size ?? 0) > 1)?.id,
    ];
    for (const type of TYPES) {
      for (const tag of TAGS) {
        for (const parentId of parents) {
          const filter = given({ type, tag, parentId }) as TaskFilter;
          const ids: string[] = [];
          let page = state.tasks.list(filter, { limit: 3 });
          for (;;) {
            ids.push(...page.items.map((task) => task.spec.id));
            if (page.cursor === undefined) break;
            page = state.tasks.list(filter, { limit: 3, cursor: page.cursor });
          }
          const scanned = [...state.tasks.rows()].filter(
            (row) =>
              (type === undefined || row.shape.type === type) &&
              (tag === undefined || row.shape.metadata.tags.includes(tag)) &&
              (parentId === undefined || row.extra?.parentId === parentId),
          );
          expect(ids.sort()).toEqual(scanned.map((row) => row.id).sort());
        }
      }
    }
  });
});

describe('a page', () => {
  it.each([
    [MAX_LOOKED_AT - 1, false],
    [MAX_LOOKED_AT, false],
    [MAX_LOOKED_AT + 1, true],
  ])('that finds nothing among %i records has a cursor: %s', (count, more) => {
    const rows = Array.from({ length: count }, (_value, index) => index);
    const walk = { rows, positionOf: (row: number) => ({ index: 'all', place: [row] }) };
    const page = collectPage(walk, {}, { matches: () => false, toRecord: (row) => row });
    expect(page.items).toEqual([]);
    expect(page.cursor !== undefined).toBe(more);
  });
});
