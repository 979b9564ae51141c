// The refusals that views and streams share, and the one way to listen to an abort signal.
import { PawlError } from '../errors.js';

/** `ABORTED` by the caller's own signal. */
export function aborted(what: string, signal: AbortSignal): PawlError {
  return new PawlError('ABORTED', `${what} was ended by its abort signal.`, {}, signal.reason);
}

/** `CLOSED`, with the sequence to go on from when there is one. */
export function closed(what: string, resumeFrom?: number): PawlError {
  if (resumeFrom === undefined) return new PawlError('CLOSED', `${what}; open the data directory again.`);
  return new PawlError(
    'CLOSED',
    `${what}; open the data directory again and read from ${String(resumeFrom)}.`,
    { resumeFrom },
  );
}

/** Calls `listener` when the signal aborts; returns what stops listening. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  signal.addEventListener('abort', listener, { once: true });
  return () => {
    signal.removeEventListener('abort', listener);
  };
}
