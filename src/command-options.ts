// The options that commands share, as they are passed: checked here, unknown fields refused, so that a misspelt
// `commandId` is told instead of lost.
import { invalid, requireFields, requireText } from './domain/check.js';
import { requireId } from './domain/ids.js';
import type { CommitOrigin } from './domain/events.js';
import type { CommandOptions } from './domain/submission.js';

const COMMON = ['commandId', 'by', 'trace'] as const;
const MAX_TRACE_CHARS = 256;
const ORIGIN = ['actorId', 'tenantId', 'requestId'] as const;

/**
 * The shared options among `options`; `own` names the fields that the command has beside them.
 * Errors: `INVALID_INPUT`, `INVALID_ID`.
 */
export function commandOptions(options: unknown, own: readonly string[] = []): CommandOptions {
  const { commandId, by, trace } = requireFields(options, 'options', [...own, ...COMMON]);
  return {
    ...(commandId === undefined ? {} : { commandId: requireId(commandId, 'commandId') }),
    ...(by === undefined ? {} : { by: originOf(by) }),
    ...(trace === undefined ? {} : { trace: requireText(trace, 'options.trace', MAX_TRACE_CHARS) }),
  };
}

/** A switch as it is passed: absent means off. Errors: `INVALID_INPUT`. */
export function flag(value: unknown, path: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw invalid(path, 'pass true or false', value);
}

function originOf(given: unknown): CommitOrigin {
  const fields = requireFields(given, 'options.by', ORIGIN);
  const origin: { -readonly [K in keyof CommitOrigin]: CommitOrigin[K] } = {};
  for (const name of ORIGIN) {
    const value = fields[name];
    if (value !== undefined) origin[name] = requireId(value, `options.by.${name}`);
  }
  return origin;
}
