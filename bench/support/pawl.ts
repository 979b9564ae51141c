// The engine as the benches use it: opened on a directory, filled with no-op jobs, drained, closed.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { openOrchestrator } from '../../src/open-orchestrator.js';
import type { OrchestratorOptions } from '../../src/options.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import { defineTask } from '../../src/execution/define-task.js';
import { jobInputs } from './payload.js';

/** The type of every job. */
export const JOB_TYPE = 'noop';
const BULK = 10_000;

/** A handler that does nothing. */
export const noop = defineTask(JOB_TYPE, () => undefined);

/** Opens without handlers, so that what is submitted stays ready; snapshots only when asked for. */
export function openIdle(dataDir: string, options: Partial<OrchestratorOptions> = {}): Promise<Orchestrator> {
  return openOrchestrator({ dataDir, snapshotEveryEvents: 0, ...options });
}

/** Submits `count` jobs in bulk. */
export async function submitJobs(pawl: Orchestrator, count: number, from = 0): Promise<string[]> {
  const runIds: string[] = [];
  for (let done = 0; done < count; done += BULK) {
    const inputs = jobInputs(Math.min(BULK, count - done), from + done);
    const outcomes = await pawl.submitMany(inputs.map((input) => ({ task: JOB_TYPE, input })));
    for (const outcome of outcomes) {
      if (!outcome.ok) throw outcome.error;
      runIds.push(...outcome.submission.runIds);
    }
  }
  return runIds;
}

/** A directory with `count` ready jobs, paused so that an opening claims none of them. */
export async function preload(dataDir: string, count: number): Promise<void> {
  const pawl = await openIdle(dataDir);
  await submitJobs(pawl, count);
  await pawl.pause();
  await pawl.close();
}

/** Milliseconds from letting go of a preloaded backlog until its last run is durably completed. */
export async function drainPreloaded(dataDir: string, concurrency: number): Promise<number> {
  const pawl = await openOrchestrator({ dataDir, tasks: [noop], concurrency, snapshotEveryEvents: 0 });
  try {
    const start = performance.now();
    await pawl.resume();
    await pawl.idle();
    return performance.now() - start;
  } finally {
    await pawl.close();
  }
}

/** Bytes of the files under a directory. */
export function bytesUnder(dir: string): number {
  return readdirSync(dir, { withFileTypes: true }).reduce((sum, entry) => {
    const inside = path.join(dir, entry.name);
    return sum + (entry.isDirectory() ? bytesUnder(inside) : statSync(inside).size);
  }, 0);
}
