// Listing runs over the cheapest index the filter allows: a task's runs, the runs in a state, or those of the
// tasks with a type, tag or tenant. Only a listing without any filter walks all runs, state by state.
import type { RunRecord } from '../domain/run.js';
import { RUN_STATES, type RunState } from '../domain/run-state.js';
import { runPosition, runsIn, runsOf, type BucketPosition } from './bucket-walk.js';
import {
  collectPage,
  decodeCursor,
  invalidCursor,
  type Page,
  type PageOptions,
  type Position,
  type Walk,
} from './paging.js';
import type { RunRow, TaskRow } from './rows.js';
import { runRecord } from './run-record.js';
import type { StateLists } from './state-lists.js';
import type { TaskIndex, TaskIndexName } from './task-index.js';
import { typeOf, type TypeOverrides } from './type-overrides.js';

/** Which runs are wanted; all fields together. */
export interface RunFilter {
  readonly state?: RunState;
  readonly taskId?: string;
  /** Type of the run: that of its task unless it continues another under a new one. */
  readonly type?: string;
  readonly tag?: string;
  readonly tenantId?: string;
}

const INDEXED = ['type', 'tag', 'tenantId'] as const satisfies readonly TaskIndexName[];
type IndexName = 'taskId' | 'state' | TaskIndexName | 'all';

/** What runs are found by. */
export interface RunIndexes {
  readonly states: StateLists;
  readonly overrides: TypeOverrides;
  readonly tasks: { readonly index: TaskIndex; row(taskId: string): TaskRow | undefined };
  row(runId: string): RunRow | undefined;
}

/** A page of the runs that match. */
export function listRuns(runs: RunIndexes, filter: RunFilter, options: PageOptions): Page<RunRecord> {
  const after = decodeCursor(options.cursor);
  const index = after === undefined ? cheapestIndex(runs, filter) : indexOfCursor(after, filter);
  const walk = walkOf(runs, filter, { index, after });
  return collectPage(walk, options, { matches: (row) => matches(row, filter), toRecord: runRecord });
}

function matches(row: RunRow, filter: RunFilter): boolean {
  const { shape } = row.task;
  return (
    (filter.state === undefined || row.state === filter.state) &&
    (filter.taskId === undefined || row.task.id === filter.taskId) &&
    (filter.type === undefined || typeOf(row) === filter.type) &&
    (filter.tag === undefined || shape.metadata.tags.includes(filter.tag)) &&
    (filter.tenantId === undefined || shape.tenantId === filter.tenantId)
  );
}

function cheapestIndex(runs: RunIndexes, filter: RunFilter): IndexName {
  if (filter.taskId !== undefined) return 'taskId';
  let best: IndexName = 'all';
  let cost = Infinity;
  const offer = (index: IndexName, rows: number): void => {
    if (rows >= cost) return;
    best = index;
    cost = rows;
  };
  if (filter.state !== undefined) offer('state', runs.states.count(filter.state));
  for (const index of INDEXED) {
    const value = filter[index];
    if (value === undefined) continue;
    const overrides = index === 'type' ? runs.overrides.count(value) : 0;
    offer(index, (runs.tasks.index.list(index, value)?.runs ?? 0) + overrides);
  }
  return best;
}

function indexOfCursor(after: Position, filter: RunFilter): IndexName {
  const { index } = after;
  if (index === 'all') return index;
  if (
    (index === 'taskId' ||
      index === 'state' ||
      index === 'type' ||
      index === 'tag' ||
      index === 'tenantId') &&
    filter[index] !== undefined
  ) {
    return index;
  }
  throw invalidCursor();
}

interface WalkChoice {
  readonly index: IndexName;
  readonly after: Position | undefined;
}

function walkOf(runs: RunIndexes, filter: RunFilter, { index, after }: WalkChoice): Walk<RunRow> {
  switch (index) {
    case 'taskId':
      return walkTask(runs, filter.taskId ?? '', after);
    case 'state':
      return walkStates(runs, { index, states: [filter.state ?? 'scheduled'], after });
    case 'all':
      return walkStates(runs, { index, states: RUN_STATES, after });
    default:
      return walkBuckets(runs, { index, value: filter[index] ?? '', after });
  }
}

function walkTask(runs: RunIndexes, taskId: string, after: Position | undefined): Walk<RunRow> {
  const [sequence, id] = after?.place ?? [];
  const near = typeof id === 'string' ? runs.row(id) : undefined;
  const task = runs.tasks.row(taskId);
  const rows =
    task === undefined
      ? []
      : runsOf(task, typeof sequence === 'number' ? sequence : -1, near?.task === task ? near : undefined);
  return { rows, positionOf: (row) => ({ index: 'taskId', place: [row.createdSequence, row.id] }) };
}

interface StateWalk {
  readonly index: 'state' | 'all';
  readonly states: readonly RunState[];
  readonly after: Position | undefined;
}

function walkStates(runs: RunIndexes, { index, states, after }: StateWalk): Walk<RunRow> {
  return {
    rows: rowsInStates(runs, states, after),
    positionOf: (row) => ({ index, place: [row.state, row.stateSequence, row.id] }),
  };
}

function* rowsInStates(
  runs: RunIndexes,
  states: readonly RunState[],
  after: Position | undefined,
): IterableIterator<RunRow> {
  const [state, sequence, id] = after?.place ?? [];
  const begin = after === undefined ? 0 : states.findIndex((name) => name === state);
  if (begin < 0 || (after !== undefined && typeof sequence !== 'number')) throw invalidCursor();
  for (const name of states.slice(begin)) {
    let row = runs.states.first(name);
    if (name === state && typeof sequence === 'number') {
      const near = typeof id === 'string' ? runs.row(id) : undefined;
      if (near?.state === name && near.stateSequence === sequence) row = near;
      while (row !== undefined && row.stateSequence <= sequence) row = row.nextInState;
    }
    for (; row !== undefined; row = row.nextInState) yield row;
  }
}

interface BucketWalk {
  readonly index: TaskIndexName;
  readonly value: string;
  readonly after: Position | undefined;
}

function walkBuckets(runs: RunIndexes, { index, value, after }: BucketWalk): Walk<RunRow> {
  return {
    rows: rowsInBuckets(runs, { index, value, after }),
    positionOf(row) {
      if (index === 'type' && row.task.shape.type !== value) return { index, place: ['override', row.id] };
      const { bucket, task, run } = runPosition(row);
      return { index, place: [row.id, bucket, task, run] };
    },
  };
}

function* rowsInBuckets(runs: RunIndexes, { index, value, after }: BucketWalk): IterableIterator<RunRow> {
  const [id, ...rest] = after?.place ?? [];
  const overridden = id === 'override' && typeof rest[0] === 'string' ? rest[0] : undefined;
  if (overridden === undefined) {
    const position = after === undefined ? undefined : bucketPosition(rest);
    const near = typeof id === 'string' ? runs.row(id) : undefined;
    const list = runs.tasks.index.list(index, value);
    const still = near !== undefined && near.createdSequence === position?.run ? near : undefined;
    yield* runsIn(list, position, still);
  }
  if (index === 'type') yield* runs.overrides.after(value, overridden);
}

function bucketPosition([bucket, task, run]: readonly (string | number)[]): BucketPosition {
  if (typeof bucket === 'number' && typeof task === 'number' && typeof run === 'number')
    return { bucket, task, run };
  throw invalidCursor();
}
