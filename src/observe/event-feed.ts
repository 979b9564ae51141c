// The durable events, from any sequence on: history from the journal, then live, without gap or duplicate.
// Observers that are level share one delivery; who catches up or pulls has a cursor. No event is kept for a
// subscriber: what the shared window no longer holds is read from the journal.
import type { Subscriber } from 'rxjs';
import { requireFields, requireInteger } from '../domain/check.js';
import type { PawlEvent } from '../domain/events.js';
import { limitExceeded, type Places } from '../domain/places.js';
import type { PawlError } from '../errors.js';
import { aborted, closed, onAbort } from './refusals.js';
import { CommitCursor, historyGone } from './commit-cursor.js';
import { CommitFollower, type FollowerParts } from './commit-follower.js';
import { CatchUpDelivery, EventObserver, LiveDelivery } from './event-deliveries.js';
import { EventIterator, type PulledStream } from './event-iterator.js';
import { EventStream, type EventsOptions } from './event-stream.js';
import type { SubscriberErrorHook } from './ports.js';

/** What an event feed works with. */
export interface EventFeedParts extends FollowerParts {
  readonly maxCursors: number;
  readonly subscribers: Places;
  readonly onSubscriberError: SubscriberErrorHook;
}

interface CatchUp {
  readonly observer: EventObserver;
  readonly follower: CommitFollower;
}

/** Hands out the events. */
export class EventFeed implements PulledStream {
  readonly #parts: EventFeedParts;
  readonly #live: LiveDelivery;
  readonly #liveFollower: CommitFollower;
  readonly #catchUps = new Set<CatchUp>();
  #cursors = 0;
  #waiting = new Set<() => void>();
  #ended: 'done' | PawlError | undefined;

  constructor(parts: EventFeedParts) {
    this.#parts = parts;
    this.#live = new LiveDelivery(() => {
      this.#settle();
    });
    this.#liveFollower = new CommitFollower(parts, this.#live);
  }

  get ended(): 'done' | PawlError | undefined {
    return this.#ended;
  }

  /** Cursors that are open: observers that catch up, and iterators. */
  get cursors(): number {
    return this.#cursors;
  }

  /** The events. Errors: `INVALID_INPUT`; the rest comes through the stream, see `EventStream`. */
  events(options: EventsOptions = {}): EventStream {
    requireFields(options, 'events', ['from', 'signal']);
    if (options.from !== undefined) requireInteger(options.from, 'from', { min: 1 });
    return new EventStream(
      { where: 'events', onError: this.#parts.onSubscriberError },
      {
        subscribe: (subscriber) => this.#subscribe(subscriber, options),
        iterate: () => this.#iterate(options),
      },
    );
  }

  /** A commit was emitted. */
  wake(): void {
    this.#liveFollower.wake();
    if (this.#waiting.size > 0) this.#wakeIterators();
  }

  /** Ends the stream: after everything durable was delivered, it completes, or fails with `error`. */
  end(error?: PawlError): void {
    this.#ended = error ?? 'done';
    this.#settle();
    this.#wakeIterators();
  }

  /** True when no plain observer is left. */
  get drained(): boolean {
    return this.#catchUps.size === 0 && !this.#live.wanted;
  }

  /** Ends the observers that are left, telling each where it can go on. */
  cutOff(): void {
    const cut = (observer: EventObserver): void => {
      observer.subscriber.error(
        closed('The orchestrator was closed before this observer had every event', observer.after + 1),
      );
    };
    this.#liveFollower.stop();
    const behind = [...this.#live.observers, ...[...this.#catchUps].map(({ observer }) => observer)];
    this.#live.end(() => undefined);
    behind.forEach(cut);
    this.#settle();
  }

  onNext(wake: () => void): void {
    this.#waiting.add(wake);
  }

  offNext(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  #wakeIterators(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  #subscribe(subscriber: Subscriber<PawlEvent>, options: EventsOptions): void {
    const { latest } = this.#parts.window;
    const from = options.from ?? latest + 1;
    const refusal = this.#refusal(options, from <= latest);
    if (refusal !== undefined) {
      subscriber.error(refusal);
      return;
    }
    subscriber.add(this.#parts.subscribers.take());
    const observer = new EventObserver(subscriber, from - 1);
    const { signal } = options;
    if (signal !== undefined) {
      subscriber.add(
        onAbort(signal, () => {
          subscriber.error(aborted('events()', signal));
        }),
      );
    }
    if (from > latest) this.#join(observer);
    else this.#catchUp(observer);
  }

  #catchUp(observer: EventObserver): void {
    const delivery = new CatchUpDelivery(observer, () => {
      end();
      this.#join(observer);
    });
    const catchUp: CatchUp = { observer, follower: new CommitFollower(this.#parts, delivery) };
    this.#catchUps.add(catchUp);
    this.#cursors++;
    const end = (): void => {
      if (!this.#catchUps.delete(catchUp)) return;
      this.#cursors--;
      catchUp.follower.stop();
    };
    observer.subscriber.add(() => {
      end();
      this.#settle();
    });
    catchUp.follower.start(observer.after);
    catchUp.follower.wake();
  }

  /** The observer has everything that was emitted: from here on it shares the live delivery. */
  #join(observer: EventObserver): void {
    this.#live.add(observer);
    this.#liveFollower.start(this.#parts.window.latest);
    if (this.#ended !== undefined) this.#settle();
  }

  #iterate(options: EventsOptions): EventIterator {
    const { window, journal } = this.#parts;
    const refusal = this.#refusal(options, true);
    const { signal } = options;
    let offAbort: (() => void) | undefined;
    const iterator = new EventIterator(this, new CommitCursor(window, journal), {
      after: (options.from ?? window.latest + 1) - 1,
      ...(refusal === undefined ? {} : { refusal }),
      onReturn: () => {
        this.#cursors--;
        offAbort?.();
      },
    });
    if (refusal !== undefined) return iterator;
    this.#cursors++;
    if (signal !== undefined) {
      offAbort = onAbort(signal, () => {
        iterator.abort(aborted('events()', signal));
      });
    }
    return iterator;
  }

  #refusal(options: EventsOptions, needsCursor: boolean): PawlError | undefined {
    const { journal, maxCursors } = this.#parts;
    if (options.signal?.aborted === true) return aborted('events()', options.signal);
    if (this.#ended === 'done') return closed('The orchestrator is closed');
    if (options.from !== undefined && options.from < journal.firstSequence) {
      return historyGone(options.from, journal.firstSequence);
    }
    if (needsCursor && this.#cursors >= maxCursors)
      return limitExceeded('maxCursors', maxCursors, 'end one of the open cursors');
    return undefined;
  }

  #settle(): void {
    const ended = this.#ended;
    if (ended !== undefined && this.#liveFollower.settled) {
      this.#liveFollower.stop();
      this.#live.end((subscriber) => {
        if (ended === 'done') subscriber.complete();
        else subscriber.error(ended);
      });
    }
  }
}
