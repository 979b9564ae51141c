// The rows of the runs with everything that is kept in step with them: the list of each state, the chain of
// each task, timers, keys, and their section of a snapshot.
import { PawlError } from '../errors.js';
import type { PawlEvent } from '../domain/events.js';
import type { PlainRun, SavedRun } from '../domain/run.js';
import { isTerminal, type RunState } from '../domain/run-state.js';
import type { Keys } from './keys.js';
import type { Pruned } from './pruned.js';
import { refusal } from './refusal.js';
import type { RunRow, TaskRow } from './rows.js';
import { RunDraft } from './run-draft.js';
import { loadPlainRun, loadRun } from './run-load.js';
import { savedRun } from './run-record.js';
import { mapSection } from './sections.js';
import { RowTable, type PackedRows } from './row-table.js';
import { sortBySequence } from './sort-by-sequence.js';
import { StateLists } from './state-lists.js';
import type { Tasks } from './tasks.js';
import type { Timers } from './timers.js';
import { TypeOverrides } from './type-overrides.js';

/** What is told when a run changes or goes. */
export interface RunFollowers {
  readonly tasks: Tasks;
  readonly timers: Timers;
  readonly keys: Keys;
  readonly pruned: Pruned;
}

/** A run that was loaded before its task. */
interface EarlyRun {
  readonly id: string;
  readonly taskId: string;
  readonly make: (task: TaskRow) => RunRow;
}

/** The rows of the runs. */
export class RunTable {
  readonly #rows = new RowTable<RunRow, SavedRun>(
    savedRun,
    {
      first: () => this.#firstRunFrom(this.#followers.tasks.index.first()),
      next: (row) => row.nextOfTask ?? this.#firstRunFrom(this.#followers.tasks.index.after(row.task)),
    },
    () => {
      const draft = new RunDraft();
      return (row) => draft.fill(row);
    },
  );
  readonly #followers: RunFollowers;
  /** The runs in each state. */
  readonly states = new StateLists();
  /** Runs whose type is not that of their task. */
  readonly overrides = new TypeOverrides();
  readonly section = mapSection('runs', this.#rows, (record) => this.#load(record));
  /** Runs that were continued and whose successor does not exist. */
  readonly awaiting = new Set<RunRow>();
  #loading: RunRow[] = [];
  #early: EarlyRun[] = [];

  constructor(followers: RunFollowers) {
    this.#followers = followers;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(runId: string): RunRow | undefined {
    return this.#rows.get(runId);
  }

  values(): IterableIterator<RunRow> {
    return this.#rows.values();
  }

  /** The row an event is about to change. Refusals: `unknownRun`. */
  change(event: PawlEvent, runId: string): RunRow {
    const row = this.#rows.get(runId);
    if (row === undefined) throw refusal(event, 'unknownRun', { runId });
    this.#rows.willChange(row);
    return row;
  }

  /** Adds a new run. */
  insert(row: RunRow): void {
    this.#rows.add(row);
    this.#followers.tasks.addRun(row.task, row);
    row.task.openRuns++;
    this.overrides.add(row);
    this.states.add(row);
    this.#follow(row);
  }

  /** Moves a run to another state. */
  move(row: RunRow, to: RunState, event: PawlEvent): void {
    this.states.remove(row);
    row.state = to;
    row.lastStateChangeAt = event.at;
    row.stateSequence = event.sequence;
    this.states.add(row);
    this.#follow(row);
  }

  /** Removes a run that has ended. */
  remove(row: RunRow): void {
    this.#rows.willChange(row);
    this.#followers.tasks.removeRun(row);
    this.overrides.remove(row);
    this.states.remove(row);
    this.awaiting.delete(row);
    this.#rows.delete(row.id);
    this.#followers.pruned.remember({ kind: 'run', id: row.id });
  }

  /** Runs that a snapshot has handed over packed. */
  set packed(packed: PackedRows) {
    this.#rows.packed = packed;
  }

  /** Ids of the runs that were loaded so far, before `finishLoad`. */
  get loading(): readonly { readonly id: string }[] {
    return this.#loading;
  }

  /** The runs that were loaded before their tasks. */
  get early(): readonly Pick<EarlyRun, 'id' | 'taskId'>[] {
    return this.#early;
  }

  /** Takes back the one run of a task; both were counted. */
  link(run: PlainRun, task: TaskRow): RunRow {
    const row = loadPlainRun(run, task);
    this.#rows.add(row);
    task.firstRun = row;
    task.lastRun = row;
    task.openRuns = 1;
    this.states.link(row);
    return row;
  }

  /** Takes back a run that is no more than its head; the draft is the caller's again then. */
  loadPlain(run: PlainRun): void {
    const task = this.#followers.tasks.loadedRow(run.taskId);
    if (task === undefined) {
      const kept = { ...run };
      this.#early.push({ id: run.id, taskId: run.taskId, make: (later) => loadPlainRun(kept, later) });
    } else {
      this.#add(loadPlainRun(run, task));
    }
  }

  finishLoad(): void {
    const { tasks, timers, keys } = this.#followers;
    for (const early of this.#early) this.#addEarly(early);
    this.#early = [];
    const byCreation = sortBySequence(this.#loading, (run) => run.createdSequence);
    for (const row of byCreation) {
      tasks.addRun(row.task, row);
      this.overrides.add(row);
      if (!isTerminal(row.state)) row.task.openRuns++;
    }
    // Runs that only wait entered their state as they were created: then this is no second sort.
    const byState = sortBySequence(byCreation, (run) => run.stateSequence);
    for (const row of byState) {
      this.states.add(row);
      keys.update(row);
    }
    timers.load(byState);
    this.#loading = [];
  }

  /** The first run of a task, or of the next one that has runs. */
  #firstRunFrom(from: TaskRow | undefined): RunRow | undefined {
    const { index } = this.#followers.tasks;
    for (let task = from; task !== undefined; task = index.after(task)) {
      if (task.firstRun !== undefined) return task.firstRun;
    }
    return undefined;
  }

  #follow(row: RunRow): void {
    this.#followers.timers.update(row);
    this.#followers.keys.update(row);
  }

  #load(record: SavedRun): void {
    const { id, taskId } = record;
    const task = this.#followers.tasks.loadedRow(taskId);
    if (task === undefined) this.#early.push({ id, taskId, make: (later) => loadRun(record, later) });
    else this.#add(loadRun(record, task));
  }

  #addEarly({ id, taskId, make }: EarlyRun): void {
    const task = this.#followers.tasks.row(taskId);
    if (task !== undefined) {
      this.#add(make(task));
      return;
    }
    throw new PawlError('SNAPSHOT_INVALID', `Run ${id} is of task ${taskId}, which the snapshot lacks.`, {
      rule: 'unknownReference',
      id,
    });
  }

  #add(row: RunRow): void {
    this.#rows.add(row);
    this.#loading.push(row);
    if (row.detail?.continuation !== undefined) this.awaiting.add(row);
  }
}

/** False for a run that was continued or run again: its chain counts with the last of its runs. */
export function countsByItself(row: RunRow): boolean {
  return row.detail?.continuedTo === undefined && row.detail?.retriedBy === undefined;
}
