// A run that is watched: who follows it, and its record as those who follow have last been shown it.
import type { TransitionTable } from '../machines/transition-table.js';
import type { PawlEvent } from '../domain/events.js';
import type { RunRecord } from '../domain/run.js';
import { isTerminal } from '../domain/run-state.js';
import { RunDraft, type RunEvent } from './run-draft.js';

/** The machine's event of a change of state. */
export type RunEdge = ReturnType<TransitionTable['eventFor']>;

/** Who follows a run. What it throws is its own affair: implementations must not let it out. */
export interface RunFollower {
  /** True once it wants nothing more. */
  readonly closed: boolean;
  /** The run after a change; `edge` when its state changed. */
  next(record: RunRecord, edge: RunEdge | undefined): void;
  /** The run has ended, or the orchestrator was closed. */
  complete(): void;
  fail(error: unknown): void;
}

/** A follower's place. */
export interface FollowerPlace {
  readonly follower: RunFollower;
  /** Changes up to this sequence are part of what it began with. */
  readonly after: number;
}

/** One record to be shown. */
export interface RunChange {
  readonly watch: RunWatch;
  readonly record: RunRecord;
  readonly change: PawlEvent<'RunStateChanged'> | undefined;
  /** Sequence of the last event in it. */
  readonly sequence: number;
  readonly ended: boolean;
}

/** Waits for the end of a run. */
export interface EndWaiter {
  /** The run has ended. */
  ended(): void;
  fail(error: unknown): void;
}

/** A watched run. */
export class RunWatch {
  readonly runId: string;
  #waiters: Set<EndWaiter> | undefined;
  #places: FollowerPlace[] = [];
  #open = 0;
  #record: RunRecord | undefined;
  #sequence = 0;
  #draft: RunDraft | undefined;
  #change: PawlEvent<'RunStateChanged'> | undefined;
  #ended = false;

  constructor(runId: string) {
    this.runId = runId;
  }

  /** Followers in the order they came, some of which may be closed. */
  get places(): readonly FollowerPlace[] {
    return this.#places;
  }

  /** True when nobody is interested any more. */
  get unused(): boolean {
    return this.#open === 0 && (this.#waiters === undefined || this.#waiters.size === 0);
  }

  /** True once the run's end was taken in. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes in a follower that has been shown `record`, which is the run after the event `sequence`. */
  join(follower: RunFollower, record: RunRecord, sequence: number): void {
    if (this.#open === 0) {
      this.#places = [];
      this.#record = record;
      this.#sequence = sequence;
      this.#draft = undefined;
      this.#change = undefined;
    }
    this.#open++;
    this.#places.push({ follower, after: sequence });
  }

  /** A follower has closed. */
  leave(): void {
    this.#open--;
  }

  /** Takes in who waits for the end. */
  wait(waiter: EndWaiter): void {
    this.#waiters ??= new Set();
    this.#waiters.add(waiter);
  }

  /** Drops who no longer waits. */
  stopWaiting(waiter: EndWaiter): void {
    this.#waiters?.delete(waiter);
  }

  /** Hands over those who wait. */
  takeWaiters(): Iterable<EndWaiter> {
    const waiters = this.#waiters ?? [];
    this.#waiters = undefined;
    return waiters;
  }

  /** Drops the places of followers that have closed; not while they are gone through. */
  sweep(): void {
    if (this.#places.length > this.#open)
      this.#places = this.#places.filter((place) => !place.follower.closed);
  }

  /**
   * Takes in an event. Returns the change before it, when the event begins another one: in one commit a run can
   * pass through several states, and each is shown.
   */
  take(event: RunEvent): RunChange | undefined {
    const changesState = event.type === 'RunStateChanged';
    if (changesState && isTerminal(event.to)) this.#ended = true;
    if (this.#open === 0 || this.#record === undefined || event.sequence <= this.#sequence) return undefined;
    const before = changesState && this.#change !== undefined ? this.flush() : undefined;
    const draft = this.#draft ?? new RunDraft(this.#record);
    if (draft.apply(event)) this.#draft = draft;
    if (changesState) this.#change = event;
    this.#sequence = event.sequence;
    return before;
  }

  /** The change gathered so far, if any. */
  flush(): RunChange | undefined {
    if (this.#draft === undefined) return undefined;
    const record = this.#draft.record();
    const change = this.#change;
    this.#record = record;
    this.#draft = undefined;
    this.#change = undefined;
    return { watch: this, record, change, sequence: this.#sequence, ended: isTerminal(record.state) };
  }
}
