// Every branch of the format code is taken by a test: runs the suites near these files, counts with V8 and fails
// with the place of each branch that none of them took.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const FILES = [
  'byte-*',
  'commit-codec',
  'constraints-codec',
  'control-*',
  'crc',
  'event-codec*',
  'frame',
  'log-cursor',
  'mask',
  'part-codec',
  'policy-codec',
  'record-*',
  'repair-policy',
  'scan',
  'segment-*',
  'snapshot-loader-*',
  'snapshot-validate*',
  'snapshot-writer*',
  'tail',
  'task-codec',
];
const SUITES = [
  'backend-details',
  'codec-refusals',
  'commit-codec',
  'damage',
  'faults',
  'forged-frames',
  'forged-snapshots',
  'frame',
  'golden-log',
  'recovery-memory',
  'snapshot-damage',
  'snapshot-validate',
  'snapshot-writer',
];

/** @typedef {{ b: Record<string, number[]>, branchMap: Record<string, { locations: { start: { line: number } }[] }> }} Counts */

const folder = mkdtempSync(path.join(tmpdir(), 'pawl-branches-'));
try {
  execFileSync(
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
      `--collectCoverageFrom=src/journal/{${FILES.join(',')}}.ts`,
      '--forceExit',
      '--runTestsByPath',
      ...SUITES.map((name) => `test/journal/${name}.test.ts`),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const report = readFileSync(path.join(folder, 'coverage-final.json'), 'utf8');
  const counts = /** @type {Record<string, Counts>} */ (JSON.parse(report));
  const missed = Object.entries(counts).flatMap(([file, found]) => missedIn(path.relative('.', file), found));
  for (const place of missed) console.log(place);
  console.log(
    `${String(Object.keys(counts).length)} files, ${String(missed.length)} branches that no test takes`,
  );
  if (missed.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} file @param {Counts} counts */
function missedIn(file, { b: taken, branchMap }) {
  return Object.entries(taken).flatMap(([key, times]) =>
    times.flatMap((count, index) => {
      const line = branchMap[key]?.locations[index]?.start.line ?? 0;
      return count > 0 ? [] : [`${file}:${String(line)}`];
    }),
  );
}
