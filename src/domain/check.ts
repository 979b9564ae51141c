// Checks of what comes in through the door. Each refuses with `INVALID_INPUT`, naming the path, the rule and
// the value, so that the caller can mend it without reading our code.
import { PawlError } from '../errors.js';

/** An object whose fields are not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** An `INVALID_INPUT` error. */
export function invalid(path: string, rule: string, value: unknown): PawlError {
  return new PawlError('INVALID_INPUT', `${path} is ${show(value)}; ${rule}.`, { path, rule });
}

/** A plain object with no fields but `allowed`. */
export function requireFields(value: unknown, path: string, allowed: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(path, 'pass an object', value);
  const fields = value as Fields;
  for (const name of Object.keys(fields)) {
    if (!allowed.includes(name)) {
      throw new PawlError(
        'INVALID_INPUT',
        `${path}.${name} is not a known field; known are ${allowed.join(', ')}.`,
        {
          path: `${path}.${name}`,
          rule: 'unknown field',
        },
      );
    }
  }
  return fields;
}

/** Bounds of an integer. */
export interface IntegerRange {
  readonly min: number;
  readonly max?: number;
}

/** A safe integer in the range. */
export function requireInteger(value: unknown, path: string, range: IntegerRange): number {
  const max = range.max ?? Number.MAX_SAFE_INTEGER;
  if (
    typeof value === 'number' &&
    Number.isSafeInteger(value) &&
    value >= range.min &&
    value <= max &&
    !Object.is(value, -0)
  )
    return value;
  throw invalid(path, `pass an integer from ${String(range.min)} to ${String(max)}`, value);
}

/** A well-formed string with 1 … `maxLength` characters. */
export function requireText(value: unknown, path: string, maxLength: number): string {
  if (typeof value === 'string' && value.length >= 1 && value.length <= maxLength && value.isWellFormed())
    return value;
  throw invalid(path, `pass a string of 1 to ${String(maxLength)} characters`, value);
}

/** One of the given words. */
export function requireWord<W extends string>(value: unknown, path: string, words: readonly W[]): W {
  for (const word of words) if (word === value) return word;
  throw invalid(path, `pass one of ${words.join(', ')}`, value);
}

/** An array of at most `maxLength` items. */
export function requireList(value: unknown, path: string, maxLength: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= maxLength) return value;
  throw invalid(path, `pass an array of at most ${String(maxLength)} items`, value);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined)
    return String(value);
  if (typeof value === 'bigint') return `${String(value)}n`;
  if (Array.isArray(value)) return `an array of ${String(value.length)}`;
  return `a value of type ${typeof value}`;
}
