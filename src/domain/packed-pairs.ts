// Tasks that wait with their one run, as a snapshot hands them over: still in its bytes, and read one by one when they
// are needed. A port: how they are kept is the snapshot's business, when they are taken apart `Unpacking` decides.
import type { SavedTask } from './nouns.js';
import type { PlainRun } from './run.js';

/** A task and its run, taken apart. */
export interface Pair {
  readonly task: SavedTask;
  /** Valid until the next pair is read. */
  readonly run: PlainRun;
}

/** Pairs that are like a task which was loaded in full: all of them have its shape. */
export interface PackedKind {
  readonly taskId: string;
}

/** What is known of a pair without taking it apart. */
export const PAIR_FIELDS = Object.freeze({
  /** Sequence of the `TaskCreated`. */
  createdSequence: 0,
  /** Sequence of the run's last change of state. */
  stateSequence: 1,
  priority: 2,
  /** Of the run, milliseconds since the Unix epoch. */
  scheduledAt: 3,
  /** The same. */
  createdAt: 4,
});

/** Pairs of a task of the policy `once` and its only run, which is ready, was never claimed and has no key and no end. */
export interface PackedPairs {
  /** Their places are 0 … places − 1; some of them may be empty. */
  readonly places: number;
  /** Number of pairs that were not read. */
  readonly size: number;
  /** False when two of them have a task, or a run, of the same id. */
  readonly isUnique: boolean;
  readonly kinds: readonly PackedKind[];
  /** True when each was created, and became ready, after the one at the place before it. */
  readonly ascends: boolean;
  /** True when none goes before the one at the place before it in the order of dispatch, as far as that shows without their ids. */
  readonly queues: boolean;
  /** True while the pair at a place was not read. */
  has(place: number): boolean;
  /** A field of the pair at a place, one of `PAIR_FIELDS`. */
  get(place: number, field: number): number;
  /** Index in `kinds` of the pair at a place. */
  kindOf(place: number): number;
  /** Place of the pair whose task has the id, or −1. */
  placeOfTask(taskId: string): number;
  /** Place of the pair whose run has the id, or −1. */
  placeOfRun(runId: string): number;
  /** Takes a pair apart, once: its bytes are let go of. */
  read(place: number): Pair;
}
