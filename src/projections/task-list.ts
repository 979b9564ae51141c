// Listing tasks by parent, or by type, tag or tenant, over the cheapest index, in order of shapes and
// then of creation.
import type { TaskRecord } from '../domain/nouns.js';
import { taskPosition, tasksIn } from './bucket-walk.js';
import {
  collectPage,
  decodeCursor,
  invalidCursor,
  type Page,
  type PageOptions,
  type Position,
  type Walk,
} from './paging.js';
import type { TaskRow } from './rows.js';
import type { TaskIndex, TaskIndexName } from './task-index.js';
import { taskRecord } from './task-record.js';

/** Which tasks are wanted; all fields together. */
export interface TaskFilter {
  readonly type?: string;
  readonly tag?: string;
  readonly tenantId?: string;
  readonly parentId?: string;
}

const INDEXED = ['type', 'tag', 'tenantId'] as const satisfies readonly TaskIndexName[];

/** What tasks are found by. */
export interface TaskIndexes {
  readonly index: TaskIndex;
  row(taskId: string): TaskRow | undefined;
}

/** A page of the tasks that match. */
export function listTasks(tasks: TaskIndexes, filter: TaskFilter, options: PageOptions): Page<TaskRecord> {
  const after = decodeCursor(options.cursor);
  const index = after?.index ?? cheapestIndex(tasks, filter);
  return collectPage(walkOf(tasks, filter, { index, after }), options, {
    matches: (row) => matches(row, filter),
    toRecord: taskRecord,
  });
}

function matches(row: TaskRow, filter: TaskFilter): boolean {
  const { shape } = row;
  return (
    (filter.type === undefined || shape.type === filter.type) &&
    (filter.tag === undefined || shape.metadata.tags.includes(filter.tag)) &&
    (filter.tenantId === undefined || shape.tenantId === filter.tenantId) &&
    (filter.parentId === undefined || row.extra?.parentId === filter.parentId)
  );
}

function cheapestIndex(tasks: TaskIndexes, filter: TaskFilter): string {
  if (filter.parentId !== undefined) return 'parentId';
  let best = 'all';
  let cost = Infinity;
  for (const index of INDEXED) {
    const value = filter[index];
    if (value === undefined) continue;
    const count = tasks.index.list(index, value)?.tasks ?? 0;
    if (count >= cost) continue;
    best = index;
    cost = count;
  }
  return best;
}

interface WalkChoice {
  readonly index: string;
  readonly after: Position | undefined;
}

function walkOf(tasks: TaskIndexes, filter: TaskFilter, choice: WalkChoice): Walk<TaskRow> {
  if (choice.index === 'parentId' && filter.parentId !== undefined)
    return walkChildren(tasks, filter.parentId, choice.after);
  const index = choice.index === 'all' ? 'all' : INDEXED.find((name) => name === choice.index);
  const value = index === undefined ? undefined : index === 'all' ? '' : filter[index];
  if (index === undefined || value === undefined) throw invalidCursor();
  return walkBuckets(tasks, { index, value, after: choice.after });
}

function walkChildren(tasks: TaskIndexes, parentId: string, after: Position | undefined): Walk<TaskRow> {
  const [sequence] = after?.place ?? [-1];
  if (typeof sequence !== 'number') throw invalidCursor();
  const children = tasks.row(parentId)?.extra?.children ?? [];
  return {
    rows: createdAfter(children, sequence),
    positionOf: (row) => ({ index: 'parentId', place: [row.createdSequence] }),
  };
}

function* createdAfter(rows: Iterable<TaskRow>, sequence: number): IterableIterator<TaskRow> {
  for (const row of rows) if (row.createdSequence > sequence) yield row;
}

interface BucketWalk {
  readonly index: TaskIndexName;
  readonly value: string;
  readonly after: Position | undefined;
}

function walkBuckets(tasks: TaskIndexes, { index, value, after }: BucketWalk): Walk<TaskRow> {
  const [id, bucket, task] = after?.place ?? [];
  const list = tasks.index.list(index, value);
  const positionOf = (row: TaskRow): Position => {
    const at = taskPosition(row);
    return { index, place: [row.id, at.bucket, at.task] };
  };
  if (after === undefined) return { rows: tasksIn(list), positionOf };
  if (typeof id !== 'string' || typeof bucket !== 'number' || typeof task !== 'number') throw invalidCursor();
  const near = tasks.row(id);
  const still = near?.createdSequence === task ? near : undefined;
  return { rows: tasksIn(list, { bucket, task, run: 0 }, still), positionOf };
}
