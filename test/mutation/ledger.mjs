// The lines that durability hangs on, each with what the source is without it. Every one of them, taken out, must make
// some suite fail that does not know of this list; `npm run test:mutants` tries them. Files are those of src/journal.
import { BEHIND } from './ledger-behind.mjs';
import { COLUMNS } from './ledger-columns.mjs';
import { FORMAT } from './ledger-format.mjs';
import { JOURNAL } from './ledger-journal.mjs';
import { KEEPING } from './ledger-keeping.mjs';
import { OPENING } from './ledger-opening.mjs';
import { SNAPSHOTS } from './ledger-snapshots.mjs';
import { WRITING } from './ledger-writing.mjs';

/**
 * One line of defence.
 * @typedef {object} Mutant
 * @property {string} id
 * @property {string} file
 * @property {string} out What is taken out.
 * @property {string} find Text that occurs once in the file, however it is broken into lines.
 * @property {string} put What stands in its place.
 * @property {readonly string[]} near The nearest suites, in the order in which they are tried.
 */

/** Suites that are tried for every mutant, behind its nearest ones. */
export const EVERYWHERE = [
  'test/journal/one-pass.test.ts',
  'test/journal/group-commit.test.ts',
  'test/journal/journal.test.ts',
  'test/journal/wal-writer.test.ts',
  'test/journal/lost-directory.test.ts',
  'test/journal/dying-disk.test.ts',
  'test/journal/full-disk.test.ts',
  'test/journal/write-ahead.test.ts',
  'test/journal/backend-details.test.ts',
  'test/journal/file-backend.test.ts',
  'test/journal/memory-backend.test.ts',
  'test/journal/load-projection.test.ts',
  'test/journal/racing-reader.test.ts',
  'test/journal/reading-beside.test.ts',
  'test/journal/recovery-files.test.ts',
  'test/journal/recovery-memory.test.ts',
  'test/journal/older-segments.test.ts',
  'test/journal/retention.test.ts',
  'test/journal/snapshot-crash.test.ts',
  'test/journal/snapshot-writer.test.ts',
  'test/journal/offline-tools.test.ts',
  'test/journal/salvage.test.ts',
  'test/journal/faults.test.ts',
  'test/journal/damage.test.ts',
  'test/acceptance/poisoned.test.ts',
  'test/acceptance/bad-directories.test.ts',
  'test/journal/damage-bits.test.ts',
  'test/journal/exhaustive.test.ts',
  'test/journal/recovery-crashes.test.ts',
  'test/journal/damage-files.test.ts',
  'test/journal/torn-images.test.ts',
];

/**
 * Entries as they are written down: id, file, what is taken out, the text, what stands in its place.
 * @typedef {readonly [string, string, string, string, string]} Entry
 */

/** @param {{ suites: readonly string[], entries: readonly Entry[] }} group @returns {Mutant[]} */
function mutantsOf({ suites, entries }) {
  return entries.map(([id, file, out, find, put]) => ({
    id,
    file: `src/journal/${file}.ts`,
    out,
    find,
    put,
    near: suites.map((name) => `test/${name}.test.ts`),
  }));
}

/** Every mutant, in the order of the page. */
export const LEDGER = [
  ...FORMAT,
  ...WRITING,
  ...OPENING,
  ...JOURNAL,
  ...SNAPSHOTS,
  ...COLUMNS,
  ...KEEPING,
  ...BEHIND,
].flatMap(mutantsOf);
