// What the doors of the storage are opened with, checked before anything is touched, for callers without TypeScript too.
import { invalid, requireFields, requireInteger, requireText, requireWord } from '../domain/check.js';
import type { Limits } from '../domain/limits.js';
import { checkLimits } from '../domain/resolve-limits.js';

const FIELDS = [
  'repair',
  'readOnly',
  'expectExisting',
  'lockWaitMs',
  'logger',
  'limits',
  'storage',
  'clock',
  'ids',
] as const;
const MAX_PATH_CHARS = 4_096;

/** Checks a directory and the options it is opened with; gives the limits. Errors: `INVALID_INPUT`. */
export function checkJournalOptions(dir: unknown, options: { readonly limits?: Partial<Limits> }): Limits {
  requireText(dir, 'dir', MAX_PATH_CHARS);
  const fields = requireFields(options, 'options', FIELDS);
  const { repair, lockWaitMs } = fields;
  if (repair !== undefined) requireWord(repair, 'options.repair', ['strict', 'truncate-partial'] as const);
  if (lockWaitMs !== undefined) requireInteger(lockWaitMs, 'options.lockWaitMs', { min: 0 });
  for (const name of ['readOnly', 'expectExisting'] as const) {
    const given = fields[name];
    if (given !== undefined && typeof given !== 'boolean')
      throw invalid(`options.${name}`, 'pass true or false', given);
  }
  return checkLimits(options.limits, 'options.limits');
}
