// Indexes every file below a folder: one task a file, on a durable orchestrator. Kill it at any moment and start it
// again: it goes on where it was, and no file that was done is done again.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { openOrchestrator, type SubmitItem } from 'pawl';
import { readArguments, USAGE, type Arguments } from './arguments.js';
import { indexFile } from './index-file.js';
import { showProgress } from './progress.js';
import { makeReport, renderReport } from './report.js';
import { walkFiles, type FoundFile } from './walk-files.js';

const SUBMIT_BATCH = 500;

/** The same file, unchanged, is the same task at every start; a changed one is a new task. */
function taskIdOf(file: FoundFile): string {
  return `file-${createHash('sha256')
    .update(`${file.path}\n${String(file.size)}\n${String(file.modifiedAt)}`)
    .digest('hex')
    .slice(0, 32)}`;
}

async function run(args: Arguments): Promise<number> {
  if (args.fresh) await rm(args.dataDir, { recursive: true, force: true });
  const pawl = await openOrchestrator({
    dataDir: args.dataDir,
    tasks: [indexFile],
    concurrency: args.concurrency,
  });
  const startedMs = performance.now();
  const taskIds: string[] = [];
  const unreadable: string[] = [];
  let ended = 0;
  let failed = 0;
  let doneBefore = 0;
  const counting = pawl.events().subscribe((event) => {
    if (event.type !== 'RunStateChanged') return;
    if (event.to === 'completed') ended++;
    if (event.to === 'failed' || event.to === 'canceled') failed++;
  });
  const interrupt = (): void => {
    // What is in flight is interrupted and runs again at the next start.
    void pawl.close({ drainMs: 1_000 }).then(() => process.exit(130));
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const hide = showProgress(process.stderr, () => ({
    submitted: taskIds.length - doneBefore,
    done: ended,
    failed,
  }));

  const submit = async (batch: readonly FoundFile[]): Promise<void> => {
    const items = batch.map((file): SubmitItem => ({
      task: indexFile,
      input: { path: file.path },
      options: {
        id: taskIdOf(file),
        constraints: { maxAttempts: 3, backoff: { kind: 'fixed', delayMs: 200 } },
      },
    }));
    for (const outcome of await pawl.submitMany(items)) {
      if (!outcome.ok) throw outcome.error;
      taskIds.push(outcome.submission.taskId);
      const first = outcome.submission.runIds[0];
      const state = first === undefined ? undefined : pawl.projections.runs.get(first)?.state;
      if (!outcome.submission.created && (state === 'completed' || state === 'failed')) doneBefore++;
    }
  };

  let batch: FoundFile[] = [];
  for await (const file of walkFiles(args.folder, (path, error) =>
    unreadable.push(`${path}: ${String(error)}`),
  )) {
    batch.push(file);
    if (batch.length < SUBMIT_BATCH) continue;
    await submit(batch);
    batch = [];
  }
  await submit(batch);
  while ((await pawl.idle()).pending > 0) await new Promise((resolve) => setTimeout(resolve, 100));

  hide();
  counting.unsubscribe();
  const seconds = (performance.now() - startedMs) / 1_000;
  const report = makeReport(pawl, { folder: args.folder, taskIds, ranNow: ended + failed, seconds });
  process.stdout.write(args.json ? `${JSON.stringify({ ...report, unreadable })}\n` : renderReport(report));
  for (const line of unreadable) process.stderr.write(`not walked: ${line}\n`);
  await pawl.close();
  return 0;
}

try {
  process.exitCode = await run(readArguments(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
  process.exitCode = 1;
}
