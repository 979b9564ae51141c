// A reader without the lock may look while the writer writes, and see part of a batch in space that was zero before:
// what looks damaged at the end of the newest segment is looked at again, and counts when it is there a second time.
import type { PawlError } from '../errors.js';

/** Looks at most; a writer that is busy moves the end on each time. */
const MAX_LOOKS = 100;

/** What one look came to. */
export interface Look<T> {
  readonly found: T;
  /** What is wrong, if anything is. */
  readonly damage: PawlError | undefined;
  /** The newest segment: the only one that is being written. */
  readonly newest: string | undefined;
}

/** Looks until nothing is wrong in the newest segment, or the same thing twice. */
export async function lookSteadily<T>(look: () => Promise<Look<T>>): Promise<Look<T>> {
  let seen = await look();
  for (let looks = 1; looks < MAX_LOOKS && isAtTheEnd(seen); looks++) {
    const before = seen;
    seen = await look();
    if (placeOf(before) === placeOf(seen)) break;
  }
  return seen;
}

function isAtTheEnd({ damage, newest }: Look<unknown>): boolean {
  return damage !== undefined && damage.data['segment'] === newest;
}

function placeOf({ damage }: Look<unknown>): string {
  return damage === undefined
    ? ''
    : `${damage.code} ${String(damage.data['segment'])} ${String(damage.data['offset'])}`;
}
