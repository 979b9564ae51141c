// Every branch of the code that keeps data is taken by a test: runs suites near the journal, counts with V8 and fails
// with file and line of each branch that none of them takes, of each function that none of them calls, and of each file
// that none of them loads. Leaves out the few tests that are long and take no branch that another does not.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';

/** What the host gives has branches for other machines than this one. */
const LEFT_TO_THE_HOST = 'host-';
const SUITES = [
  'backend-details',
  'boundary',
  'codec-refusals',
  'columns',
  'commit-codec',
  'dying-disk',
  'emission',
  'end-segment',
  'forged-frames',
  'forged-snapshots',
  'frame',
  'full-disk',
  'group-commit',
  'journal',
  'journal-options',
  'load-projection',
  'log-segments',
  'lost-directory',
  'memory-backend',
  'offline-tools',
  'older-segments',
  'one-pass',
  'packed-ids',
  'pair-order',
  'read-only-load',
  'reading-beside',
  'recovery-memory',
  'recovery-refusals',
  'retention',
  'salvage',
  'salvage-plan',
  'snapshot-damage',
  'snapshot-images',
  'snapshot-packer',
  'snapshot-slices',
  'snapshot-stores',
  'snapshot-validate',
  'snapshot-validate-ids',
  'snapshot-writer',
  'wal-writer',
  'write-ahead',
  'write-path',
];
/** Counted, these take longer than all others together. A name that changes makes the gate slower, never wrong. */
const LEFT_OUT = [
  'for every single bit that is flipped',
  'any flipped bit of its header',
  'by a power cut at any operation',
  'by a failing operation',
  'equal full replay and the live state by hash at every commit boundary',
  'every cut and every extension of a commit',
  'wherever the power goes',
  'when the power goes at any write or fsync',
  'follows a log that is being written',
  'of one byte more than is needed',
  'of a whole directory gives the same events',
  'falls back \\(row 15\\) from a damaged snapshot to the older',
];
const SOURCES = 'src/journal';

/** @typedef {{ line: number, column: number }} Point */
/** @typedef {{ start: Point, end: Point }} Range */
/**
 * @typedef {{ b: Record<string, number[]>, branchMap: Record<string, { locations: Range[] }>,
 *   f: Record<string, number>, fnMap: Record<string, { loc: Range }>,
 *   s: Record<string, number>, statementMap: Record<string, Range> }} Counts
 */

const folder = mkdtempSync(path.join(tmpdir(), 'pawl-branches-'));
try {
  process.exitCode = runSuites() ? report() : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function runSuites() {
  const { status } = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      '--silent',
      '--coverage',
      '--coverageProvider=v8',
      '--coverageReporters=json',
      `--coverageDirectory=${folder}`,
      `--collectCoverageFrom=${SOURCES}/!(${LEFT_TO_THE_HOST}*).ts`,
      `--testNamePattern=^(?!.*(${LEFT_OUT.join('|')}))`,
      '--testTimeout=600000',
      '--forceExit',
      '--runTestsByPath',
      ...SUITES.map((name) => `test/journal/${name}.test.ts`),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  return status === 0;
}

/** Prints what is missed; the exit code. */
function report() {
  const text = readFileSync(path.join(folder, 'coverage-final.json'), 'utf8');
  /** @type {Record<string, Counts>} */
  const byPath = JSON.parse(text);
  const counts = new Map(
    Object.entries(byPath).map(([file, found]) => [path.relative('.', file).replaceAll('\\', '/'), found]),
  );
  const files = readdirSync(SOURCES)
    .filter((name) => name.endsWith('.ts') && !name.startsWith(LEFT_TO_THE_HOST))
    .map((name) => `${SOURCES}/${name}`);
  const missed = files.flatMap((file) => {
    const found = counts.get(file);
    if (found !== undefined) return missedIn(file, found);
    return isTypesOnly(file) ? [] : [`${file}: no suite loads it`];
  });
  for (const place of missed) console.log(place);
  console.log(`${String(files.length)} files, ${String(missed.length)} places that no test takes`);
  return missed.length > 0 ? 1 : 0;
}

/** What a file misses, each place once: what lies inside another one is not told again. */
function missedIn(/** @type {string} */ file, /** @type {Counts} */ counts) {
  const { b, branchMap, f, fnMap, s, statementMap } = counts;
  const ranges = [
    ...Object.entries(f).flatMap(([key, count]) => (count > 0 ? [] : [fnMap[key]?.loc])),
    ...Object.entries(b).flatMap(([key, times]) =>
      times.flatMap((count, index) => (count > 0 ? [] : [branchMap[key]?.locations[index]])),
    ),
    ...Object.entries(s).flatMap(([key, count]) => (count > 0 ? [] : [statementMap[key]])),
  ].filter((range) => range !== undefined);
  const outermost = ranges.filter(
    (range, index) =>
      !ranges.some(
        (other, at) => at !== index && holds(other, range) && (at < index || !holds(range, other)),
      ),
  );
  const lines = readFileSync(file, 'utf8').split('\n');
  return outermost
    .sort((left, right) => placeOf(left.start) - placeOf(right.start))
    .map(({ start }) => `${file}:${String(start.line)}: ${(lines[start.line - 1] ?? '').trim()}`);
}

function holds(/** @type {Range} */ outer, /** @type {Range} */ inner) {
  return placeOf(outer.start) <= placeOf(inner.start) && placeOf(inner.end) <= placeOf(outer.end);
}

function placeOf(/** @type {Point} */ { line, column }) {
  return line * 100_000 + column;
}

function isTypesOnly(/** @type {string} */ file) {
  const options = { removeComments: true, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions: options });
  return outputText.trim() === 'export {};';
}
