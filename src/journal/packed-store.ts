// The pairs of a snapshot that were not taken apart: the frames in which their tasks and runs stand as columns, and which
// run belongs to which task. A frame is let go of with the last of its rows.
import type { SavedTask } from '../domain/nouns.js';
import { PAIR_FIELDS, type PackedKind, type PackedPairs, type Pair } from '../domain/packed-pairs.js';
import { numberAt, type NumberColumn } from './column-reader.js';
import type { IdBytes } from './id-bytes.js';
import type { IdColumn } from './id-column.js';
import { IdStretches } from './id-stretches.js';
import type { IdIndex } from './packed-ids.js';
import type { PackedRuns } from './packed-runs.js';
import type { PackedTasks } from './packed-tasks.js';
import { PairOrder } from './pair-order.js';
import { Partners } from './partners.js';
import { RunHead } from './snapshot-codec-run.js';
import { Stretches } from './stretches.js';

/** Of a task or a run: that there is none that goes with it. */
const NONE = -1;

/** A frame, or the part of one that may be kept: its rows have the numbers `first` … `first + count − 1`. */
class Kept<F extends PackedTasks | PackedRuns> {
  frame: F | undefined;
  readonly count: number;
  /** Rows that may still be read. */
  left: number;

  /** `skipped`: rows at the beginning of the frame that are not kept. */
  constructor(
    frame: F,
    readonly first: number,
    readonly skipped: number,
    /** Of tasks: index of their kind. */
    readonly kind = NONE,
  ) {
    this.frame = frame;
    this.count = frame.count - skipped;
    this.left = this.count;
  }

  /** One of its rows was read; lets go of the frame when that was the last. */
  release(): void {
    this.left--;
    if (this.left === 0) this.frame = undefined;
  }

  locate(number: number, into: IdBytes): void {
    const { frame } = this;
    if (frame !== undefined) frame.ids.locate(number - this.first + this.skipped, into);
    else into.length = 0;
  }
}

/** Pairs, and tasks that may become part of one. */
export class PackedStore implements PackedPairs {
  readonly #tasks = new Stretches<Kept<PackedTasks>>();
  readonly #runs = new Stretches<Kept<PackedRuns>>();
  /** The run of each task, and the task of each run. */
  readonly #runOf = new Partners();
  readonly #taskOf = new Partners();
  readonly #head = new RunHead();
  readonly #taskIds = new IdStretches((place, into) => {
    this.#tasks.at(place).locate(place, into);
  });
  readonly #runIds = new IdStretches((number, into) => {
    this.#runs.at(number).locate(number, into);
    if (this.#taskOf.of(number) === NONE) into.length = 0;
  });
  readonly #order = new PairOrder();
  /** There once it is sealed. */
  #taskIndex: IdIndex | undefined;
  #runIndex: IdIndex | undefined;
  readonly kinds: PackedKind[] = [];
  size = 0;
  isUnique = true;

  get places(): number {
    return this.#tasks.end;
  }

  get ascends(): boolean {
    return this.#order.ascends;
  }

  get queues(): boolean {
    return this.#order.queues;
  }

  /** Frames that are kept. */
  get heldFrames(): number {
    return [...this.#tasks.all, ...this.#runs.all].filter(({ frame }) => frame !== undefined).length;
  }

  get(place: number, field: number): number {
    if (field === PAIR_FIELDS.createdSequence) {
      const { frame, first, skipped } = this.#tasks.at(place);
      return numberAt((frame as PackedTasks).createdSequence, place - first + skipped);
    }
    const number = this.#runOf.of(place);
    const { frame, first } = this.#runs.at(number);
    return numberAt(columnOf(frame as PackedRuns, field), number - first);
  }

  has(place: number): boolean {
    return this.#runOf.of(place) !== NONE;
  }

  kindOf(place: number): number {
    return this.#tasks.at(place).kind;
  }

  placeOfTask(taskId: string): number {
    const place = (this.#taskIndex as IdIndex).numberOf(taskId);
    return place !== NONE && this.has(place) ? place : NONE;
  }

  placeOfRun(runId: string): number {
    const number = (this.#runIndex as IdIndex).numberOf(runId);
    return number === NONE ? NONE : this.#taskOf.of(number);
  }

  read(place: number): Pair {
    const number = this.#runOf.of(place);
    const pair = { task: this.readTask(place), run: this.readRun(number) };
    this.#runOf.clear(place);
    this.#taskOf.clear(number);
    this.size--;
    return pair;
  }

  /** Adds the tasks of a frame, but for the `skipped` first of them; `like`: the id of one that was loaded and has their shape. */
  addTasks(frame: PackedTasks, skipped: number, like: string): void {
    if (this.kinds.at(-1)?.taskId !== like) this.kinds.push({ taskId: like });
    const kept = new Kept(frame, this.places, skipped, this.kinds.length - 1);
    if (kept.count === 0) return;
    this.#tasks.add(kept);
    this.#runOf.grow(this.places);
    this.#taskIds.note(kept.first, frame.ids.behind(skipped));
  }

  /** Where the ids of the tasks from a place on lie, as far as they are in one frame. */
  idsFrom(place: number): IdColumn {
    const { frame, first, skipped } = this.#tasks.at(place);
    return (frame as PackedTasks).ids.behind(place - first + skipped);
  }

  /** The id of a task that was not taken apart. */
  taskIdOf(place: number): string {
    return this.idsFrom(place).text(0);
  }

  /** Adds the runs of a frame, of which each is to be paired or dropped; returns the number of the first. */
  addRuns(frame: PackedRuns): number {
    const kept = new Kept(frame, this.#runs.end, 0);
    this.#runs.add(kept);
    this.#taskOf.grow(this.#runs.end);
    this.#runIds.note(kept.first, frame.ids);
    return kept.first;
  }

  /** Makes pairs of `count` tasks, which are in one frame, and as many runs. */
  pair(place: number, number: number, count: number): void {
    this.#runOf.set(place, number, count);
    this.#taskOf.set(number, place, count);
    this.size += count;
    const tasks = this.#tasks.at(place);
    const runs = this.#runs.at(number);
    this.#order.note({
      createdSequence: (tasks.frame as PackedTasks).createdSequence,
      taskRow: place - tasks.first + tasks.skipped,
      runs: runs.frame as PackedRuns,
      runRow: number - runs.first,
      count,
    });
  }

  /** Takes apart a run that goes with no task, or is part of a pair that is being read. */
  readRun(number: number): RunHead {
    const runs = this.#runs.at(number);
    const run = (runs.frame as PackedRuns).run(number - runs.first, this.#head);
    runs.release();
    return run;
  }

  /** Takes apart a task that is part of no pair, or of one that is being read. */
  readTask(place: number): SavedTask {
    const tasks = this.#tasks.at(place);
    const task = (tasks.frame as PackedTasks).task(place - tasks.first + tasks.skipped);
    tasks.release();
    return task;
  }

  /** Ends the adding: the pairs are found by their ids from now on. */
  seal(): void {
    const tasks = this.#taskIds.index(this.places);
    const runs = this.#runIds.index(this.#runs.end);
    this.isUnique = tasks.isUnique && runs.isUnique;
    this.#taskIndex = tasks.index;
    this.#runIndex = runs.index;
  }
}

function columnOf(frame: PackedRuns, field: number): NumberColumn {
  switch (field) {
    case PAIR_FIELDS.stateSequence:
      return frame.stateSequence;
    case PAIR_FIELDS.priority:
      return frame.priority;
    case PAIR_FIELDS.scheduledAt:
      return frame.scheduledAt;
    default:
      return frame.createdAt;
  }
}
