// Walks over the tasks and runs of one type, tenant or tag, in order of shapes, then of creation; and on from a
// position, even when the record there has gone.
import type { BucketList, BucketPlace, RunRow, TaskRow, TaskShape } from './rows.js';

/** Where a walk stands: order of the bucket, sequences of the task's and the run's creation. */
export interface BucketPosition {
  readonly bucket: number;
  readonly task: number;
  readonly run: number;
}

/** The position of a task, behind all of its runs. */
export function taskPosition(task: TaskRow): BucketPosition {
  return { bucket: task.shape.bucket.order, task: task.createdSequence, run: Infinity };
}

/** The position of a run. */
export function runPosition(run: RunRow): BucketPosition {
  return { bucket: run.task.shape.bucket.order, task: run.task.createdSequence, run: run.createdSequence };
}

/** The tasks of a list, those behind `after` when it is given. `near`: the task at `after`, if it is still there. */
export function* tasksIn(
  list: BucketList | undefined,
  after?: BucketPosition,
  near?: TaskRow,
): IterableIterator<TaskRow> {
  let place = list?.first;
  if (after !== undefined)
    while (place !== undefined && place.bucket.order < after.bucket) place = place.next;
  for (let at: BucketPlace | undefined = place; at !== undefined; at = at.next) {
    let task = at.bucket.first;
    if (after?.bucket === at.bucket.order) {
      task = near ?? task;
      while (task !== undefined && task.createdSequence <= after.task) task = task.nextOfShape;
    }
    for (; task !== undefined; task = task.nextOfShape) yield task;
  }
}

/** The tasks of those shapes of a list that are wanted; the others cost one look a shape. */
export function* tasksOfShapes(
  list: BucketList | undefined,
  wanted: (shape: TaskShape) => boolean,
): IterableIterator<TaskRow> {
  for (let place = list?.first; place !== undefined; place = place.next) {
    const { first } = place.bucket;
    if (first === undefined || !wanted(first.shape)) continue;
    for (let task: TaskRow | undefined = first; task !== undefined; task = task.nextOfShape) yield task;
  }
}

/** The runs of a list's tasks, those behind `after` when it is given. */
export function* runsIn(
  list: BucketList | undefined,
  after?: BucketPosition,
  near?: RunRow,
): IterableIterator<RunRow> {
  if (after !== undefined) yield* restOfTask(list, after, near);
  for (const task of tasksIn(list, after, near?.task)) yield* runsOf(task);
}

/** The runs of a task in order of creation, those behind `after` when it is given. */
export function* runsOf(task: TaskRow, after = -1, near?: RunRow): IterableIterator<RunRow> {
  let run = near ?? task.firstRun;
  while (run !== undefined && run.createdSequence <= after) run = run.nextOfTask;
  for (; run !== undefined; run = run.nextOfTask) yield run;
}

function* restOfTask(
  list: BucketList | undefined,
  after: BucketPosition,
  near?: RunRow,
): IterableIterator<RunRow> {
  if (near !== undefined) {
    yield* runsOf(near.task, after.run, near);
    return;
  }
  const before = { bucket: after.bucket, task: after.task - 1, run: 0 };
  for (const task of tasksIn(list, before)) {
    if (task.createdSequence === after.task) yield* runsOf(task, after.run);
    return;
  }
}
