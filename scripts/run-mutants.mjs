// Takes one line of defence after another out of the transpiled code and runs the suites near it until one fails. A
// mutant that no suite catches is a test that is missing. What was tried is kept in dist-mutants, by the text of its
// entry, so that a run that was stopped goes on; --fresh tries all of them again.
// Options: --only a,b · --workers 2 · --fresh · --quick (the nearest suites alone)
// --report (tries nothing) · --write (the page in docs).
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { EVERYWHERE, LEDGER } from '../test/mutation/ledger.mjs';
import { writePage } from './mutants-page.mjs';

/** @typedef {import('../test/mutation/ledger.mjs').Mutant} Mutant */
/** @typedef {{ caughtBy: string, seconds: number }} Outcome */

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    workers: { type: 'string', default: '1' },
    fresh: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const HOME = 'dist-mutants';
const SURVIVED = '';
/** A mutant that makes the suites hang is caught too, after this long. */
const LIMIT_MS = 1_200_000;

mkdirSync(HOME, { recursive: true });
const wanted = options.only === '' ? LEDGER : LEDGER.filter(({ id }) => options.only.split(',').includes(id));
const queue = options.report ? [] : wanted.filter((mutant) => options.fresh || known(mutant) === undefined);
await Promise.all(Array.from({ length: Number(options.workers) }, work));
report();

async function work() {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const outcome = await attempt(mutant);
    console.log(
      `${mutant.id.padEnd(28)} ${outcome.seconds.toFixed(1).padStart(6)} s  ${outcome.caughtBy || 'SURVIVED'}`,
    );
    if (outcome.caughtBy !== SURVIVED || !options.quick)
      writeFileSync(recordOf(mutant), JSON.stringify(outcome));
  }
}

/** Where the outcome for this entry is kept. @param {Mutant} mutant */
function recordOf({ id, find, put }) {
  const digest = createHash('sha256').update(`${find}\n${put}`).digest('hex').slice(0, 16);
  return path.join(HOME, `${id}.${digest}.json`);
}

/** @param {Mutant} mutant @returns {Outcome | undefined} */
function known(mutant) {
  const file = recordOf(mutant);
  if (!existsSync(file)) return undefined;
  /** @type {Outcome} */
  const outcome = JSON.parse(readFileSync(file, 'utf8'));
  return outcome;
}

/** @param {Mutant} mutant @returns {Promise<Outcome>} */
async function attempt(mutant) {
  const suites = [...new Set([...mutant.near, ...(options.quick ? [] : EVERYWHERE)])];
  const startedMs = Date.now();
  const { hung, said } = await runJest(mutant, suites);
  const caughtBy = hung ? 'a suite that hangs' : firstFailure(mutant, said);
  return { caughtBy, seconds: (Date.now() - startedMs) / 1_000 };
}

/** @param {Mutant} mutant @param {readonly string[]} suites @returns {Promise<{ hung: boolean, said: string }>} */
async function runJest({ id }, suites) {
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      '--runInBand',
      '--bail',
      '--silent',
      '--config=test/mutation/jest.config.mjs',
      '--runTestsByPath',
      ...suites,
    ],
    {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PAWL_MUTANT: id, PAWL_SUITES: suites.join(' ') },
    },
  );
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  /** @type {Promise<boolean>} */
  const closed = new Promise((resolve) => {
    child.once('close', () => {
      resolve(false);
    });
  });
  const hung = await Promise.race([closed, after(LIMIT_MS, true, { ref: false })]);
  if (hung && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  return { hung, said };
}

/** The suite and the test that failed first; empty when all passed. @param {Mutant} mutant @param {string} said */
function firstFailure({ id }, said) {
  const suite = /^FAIL (\S+)/m.exec(said)?.[1];
  const title = /^ {2}● (?:.* › )?(.+)$/m.exec(said)?.[1];
  if (suite !== undefined && title !== undefined) return `${suite} › ${title}`;
  if (suite === undefined && /^Tests: +\d+ passed, \d+ total$/m.test(said)) return SURVIVED;
  throw new Error(`The suites could not be run for ${id}:\n${said.slice(-2_000)}`);
}

function report() {
  const outcomes = new Map(wanted.map((mutant) => [mutant.id, known(mutant)]));
  const tried = [...outcomes.values()].filter((outcome) => outcome !== undefined);
  const caught = tried.filter(({ caughtBy }) => caughtBy !== SURVIVED);
  const survivors = wanted.filter(({ id }) => outcomes.get(id)?.caughtBy === SURVIVED);
  for (const { id, out } of survivors) console.log(`survived: ${id} (${out})`);
  console.log(`${String(caught.length)} of ${String(wanted.length)} caught`);
  if (options.write) writePage(LEDGER, (mutant) => known(mutant)?.caughtBy ?? '');
  if (caught.length < wanted.length) process.exitCode = 1;
}
