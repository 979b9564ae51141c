// From the pairs of a snapshot to rows: some while it is loaded, most when they are asked for. Until then they are
// counted, and found by id, as if they were there.
import { PawlError } from '../errors.js';
import type { PackedKind, PackedPairs, Pair } from '../domain/packed-pairs.js';
import type { PackedRows } from './row-table.js';
import type { RunRow, TaskRow, TaskShape } from './rows.js';
import type { RunTable } from './run-table.js';
import type { Tasks } from './tasks.js';
import { Unpacking } from './unpacking.js';

/** Where the rows go. */
export interface PairTables {
  readonly tasks: Tasks;
  readonly runs: RunTable;
}

/** Takes in the pairs of one snapshot. */
export class PairIntake {
  /** Tasks that the pairs are like, until their shapes are known. */
  #kinds: readonly PackedKind[];
  readonly #tables: PairTables;
  readonly #unpacking: Unpacking;
  /** The shape of each kind, and how many of it are left once the snapshot is loaded. */
  #shapes: readonly TaskShape[] = [];
  #left: readonly number[] = [];
  #onRun: (row: RunRow) => void = () => undefined;

  constructor(pairs: PackedPairs, tables: PairTables) {
    this.#kinds = pairs.kinds;
    this.#tables = tables;
    this.#unpacking = new Unpacking(pairs, {
      load: (pair) => {
        this.#load(pair);
      },
      link: (pair, kind) => {
        this.#link(pair, kind);
      },
    });
  }

  /** Number of pairs that are no rows yet. */
  get size(): number {
    return this.#unpacking.size;
  }

  /** True when a task is among those that are no rows yet. */
  hasTask(taskId: string): boolean {
    return this.#unpacking.hasTask(taskId);
  }

  /** To be called before the lists are made: loads what others refer to, and what is there twice, so that it is noticed. */
  beforeLists(): void {
    const { tasks, runs } = this.#tables;
    const unpacking = this.#unpacking;
    for (const { id, extra } of [...tasks.loading]) {
      unpacking.loadTask(id);
      if (extra?.parentId !== undefined) unpacking.loadTask(extra.parentId);
    }
    for (const { id, taskId } of [...runs.early]) {
      unpacking.loadTask(taskId);
      unpacking.loadRun(id);
    }
    for (const { id } of [...runs.loading]) unpacking.loadRun(id);
    // A kind has its place among the others by the oldest of its tasks that is a row.
    const loaded = this.#kinds.map(({ taskId }) => this.#likeTask(taskId).createdSequence);
    this.#left = unpacking.settle(loaded);
  }

  /** To be called once the lists are made: from now on a row is made when it is asked for. */
  afterLists(): void {
    const { tasks, runs } = this.#tables;
    this.#shapes = this.#kinds.map(({ taskId }) => this.#likeTask(taskId).shape);
    this.#kinds = [];
    for (const [kind, shape] of this.#shapes.entries()) tasks.index.reserve(shape, this.#left[kind] ?? 0);
    runs.states.reserve('ready', this.size);
    tasks.packed = this.#rowsOf((id) => this.#unpacking.bringTask(id));
    runs.packed = this.#rowsOf((id) => this.#unpacking.bringRun(id));
  }

  /** Has `onRun` told of each run that becomes a row from now on. */
  whenMade(onRun: (row: RunRow) => void): void {
    this.#onRun = onRun;
  }

  /** Makes rows of all of them. */
  bringAll(): void {
    this.#unpacking.bringAll();
  }

  /** Makes rows of the next of them, in the order in which they became ready. */
  bringSome(): void {
    this.#unpacking.bringBlock();
  }

  /** Makes rows until none that is left may go before this run in the order of dispatch. Returns true when it made some. */
  bringBefore(row: RunRow | undefined): boolean {
    if (!this.#unpacking.mayPrecede(row)) return false;
    this.#unpacking.bringBlock();
    return true;
  }

  #rowsOf(bring: (id: string) => boolean): PackedRows {
    const unpacking = this.#unpacking;
    return {
      get size() {
        return unpacking.size;
      },
      bring,
      bringAll() {
        unpacking.bringAll();
      },
    };
  }

  #likeTask(taskId: string): TaskRow {
    const row = this.#tables.tasks.row(taskId);
    if (row === undefined)
      throw new PawlError('INTERNAL', `Task ${taskId}, which others are like, was not loaded.`);
    return row;
  }

  #load({ task, run }: Pair): void {
    this.#tables.tasks.load(task);
    this.#tables.runs.loadPlain(run);
  }

  #link({ task, run }: Pair, kind: number): void {
    const { tasks, runs } = this.#tables;
    const shape = this.#shapes[kind];
    if (shape === undefined)
      throw new PawlError('INTERNAL', `Task ${task.spec.id} is like none that was loaded.`);
    this.#onRun(runs.link(run, tasks.link(task, shape)));
  }
}
