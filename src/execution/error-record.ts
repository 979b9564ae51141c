// Anything a handler may throw, as a plain bounded record. Reading it must not throw again, whatever it is.
import type { ErrorRecord } from '../domain/run.js';

/** Characters of a message that are kept. */
export const MAX_MESSAGE_CHARS = 4_096;
/** Characters of a stack that are kept. */
export const MAX_STACK_CHARS = 16_384;
const MAX_NAME_CHARS = 256;

/** The record of a thrown value. Retryable unless it is a `TerminalError` or says `retryable: false`. */
export function errorRecord(thrown: unknown): ErrorRecord {
  const name = textOf(thrown, 'name');
  const message = textOf(thrown, 'message') ?? describe(thrown);
  const stack = textOf(thrown, 'stack');
  const code = textOf(thrown, 'code');
  return {
    name: wellFormed(name ?? 'NonError', MAX_NAME_CHARS),
    message: wellFormed(message, MAX_MESSAGE_CHARS),
    ...(stack === undefined ? {} : { stack: wellFormed(stack, MAX_STACK_CHARS) }),
    ...(code === undefined ? {} : { code: wellFormed(code, MAX_NAME_CHARS) }),
    retryable: code !== 'TERMINAL' && read(thrown, 'retryable') !== false,
  };
}

function read(thrown: unknown, field: string): unknown {
  if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) return undefined;
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

function wellFormed(text: string, maxChars: number): string {
  return text.slice(0, maxChars).toWellFormed();
}
