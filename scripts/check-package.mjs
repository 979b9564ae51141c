// Checks the package as a user gets it: packs it, lets publint and are-the-types-wrong judge the tarball, then
// unpacks it into a new project and loads and type-checks every door from ESM and from CommonJS: the doors give the
// same names in both, share their classes, also between the formats, and `pawl` loads few files with nothing of the
// tools or the test kit. What bundlers take instead is loaded, too.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = (/** @type {string} */ name) => path.join(root, 'node_modules', '.bin', name);
const manifest =
  /** @type {{ name: string, exports: Record<string, unknown>, dependencies?: Record<string, string>, peerDependencies?: Record<string, string> }} */ (
    JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  );
const doors = Object.keys(manifest.exports)
  .filter((door) => door !== './package.json')
  .map((door) => manifest.name + door.slice(1));

/** @param {string} complaint @returns {never} */
function refuse(complaint) {
  console.error(complaint);
  process.exit(1);
}

/** @param {string} command @param {string[]} args @param {string} cwd @returns {string} */
function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  refuse([`${command} ${args.join(' ')} failed:`, error?.message, stdout, stderr].filter(Boolean).join('\n'));
}

/** What both formats do with `doors`, all of them by their names: prints what each exports, after a look at what they share. */
const LOOK = `
  const names = Object.entries(doors).map(([door, has]) => [door, Object.keys(has).sort()]);
  const values = new Map();
  let shared = 0;
  for (const [door, has] of Object.entries(doors)) {
    for (const [name, value] of Object.entries(has)) {
      if (!values.has(name)) values.set(name, value);
      else if (values.get(name) === value) shared += 1;
      else throw new Error(name + ' of ' + door + ' is another one than that of the door before');
    }
  }
  const { Orchestrator, PawlError } = doors['pawl'];
  const { given, testOrchestrator } = doors['pawl/testing'];
  const kit = await testOrchestrator({ tasks: [] });
  const error = await (async () => given([]).when(() => []).then({ code: 'LOST' }))().catch((reason) => reason);
  if (!(kit.pawl instanceof Orchestrator)) throw new Error('The Orchestrator of pawl/testing is another one');
  if (!(error instanceof PawlError)) throw new Error('The PawlError of pawl/testing is another one');
  if (values.get('PawlError') !== doors['pawl/journal'].PawlError || shared === 0) throw new Error('Nothing is shared');
  await kit.pawl.close();
  console.log(JSON.stringify(names));
`;

/** Loads every door, from ESM and from CommonJS. @param {string} project */
function lookThroughTheDoors(project) {
  const esm = doors.map((door) => `doors['${door}'] = await import('${door}');`);
  const cjs = doors.map((door) => `doors['${door}'] = require('${door}');`);
  const other = `
    import { createRequire } from 'node:module';
    const required = createRequire(import.meta.url);
    for (const [door, has] of Object.entries(doors))
      for (const [name, value] of Object.entries(has))
        if (required(door)[name] !== value) throw new Error(name + ' of ' + door + ' is another one in CommonJS');`;
  writeFileSync(path.join(project, 'use.mjs'), ['const doors = {};', ...esm, other, LOOK].join('\n'));
  writeFileSync(
    path.join(project, 'use.cjs'),
    ['const doors = {};', ...cjs, `(async () => {${LOOK}})();`].join('\n'),
  );
  const fromEsm = run(process.execPath, ['use.mjs'], project);
  const fromCjs = run(process.execPath, ['use.cjs'], project);
  if (fromEsm !== fromCjs) refuse(`ESM and CommonJS export different names:\n${fromEsm}${fromCjs}`);
  // What a bundler takes: the condition that Node does not know by itself.
  const bundled = ['const doors = {};', ...esm, LOOK].join('\n');
  writeFileSync(path.join(project, 'bundled.mjs'), bundled);
  const fromBundlers = run(process.execPath, ['--conditions', 'module', 'bundled.mjs'], project);
  if (fromBundlers !== fromCjs) refuse(`Bundlers are given other names:\n${fromBundlers}${fromCjs}`);
}

/** Every file is opened, read and compiled at each start of an application. */
const MOST_FILES_LOADED = 4;
/** What a start does not need. */
const NOT_LOADED = ['runCli', 'salvage', 'repair', 'dump', 'ManualClock', 'FaultyStorage'];
const HOOKS = `
  import { writeSync } from 'node:fs';
  export async function load(url, context, next) {
    if (url.includes('/node_modules/${manifest.name}/')) writeSync(1, url + '\\n');
    return next(url, context);
  }`;

/** What `pawl` makes Node load of the package, from ESM and from CommonJS. @param {string} project @returns {number[]} */
function countWhatIsLoaded(project) {
  const cjs = `
    const { pathToFileURL } = require('node:url');
    require('${manifest.name}');
    const own = (file) => file.includes('/node_modules/${manifest.name}/');
    console.log(Object.keys(require.cache).filter(own).map((file) => pathToFileURL(file).href).join('\\n'));`;
  writeFileSync(path.join(project, 'hooks.mjs'), HOOKS);
  writeFileSync(path.join(project, 'loaded.cjs'), cjs);
  const esm = `
    import '${manifest.name}';
    import { createRequire } from 'node:module';
    import { pathToFileURL } from 'node:url';
    const own = (file) => file.includes('/node_modules/${manifest.name}/');
    for (const file of Object.keys(createRequire(import.meta.url).cache).filter(own)) console.log(pathToFileURL(file).href);`;
  writeFileSync(path.join(project, 'loaded.mjs'), esm);
  const register = "data:text/javascript,import { register } from 'node:module';";
  const hooked = `${register} register(${JSON.stringify(pathToFileURL(path.join(project, 'hooks.mjs')).href)});`;
  const fromEsm = run(process.execPath, ['--import', hooked, 'loaded.mjs'], project);
  const fromCjs = run(process.execPath, ['loaded.cjs'], project);
  return [fromEsm, fromCjs].map((lines) => {
    const files = [...new Set(lines.trim().split('\n'))];
    if (lines === '' || files.length > MOST_FILES_LOADED)
      refuse(`'${manifest.name}' loads ${String(files.length)} files:\n${lines}`);
    const text = files.map((file) => readFileSync(fileURLToPath(file), 'utf8')).join('\n');
    const declared = NOT_LOADED.filter((name) => new RegExp(`(function|class) ${name}\\b`).test(text));
    if (declared.length > 0) refuse(`'${manifest.name}' loads ${declared.join(', ')} for nothing:\n${lines}`);
    return files.length;
  });
}

/** Type-checks that every door resolves. @param {string} project */
function checkTheTypes(project) {
  const imports = doors.map((door, at) => `import * as door${String(at)} from '${door}';`);
  const uses = doors.map((_door, at) => `export const use${String(at)} = door${String(at)};`);
  writeFileSync(path.join(project, 'types.mts'), [...imports, ...uses].join('\n'));
  writeFileSync(path.join(project, 'types.cts'), [...imports, ...uses].join('\n'));
  const config = {
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'NodeNext',
      strict: true,
      types: ['node'],
      noEmit: true,
    },
    files: ['types.mts', 'types.cts'],
  };
  writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify(config));
  run(bin('tsc'), ['-p', '.'], project);
}

const work = mkdtempSync(path.join(tmpdir(), 'pawl-package-'));
try {
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], root);
  const report = /** @type {{ filename: string, unpackedSize: number, files: unknown[] }[]} */ (
    JSON.parse(packed)
  );
  const [tarball] = report;
  if (tarball === undefined) throw new Error(`npm pack named no tarball: ${packed}`);
  const file = path.join(work, tarball.filename);
  run(bin('publint'), ['run', '--strict', file], root);
  // TypeScript's `node10` resolution knows no `exports`, and no Node that Pawl runs on resolves like that.
  run(bin('attw'), ['--profile', 'node16', file], root);

  const modules = path.join(work, 'project', 'node_modules');
  mkdirSync(modules, { recursive: true });
  run('tar', ['-xzf', file, '-C', work], work);
  cpSync(path.join(work, 'package'), path.join(modules, manifest.name), { recursive: true });
  const needed = { ...manifest.dependencies, ...manifest.peerDependencies, '@types/node': '' };
  for (const name of Object.keys(needed)) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name), 'dir');
  }
  const project = path.join(work, 'project');
  lookThroughTheDoors(project);
  const loaded = countWhatIsLoaded(project);
  checkTheTypes(project);
  console.log(
    `${tarball.filename}: ${String(tarball.files.length)} files, ${String(tarball.unpackedSize)} bytes, sound; '${manifest.name}' loads ${loaded.join(' and ')} files.`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
