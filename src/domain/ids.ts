// What an id is. Ids are compared by their bytes; Pawl's own are UUIDv7.
import { PawlError } from '../errors.js';

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;

/** True for 1–128 characters of `A–Z a–z 0–9 _ . : -` that begin with a letter or digit. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/** Returns `value` when it is an id, else throws `INVALID_ID` naming the field. */
export function requireId(value: unknown, field: string): string {
  if (isId(value)) return value;
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 140)) : typeof value;
  throw new PawlError(
    'INVALID_ID',
    `${field} is ${shown}; use 1–128 characters of A–Z a–z 0–9 _ . : - beginning with a letter or digit.`,
    { field },
  );
}
