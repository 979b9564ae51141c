// Pages of a listing. A cursor is opaque: it says which index was walked and where the page ended, so that the
// next page goes on there, also when records were added or have gone meanwhile. It is good for this process.
import { PawlError } from '../errors.js';
import { requireInteger } from '../domain/check.js';

/** Largest page. */
export const MAX_PAGE = 10_000;
/** Records looked at for one page at most; a page may then be shorter than asked for, and have a cursor. */
export const MAX_LOOKED_AT = 100_000;
const DEFAULT_PAGE = 100;

/** Which part of a listing is wanted. */
export interface PageOptions {
  /** Default 100, at most 10 000. */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

/** A page. */
export interface Page<R> {
  readonly items: readonly R[];
  /** For the next page; absent when there is none. */
  readonly cursor?: string;
}

/** Where a page ended: the name of the index and a position in it. */
export interface Position {
  readonly index: string;
  readonly place: readonly (string | number)[];
}

/** One step of a walk over an index. */
export interface Walk<V> {
  readonly rows: Iterable<V>;
  readonly positionOf: (value: V) => Position;
}

/** Collects a page from a walk. */
export function collectPage<V, R>(
  walk: Walk<V>,
  options: PageOptions,
  pick: { readonly matches: (value: V) => boolean; readonly toRecord: (value: V) => R },
): Page<R> {
  const limit =
    options.limit === undefined
      ? DEFAULT_PAGE
      : requireInteger(options.limit, 'limit', { min: 1, max: MAX_PAGE });
  const items: R[] = [];
  let last: V | undefined;
  let lookedAt = 0;
  for (const value of walk.rows) {
    if (last !== undefined && (items.length === limit || lookedAt === MAX_LOOKED_AT)) {
      return Object.freeze({ items: Object.freeze(items), cursor: encodeCursor(walk.positionOf(last)) });
    }
    lookedAt++;
    last = value;
    if (pick.matches(value)) items.push(pick.toRecord(value));
  }
  return Object.freeze({ items: Object.freeze(items) });
}

/** The position a cursor stands for. Errors: `INVALID_INPUT`. */
export function decodeCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (
      Array.isArray(parts) &&
      parts.length > 0 &&
      parts.every((part) => typeof part === 'string' || typeof part === 'number')
    ) {
      const [index, ...place] = parts;
      if (typeof index === 'string') return { index, place };
    }
  } catch {
    // Refused below.
  }
  throw invalidCursor();
}

/** `INVALID_INPUT` for a cursor that is not one of this listing. */
export function invalidCursor(): PawlError {
  return new PawlError(
    'INVALID_INPUT',
    'cursor is not one that a page of this listing gave; leave it out to begin at the start.',
    {
      path: 'cursor',
      rule: 'pass the cursor of the page before, with the same filter',
    },
  );
}

function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify([position.index, ...position.place]), 'utf8').toString('base64url');
}
