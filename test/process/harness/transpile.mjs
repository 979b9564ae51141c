// Makes plain JavaScript of src, examples, the simulator and the programs of the process tests, and prints the folder
// it is in. The folder is named for the contents of the sources and appears whole, so that test files running at a time share
// it without a lock and a stale one is never used. Types are checked elsewhere. `without-syncs` takes every fsync
// out: what a test of durability must notice.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceToTranspile } from '../../mutation/apply.mjs';

const SOURCES = [
  'src',
  'examples',
  'test/process/programs',
  'test/process/campaigns',
  'test/simulation',
  'test/support',
];
const SYNCS = ['fsync', 'fdatasync'];
const SYNCING_FILE = 'src/journal/host-storage.js';
const KEPT_MS = 24 * 3_600_000;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const home = path.join(root, 'dist-process');

/** @param {string} folder @returns {string[]} */
function sourcesUnder(folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const inside = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return sourcesUnder(inside);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [inside] : [];
  });
}

/** @param {string} into @param {readonly { file: string, text: string }[]} sources */
async function transpile(into, sources) {
  const { default: ts } = await import('typescript');
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  for (const { file, text } of sources) {
    const target = path.join(into, file.replace(/\.ts$/, '.js'));
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, ts.transpileModule(text, { compilerOptions, fileName: file }).outputText);
  }
  // The examples import the package by its name, which then means the sources beside them.
  const doors = {
    '.': './src/index.js',
    './journal': './src/journal/index.js',
    './testing': './src/testing/index.js',
  };
  writeFileSync(
    path.join(into, 'package.json'),
    JSON.stringify({ name: 'pawl', type: 'module', exports: doors }),
  );
}

/** Puts syncs that do nothing in the place of the machine's. @param {string} into */
function takeSyncsOut(into) {
  const file = path.join(into, SYNCING_FILE);
  const text = readFileSync(file, 'utf8');
  const without = text.replace("from 'node:fs'", "from './no-syncs.js'");
  if (without === text) throw new Error(`${SYNCING_FILE} does not take its syncs from node:fs`);
  writeFileSync(file, without);
  const nothing = SYNCS.map((name) => `export const ${name} = (fd, done) => { setImmediate(done, null); };`);
  writeFileSync(
    path.join(path.dirname(file), 'no-syncs.js'),
    ["export * from 'node:fs';", ...nothing, ''].join('\n'),
  );
}

/** What nobody used for a day; a long campaign must not lose its programs because the sources went on. */
function removeOldOnes() {
  for (const name of readdirSync(home)) {
    const usedAt = statSync(path.join(home, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - usedAt > KEPT_MS) rmSync(path.join(home, name), { recursive: true, force: true });
  }
}

const sources = SOURCES.flatMap(sourcesUnder).map((file) => ({
  file,
  text: sourceToTranspile(readFileSync(path.join(root, file), 'utf8'), file),
}));
const build = process.argv[2] ?? 'as-it-is';
const digest = createHash('sha256')
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .update(build);
for (const { file, text } of sources) digest.update(`${file}\n${String(text.length)}\n${text}`);
const target = path.join(home, digest.digest('hex').slice(0, 16));

if (!existsSync(target)) {
  const unfinished = `${target}.${String(process.pid)}`;
  await transpile(unfinished, sources);
  if (build === 'without-syncs') takeSyncsOut(unfinished);
  try {
    renameSync(unfinished, target);
  } catch (error) {
    // Another one was faster: the contents are the same.
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  removeOldOnes();
}
utimesSync(target, new Date(), new Date());
process.stdout.write(`${target}\n`);
