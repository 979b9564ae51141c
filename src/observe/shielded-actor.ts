// An xstate actor that can be looked at but not spoken to, and whose observers can hurt only themselves: xstate
// reports what an observer throws as an uncaught exception of the host, and calls inspectors unprotected.
import {
  Actor,
  type ActorOptions,
  type AnyActorLogic,
  type EventFromLogic,
  type InspectionEvent,
  type Observer,
  type SnapshotFrom,
  type Subscription,
} from 'xstate';
import { PawlError } from '../errors.js';
import type { SubscriberErrorHook } from './ports.js';

/** An actor with the one way to send it events. */
export interface ShieldedActor<TLogic extends AnyActorLogic> {
  readonly actor: Actor<TLogic>;
  /** Sends an event; what is called on the actor itself is refused with `ACTOR_READ_ONLY`. */
  readonly send: (event: EventFromLogic<TLogic>) => void;
}

/** Makes an actor and shields it. */
export function createShieldedActor<TLogic extends AnyActorLogic>(
  logic: TLogic,
  options: ActorOptions<TLogic>,
  onError: SubscriberErrorHook,
): ShieldedActor<TLogic> {
  const actor = new Actor(logic, options);
  const send = actor.send.bind(actor);
  const subscribe = actor.subscribe.bind(actor);
  const where = `actor ${actor.id}`;
  actor.send = () => {
    throw new PawlError(
      'ACTOR_READ_ONLY',
      `Actor ${actor.id} follows the durable stream and takes no events; use the commands of the orchestrator.`,
      {
        actor: actor.id,
      },
    );
  };
  actor.subscribe = (
    first?: Observer<SnapshotFrom<TLogic>> | ((snapshot: SnapshotFrom<TLogic>) => void),
    error?: (error: unknown) => void,
    complete?: () => void,
  ): Subscription => {
    const observer: Observer<SnapshotFrom<TLogic>> =
      typeof first === 'object'
        ? first
        : {
            ...(first ? { next: first } : {}),
            ...(error ? { error } : {}),
            ...(complete ? { complete } : {}),
          };
    return guardedSubscribe(
      (guarded) => subscribe(guarded),
      observer,
      (thrown) => {
        onError(thrown, where);
      },
    );
  };
  return { actor, send };
}

function guardedSubscribe<S>(
  subscribe: (observer: Observer<S>) => Subscription,
  observer: Observer<S>,
  onError: (error: unknown) => void,
): Subscription {
  const state: { ended: boolean; subscription: Subscription | undefined } = {
    ended: false,
    subscription: undefined,
  };
  const isolated = (call: () => void): void => {
    if (state.ended) return;
    try {
      call();
    } catch (error) {
      state.ended = true;
      state.subscription?.unsubscribe();
      onError(error);
    }
  };
  state.subscription = subscribe({
    next: (snapshot) => {
      isolated(() => observer.next?.(snapshot));
    },
    error: (failure: unknown) => {
      isolated(() => {
        if (observer.error === undefined) throw failure;
        observer.error(failure);
      });
    },
    complete: () => {
      isolated(() => observer.complete?.());
    },
  });
  if (state.ended) state.subscription.unsubscribe();
  return state.subscription;
}

/** Gets xstate's inspection events. */
export type InspectionObserver =
  ((event: InspectionEvent) => void) | { next?: (event: InspectionEvent) => void };

/** An inspector that is dropped, and reported, when it throws. */
export function isolatedInspector(
  observer: InspectionObserver,
  onError: SubscriberErrorHook,
): (event: InspectionEvent) => void {
  let dropped = false;
  return (event) => {
    if (dropped) return;
    try {
      if (typeof observer === 'function') observer(event);
      else observer.next?.(event);
    } catch (error) {
      dropped = true;
      onError(error, 'inspect');
    }
  };
}
