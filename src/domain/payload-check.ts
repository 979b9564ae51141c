// The strict walk over a value before it is encoded: what JSON cannot carry unchanged is refused with its path.
// Iterative, so that depth cannot overflow the stack, and counting as it goes, so that a value which refers to
// the same object again and again is refused before it is written out.
import { PawlError } from '../errors.js';

/** Bounds of a payload. */
export interface PayloadLimits {
  /** Encoded bytes, the kind byte not counted. */
  readonly maxPayloadBytes: number;
  /** Levels of arrays and objects; a value that is neither has none. */
  readonly maxPayloadDepth: number;
}

interface Level {
  readonly value: object;
  /** Keys of an object; `null` for an array. */
  readonly keys: readonly string[] | null;
  /** Members of it that were visited, the current one included. */
  visited: number;
}

interface Walk {
  readonly limits: PayloadLimits;
  readonly stack: Level[];
  /** What the encoded form has at least. */
  leastBytes: number;
}

/**
 * Returns when `root` can be carried. `undefined` is left out as a property and refused everywhere else.
 * Errors: `PAYLOAD_NOT_SERIALIZABLE{path}`, `PAYLOAD_TOO_LARGE{bytes, limit}`.
 */
export function checkPayloadValue(root: unknown, limits: PayloadLimits): void {
  const walk: Walk = { limits, stack: [], leastBytes: 0 };
  try {
    visit(root, walk);
    for (let level = walk.stack.at(-1); level !== undefined; level = walk.stack.at(-1)) {
      visitNext(level, walk);
    }
  } catch (error) {
    if (error instanceof PawlError) throw error;
    throw refused(walk, 'a value that throws when it is read', error);
  }
}

/** A `PAYLOAD_TOO_LARGE` error. */
export function payloadTooLarge(bytes: number, limits: PayloadLimits): PawlError {
  const limit = limits.maxPayloadBytes;
  const message = `The payload has ${String(bytes)} bytes or more, over maxPayloadBytes ${String(limit)}; store it elsewhere and pass a reference.`;
  return new PawlError('PAYLOAD_TOO_LARGE', message, { bytes, limit });
}

function visitNext(level: Level, walk: Walk): void {
  const { keys, value, visited } = level;
  if (keys === null) {
    const items = value as readonly unknown[];
    if (visited === items.length) {
      walk.stack.pop();
      return;
    }
    level.visited++;
    const descriptor = Object.getOwnPropertyDescriptor(items, visited);
    if (descriptor === undefined) throw refused(walk, 'a hole');
    visitMember(descriptor, walk);
    return;
  }
  const key = keys[visited];
  if (key === undefined) {
    walk.stack.pop();
    return;
  }
  level.visited++;
  if (key === '__proto__') throw refused(walk, 'a key named __proto__');
  if (!key.isWellFormed()) throw refused(walk, 'a key with a lone surrogate');
  const descriptor = Object.getOwnPropertyDescriptor(value, key);
  if (descriptor === undefined) throw refused(walk, 'a property that is not its own');
  if ('value' in descriptor && descriptor.value === undefined) return;
  grow(key.length + 3, walk);
  visitMember(descriptor, walk);
}

function visitMember(descriptor: PropertyDescriptor, walk: Walk): void {
  if (!('value' in descriptor)) throw refused(walk, 'a getter or setter');
  visit(descriptor.value, walk);
}

function visit(value: unknown, walk: Walk): void {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw refused(walk, 'a string with a lone surrogate');
      grow(value.length + 2, walk);
      return;
    case 'number':
      if (!Number.isFinite(value)) throw refused(walk, `the number ${String(value)}`);
      if (Object.is(value, -0)) throw refused(walk, 'the number -0');
      grow(1, walk);
      return;
    case 'boolean':
      grow(4, walk);
      return;
    case 'object':
      if (value === null) grow(4, walk);
      else enter(value, walk);
      return;
    default:
      throw refused(walk, `a value of type ${typeof value}`);
  }
}

function enter(value: object, walk: Walk): void {
  const { stack, limits } = walk;
  const isList = Array.isArray(value);
  // Digits and commas alone; asked first, because listing the keys of a huge array is slow.
  if (isList && value.length * 2 > limits.maxPayloadBytes) throw payloadTooLarge(value.length * 2, limits);
  const fault = isList ? faultOfArray(value) : faultOfObject(value);
  if (fault !== undefined) throw refused(walk, fault);
  if (stack.some((open) => open.value === value)) throw refused(walk, 'a cycle');
  if (stack.length >= limits.maxPayloadDepth) {
    throw refused(walk, `more than ${String(limits.maxPayloadDepth)} levels`);
  }
  grow(2, walk);
  stack.push({ value, keys: isList ? null : Object.keys(value), visited: 0 });
}

function faultOfObject(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !isForeignObjectPrototype(prototype)) {
    return 'an object of a class';
  }
  return faultOfEither(value);
}

function faultOfArray(value: readonly unknown[]): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Array.prototype is itself an array, in every realm; the prototype of a subclass is not.
  if (prototype !== Array.prototype && !Array.isArray(prototype)) return 'an array of a class';
  if (Object.keys(value).length > value.length) return 'an array with named properties';
  return faultOfEither(value);
}

function faultOfEither(value: object): string | undefined {
  if (Object.getOwnPropertySymbols(value).length > 0) return 'a symbol key';
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return 'an object with toJSON';
  return undefined;
}

/** True for the `Object.prototype` of another realm: what a `vm` context or `structuredClone` may hand over. */
function isForeignObjectPrototype(prototype: unknown): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

function grow(bytes: number, walk: Walk): void {
  walk.leastBytes += bytes;
  if (walk.leastBytes > walk.limits.maxPayloadBytes) throw payloadTooLarge(walk.leastBytes, walk.limits);
}

function refused(walk: Walk, what: string, cause?: unknown): PawlError {
  const path = pathOf(walk.stack);
  const message = `The payload holds ${what} at ${path}; pass JSON values or a Uint8Array.`;
  return new PawlError('PAYLOAD_NOT_SERIALIZABLE', message, { path }, cause);
}

/** `$.a[3]["b c"]`: where the member visited last is. */
function pathOf(stack: readonly Level[]): string {
  let path = '$';
  for (const { keys, visited } of stack) {
    if (visited === 0) continue;
    const key = keys?.[visited - 1];
    if (key === undefined) path += `[${String(visited - 1)}]`;
    else path += /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  }
  return path;
}
