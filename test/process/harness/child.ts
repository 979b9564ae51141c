// A program in a process of its own that a test starts, and that is gone when the test has ended, however it ended.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { onTestEnd } from '../../support/engine.js';
import { Program, opened, type Launch } from '../campaigns/program.js';
import type { EngineSetup } from '../programs/protocol.js';

export { opened, type Ended } from '../campaigns/program.js';

const TRANSPILE = join(process.cwd(), 'test/process/harness/transpile.mjs');
const TRANSPILE_LIMIT_MS = 600_000;

const builtRoots = new Map<string, string>();

/** How the sources are made into programs: as they are, or with every fsync taken out, which must be noticed. */
export type Build = 'as-it-is' | 'without-syncs';

/** Folder with the sources, the examples and the programs as plain JavaScript. */
export function builtProgramsRoot(build: Build = 'as-it-is'): string {
  const known = builtRoots.get(build);
  if (known !== undefined) return known;
  const root = execFileSync(process.execPath, [TRANSPILE, build], {
    encoding: 'utf8',
    timeout: TRANSPILE_LIMIT_MS,
  }).trim();
  builtRoots.set(build, root);
  return root;
}

/** A program of `test/process/programs`, or of the folder given. */
export class Child extends Program {
  constructor(
    name: string,
    setup: unknown,
    {
      folder = 'programs',
      ...launch
    }: Partial<Omit<Launch, 'file' | 'setup'>> & { readonly folder?: string } = {},
  ) {
    super({ root: builtProgramsRoot(), file: join('test/process', folder, name), setup, ...launch });
    // Before the directory that it works in is removed: what was made last goes first.
    onTestEnd(async () => {
      await this.kill();
    });
  }
}

/** Starts the engine program and resolves when it is open. */
export async function startEngine(setup: EngineSetup): Promise<Child> {
  const child = new Child('engine', setup);
  await opened(child);
  return child;
}
