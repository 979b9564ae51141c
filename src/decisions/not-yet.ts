// Options that the format carries and this version does not act on.
import { PawlError } from '../errors.js';

/** An option that the format carries and this version does not act on: accepting it would break its promise. */
export function notYet(path: string): PawlError {
  return new PawlError('NOT_SUPPORTED', `${path} is not acted on by this version; submit without it.`, {
    path,
  });
}
