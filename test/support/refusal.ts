// The error that a call throws, which must be Pawl's.
import { isPawlError, type PawlError } from '../../src/errors.js';

/** What `call` throws. Fails when it throws nothing, or something else. */
export function refusalOf(call: () => unknown): PawlError {
  try {
    call();
  } catch (error) {
    if (isPawlError(error)) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}
