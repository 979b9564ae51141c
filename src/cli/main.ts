#!/usr/bin/env node
// The `pawl` command: standard streams and the exit code around `runCli`.
import { once } from 'node:events';
import { runCli, type Terminal } from './run.js';

type Output = NodeJS.WriteStream;

/** Writes a line, and waits when the reader is slow. */
async function write(output: Output, line: string): Promise<boolean> {
  if (output.destroyed || output.errored !== null) return false;
  if (output.write(`${line}\n`)) return true;
  // A reader that goes away closes the pipe, and nothing drains then.
  await Promise.race([once(output, 'drain'), once(output, 'close')]).catch(() => undefined);
  return !output.destroyed;
}

function ignoreClosedPipe(output: Output): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);
const terminal: Terminal = {
  out: (line) => write(process.stdout, line),
  err: (line) => write(process.stderr, line),
};
void runCli(process.argv.slice(2), terminal).then((code) => {
  process.exitCode = code;
});
