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
  const guard = (listener: Listener): EventListenerLike => {
    const known = wrapped.get(listener);
    if (known !== undefined) return known;
    const guarded: EventListenerLike = (event) => {
      try {
        const returned =
          typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event);
        // What an async listener rejects with would be an unhandled rejection of the host.
        if (returned !== undefined) Promise.resolve(returned).catch(onError);
      } catch (error) {
        onError(error);
      }
    };
    wrapped.set(listener, guarded);
    return guarded;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let handler: Listener | null = null;
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: Listener | null, options?: ListenerOptions) => {
        if (listener !== null) add(type, guard(listener), options);
      },
    },
    removeEventListener: {
      value: (type: string, listener: Listener | null, options?: ListenerOptions) => {
        if (listener !== null) remove(type, guard(listener), options);
      },
    },
    onabort: {
      get: () => handler,
      set: (listener: Listener | null) => {
        if (handler !== null) remove('abort', guard(handler));
        handler = listener;
        if (listener !== null) add('abort', guard(listener));
      },
    },
  });
  return signal;
}
