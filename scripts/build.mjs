// Builds the package: dist/esm and dist/cjs, a few bundled files each, with the types of every source beside them, and
// dist/node, through which Node's `import` gets what `require` gives: one copy of every class in a process, and
// loaded sooner, since what the package is built on is CommonJS in Node. dist/esm is for bundlers and for the command.
// `examples` and `bench` after it compile those folders too. With `--if-stale` a step whose output is newer than all of its sources is skipped, so that
// `npm start` need not wait for what is already built.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');

const BUILDERS = ['scripts/build.mjs', 'scripts/bundle.mjs'];

/** @typedef {{ name: string, output: string, sources: string[], projects: string[], finish?: () => Promise<void> }} Step */

/** @type {Record<'package' | 'examples' | 'bench', Step>} */
const steps = {
  package: {
    name: 'package',
    output: 'dist',
    sources: ['src', 'package.json', 'tsconfig.json', 'tsconfig.types.json', ...BUILDERS],
    projects: ['tsconfig.types.json'],
    finish: async () => {
      // Declarations say the same in both formats.
      cpSync(path.join(root, 'dist', 'esm'), path.join(root, 'dist', 'cjs'), { recursive: true });
      writeFileSync(path.join(root, 'dist', 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
      const doors = ['index', 'journal/index', 'testing/index'];
      const cache = await bundle({ root, format: 'es', into: 'dist/esm', entries: [...doors, 'cli/main'] });
      await bundle({ root, format: 'cjs', into: 'dist/cjs', entries: doors, cache });
      for (const door of doors) writeNodeDoor(door);
      // What `bin` names must be executable.
      chmodSync(path.join(root, 'dist', 'esm', 'cli', 'main.js'), 0o755);
    },
  },
  examples: {
    name: 'examples',
    output: 'dist-examples',
    sources: ['examples', 'src', 'tsconfig.json', 'tsconfig.examples.json'],
    projects: ['tsconfig.examples.json'],
  },
  bench: {
    name: 'bench',
    output: 'dist-bench',
    sources: ['bench', 'src', 'tsconfig.json', 'tsconfig.bench.json'],
    projects: ['tsconfig.bench.json'],
  },
};

/** Writes what Node imports for a door: the names of its CommonJS. @param {string} door */
function writeNodeDoor(door) {
  const file = path.join(root, 'dist', 'node', `${door}.mjs`);
  const built = path.join(root, 'dist', 'cjs', `${door}.js`);
  const exported = /** @type {object} */ (createRequire(file)(built));
  const names = Object.keys(exported).filter((name) => name !== '__esModule');
  const from = path.posix.relative(path.posix.dirname(`node/${door}`), `cjs/${door}.js`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `export {\n${names.map((name) => `  ${name},\n`).join('')}} from '${from}';\n`);
}

/** The newest modification under a file or folder. @param {string} place @returns {number} */
function newestMs(place) {
  const stat = statSync(place);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const inside = readdirSync(place).map((name) => newestMs(path.join(place, name)));
  return Math.max(stat.mtimeMs, ...inside);
}

/** @param {Step} step */
function stampOf(step) {
  return path.join(root, step.output, '.built');
}

/** @param {Step} step */
function isFresh(step) {
  const stamp = stampOf(step);
  if (!existsSync(stamp)) return false;
  const builtAt = statSync(stamp).mtimeMs;
  return step.sources.every((source) => newestMs(path.join(root, source)) < builtAt);
}

/** @param {Step} step */
async function run(step) {
  rmSync(path.join(root, step.output), { recursive: true, force: true });
  for (const project of step.projects) {
    const { status } = spawnSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' });
    if (status !== 0) {
      console.error(`The build of ${step.name} failed: tsc -p ${project} found the errors above.`);
      process.exit(1);
    }
  }
  await step.finish?.();
  writeFileSync(stampOf(step), '');
}

const args = process.argv.slice(2);
const wanted = [steps.package];
if (args.includes('examples')) wanted.push(steps.examples);
if (args.includes('bench')) wanted.push(steps.bench);
for (const step of wanted) {
  if (!args.includes('--if-stale') || !isFresh(step)) await run(step);
}
