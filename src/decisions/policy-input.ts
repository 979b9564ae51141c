// Policies as they are passed, checked and with every default filled in; contract §3.2.
import { requireFields, requireInteger, requireWord, type Fields } from '../domain/check.js';
import { DEFAULT_MISFIRE, DEFAULT_POLICY, type Misfire, type Policy } from '../domain/task.js';
import { notYet } from './not-yet.js';

/** A policy. Errors: `INVALID_INPUT`, `NOT_SUPPORTED`. */
export function resolvePolicy(given: unknown): Policy {
  if (given === undefined) return DEFAULT_POLICY;
  const kind = requireWord((given as Fields | null)?.['kind'], 'policy.kind', [
    'once',
    'repeat',
    'cron',
  ] as const);
  switch (kind) {
    case 'once': {
      const fields = requireFields(given, 'policy', ['kind', 'startAt']);
      return fields['startAt'] === undefined
        ? DEFAULT_POLICY
        : { kind, startAt: requireTime(fields['startAt'], 'policy.startAt') };
    }
    case 'repeat':
      return resolveRepeat(
        requireFields(given, 'policy', ['kind', 'count', 'intervalMs', 'startAt', 'misfire', 'overlap']),
      );
    case 'cron':
      throw notYet('policy.kind cron');
  }
}

function resolveRepeat(fields: Fields): Policy {
  const count = requireInteger(fields['count'], 'policy.count', { min: 1 });
  const intervalMs = requireInteger(fields['intervalMs'], 'policy.intervalMs', { min: 1 });
  const startAt =
    fields['startAt'] === undefined ? undefined : requireTime(fields['startAt'], 'policy.startAt');
  const overlap =
    fields['overlap'] === undefined
      ? 'allow'
      : requireWord(fields['overlap'], 'policy.overlap', ['allow', 'skip', 'bufferOne'] as const);
  return {
    kind: 'repeat',
    count,
    intervalMs,
    ...(startAt === undefined ? {} : { startAt }),
    misfire: resolveMisfire(fields['misfire']),
    overlap,
  };
}

function resolveMisfire(given: unknown): Misfire {
  if (given === undefined) return DEFAULT_MISFIRE;
  const kind = requireWord((given as Fields | null)?.['kind'], 'policy.misfire.kind', [
    'catchUp',
    'skip',
    'coalesce',
  ] as const);
  if (kind !== 'catchUp') {
    requireFields(given, 'policy.misfire', ['kind']);
    return { kind };
  }
  const { cap } = requireFields(given, 'policy.misfire', ['kind', 'cap']) as { cap?: unknown };
  return cap === undefined
    ? DEFAULT_MISFIRE
    : { kind, cap: requireInteger(cap, 'policy.misfire.cap', { min: 1 }) };
}

/** A moment in milliseconds since the Unix epoch, up to the largest that a JavaScript date can show. */
export function requireTime(value: unknown, path: string): number {
  return requireInteger(value, path, { min: 0, max: 8_640_000_000_000_000 });
}
