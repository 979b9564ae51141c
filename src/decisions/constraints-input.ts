// Constraints as they are passed, checked and with every default filled in; contract §3.3.
import {
  invalid,
  requireFields,
  requireInteger,
  requireText,
  requireWord,
  type Fields,
} from '../domain/check.js';
import { DEFAULT_BACKOFF, DEFAULT_CONSTRAINTS, type Backoff, type Constraints } from '../domain/task.js';
import { notYet } from './not-yet.js';

const MAX_ATTEMPTS = 10_000;
const MAX_KEY_CHARS = 256;
const DAY_MS = 86_400_000;
const MAX_MS = { min: 1, max: 36_500 * DAY_MS };

/** Constraints. Errors: `INVALID_INPUT`, `NOT_SUPPORTED`. */
export function resolveConstraints(given: unknown): Constraints {
  if (given === undefined) return DEFAULT_CONSTRAINTS;
  const fields = requireFields(given, 'constraints', [
    'maxAttempts',
    'maxLostAttempts',
    'timeoutMs',
    'expireAfterMs',
    'backoff',
    'concurrencyKey',
    'keyHold',
    'safety',
    'requiredCapabilities',
    'department',
  ]);
  const optionalMs = (name: string): number | undefined =>
    fields[name] === undefined ? undefined : requireInteger(fields[name], `constraints.${name}`, MAX_MS);
  const timeoutMs = optionalMs('timeoutMs');
  const expireAfterMs = optionalMs('expireAfterMs');
  const key = fields['concurrencyKey'];
  const capabilities = fields['requiredCapabilities'];
  if (capabilities !== undefined || fields['department'] !== undefined)
    throw notYet('constraints.requiredCapabilities and department');
  return {
    maxAttempts: countOf(fields['maxAttempts'], 'constraints.maxAttempts', DEFAULT_CONSTRAINTS.maxAttempts),
    maxLostAttempts: countOf(
      fields['maxLostAttempts'],
      'constraints.maxLostAttempts',
      DEFAULT_CONSTRAINTS.maxLostAttempts,
    ),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(expireAfterMs === undefined ? {} : { expireAfterMs }),
    backoff: resolveBackoff(fields['backoff']),
    ...(key === undefined
      ? {}
      : { concurrencyKey: requireText(key, 'constraints.concurrencyKey', MAX_KEY_CHARS) }),
    keyHold:
      fields['keyHold'] === undefined
        ? 'holdDuringRetry'
        : requireWord(fields['keyHold'], 'constraints.keyHold', [
            'holdDuringRetry',
            'releaseOnRetry',
          ] as const),
    safety:
      fields['safety'] === undefined
        ? 'pure'
        : requireWord(fields['safety'], 'constraints.safety', [
            'pure',
            'idempotent',
            'transactional',
          ] as const),
  };
}

function countOf(given: unknown, path: string, fallback: number): number {
  return given === undefined ? fallback : requireInteger(given, path, { min: 1, max: MAX_ATTEMPTS });
}

function resolveBackoff(given: unknown): Backoff {
  if (given === undefined) return DEFAULT_BACKOFF;
  const path = 'constraints.backoff';
  const kind = requireWord((given as Fields | null)?.['kind'], `${path}.kind`, [
    'exponential',
    'linear',
    'fixed',
  ] as const);
  const known = {
    exponential: ['baseMs', 'maxMs', 'factor'],
    linear: ['stepMs', 'maxMs'],
    fixed: ['delayMs'],
  }[kind];
  const fields = requireFields(given, path, ['kind', 'jitter', ...known]);
  const ms = (name: string, min: number, fallback?: number): number =>
    fields[name] === undefined && fallback !== undefined
      ? fallback
      : requireInteger(fields[name], `${path}.${name}`, { min, max: MAX_MS.max });
  const jitter =
    fields['jitter'] === undefined
      ? 'full'
      : requireWord(fields['jitter'], `${path}.jitter`, ['full', 'none'] as const);
  switch (kind) {
    case 'fixed':
      return { kind, delayMs: ms('delayMs', 0), jitter };
    case 'linear':
      return { kind, stepMs: ms('stepMs', 0), maxMs: ms('maxMs', 0, 3_600_000), jitter };
    case 'exponential': {
      const factor = fields['factor'] === undefined ? 2 : fields['factor'];
      if (typeof factor !== 'number' || !(factor >= 1 && factor <= 100))
        throw invalid(`${path}.factor`, 'pass a number from 1 to 100', factor);
      return { kind, baseMs: ms('baseMs', 0, 1_000), maxMs: ms('maxMs', 0, 3_600_000), factor, jitter };
    }
  }
}
