// Runs one suite on code that lacks one line of defence: in a process of its own, which is ended when it hangs. A suite
// that takes long counts as hanging only when it takes a fraction of that time with nothing taken out.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';

/** How a suite ended: all passed, a test failed or hangs, or it could not be run, so that nobody knows.
 * @typedef {{ kind: 'passed' } | { kind: 'failed' | 'hangs', title: string } | { kind: 'unrun', said: string }} Trial */

const LIMIT_MS = 60_000;
/** A suite hangs when it takes this many times as long as with nothing taken out. */
const TIMES_USUAL = 4;
/** @type {Map<string, number>} */
const usual = new Map();
let trials = 0;

/** @param {string} suite @param {string} mutant @param {string} home Where it is noted how far the suite is.
 * @returns {Promise<Trial>} */
export async function trySuite(suite, mutant, home) {
  let limitMs = LIMIT_MS;
  for (;;) {
    const trial = await run({ suite, mutant, home, limitMs });
    if (trial.kind !== 'hangs') return trial;
    const enoughMs = TIMES_USUAL * (await usualMs(suite, home));
    if (enoughMs <= limitMs) return trial;
    limitMs = enoughMs;
  }
}

/** @param {string} suite @param {string} home @returns {Promise<number>} */
async function usualMs(suite, home) {
  const known = usual.get(suite);
  if (known !== undefined) return known;
  const startedMs = Date.now();
  const { kind } = await run({ suite, mutant: '', home, limitMs: 20 * LIMIT_MS });
  if (kind !== 'passed') throw new Error(`${suite} does not pass with nothing taken out.`);
  const tookMs = Date.now() - startedMs;
  usual.set(suite, tookMs);
  return tookMs;
}

/** @param {{ suite: string, mutant: string, home: string, limitMs: number }} what @returns {Promise<Trial>} */
async function run({ suite, mutant, home, limitMs }) {
  const progress = path.join(home, `progress-${String(process.pid)}-${String(trials++)}.json`);
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      ...['--runInBand', '--silent', '--forceExit', '--config=test/mutation/jest.config.mjs'],
      ...['--runTestsByPath', suite],
    ],
    {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PAWL_MUTANT: mutant, PAWL_PROGRESS: progress },
    },
  );
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  const code = await Promise.race([ended, after(limitMs, 'hangs', { ref: false })]);
  if (code === 'hangs' && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await ended;
  const noted = notedIn(progress);
  rmSync(progress, { force: true });
  if (noted?.state === 'failed') return { kind: 'failed', title: noted.title };
  if (code === 'hangs' && noted !== undefined) return { kind: 'hangs', title: noted.title };
  return code === 0 && noted !== undefined ? { kind: 'passed' } : { kind: 'unrun', said };
}

/** @param {string} progress @returns {{ state: 'running' | 'failed', title: string } | undefined} */
function notedIn(progress) {
  if (!existsSync(progress)) return undefined;
  /** @type {{ state: 'running' | 'failed', title: string }} */
  const noted = JSON.parse(readFileSync(progress, 'utf8'));
  return noted;
}
