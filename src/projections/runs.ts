// Runs: their states and the chains they form. Every change of state goes through here and asks the table that
// was compiled from the run machine.
import type { PawlEvent } from '../domain/events.js';
import type { PlainRun, RunRecord } from '../domain/run.js';
import { isTerminal, type RunState } from '../domain/run-state.js';
import type { TransitionTable } from '../machines/transition-table.js';
import { CommitRules } from './commit-rules.js';
import type { Fold } from './fold.js';
import type { PackedPairs } from '../domain/packed-pairs.js';
import type { Page, PageOptions } from './paging.js';
import { PairIntake } from './pair-intake.js';
import { refusal } from './refusal.js';
import { RunRow } from './rows.js';
import { detailOf, noteChange, settleHistory } from './run-history.js';
import { listRuns, type RunFilter } from './run-list.js';
import { runRecord } from './run-record.js';
import { countsByItself, RunTable, type RunFollowers } from './run-table.js';
import type { StateLists } from './state-lists.js';
import type { Tasks } from './tasks.js';
import type { TypeOverrides } from './type-overrides.js';

/** What the fold of the runs needs beside the rows. */
export interface RunsParts extends RunFollowers {
  readonly transitions: TransitionTable;
}

/** The runs. */
export class Runs implements Fold {
  readonly handles = [
    'RunCreated',
    'RunStateChanged',
    'RunResumed',
    'RunPriorityChanged',
    'RunContinued',
    'RunsPruned',
    'TasksPruned',
  ] as const;
  readonly #table: RunTable;
  readonly #transitions: TransitionTable;
  /** The tasks the runs belong to. */
  readonly tasks: Tasks;
  /** The runs in each state. */
  readonly states: StateLists;
  /** Runs whose type is not that of their task. */
  readonly overrides: TypeOverrides;
  readonly sections;
  #intake: PairIntake | undefined;
  /** What must hold when a commit is whole. */
  readonly commitRules = new CommitRules();

  constructor(parts: RunsParts) {
    this.#table = new RunTable(parts);
    this.#transitions = parts.transitions;
    this.tasks = parts.tasks;
    this.states = this.#table.states;
    this.overrides = this.#table.overrides;
    this.sections = [this.#table.section];
  }

  /** Number of runs. */
  get count(): number {
    return this.#table.size;
  }

  /** Number of runs that have not ended. */
  get nonTerminal(): number {
    const { states } = this;
    return this.count - states.count('completed') - states.count('failed') - states.count('canceled');
  }

  /** Number of runs in a state. */
  countByState(state: RunState): number {
    return this.states.count(state);
  }

  /** The run, deeply frozen; `undefined` when none has the id. */
  get(runId: string): RunRecord | undefined {
    const row = this.#table.get(runId);
    return row === undefined ? undefined : runRecord(row);
  }

  /** The row, for the engine's own use; it changes in place. */
  row(runId: string): RunRow | undefined {
    return this.#table.get(runId);
  }

  /** What a snapshot has handed over and is not all rows yet. */
  get intake(): PairIntake | undefined {
    return this.#intake;
  }

  /** The rows that are ready, in the order in which they became it, without those that are no rows yet. */
  *readyRows(): IterableIterator<RunRow> {
    for (let row = this.states.first('ready'); row !== undefined; row = row.nextInState) yield row;
  }

  /** All rows, in no order. */
  rows(): IterableIterator<RunRow> {
    return this.#table.values();
  }

  /** The rows in a state, in the order in which they entered it. The state of none may change meanwhile. */
  *inState(state: RunState): IterableIterator<RunRow> {
    if (state === 'ready') this.#intake?.bringAll();
    for (let row = this.states.first(state); row !== undefined; row = row.nextInState) yield row;
  }

  /** Runs that were continued and whose successor does not exist: within a commit, or in an imported log. */
  get awaitingSuccessor(): ReadonlySet<RunRow> {
    return this.#table.awaiting;
  }

  /** Runs that match, by the cheapest index. Errors: `INVALID_INPUT` for a limit or cursor. */
  list(filter: RunFilter = {}, options: PageOptions = {}): Page<RunRecord> {
    if (filter.taskId === undefined && (filter.state ?? 'ready') === 'ready') this.#intake?.bringAll();
    return listRuns(this, filter, options);
  }

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'RunStateChanged': {
        this.#changeState(event);
        return;
      }
      case 'RunCreated': {
        this.#create(event);
        return;
      }
      case 'RunResumed': {
        this.#resume(event);
        return;
      }
      case 'RunPriorityChanged': {
        this.#changePriority(event);
        return;
      }
      case 'RunContinued': {
        this.#continue(event);
        return;
      }
      case 'RunsPruned':
        for (const runId of event.runIds) this.#remove(event, this.change(event, runId));
        return;
      case 'TasksPruned':
        for (const taskId of event.taskIds) this.#removeAllOf(event, taskId);
        return;
      default:
        return;
    }
  }

  /** The row an event is about to change. Refusals: `unknownRun`. */
  change(event: PawlEvent, runId: string): RunRow {
    return this.#table.change(event, runId);
  }

  /** Takes back a run of a snapshot that is no more than its head; see `PlainRun`. */
  loadPlain(run: PlainRun): void {
    this.#table.loadPlain(run);
  }

  /** Takes over the waiting tasks of a snapshot and their runs, to be made rows when they are needed. Before `finishLoad`. */
  loadPairs(pairs: PackedPairs): void {
    this.#intake = new PairIntake(pairs, { tasks: this.tasks, runs: this.#table });
  }

  finishLoad(): void {
    this.#intake?.beforeLists();
    // Runs are counted in the lists that their tasks are in, and found through them.
    this.tasks.finishLoad();
    this.#table.finishLoad();
    this.#intake?.afterLists();
  }

  #create(event: PawlEvent<'RunCreated'>): void {
    const { tasks } = this;
    const task = tasks.change(event, event.taskId);
    if (this.#table.get(event.runId) !== undefined)
      throw refusal(event, 'duplicateRun', { runId: event.runId });
    const row = new RunRow(event.runId, task, event.occurrence, event.at, event.scheduledAt, event.priority);
    row.createdSequence = event.sequence;
    row.stateSequence = event.sequence;
    if (event.continuedFrom !== undefined || event.retryOf !== undefined) {
      this.#replace(event, row);
    } else {
      if (event.occurrence < task.derived)
        throw refusal(event, 'duplicateOccurrence', { runId: row.id, taskId: task.id });
      if (event.occurrence > task.derived)
        throw refusal(event, 'occurrenceGap', { runId: row.id, taskId: task.id });
      task.derived = event.occurrence + 1;
      task.created++;
    }
    if (event.input !== undefined) detailOf(row).input = event.input;
    if (event.taskType !== undefined) detailOf(row).taskType = event.taskType;
    this.#table.insert(row);
  }

  /** Links a run to the one whose place in their occurrence it takes. */
  #replace(event: PawlEvent<'RunCreated'>, row: RunRow): void {
    const { continuedFrom, retryOf } = event;
    const detail = detailOf(row);
    if (continuedFrom !== undefined) {
      const old = this.change(event, continuedFrom);
      this.#supersede(event, old, { link: 'continuedTo', runId: row.id });
      detailOf(old).continuation = undefined;
      this.#table.awaiting.delete(old);
      detail.continuedFrom = continuedFrom;
    }
    if (retryOf !== undefined) {
      const old = this.change(event, retryOf);
      if (old.state !== 'failed' && old.state !== 'canceled') {
        throw refusal(event, 'retryNotEnded', { runId: row.id, retryOf, state: old.state });
      }
      this.#supersede(event, old, { link: 'retriedBy', runId: row.id });
      detail.retryOf = retryOf;
    }
  }

  #supersede(
    event: PawlEvent<'RunCreated'> | PawlEvent<'RunContinued'>,
    old: RunRow,
    by: { readonly link: 'continuedTo' | 'retriedBy'; readonly runId: string },
  ): void {
    if (
      event.type === 'RunCreated' &&
      (old.task.id !== event.taskId || old.occurrence !== event.occurrence)
    ) {
      throw refusal(event, 'chainMismatch', { runId: event.runId, predecessor: old.id, taskId: old.task.id });
    }
    const detail = detailOf(old);
    const taken = detail[by.link];
    if (taken === by.runId) return;
    if (taken !== undefined) throw refusal(event, 'successorTaken', { runId: old.id, successor: taken });
    const counted = countsByItself(old);
    detail[by.link] = by.runId;
    if (counted) this.tasks.countEnd(old.task, old.state, -1);
  }

  #continue(event: PawlEvent<'RunContinued'>): void {
    const row = this.change(event, event.runId);
    if (row.state !== 'running' && row.state !== 'completed') {
      throw refusal(event, 'attemptWrongState', { runId: row.id, state: row.state });
    }
    this.tasks.touch(row.task);
    this.#supersede(event, row, { link: 'continuedTo', runId: event.successorRunId });
    if (this.#table.get(event.successorRunId) !== undefined) return;
    detailOf(row).continuation = Object.freeze({
      ...(event.input === undefined ? {} : { input: event.input }),
      ...(event.taskType === undefined ? {} : { type: event.taskType }),
    });
    this.#table.awaiting.add(row);
  }

  #changeState(event: PawlEvent<'RunStateChanged'>): void {
    const row = this.change(event, event.runId);
    const { from, to } = event;
    if (row.state !== from)
      throw refusal(event, 'stateMismatch', { runId: row.id, from, to, state: row.state });
    if (!this.#transitions.isValidTransition(from, to))
      throw refusal(event, 'illegalTransition', { runId: row.id, from, to });
    noteChange(row, to, event.at, event.reason);
    const { detail } = row;
    if (detail !== undefined) {
      detail.wakeAt = to === 'retryWait' ? event.wakeAt : undefined;
      detail.reason = to === 'suspended' || isTerminal(to) ? event.reason : undefined;
      const keepsLease = detail.lease !== undefined && to !== 'leased' && to !== 'running';
      if (keepsLease || (detail.open !== undefined && to !== 'running')) this.commitRules.note(row, event);
    }
    this.#table.move(row, to, event);
    if (isTerminal(to)) this.#end(row);
  }

  #end(row: RunRow): void {
    const { task, detail } = row;
    this.tasks.touch(task);
    task.openRuns--;
    if (countsByItself(row)) this.tasks.countEnd(task, row.state, 1);
    if (detail === undefined) return;
    // An ended run changes no more: give back the room its lists had to grow.
    settleHistory(row);
    detail.attempts = detail.attempts.slice();
  }

  #resume(event: PawlEvent<'RunResumed'>): void {
    const row = this.change(event, event.runId);
    if (row.state !== 'ready' && row.state !== 'suspended') {
      throw refusal(event, 'resumedWrongState', { runId: row.id, state: row.state });
    }
    detailOf(row).resumedWith = event.value;
  }

  #changePriority(event: PawlEvent<'RunPriorityChanged'>): void {
    const row = this.change(event, event.runId);
    if (row.state !== 'scheduled' && row.state !== 'ready') {
      throw refusal(event, 'priorityWrongState', { runId: row.id, state: row.state });
    }
    row.priority = event.priority;
  }

  #removeAllOf(event: PawlEvent<'TasksPruned'>, taskId: string): void {
    const { tasks } = this;
    const task = tasks.change(event, taskId);
    if (task.openRuns > 0 || !tasks.isTerminal(task))
      throw refusal(event, 'pruneNotEnded', { taskId, openRuns: task.openRuns });
    for (let row = task.firstRun; row !== undefined; row = task.firstRun) this.#remove(event, row);
  }

  #remove(event: PawlEvent, row: RunRow): void {
    if (!isTerminal(row.state)) throw refusal(event, 'pruneNotEnded', { runId: row.id, state: row.state });
    this.#table.remove(row);
  }
}
