// An abort signal whose listeners cannot hurt the host: in Node an exception in an abort listener is an uncaught
// exception of the process. The signal is a real one, so it can be handed to fetch and the like.

type Listener = EventListenerOrEventListenerObject;

/** The part of a listener's options that is passed on. */
type ListenerOptions =
  | boolean
  | {
      readonly once?: boolean;
      readonly passive?: boolean;
      readonly capture?: boolean;
      readonly signal?: AbortSignal;
    };

type EventListenerLike = (event: Event) => unknown;
interface EventListenerObjectLike {
  handleEvent(event: Event): unknown;
}
type EventListenerOrEventListenerObject = EventListenerLike | EventListenerObjectLike;

/** Wraps the listeners of `signal` so that what they throw goes to `onError`. Returns the same signal. */
export function isolateSignal(signal: AbortSignal, onError: (error: unknown) => void): AbortSignal {
  const wrapped = new WeakMap<Listener, EventListenerLike>();
  const guarding =
    (listener: Listener): EventListenerLike =>
    (event) => {
      try {
        const returned =
          typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event);
        // What an async listener rejects with would be an unhandled rejection of the host.
        if (returned !== undefined) Promise.resolve(returned).catch(onError);
      } catch (error) {
        onError(error);
      }
    };
  const guard = (listener: Listener): EventListenerLike => {
    const known = wrapped.get(listener);
    if (known !== undefined) return known;
    const guarded = guarding(listener);
    wrapped.set(listener, guarded);
    // Node takes a listener away by what it was given to add.
    wrapped.set(guarded, guarded);
    return guarded;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let handler: { readonly listener: Listener; readonly guarded: EventListenerLike } | undefined;
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: Listener | null | undefined, options?: ListenerOptions) => {
        if (listener !== null && listener !== undefined) add(type, guard(listener), options);
      },
    },
    removeEventListener: {
      value: (type: string, listener: Listener | null | undefined, options?: ListenerOptions) => {
        if (listener !== null && listener !== undefined) remove(type, guard(listener), options);
      },
    },
    onabort: {
      get: () => handler?.listener ?? null,
      set: (listener: Listener | null) => {
        if (handler !== undefined) remove('abort', handler.guarded);
        // Guarded apart: the same function may be a listener too, and is then called for both.
        handler = listener === null ? undefined : { listener, guarded: guarding(listener) };
        if (handler !== undefined) add('abort', handler.guarded);
      },
    },
  });
  return signal;
}
