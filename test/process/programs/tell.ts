// How a program tells the test something, and how it ends when it cannot go on: with a message, never in silence.
import { isPawlError } from '../../../src/index.js';
import type { Told } from './protocol.js';

/** Tells the test; nothing when the test has gone. */
export function tell(told: Told): void {
  if (process.connected) process.send?.(told);
}

/** Runs the program; what it throws is told, and its exit code is 1 then. */
export async function main(program: () => Promise<void>): Promise<void> {
  // A test that died takes its programs with it.
  process.on('disconnect', () => process.exit());
  try {
    await program();
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.exitCode = 1;
    tell({ type: 'failed', message, ...(isPawlError(error) ? { code: error.code } : {}) });
    if (process.connected) process.disconnect();
  }
}

/** What the program was started with. */
export function setupOf(): unknown {
  return JSON.parse(process.argv[2] ?? '');
}

/** The end of the process as `kill -9` makes it: no handler, no flush, nothing after this call. */
export function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
