// Payloads: a value is checked and encoded once, at the door, and carried as the same bytes from
// there on. In memory the bytes are a string with one character a byte: immutable, half the memory
// of a typed array, compared by `===`. The first byte is the kind; `j` JSON text in UTF-8, `b` raw.
import { checkPayloadValue, payloadTooLarge, type PayloadLimits } from './payload-check.js';

export type { PayloadLimits } from './payload-check.js';

declare const payloadBrand: unique symbol;

/** Encoded payload: one character a byte, the first being the kind (`j` JSON, `b` bytes). */
export type Payload = string & { readonly [payloadBrand]: 'Payload' };

/** A value a JSON payload can carry. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };

/**
 * Checks and encodes a value. `undefined` at the top is the caller's business ("no output"): it is refused here.
 * Errors: `PAYLOAD_NOT_SERIALIZABLE{path}`, `PAYLOAD_TOO_LARGE{bytes, limit}`.
 */
export function encodePayload(value: unknown, limits: PayloadLimits): Payload {
  if (isBytes(value)) {
    if (value.byteLength > limits.maxPayloadBytes) throw payloadTooLarge(value.byteLength, limits);
    return ('b' + latin1(value)) as Payload;
  }
  checkPayloadValue(value, limits);
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes > limits.maxPayloadBytes) throw payloadTooLarge(bytes, limits);
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

// A `Uint8Array` of another realm is no instance of ours; its tag is the same in all of them.
function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || (ArrayBuffer.isView(value) && tagOf(value) === 'Uint8Array');
}

function tagOf(view: ArrayBufferView & { readonly [Symbol.toStringTag]?: string }): string | undefined {
  return view[Symbol.toStringTag];
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') === text.length;
}
