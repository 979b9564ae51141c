// Tasks: their rows, their counts of chains, the tree they form. A task never changes once it was created, but
// for its cancellation and for what its runs make of its counts.
import type { PawlEvent } from '../domain/events.js';
import type { SavedTask, TaskRecord } from '../domain/nouns.js';
import type { RunState } from '../domain/run-state.js';
import { NONE, occurrenceCount, type TaskSpec } from '../domain/task.js';
import { CanceledTasks } from './canceled-tasks.js';
import type { Fold } from './fold.js';
import type { Pruned } from './pruned.js';
import { refusal } from './refusal.js';
import { RowTable, type PackedRows } from './row-table.js';
import { TaskRow, type RunRow, type TaskExtra, type TaskShape } from './rows.js';
import { mapSection } from './sections.js';
import { sortBySequence } from './sort-by-sequence.js';
import { TaskDraft } from './task-draft.js';
import { TaskIndex } from './task-index.js';
import { listTasks, type TaskFilter } from './task-list.js';
import { type Page, type PageOptions } from './paging.js';
import { savedTask, specOf, taskRecord } from './task-record.js';
import { TaskShapes } from './task-shapes.js';

/** How far ahead the task of the next run is looked for; those between have no runs. */
const LOADED_AHEAD = 4;

/** The tasks. */
export class Tasks implements Fold {
  readonly handles = ['TaskCreated', 'TaskCanceled', 'PolicyAdvanced', 'TasksPruned'] as const;
  readonly #rows = new RowTable<TaskRow, SavedTask>(
    savedTask,
    { first: () => this.index.first(), next: (row) => this.index.after(row) },
    () => {
      const draft = new TaskDraft();
      return (row) => draft.fill(row);
    },
  );
  readonly #shapes = new TaskShapes();
  /** Tasks by type, tenant and tag. */
  readonly index = new TaskIndex();
  /** Tasks that were canceled. */
  readonly canceled = new CanceledTasks();
  readonly sections = [mapSection('tasks', this.#rows, (record) => void this.load(record))];
  readonly #runless = new Set<TaskRow>();
  /** Ids of parents, until `finishLoad`. */
  #loading: TaskRow[] = [];
  /** Place in it of the task that was asked for last. */
  #loadedAt = 0;

  constructor(private readonly pruned: Pruned) {}

  /** Number of tasks. */
  get count(): number {
    return this.#rows.size;
  }

  /** The task, frozen; `undefined` when none has the id. */
  get(taskId: string): TaskRecord | undefined {
    const row = this.#rows.get(taskId);
    return row === undefined ? undefined : taskRecord(row);
  }

  /** The row, for the engine's own use; it changes in place. */
  row(taskId: string): TaskRow | undefined {
    return this.#rows.get(taskId);
  }

  /** Tasks that lost their last run by pruning, or ended without one: no run will lead to them any more. */
  get runless(): ReadonlySet<TaskRow> {
    return this.#runless;
  }

  /** All rows, in no order. */
  rows(): IterableIterator<TaskRow> {
    return this.#rows.values();
  }

  /** Tasks that match, in order of creation within a kind. Errors: `INVALID_INPUT` for a limit or cursor. */
  list(filter: TaskFilter = {}, options: PageOptions = {}): Page<TaskRecord> {
    if (filter.parentId === undefined) this.#rows.packed.bringAll();
    return listTasks(this, filter, options);
  }

  /** The specification a task was created with. */
  specOf(row: TaskRow): TaskSpec {
    return specOf(row);
  }

  /** True when the task is canceled, or derives nothing more and all its occurrences have ended. */
  isTerminal(row: TaskRow): boolean {
    if (row.extra?.canceledAt !== undefined) return true;
    return (
      row.derived >= occurrenceCount(row.shape.policy) &&
      row.completed + row.failed + row.canceled >= row.created
    );
  }

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'TaskCreated': {
        this.#create(event);
        return;
      }
      case 'TaskCanceled': {
        this.#cancel(event);
        return;
      }
      case 'PolicyAdvanced': {
        this.#advance(event);
        return;
      }
      case 'TasksPruned':
        for (const taskId of event.taskIds) this.#remove(this.change(event, taskId));
        return;
      default:
        return;
    }
  }

  /** The same as `row`, while a snapshot is loaded: runs come in the order of their tasks, so it is most often the next. */
  loadedRow(taskId: string): TaskRow | undefined {
    const rows = this.#loading;
    for (let at = this.#loadedAt; at <= this.#loadedAt + LOADED_AHEAD; at++) {
      const row = rows[at];
      if (row?.id !== taskId) continue;
      this.#loadedAt = at;
      return row;
    }
    return this.#rows.get(taskId);
  }

  /** Tasks that a snapshot has handed over packed. */
  set packed(packed: PackedRows) {
    this.#rows.packed = packed;
  }

  /** While a snapshot is loaded: takes back a task. */
  load(record: SavedTask): TaskRow {
    const row = this.#restore(record);
    this.#loading.push(row);
    return row;
  }

  /** The tasks that were loaded so far, before `finishLoad`. */
  get loading(): readonly TaskRow[] {
    return this.#loading;
  }

  /** Takes back a task that `index.reserve` has counted, and whose shape is known. */
  link(record: SavedTask, shape: TaskShape): TaskRow {
    const row = this.#restore(record, shape);
    this.index.link(row);
    return row;
  }

  /** Idempotent. */
  finishLoad(): void {
    for (const row of sortBySequence(this.#loading, (task) => task.createdSequence)) {
      this.index.add(row);
      const parentId = row.extra?.parentId;
      if (parentId !== undefined) adopt(row, this.#rows.get(parentId));
      this.#noteRunless(row);
    }
    this.#loading = [];
    this.#loadedAt = 0;
  }

  /** The row an event is about to change. Refusals: `unknownTask`. */
  change(event: PawlEvent, taskId: string): TaskRow {
    const row = this.#rows.get(taskId);
    if (row === undefined) throw refusal(event, 'unknownTask', { taskId });
    this.touch(row);
    return row;
  }

  /** To be called before each change of a row. */
  touch(row: TaskRow): void {
    this.#rows.willChange(row);
  }

  /** Appends a run to those of its task. */
  addRun(task: TaskRow, run: RunRow): void {
    run.previousOfTask = task.lastRun;
    if (task.lastRun === undefined) task.firstRun = run;
    else task.lastRun.nextOfTask = run;
    task.lastRun = run;
    this.index.countRun(task, 1);
    if (this.#runless.size > 0) this.#runless.delete(task);
  }

  /** Takes a run from those of its task. */
  removeRun(run: RunRow): void {
    const { task } = run;
    if (run.previousOfTask === undefined) task.firstRun = run.nextOfTask;
    else run.previousOfTask.nextOfTask = run.nextOfTask;
    if (run.nextOfTask === undefined) task.lastRun = run.previousOfTask;
    else run.nextOfTask.previousOfTask = run.previousOfTask;
    run.nextOfTask = undefined;
    run.previousOfTask = undefined;
    this.index.countRun(task, -1);
    this.#noteRunless(task);
  }

  #noteRunless(task: TaskRow): void {
    if (task.firstRun === undefined) this.#runless.add(task);
  }

  /** Counts an occurrence that ended in a terminal state, or takes that back. */
  countEnd(task: TaskRow, state: RunState, change: 1 | -1): void {
    if (state === 'completed') task.completed += change;
    else if (state === 'failed') task.failed += change;
    else if (state === 'canceled') task.canceled += change;
  }

  #create(event: PawlEvent<'TaskCreated'>): void {
    const { spec } = event;
    if (this.#rows.get(spec.id) !== undefined) throw refusal(event, 'duplicateTask', { taskId: spec.id });
    const row = this.#make(spec, event.at);
    row.createdSequence = event.sequence;
    if (spec.parentId !== undefined) {
      const parent = this.#rows.get(spec.parentId);
      if (parent === undefined && !this.pruned.hasTask(spec.parentId)) {
        throw refusal(event, 'unknownTask', { taskId: spec.parentId, childId: spec.id });
      }
      adopt(row, parent);
    }
    this.#rows.add(row);
    this.index.add(row);
  }

  #cancel(event: PawlEvent<'TaskCanceled'>): void {
    const row = this.change(event, event.taskId);
    const extra = extraOf(row);
    if (extra.canceledAt !== undefined) return;
    extra.canceledAt = event.at;
    extra.cancelReason = event.reason;
    this.canceled.add(row);
    this.#noteRunless(row);
  }

  #advance(event: PawlEvent<'PolicyAdvanced'>): void {
    const row = this.change(event, event.taskId);
    const derived = event.throughOccurrence + 1;
    if (derived - row.derived !== event.skipped || event.skipped < 0) {
      throw refusal(event, 'skipMismatch', { taskId: row.id, derived: row.derived });
    }
    row.derived = derived;
    row.skipped += event.skipped;
    extraOf(row).derivedThroughAt = event.throughAt;
    this.#noteRunless(row);
  }

  /** Forgets a task whose runs are gone already. */
  #remove(row: TaskRow): void {
    if (row.extra?.canceledAt !== undefined) this.canceled.remove(row);
    row.extra?.parent?.extra?.children?.delete(row);
    for (const child of row.extra?.children ?? []) extraOf(child).parent = undefined;
    if (this.index.remove(row)) this.#shapes.drop(row.shape);
    this.#rows.delete(row.id);
    this.#runless.delete(row);
  }

  #restore(record: SavedTask, shape?: TaskShape): TaskRow {
    const { spec, counts } = record;
    const row = this.#make(spec, record.createdAt, shape);
    row.created = counts.created;
    row.completed = counts.completed;
    row.failed = counts.failed;
    row.canceled = counts.canceled;
    row.skipped = counts.skipped;
    row.derived = counts.derived;
    row.createdSequence = record.createdSequence ?? 0;
    if (record.canceledAt !== undefined) {
      extraOf(row).canceledAt = record.canceledAt;
      this.canceled.add(row);
    }
    if (record.cancelReason !== undefined) extraOf(row).cancelReason = record.cancelReason;
    if (record.derivedThroughAt !== undefined) extraOf(row).derivedThroughAt = record.derivedThroughAt;
    this.#rows.add(row);
    return row;
  }

  #make(spec: TaskSpec, createdAt: number, shape = this.#shapes.of(spec)): TaskRow {
    const row = new TaskRow(spec.id, shape, spec.input, createdAt);
    const { startAt } = spec.policy;
    row.startAt = startAt;
    if (spec.parentId !== undefined) extraOf(row).parentId = spec.parentId;
    if (spec.dependsOn.length > 0) extraOf(row).dependsOn = Object.freeze([...spec.dependsOn]);
    return row;
  }
}

/** The rare fields of a task, made when there are none. */
function extraOf(row: TaskRow): TaskExtra {
  return (row.extra ??= {
    canceledAt: undefined,
    cancelReason: undefined,
    parent: undefined,
    parentId: undefined,
    children: undefined,
    dependsOn: NONE,
    derivedThroughAt: undefined,
    nextCanceled: undefined,
    previousCanceled: undefined,
  });
}

function adopt(child: TaskRow, parent: TaskRow | undefined): void {
  if (parent === undefined) return;
  extraOf(child).parent = parent;
  (extraOf(parent).children ??= new Set()).add(child);
}
