// How events reach plain observers: one delivery shared by all who are level with the stream, and one for each
// who still catches up. An event is frozen before the first observer sees it.
import type { Subscriber } from 'rxjs';
import type { Commit, PawlEvent } from '../domain/events.js';
import type { PawlError } from '../errors.js';
import type { CommitDelivery } from './commit-follower.js';
import { freezeDeep } from '../projections/freeze.js';

/** A plain observer of events. */
export class EventObserver {
  /** Sequence of the last event it has seen, or does not want. */
  after: number;
  readonly subscriber: Subscriber<PawlEvent>;

  constructor(subscriber: Subscriber<PawlEvent>, after: number) {
    this.subscriber = subscriber;
    this.after = after;
  }

  /** Gives it an event that it has not seen yet; returns false when it had, or when it is gone. */
  offer(event: PawlEvent): boolean {
    if (this.after >= event.sequence || this.subscriber.closed) return false;
    this.after = event.sequence;
    this.subscriber.next(freezeDeep(event));
    return true;
  }
}

const NO_EVENTS: readonly PawlEvent[] = [];

/** Delivers to all observers that are level with the stream. */
export class LiveDelivery implements CommitDelivery {
  readonly #onCaughtUp: () => void;
  #observers: EventObserver[] = [];
  #events = NO_EVENTS;
  /** The event, and the first observer that has not got it. */
  #event = 0;
  #observer = 0;

  constructor(onCaughtUp: () => void) {
    this.#onCaughtUp = onCaughtUp;
  }

  get wanted(): boolean {
    return this.#observers.some((observer) => !observer.subscriber.closed);
  }

  /** The observers that are there. */
  get observers(): readonly EventObserver[] {
    return this.#observers;
  }

  /** Takes in an observer; it gets what follows its `after`. */
  add(observer: EventObserver): void {
    this.#observers.push(observer);
  }

  begin(commit: Commit): void {
    if (this.#observers.some((observer) => observer.subscriber.closed)) {
      this.#observers = this.#observers.filter((observer) => !observer.subscriber.closed);
    }
    this.#events = commit.events;
    this.#event = 0;
    this.#observer = 0;
  }

  step(): boolean {
    for (let event = this.#events[this.#event]; event !== undefined; event = this.#events[++this.#event]) {
      while (this.#observer < this.#observers.length) {
        if (this.#observers[this.#observer++]?.offer(event) === true) return true;
      }
      this.#observer = 0;
    }
    this.#events = NO_EVENTS;
    return false;
  }

  caughtUp(): void {
    this.#onCaughtUp();
  }

  failed(error: PawlError): void {
    this.end((subscriber) => {
      subscriber.error(error);
    });
  }

  /** Ends every subscription. */
  end(how: (subscriber: Subscriber<PawlEvent>) => void): void {
    const observers = this.#observers;
    this.#observers = [];
    this.#events = NO_EVENTS;
    for (const { subscriber } of observers) how(subscriber);
  }
}

/** Delivers history to one observer until it is level with the stream. */
export class CatchUpDelivery implements CommitDelivery {
  readonly observer: EventObserver;
  readonly #onCaughtUp: () => void;
  #events = NO_EVENTS;
  #event = 0;

  constructor(observer: EventObserver, onCaughtUp: () => void) {
    this.observer = observer;
    this.#onCaughtUp = onCaughtUp;
  }

  get wanted(): boolean {
    return !this.observer.subscriber.closed;
  }

  begin(commit: Commit): void {
    this.#events = commit.events;
    this.#event = 0;
  }

  step(): boolean {
    for (let event = this.#events[this.#event]; event !== undefined; event = this.#events[this.#event]) {
      this.#event++;
      if (this.observer.offer(event)) return true;
      if (this.observer.subscriber.closed) break;
    }
    this.#events = NO_EVENTS;
    return false;
  }

  caughtUp(): void {
    this.#onCaughtUp();
  }

  failed(error: PawlError): void {
    this.observer.subscriber.error(error);
  }
}
