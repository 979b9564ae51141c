// A reader without the lock may look while the writer writes, and see part of a batch in space that was zero before:
// what looks damaged at the end of the newest segment is looked at again, and counts when it is there a second time.
// And retention may take the oldest segment away while the reader is on its way to it: then all is looked at again.
import type { PawlError } from '../errors.js';

/** Looks at most; a writer that is busy moves the end, or the beginning, on each time. */
const MAX_LOOKS = 100;

/** What one look came to. */
export interface Look<T> {
  readonly found: T;
  /** What is wrong, if anything is. */
  readonly damage: PawlError | undefined;
  /** Names of the segments that were looked at, oldest first. Only the newest one is being written. */
  readonly segments: readonly string[];
}

/** Looks until nothing is wrong where the writer or retention may be, or the same thing twice. */
export async function lookSteadily<T>(
  look: () => Promise<Look<T>>,
  /** Name of the oldest segment that is there now. */
  oldestNow: () => Promise<string | undefined>,
): Promise<Look<T>> {
  let seen = await look();
  for (let looks = 1; looks < MAX_LOOKS && seen.damage !== undefined; looks++) {
    const [oldest] = seen.segments;
    // A directory that cannot be listed any more has not lost its oldest segment only.
    const moved = (await oldestNow().catch(() => oldest)) !== oldest;
    if (!moved && !isAtTheEnd(seen)) break;
    const before = seen;
    seen = await look();
    if (!moved && placeOf(before) === placeOf(seen)) break;
  }
  return seen;
}

function isAtTheEnd({ damage, segments }: Look<unknown>): boolean {
  return damage !== undefined && damage.data['segment'] === segments.at(-1);
}

function placeOf({ damage }: Look<unknown>): string {
  return damage === undefined
    ? ''
    : `${damage.code} ${String(damage.data['segment'])} ${String(damage.data['offset'])}`;
}
