// An isolated signal is a real one whose listeners cannot hurt the host.
import { describe, expect, it } from '@jest/globals';
import { isolateSignal } from '../../src/execution/isolated-signal.js';
import { turns } from '../acceptance/support/handlers.js';

function isolated() {
  const errors: unknown[] = [];
  const controller = new AbortController();
  const signal = isolateSignal(controller.signal, (error) => errors.push(error));
  return { controller, signal, errors };
}

const boom = new Error('from a listener');
const throwing = (): never => {
  throw boom;
};

describe('an isolated signal', () => {
  it('is the same real signal', () => {
    const { controller, signal } = isolated();
    expect(signal).toBe(controller.signal);
    expect(AbortSignal.any([signal]).aborted).toBe(false);
  });

  it('hands on what listeners throw, in whatever form they are, and calls the others', async () => {
    const { controller, signal, errors } = isolated();
    let called = 0;
    signal.addEventListener('abort', throwing);
    signal.addEventListener('abort', { handleEvent: throwing });
    const rejecting = (): unknown => Promise.reject(boom);
    signal.addEventListener('abort', rejecting);
    signal.onabort = throwing;
    signal.addEventListener('abort', () => called++);
    controller.abort(boom);
    await turns();
    expect(errors).toEqual([boom, boom, boom, boom]);
    expect(called).toBe(1);
  });

  it('calls a listener once, with the event, as the signal’s own method', () => {
    const { controller, signal } = isolated();
    const seen: unknown[] = [];
    const listener = function (this: AbortSignal, event: Event): void {
      seen.push(this, event.type);
    };
    signal.addEventListener('abort', listener);
    signal.addEventListener('abort', listener);
    controller.abort();
    controller.abort();
    expect(seen).toEqual([signal, 'abort']);
  });

  it('takes listeners away again, and ignores those it does not know', () => {
    const { controller, signal } = isolated();
    let called = 0;
    const listener = (): void => {
      called++;
    };
    signal.addEventListener('abort', listener);
    signal.removeEventListener('abort', listener);
    signal.removeEventListener('abort', () => undefined);
    signal.addEventListener('abort', null as never);
    signal.onabort = listener;
    expect(signal.onabort).toBe(listener);
    signal.onabort = null;
    expect(signal.onabort).toBeNull();
    controller.abort();
    expect(called).toBe(0);
  });

  it('replaces onabort instead of adding one', () => {
    const { controller, signal } = isolated();
    const called: string[] = [];
    signal.onabort = () => called.push('first');
    signal.onabort = () => called.push('second');
    controller.abort();
    expect(called).toEqual(['second']);
  });

  it('honours once, and the signal of a listener', () => {
    const { controller, signal } = isolated();
    let called = 0;
    const stop = new AbortController();
    signal.addEventListener('abort', () => called++, { signal: stop.signal });
    stop.abort();
    controller.abort();
    expect(called).toBe(0);
  });
});
