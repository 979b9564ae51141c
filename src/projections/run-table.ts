// The rows of the runs with everything that is kept in step with them: the list of each state, the chain of
// each task, timers, keys, and their section of a snapshot.
import { PawlError } from '../errors.js';
import type { PawlEvent } from '../domain/events.js';
import type { SavedRun } from '../domain/run.js';
import { isTerminal, type RunState } from '../domain/run-state.js';
import { CapturableMap } from './capturable-map.js';
import type { Keys } from './keys.js';
import type { Pruned } from './pruned.js';
import { refusal } from './refusal.js';
import type { RunRow, TaskRow } from './rows.js';
import { loadRun } from './run-load.js';
import { savedRun } from './run-record.js';
import { mapSection } from './sections.js';
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

/** The rows of the runs. */
export class RunTable {
  readonly #rows = new CapturableMap<RunRow, SavedRun>(savedRun);
  readonly #followers: RunFollowers;
  /** The runs in each state. */
  readonly states = new StateLists();
  /** Runs whose type is not that of their task. */
  readonly overrides = new TypeOverrides();
  readonly section = mapSection('runs', this.#rows, (record) => this.#load(record));
  /** Runs that were continued and whose successor does not exist. */
  readonly awaiting = new Set<RunRow>();
  #loading: RunRow[] = [];
  /** Records whose task is not loaded yet. */
  #early: SavedRun[] = [];

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
    this.#rows.willChange(runId, row);
    return row;
  }

  /** Adds a new run. */
  insert(row: RunRow): void {
    this.#rows.willChange(row.id, undefined);
    this.#rows.set(row.id, row);
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
    this.#rows.willChange(row.id, row);
    this.#followers.tasks.removeRun(row);
    this.overrides.remove(row);
    this.states.remove(row);
    this.awaiting.delete(row);
    this.#rows.delete(row.id);
    this.#followers.pruned.remember({ kind: 'run', id: row.id });
  }

  finishLoad(): void {
    for (const record of this.#early) this.#loadRow(record, this.#followers.tasks.row(record.taskId));
    this.#early = [];
    for (const row of sortBySequence(this.#loading, (run) => run.createdSequence)) {
      this.#followers.tasks.addRun(row.task, row);
      this.overrides.add(row);
      if (!isTerminal(row.state)) row.task.openRuns++;
    }
    for (const row of sortBySequence(this.#loading, (run) => run.stateSequence)) {
      this.states.add(row);
      this.#follow(row);
    }
    this.#loading = [];
  }

  #follow(row: RunRow): void {
    this.#followers.timers.update(row);
    this.#followers.keys.update(row);
  }

  #load(record: SavedRun): void {
    const task = this.#followers.tasks.row(record.taskId);
    if (task === undefined) this.#early.push(record);
    else this.#loadRow(record, task);
  }

  #loadRow(record: SavedRun, task: TaskRow | undefined): void {
    if (task === undefined) {
      throw new PawlError(
        'SNAPSHOT_INVALID',
        `Run ${record.id} is of task ${record.taskId}, which the snapshot lacks.`,
        {
          rule: 'unknownReference',
          id: record.id,
        },
      );
    }
    const row = loadRun(record, task);
    this.#rows.set(row.id, row);
    this.#loading.push(row);
    if (row.detail?.continuation !== undefined) this.awaiting.add(row);
  }
}

/** False for a run that was continued or run again: its chain counts with the last of its runs. */
export function countsByItself(row: RunRow): boolean {
  return row.detail?.continuedTo === undefined && row.detail?.retriedBy === undefined;
}
