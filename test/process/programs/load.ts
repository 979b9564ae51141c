// A loaded orchestrator, to be killed at a random moment: it submits without end and tells what was acknowledged and
// what has completed. Small segments and snapshots at short intervals, so that a kill meets those too.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineTask, openOrchestrator, type Orchestrator, type SubmitItem } from '../../../src/index.js';
import type { EngineSetup } from './protocol.js';
import { main, setupOf, tell } from './tell.js';

const BATCH = 25;
const IN_FLIGHT_BATCHES = 3;

interface Job {
  readonly number: number;
}

const setup = setupOf() as EngineSetup;
const job = defineTask('job', async (context, { number }: Job) => {
  appendFileSync(setup.effects, `${context.runId} ${context.attemptId}\n`);
  if (number % 7 === 0) await sleep(number % 5);
  if (number % 10 === 0 && context.attempt === 1) throw new Error('the first attempt fails');
  return number;
});

function itemOf(number: number): SubmitItem {
  return {
    task: job,
    input: { number },
    options: {
      id: `job-${String(number)}`,
      constraints: {
        maxAttempts: 3,
        maxLostAttempts: 1_000,
        backoff: { kind: 'fixed', delayMs: 5, jitter: 'none' },
        ...(number % 4 === 0 ? { concurrencyKey: `key-${String(number % 12)}` } : {}),
      },
    },
  };
}

async function submitFrom(pawl: Orchestrator, begin: number): Promise<void> {
  let next = begin;
  const one = async (): Promise<void> => {
    for (;;) {
      const items = Array.from({ length: BATCH }, () => itemOf(next++));
      const outcomes = await pawl.submitMany(items);
      tell({
        type: 'acknowledged',
        taskIds: outcomes.flatMap((outcome) => (outcome.ok ? [outcome.submission.taskId] : [])),
      });
      // The work keeps up with the submissions, so that kills meet every stage of a run.
      while (pawl.projections.runs.nonTerminal > BATCH * IN_FLIGHT_BATCHES) await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT_BATCHES }, one));
}

await main(async () => {
  const pawl = await openOrchestrator({
    dataDir: setup.dataDir,
    tasks: [job],
    concurrency: setup.concurrency ?? 16,
    snapshotEveryEvents: 1_000,
    limits: { segmentBytes: 131_072 },
  });
  tell({
    type: 'opened',
    sweeps: Object.fromEntries(pawl.report.sweeps.map(({ name, settled }) => [name, settled])),
    repaired: pawl.report.repaired !== undefined,
  });
  pawl.events().subscribe((event) => {
    if (event.type === 'RunStateChanged' && event.to === 'completed')
      tell({ type: 'completed', runIds: [event.runId] });
  });
  if (setup.submitFrom !== undefined) {
    await submitFrom(pawl, setup.submitFrom);
    return;
  }
  while ((await pawl.idle()).pending > 0) await sleep(5);
  await pawl.close();
  process.disconnect();
});
