// The examples as a user starts them, each in a process of its own, and what the system's own tools say of a folder.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import type { RunRecord, TaskRecord } from '../../../src/index.js';
import { isPawlError } from '../../../src/index.js';
import { loadProjectionFromStorage } from '../../../src/journal/index.js';
import { builtProgramsRoot, type Ended } from './child.js';

const alive = new Set<ChildProcess>();

afterEach(() => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A start of the example. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended & { readonly stdout: string; readonly stderr: string }>;
}

/** Starts the example that `npm start` runs. */
export function startIndexing(...args: readonly string[]): Started {
  return startExample('index-files', args);
}

/** Starts an example. */
export function startExample(name: string, args: readonly string[] = []): Started {
  const main = join(builtProgramsRoot(), 'examples', name, 'main.js');
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  alive.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Awaited<Started['ended']>>((resolve) => {
    child.once('close', (code, signal) => {
      alive.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { child, ended };
}

/** SHA-256 by path, of every regular file below a folder, from `find` and `sha256sum`. */
export function checksumsOf(folder: string): Record<string, string> {
  const output = execFileSync('find', [folder, '-type', 'f', '-exec', 'sha256sum', '--zero', '{}', '+'], {
    encoding: 'utf8',
    maxBuffer: 67_108_864,
  });
  const lines = output.split('\0').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

/** What the data directory holds, looked at from outside. */
export interface Seen {
  readonly runs: readonly RunRecord[];
  taskOf(run: RunRecord): TaskRecord | undefined;
}

/** Looks at the durable state without the lock; undefined while there is none. */
export async function look(dataDir: string): Promise<Seen | undefined> {
  try {
    const { projections } = await loadProjectionFromStorage(dataDir, {
      readOnly: true,
      repair: 'truncate-partial',
    });
    const { runs, tasks } = projections;
    return { runs: runs.list({}, { limit: 1_000 }).items, taskOf: (run) => tasks.get(run.taskId) };
  } catch (error) {
    if (isPawlError(error, 'DATA_DIR_MISSING')) return undefined;
    throw error;
  }
}

/** Looks again and again until `isWanted`; throws when the process ends before. */
export async function lookUntil(
  dataDir: string,
  started: Started,
  isWanted: (seen: Seen) => boolean,
): Promise<void> {
  let over: unknown;
  void started.ended.then((end) => (over = end));
  for (;;) {
    const seen = await look(dataDir);
    if (seen !== undefined && isWanted(seen)) return;
    if (over !== undefined) throw new Error(`It ended before: ${JSON.stringify(over)}`);
    await new Promise(setImmediate);
  }
}
