// Takes one line of defence after another out of the transpiled code and runs the suites near it until a test fails:
// first the suite that caught it before, then its nearest ones, then those that look at everything. A mutant that no
// suite catches is a test that is missing. What was tried is kept in dist-mutants, by the text of its entry, so that a
// run that was stopped goes on; --fresh tries all of them again.
// Options: --only a,b · --workers 2 · --fresh · --quick (the nearest suites alone)
// --report (tries nothing) · --write (the page in docs).
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { EVERYWHERE, LEDGER } from '../test/mutation/ledger.mjs';
import { trySuite } from './mutant-trial.mjs';
import { caughtBefore, writePage } from './mutants-page.mjs';

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
  const before = caughtBefore(mutant);
  const suites = new Set([...before, ...mutant.near, ...(options.quick ? [] : EVERYWHERE)]);
  const startedMs = Date.now();
  const seconds = () => (Date.now() - startedMs) / 1_000;
  let complaint = '';
  for (const suite of suites) {
    const trial = await trySuite(suite, mutant.id, HOME);
    if (trial.kind === 'unrun') complaint = `${suite} could not be run for ${mutant.id}:\n${trial.said}`;
    if (trial.kind === 'failed' || trial.kind === 'hangs')
      return { caughtBy: `${suite} › ${trial.title}`, seconds: seconds() };
  }
  // A suite that cannot be run says nothing, and a mutant that survives because of that is not one that survives.
  if (complaint !== '') throw new Error(complaint);
  return { caughtBy: SURVIVED, seconds: seconds() };
}

function report() {
  const outcomes = new Map(wanted.map((mutant) => [mutant.id, known(mutant)]));
  const tried = [...outcomes.values()].filter((outcome) => outcome !== undefined);
  const caught = tried.filter(({ caughtBy }) => caughtBy !== SURVIVED);
  const survivors = wanted.filter(({ id }) => outcomes.get(id)?.caughtBy === SURVIVED);
  for (const { id, out } of survivors) console.log(`survived: ${id} (${out})`);
  console.log(`${String(caught.length)} of ${String(wanted.length)} caught`);
  if (options.write) writePage(LEDGER, (mutant) => known(mutant)?.caughtBy);
  if (caught.length < wanted.length) process.exitCode = 1;
}
