// A loaded orchestrator, to be killed or to lose its disk at a random moment: it submits without end and tells what was
// acknowledged and what has completed. Runs of it are in every state at any time; segments are small and snapshots
// frequent, so that the end meets those too.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineTask, openOrchestrator, type Orchestrator, type SubmitItem } from '../../../src/index.js';
import { JOBS, jobId, type Job } from './jobs.js';
import type { LoadSetup } from './protocol.js';
import { main, setupOf, tell } from './tell.js';

const BATCH = 25;
const IN_FLIGHT_BATCHES = 3;
const CONCURRENCY = 16;
/** Then it submits all the same, so that a disk which is gone is noticed. */
const MAX_WAIT_MS = 1_000;

const setup = setupOf() as LoadSetup;
const job = defineTask('job', async (context, { number }: Job) => {
  appendFileSync(setup.effects, `${context.runId} ${context.attemptId}\n`);
  if (JOBS.sleeps(number)) await sleep(number % 25);
  if (JOBS.fails(number) && context.attempt === 1) throw new Error('the first attempt fails');
  if (JOBS.suspends(number) && context.resumedWith === undefined) return context.suspend();
  return number;
});

function itemOf(number: number): SubmitItem {
  const input: Job = JOBS.isLarge(number) ? { number, filler: 'x'.repeat(9_000) } : { number };
  const runs = JOBS.runs(number);
  return {
    task: job,
    input,
    options: {
      id: jobId(number),
      ...(runs > 1 ? { policy: { kind: 'repeat', count: runs, intervalMs: 120 } } : {}),
      constraints: {
        maxAttempts: 3,
        maxLostAttempts: 1_000,
        backoff: { kind: 'fixed', delayMs: number % 20 === 0 ? 80 : 5, jitter: 'none' },
        ...(number % 4 === 0 ? { concurrencyKey: `key-${String(number % 12)}` } : {}),
      },
    },
  };
}

async function submitFrom(pawl: Orchestrator, begin: number): Promise<void> {
  let next = begin;
  const isBusy = (): boolean => pawl.projections.runs.nonTerminal > BATCH * IN_FLIGHT_BATCHES;
  const one = async (): Promise<void> => {
    for (;;) {
      const items = Array.from({ length: BATCH }, () => itemOf(next++));
      const outcomes = await pawl.submitMany(items);
      const accepted = outcomes.map((outcome) => {
        if (!outcome.ok) throw outcome.error;
        return outcome.submission;
      });
      tell({
        type: 'acknowledged',
        taskIds: accepted.map(({ taskId }) => taskId),
        known: accepted.filter(({ created }) => !created).length,
      });
      // The work keeps up with the submissions, so that the end meets every stage of a run.
      for (let waitedMs = 0; waitedMs < MAX_WAIT_MS && isBusy(); waitedMs++) await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT_BATCHES }, one));
}

/** What suspends is resumed a little later, also what a predecessor left. */
function resumeWhatIsSuspended(pawl: Orchestrator): void {
  const later = (runId: string): void => {
    setTimeout(() => {
      // Refused only when the journal is gone, which the submissions meet too.
      pawl.resumeRun(runId, 'go on').catch(() => undefined);
    }, 40);
  };
  for (const { id } of pawl.projections.runs.list({ state: 'suspended' }, { limit: 1_000 }).items) later(id);
  pawl.events().subscribe((event) => {
    if (event.type !== 'RunStateChanged') return;
    if (event.to === 'suspended') later(event.runId);
    if (event.to === 'completed') tell({ type: 'completed', runIds: [event.runId] });
  });
}

/** Answers what is missing of what was told before the last end. */
function answerQuestions({ projections: { tasks, runs } }: Orchestrator): void {
  process.on('message', (question) => {
    const { id, args } = question as { id: number; args: readonly [readonly string[], readonly string[]] };
    const [taskIds, runIds] = args;
    const value = [
      ...taskIds.filter((taskId) => tasks.get(taskId) === undefined),
      ...runIds.filter((runId) => runs.get(runId)?.state !== 'completed'),
    ];
    tell({ type: 'answer', id, value });
  });
}

await main(async () => {
  const pawl = await openOrchestrator({
    dataDir: setup.dataDir,
    tasks: [job],
    concurrency: CONCURRENCY,
    snapshotEveryEvents: 1_000,
    limits: { segmentBytes: 32_768 },
  });
  answerQuestions(pawl);
  tell({
    type: 'opened',
    sweeps: Object.fromEntries(pawl.report.sweeps.map(({ name, settled }) => [name, settled])),
    repaired: pawl.report.repaired !== undefined,
  });
  resumeWhatIsSuspended(pawl);
  if (setup.submitFrom !== undefined) {
    const failed = pawl.failed.then((error) => {
      throw error;
    });
    await Promise.race([submitFrom(pawl, setup.submitFrom), failed]);
    return;
  }
  while ((await pawl.idle()).pending > 0) await sleep(5);
  await pawl.close();
  process.disconnect();
});
