// Which tasks and runs a snapshot may write as columns: tasks that wait with their one run and have nothing of their own
// but an id, an input and the moment they were created; runs that were made ready and nothing else. Such rows are most
// of a large snapshot, and a start can leave them as they lie there.
import type { SavedTask } from '../domain/nouns.js';
import type { SavedRun } from '../domain/run.js';
import type { TaskSpec } from '../domain/task.js';
import { hasDetail, isImplied } from './snapshot-codec-run.js';

/** Rows of a frame of columns at most. */
export const MAX_COLUMN_ROWS = 1_024;
/** Bytes of an id in a column at most. */
export const MAX_ID_BYTES = 255;
/** Bytes of an input among columns at most: larger ones are rows. */
export const MAX_INPUT_BYTES = 65_535;
/** Bytes of what tasks in columns have in common at most. */
export const MAX_COMMON_BYTES = 65_536;
/** A time in a column is no further than this from 1970, so that the difference of two is a safe integer. */
export const MAX_TIME_MS = 2 ** 52;
/** Numbers a task has, each of 8 bytes. */
export const TASK_NUMBERS = 2;
/** The same of a run, but for its priority. */
export const RUN_NUMBERS = 5;

/** The counts of a task with one run that has not ended. */
export const ONE_RUN = Object.freeze({
  created: 1,
  completed: 0,
  failed: 0,
  canceled: 0,
  skipped: 0,
  derived: 1,
});

/** True when tasks of this specification need no more than a place in the queue while they wait. */
export function waitsInQueue(spec: TaskSpec): boolean {
  const { policy, constraints } = spec;
  return (
    policy.kind === 'once' &&
    policy.startAt === undefined &&
    constraints.concurrencyKey === undefined &&
    constraints.expireAfterMs === undefined &&
    spec.parentId === undefined &&
    spec.dependsOn.length === 0 &&
    spec.budgets.length === 0
  );
}

/** True when a task may stand among columns. */
export function isWaitingTask(task: SavedTask): boolean {
  const { spec, counts } = task;
  return (
    counts.created === 1 &&
    counts.completed === 0 &&
    counts.failed === 0 &&
    counts.canceled === 0 &&
    counts.skipped === 0 &&
    counts.derived === 1 &&
    task.canceledAt === undefined &&
    task.cancelReason === undefined &&
    task.derivedThroughAt === undefined &&
    isSequence(task.createdSequence) &&
    isTime(task.createdAt) &&
    (spec.input === undefined || (spec.input.length > 0 && spec.input.length <= MAX_INPUT_BYTES)) &&
    waitsInQueue(spec) &&
    isColumnId(spec.id)
  );
}

/** True when a run may stand among columns. */
export function isWaitingRun(run: SavedRun): boolean {
  return (
    run.state === 'ready' &&
    run.occurrence === 0 &&
    isSequence(run.createdSequence) &&
    isSequence(run.stateSequence) &&
    isTime(run.createdAt) &&
    isTime(run.scheduledAt) &&
    isTime(run.lastStateChangeAt) &&
    Number.isSafeInteger(run.priority) &&
    isImplied(run) &&
    !hasDetail(run) &&
    isColumnId(run.id) &&
    isColumnId(run.taskId)
  );
}

/** What cannot be written is left to the codec of rows, which refuses it. */
function isSequence(value: number | undefined): boolean {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0;
}

function isTime(value: number): boolean {
  return Number.isSafeInteger(value) && Math.abs(value) <= MAX_TIME_MS;
}

/** ASCII, so that bytes and characters are the same, and not empty. */
function isColumnId(id: string): boolean {
  const { length } = id;
  if (length === 0 || length > MAX_ID_BYTES) return false;
  let seen = 0;
  for (let at = 0; at < length; at++) seen |= id.charCodeAt(at);
  return seen < 0x80;
}
