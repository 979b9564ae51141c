// Checks the package as a user gets it: packs it, lets publint and are-the-types-wrong judge the tarball, then
// unpacks it into a new project and loads and type-checks every door from ESM and from CommonJS.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = (/** @type {string} */ name) => path.join(root, 'node_modules', '.bin', name);
const manifest =
  /** @type {{ name: string, exports: Record<string, unknown>, dependencies?: Record<string, string>, peerDependencies?: Record<string, string> }} */ (
    JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  );
const doors = Object.keys(manifest.exports)
  .filter((door) => door !== './package.json')
  .map((door) => manifest.name + door.slice(1));

/** @param {string} command @param {string[]} args @param {string} cwd @returns {string} */
function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  console.error(
    [`${command} ${args.join(' ')} failed:`, error?.message, stdout, stderr].filter(Boolean).join('\n'),
  );
  process.exit(1);
}

/** Type-checks that every door resolves and the two formats agree on the names. @param {string} project */
function useThePackage(project) {
  const esm = doors.map((door) => `out['${door}'] = Object.keys(await import('${door}')).sort();`);
  const cjs = doors.map((door) => `out['${door}'] = Object.keys(require('${door}')).sort();`);
  const print = 'console.log(JSON.stringify(out));';
  writeFileSync(path.join(project, 'use.mjs'), ['const out = {};', ...esm, print].join('\n'));
  writeFileSync(path.join(project, 'use.cjs'), ['const out = {};', ...cjs, print].join('\n'));
  const fromEsm = run(process.execPath, ['use.mjs'], project);
  const fromCjs = run(process.execPath, ['use.cjs'], project);
  if (fromEsm !== fromCjs) {
    console.error(`ESM and CommonJS export different names:\n${fromEsm}${fromCjs}`);
    process.exit(1);
  }
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
  useThePackage(path.join(work, 'project'));
  console.log(
    `${tarball.filename}: ${String(tarball.files.length)} files, ${String(tarball.unpackedSize)} bytes, sound.`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
