// Indexes every file below a folder: one task a file, on a durable orchestrator. Kill it at any moment and start it
// again: it goes on where it was, and no file that was done is done again.
import { isPawlError, openOrchestrator, type Orchestrator } from 'pawl';
import { readArguments, USAGE, UsageError, type Arguments } from './arguments.js';
import { forget } from './forget.js';
import { indexFile } from './index-file.js';
import { IndexJob } from './index-folder.js';
import { showProgress } from './progress.js';
import { makeReport, renderReport } from './report.js';

const INTERRUPT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
const INTERRUPT_DRAIN_MS = 1_000;

/** Why the work was broken off, once it was. */
interface Interruption {
  code: number | undefined;
}

async function run(args: Arguments): Promise<number> {
  if (args.fresh) await forget(args.dataDir);
  const pawl = await openOrchestrator({
    dataDir: args.dataDir,
    tasks: [indexFile],
    concurrency: args.concurrency,
  });
  const interruption = closeOnSignal(pawl);
  const startedMs = performance.now();
  const job = new IndexJob(pawl);
  const hide = showProgress(process.stderr, job);
  try {
    await job.run(args.folder, args.dataDir);
  } catch (error) {
    if (interruption.code === undefined || !isPawlError(error, 'CLOSED')) throw error;
  } finally {
    hide();
  }
  if (interruption.code !== undefined) {
    await pawl.close();
    process.stderr.write(`Interrupted after ${String(job.ranNow)} runs. Start it again and it goes on.\n`);
    return interruption.code;
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  const report = makeReport(pawl, job, { folder: args.folder, seconds });
  process.stdout.write(args.json ? `${JSON.stringify(report)}\n` : renderReport(report));
  await pawl.close();
  return 0;
}

/** What is in flight gets a moment to end; the rest runs again at the next start. A second signal ends at once. */
function closeOnSignal(pawl: Orchestrator): Interruption {
  const interruption: Interruption = { code: undefined };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interruption.code = INTERRUPT_CODES[signal];
      pawl.close({ drainMs: INTERRUPT_DRAIN_MS }).catch(() => undefined);
    });
  }
  return interruption;
}

async function main(): Promise<number> {
  try {
    const args = await readArguments(process.argv.slice(2));
    if (args !== undefined) return await run(args);
    process.stdout.write(USAGE);
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(error instanceof UsageError ? `${message}\n\n${USAGE}` : `${message}\n`);
    return 1;
  }
}

// A reader that has seen enough, such as `head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
process.exitCode = await main();
