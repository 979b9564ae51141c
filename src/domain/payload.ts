// Payloads: a value is checked and encoded once, at the door, and carried as the same bytes from
// there on. In memory the bytes are a string with one character a byte: immutable, half the memory
// of a typed array, compared by `===`. The first byte is the kind; `j` JSON text in UTF-8, `b` raw.
import { PawlError } from '../errors.js';

declare const payloadBrand: unique symbol;

/** Encoded payload: one character a byte, the first being the kind (`j` JSON, `b` bytes). */
export type Payload = string & { readonly [payloadBrand]: 'Payload' };

/** A value a JSON payload can carry. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Bounds of a payload. */
export interface PayloadLimits {
  readonly maxPayloadBytes: number;
  readonly maxPayloadDepth: number;
}

interface Level {
  readonly value: object;
  readonly keys: readonly string[] | null;
  index: number;
}

/**
 * Checks and encodes a value. `undefined` at the top is the caller's business ("no output"): it is refused here.
 * Errors: `PAYLOAD_NOT_SERIALIZABLE{path}`, `PAYLOAD_TOO_LARGE{bytes, limit}`.
 */
export function encodePayload(value: unknown, limits: PayloadLimits): Payload {
  if (value instanceof Uint8Array) {
    if (value.byteLength > limits.maxPayloadBytes) throw tooLarge(value.byteLength, limits);
    return ('b' + latin1(value)) as Payload;
  }
  let text: string;
  try {
    checkValue(value, limits.maxPayloadDepth);
    text = JSON.stringify(value);
  } catch (error) {
    if (error instanceof PawlError) throw error;
    throw refused('$', 'reading it threw', error);
  }
  if (text.length > limits.maxPayloadBytes) throw tooLarge(text.length, limits);
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes > limits.maxPayloadBytes) throw tooLarge(bytes, limits);
  if (bytes === text.length) return ('j' + text) as Payload;
  return ('j' + Buffer.from(text, 'utf8').toString('latin1')) as Payload;
}

/** The value a payload stands for: a fresh JSON value, or a fresh `Uint8Array`. */
export function decodePayload(payload: Payload): unknown {
  if (payload.charCodeAt(0) === 98) return new Uint8Array(Buffer.from(payload.slice(1), 'latin1'));
  return JSON.parse(payloadText(payload)) as unknown;
}

/** JSON text of a JSON payload, or of the base64 string of a bytes payload. */
export function payloadText(payload: Payload): string {
  const body = payload.slice(1);
  if (payload.charCodeAt(0) === 98) {
    return JSON.stringify(Buffer.from(body, 'latin1').toString('base64'));
  }
  return isAscii(body) ? body : Buffer.from(body, 'latin1').toString('utf8');
}

/** Wraps bytes that were read back, kind byte first. */
export function payloadFromLatin1(bytes: string): Payload {
  return bytes as Payload;
}

/** True when both stand for the same value: the same bytes, or the same JSON with its keys sorted. */
export function payloadsEqual(left: Payload | undefined, right: Payload | undefined): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined) return false;
  if (left.charCodeAt(0) !== 106 || right.charCodeAt(0) !== 106) return false;
  return canonicalJson(decodePayload(left)) === canonicalJson(decodePayload(right));
}

/** JSON text with the keys of every object sorted; depth is bounded by the payload's own limit. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const source = inner as Record<string, unknown>;
    const entries = Object.keys(source)
      .sort()
      .map((key) => [key, source[key]] as const);
    return Object.fromEntries(entries);
  });
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') === text.length;
}

function checkValue(root: unknown, maxDepth: number): void {
  if (!isContainer(root)) {
    checkLeaf(root, [], '');
    return;
  }
  const stack: Level[] = [openLevel(root, [], '')];
  while (stack.length > 0) {
    const level = stack[stack.length - 1] as Level;
    const { keys, value } = level;
    const length = keys === null ? (value as readonly unknown[]).length : keys.length;
    if (level.index === length) {
      stack.pop();
      continue;
    }
    const key = keys === null ? String(level.index) : (keys[level.index] as string);
    if (keys === null && !Object.hasOwn(value, key)) throw refused(pathOf(stack), 'an array with holes');
    level.index++;
    const inner = (value as Record<string, unknown>)[key];
    if (inner === undefined && keys !== null) continue;
    if (!isContainer(inner)) {
      checkLeaf(inner, stack, key);
      continue;
    }
    if (stack.length >= maxDepth) throw refused(pathOf(stack), `nested deeper than ${String(maxDepth)} levels`);
    if (stack.some((open) => open.value === inner)) throw refused(pathOf(stack), 'a cycle');
    stack.push(openLevel(inner, stack, key));
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function openLevel(value: object, stack: readonly Level[], key: string): Level {
  const where = (): string => pathOf(stack, key);
  if (Object.getOwnPropertySymbols(value).length > 0) throw refused(where(), 'a symbol key');
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') throw refused(where(), 'an object with toJSON');
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) throw refused(where(), 'an array of a class');
    if (Object.keys(value).length !== value.length) throw refused(where(), 'an array with holes or named properties');
    return { value, keys: null, index: 0 };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refused(where(), 'an object of a class');
  const keys = Object.keys(value);
  for (const name of keys) {
    if (name === '__proto__') throw refused(where(), 'a __proto__ key');
    if (!name.isWellFormed()) throw refused(where(), 'a key with a lone surrogate');
    const descriptor = Object.getOwnPropertyDescriptor(value, name);
    if (descriptor?.get !== undefined) throw refused(where(), `a getter (${name})`);
  }
  return { value, keys, index: 0 };
}

function checkLeaf(value: unknown, stack: readonly Level[], key: string): void {
  switch (typeof value) {
    case 'boolean':
      return;
    case 'object':
      if (value === null) return;
      break;
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return;
      throw refused(pathOf(stack, key), `the number ${Object.is(value, -0) ? '-0' : String(value)}`);
    case 'string':
      if (value.isWellFormed()) return;
      throw refused(pathOf(stack, key), 'a string with a lone surrogate');
    default:
      break;
  }
  throw refused(pathOf(stack, key), `a value of type ${typeof value}`);
}

function pathOf(stack: readonly Level[], last?: string): string {
  let path = '$';
  for (const level of stack) {
    const at = level.index - 1;
    if (at < 0) continue;
    path += level.keys === null ? `[${String(at)}]` : `.${level.keys[at] ?? ''}`;
  }
  if (last === '' || last === undefined || stack.length > 0) return path;
  return `${path}.${last}`;
}

function refused(path: string, what: string, cause?: unknown): PawlError {
  return new PawlError(
    'PAYLOAD_NOT_SERIALIZABLE',
    `The payload holds ${what} at ${path}; pass JSON values or a Uint8Array.`,
    { path },
    cause,
  );
}

function tooLarge(bytes: number, limits: PayloadLimits): PawlError {
  return new PawlError(
    'PAYLOAD_TOO_LARGE',
    `The payload has ${String(bytes)} bytes, more than maxPayloadBytes ${String(limits.maxPayloadBytes)}; store it elsewhere and pass a reference.`,
    { bytes, limit: limits.maxPayloadBytes },
  );
}
