// Brings the events of a commit to the runs that are watched: one look-up an event, nothing for the others.
// Followers of one run are shown each of its states in order, one call a unit; waiters come last.
import type { Commit, PawlEvent } from '../domain/events.js';
import type { PawlError } from '../errors.js';
import type { TransitionTable } from '../machines/transition-table.js';
import type { CommitDelivery } from './commit-follower.js';
import type { RunEvent } from './run-draft.js';
import type { EndWaiter, RunChange, RunWatch } from './run-watch.js';

/** Makes followers of runs by itself, as they are created or change. */
export interface RunSpawner {
  /** False when it wants no run at all. */
  readonly active: boolean;
  /** Called before the event is routed. */
  consider(event: PawlEvent<'RunCreated' | 'RunStateChanged'>): void;
}

/** Events of watched runs that are taken in before the slice is looked at again. */
const ROUTED_A_UNIT = 64;
const NO_EVENTS: readonly PawlEvent[] = [];

/** Routes commits to watched runs. */
export class RunRouting implements CommitDelivery {
  readonly watches = new Map<string, RunWatch>();
  spawner: RunSpawner | undefined;
  readonly #transitions: TransitionTable;
  readonly #onCaughtUp: () => void;
  readonly #onFailed: (error: PawlError) => void;
  #events = NO_EVENTS;
  #event = 0;
  /** Watches that took in an event of this commit. */
  #touched = new Set<RunWatch>();
  #shown: RunChange | undefined;
  #place = 0;
  #endings: EndWaiter[] = [];
  #ending = 0;

  constructor(transitions: TransitionTable, onCaughtUp: () => void, onFailed: (error: PawlError) => void) {
    this.#transitions = transitions;
    this.#onCaughtUp = onCaughtUp;
    this.#onFailed = onFailed;
  }

  get wanted(): boolean {
    return this.watches.size > 0 || this.spawner?.active === true;
  }

  begin(commit: Commit): void {
    this.#events = commit.events;
    this.#event = 0;
  }

  step(): boolean {
    if (this.#shown !== undefined) {
      this.#showNext(this.#shown);
      return true;
    }
    if (this.#routeNext()) return true;
    for (const watch of this.#touched) {
      this.#touched.delete(watch);
      this.#finish(watch);
      return true;
    }
    const waiter = this.#endings[this.#ending++];
    if (waiter !== undefined) {
      waiter.ended();
      return true;
    }
    this.#endings = [];
    this.#ending = 0;
    return false;
  }

  caughtUp(): void {
    this.#onCaughtUp();
  }

  failed(error: PawlError): void {
    this.#onFailed(error);
  }

  /** Goes on to the next event that is to be shown, or some way; false when the commit has been gone through. */
  #routeNext(): boolean {
    let routed = 0;
    for (let event = this.#events[this.#event]; event !== undefined; event = this.#events[this.#event]) {
      this.#event++;
      if (!isRunEvent(event)) continue;
      if (
        this.spawner?.active === true &&
        (event.type === 'RunCreated' || event.type === 'RunStateChanged')
      ) {
        this.spawner.consider(event);
      }
      // A successor is also news of the run it continues.
      const continued = event.type === 'RunCreated' ? event.continuedFrom : undefined;
      const watch = this.watches.get(continued ?? event.runId);
      if (watch === undefined) continue;
      this.#touched.add(watch);
      const change = watch.take(event);
      this.#show(change);
      if (change !== undefined || ++routed >= ROUTED_A_UNIT) return true;
    }
    this.#events = NO_EVENTS;
    return false;
  }

  #finish(watch: RunWatch): void {
    this.#show(watch.flush());
    if (!watch.ended) return;
    // Before anybody is told: who asks again from inside finds the run at its end, in the projection.
    if (this.watches.get(watch.runId) === watch) this.watches.delete(watch.runId);
    for (const waiter of watch.takeWaiters()) this.#endings.push(waiter);
  }

  #show(change: RunChange | undefined): void {
    if (change === undefined) return;
    change.watch.sweep();
    this.#shown = change;
    this.#place = 0;
  }

  /** Shows a change to the next follower that has not seen it. */
  #showNext(change: RunChange): void {
    const { places } = change.watch;
    while (this.#place < places.length) {
      const place = places[this.#place++];
      if (place === undefined || place.follower.closed || place.after >= change.sequence) continue;
      const edge = change.change && this.#transitions.eventFor(change.change.from, change.change.to);
      place.follower.next(change.record, edge);
      if (change.ended) place.follower.complete();
      return;
    }
    this.#shown = undefined;
  }
}

function isRunEvent(event: PawlEvent): event is RunEvent {
  return 'runId' in event && event.type !== 'BudgetConsumed';
}
