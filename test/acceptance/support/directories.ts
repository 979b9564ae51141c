// Data directories that something is wrong with: what is in them, byte for byte, and children that open them.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ErrorData } from '../../../src/errors.js';

/** Everything under a directory: files with their bytes, folders by name. */
export function contentsOf(directory: string, except: readonly string[] = []): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (except.includes(path)) continue;
    found[path] = entry.isFile() ? readFileSync(path).toString('base64') : 'folder';
  }
  return found;
}

/** What a child that opens a directory came to. */
export interface Outcome {
  readonly opened?: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly data?: ErrorData;
  /** What the program says beside that. */
  readonly said?: unknown;
}

/** Builds the package when it is not built, so that children can import it. */
export function buildPackage(): void {
  execFileSync(process.execPath, ['scripts/build.mjs', '--if-stale'], { stdio: 'pipe' });
}

/**
 * Runs a program in a process of its own, on the built package. It has `openOrchestrator`, `defineTask`, `dataDir`
 * and `say`; what it throws is its outcome. `shell` is put before it, for limits that only a shell can set.
 */
export function inChild(dataDir: string, program: string, shell = ''): Outcome {
  const door = pathToFileURL(join(process.cwd(), 'dist', 'esm', 'index.js')).href;
  const source = `
    import { openOrchestrator, defineTask } from ${JSON.stringify(door)};
    const dataDir = ${JSON.stringify(dataDir)};
    const outcome = {};
    const say = (said) => { outcome.said = said; };
    try {
      ${program}
      outcome.opened = true;
    } catch ({ code, message, data }) {
      Object.assign(outcome, { code, message, data });
    }
    console.log(JSON.stringify(outcome));
    process.exit();
  `;
  const script = `${shell === '' ? '' : `${shell} && `}exec "$0" --input-type=module -e "$1"`;
  const ended = spawnSync('/bin/sh', ['-c', script, process.execPath, source], { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`The child ended with ${String(ended.status)}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as Outcome;
}
