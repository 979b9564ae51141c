// Anything a handler may throw, as a plain bounded record. Reading it must not throw again, whatever it is.
import type { ErrorRecord } from '../domain/run.js';

/** UTF-8 bytes of a message that are kept. */
export const MAX_MESSAGE_BYTES = 4_096;
/** UTF-8 bytes of a stack that are kept. */
export const MAX_STACK_BYTES = 16_384;
const MAX_NAME_BYTES = 256;

/**
 * The record of a thrown value. Retryable unless it is a `TerminalError` or says `retryable: false`. What is no object
 * has the code `HANDLER_FAILED`.
 */
export function errorRecord(thrown: unknown): ErrorRecord {
  const name = textOf(thrown, 'name');
  const message = textOf(thrown, 'message') ?? describe(thrown);
  const stack = textOf(thrown, 'stack');
  const code = isObject(thrown) ? textOf(thrown, 'code') : 'HANDLER_FAILED';
  return {
    name: bounded(name ?? 'NonError', MAX_NAME_BYTES),
    message: bounded(message, MAX_MESSAGE_BYTES),
    ...(stack === undefined ? {} : { stack: bounded(stack, MAX_STACK_BYTES) }),
    ...(code === undefined ? {} : { code: bounded(code, MAX_NAME_BYTES) }),
    retryable: code !== 'TERMINAL' && read(thrown, 'retryable') !== false,
  };
}

function isObject(thrown: unknown): thrown is object {
  return (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function';
}

function read(thrown: unknown, field: string): unknown {
  if (!isObject(thrown)) return undefined;
  try {
    return (thrown as Record<string, unknown>)[field];
  } catch {
    return undefined;
  }
}

function textOf(thrown: unknown, field: string): string | undefined {
  const value = read(thrown, field);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function describe(thrown: unknown): string {
  try {
    return `The handler threw ${String(thrown)}.`;
  } catch {
    return 'The handler threw a value that cannot be shown.';
  }
}

/** Well-formed text of at most `maxBytes` in UTF-8, cut between characters. */
function bounded(text: string, maxBytes: number): string {
  // A character takes a byte at least, so what lies beyond is cut before it is encoded.
  const wellFormed = text.slice(0, maxBytes).toWellFormed();
  const bytes = Buffer.from(wellFormed);
  if (bytes.length <= maxBytes) return wellFormed;
  let end = maxBytes;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
