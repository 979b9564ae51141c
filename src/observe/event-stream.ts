// What `events()` returns: an RxJS observable that can also be pulled with `for await`.
import type { Subscriber, TeardownLogic } from 'rxjs';
import type { PawlEvent } from '../domain/events.js';
import { GuardedObservable, type GuardOptions } from './guarded-observable.js';

/** Where the events begin and how the wait for them can be ended. */
export interface EventsOptions {
  /** Sequence of the first event wanted, ≥ 1: history, then live. Absent: live, from the subscription on. */
  readonly from?: number;
  /** Ends the subscription or iteration with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/** The two ways to read the events. */
export interface EventReads {
  subscribe(subscriber: Subscriber<PawlEvent>): TeardownLogic;
  iterate(): AsyncIterator<PawlEvent, undefined>;
}

/**
 * Durable events in order, without gap or duplicate. Observers are called in slices of at most 5 ms; `for await`
 * pulls. Completes when the orchestrator closes. Errors: `HISTORY_GONE{firstAvailable}`, `LIMIT_EXCEEDED`,
 * `ABORTED`, `CLOSED`, `JOURNAL_POISONED` after the last durable event.
 */
export class EventStream extends GuardedObservable<PawlEvent> implements AsyncIterable<PawlEvent> {
  readonly #reads: EventReads;

  constructor(options: GuardOptions, reads: EventReads) {
    super(options, (subscriber) => reads.subscribe(subscriber));
    this.#reads = reads;
  }

  [Symbol.asyncIterator](): AsyncIterator<PawlEvent, undefined> {
    return this.#reads.iterate();
  }
}
