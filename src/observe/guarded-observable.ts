// An observable whose subscribers can hurt only themselves. RxJS reports what a subscriber throws, and an error
// that nobody handles, as an uncaught exception of the host; here it ends that subscription and goes to a hook.
// What is piped from it is guarded too.
import type { Observer, Subscriber, Subscription, TeardownLogic } from 'rxjs';
// Not from 'rxjs': loading all of its operators is a sixth of a start. It is the same class.
import { Observable } from 'rxjs/internal/Observable';
import type { SubscriberErrorHook } from './ports.js';

/** How a guarded observable is made. */
export interface GuardOptions {
  /** Named in the report of an error. */
  readonly where: string;
  readonly onError: SubscriberErrorHook;
}

/** What RxJS lifts into an observable to make an operator's result of it. */
interface LiftedOperator<R> {
  call(subscriber: Subscriber<R>, source: unknown): TeardownLogic;
}

/** Its subscriptions last until they are ended. */
const NEVER = new Observable<never>(() => undefined);

/** An observable that isolates its subscribers. */
export class GuardedObservable<T> extends Observable<T> {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions, subscribe: (subscriber: Subscriber<T>) => TeardownLogic) {
    super(subscribe);
    this.#options = options;
  }

  /** What an operator makes of this observable, guarded as well. */
  override lift<R>(operator?: LiftedOperator<R>): Observable<R> {
    if (operator === undefined) throw new TypeError('lift needs an operator');
    return new GuardedObservable<R>(this.#options, (subscriber) => operator.call(subscriber, this));
  }

  /**
   * Subscribes. What `next`, `error` or `complete` throws ends this subscription and is reported to the logger;
   * so is an error that the observer has no handler for.
   */
  override subscribe(observerOrNext?: Partial<Observer<T>> | ((value: T) => void)): Subscription;
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // A subscriber of RxJS itself stands for an operator or a promise, which have their own way to fail.
    if (isSubscriber(observerOrNext)) return super.subscribe(observerOrNext);
    if (typeof observerOrNext === 'object' && observerOrNext !== null) return this.#guard(observerOrNext);
    return this.#guard({
      ...(observerOrNext ? { next: observerOrNext } : {}),
      ...(error ? { error } : {}),
      ...(complete ? { complete } : {}),
    });
  }

  #guard(observer: Partial<Observer<T>>): Subscription {
    const { where, onError } = this.#options;
    let thrown = false;
    // Outlives a throw from inside `subscribe` itself: what is added after its end is unsubscribed at once.
    const lifetime = NEVER.subscribe();
    const end = (error: unknown): void => {
      thrown = true;
      lifetime.unsubscribe();
      onError(error, where);
    };
    const subscription = super.subscribe({
      next(value: T): void {
        if (thrown) return;
        try {
          observer.next?.(value);
        } catch (error) {
          end(error);
        }
      },
      error(failure: unknown): void {
        if (observer.error === undefined) {
          onError(failure, where);
          return;
        }
        try {
          observer.error(failure);
        } catch (error) {
          end(error);
        }
      },
      complete(): void {
        if (thrown) return;
        try {
          observer.complete?.();
        } catch (error) {
          end(error);
        }
      },
    });
    lifetime.add(subscription);
    return subscription;
  }
}

/** As RxJS itself tells them apart when there are several copies of it. */
function isSubscriber<T>(
  observer: Partial<Observer<T>> | ((value: T) => void) | null | undefined,
): observer is Subscriber<T> {
  return (
    typeof observer === 'object' &&
    observer !== null &&
    ['next', 'error', 'complete', 'add', 'remove', 'unsubscribe'].every(
      (name) => typeof Reflect.get(observer, name) === 'function',
    )
  );
}
