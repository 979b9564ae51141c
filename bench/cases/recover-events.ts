// Claim: a start without a snapshot reads, checks and folds a journal of 1 000 000 events in 4 s.
// Next: 2 s, with a heap of at most 2 × the live state while it does so. A process of its own for each start.
import { openOrchestrator } from '../../src/open-orchestrator.js';
import type { Bench } from '../support/figure.js';
import { runChild } from '../support/child.js';
import { bytesUnder, noop, openIdle, submitJobs } from '../support/pawl.js';

const EVENTS = 1_000_000;
const EVENTS_A_RUN = 10;
const FILLING_IN_FLIGHT = 1_000;

/** What `children/open-once` says. */
interface Opened {
  readonly recoverySeconds: number;
  readonly openMs: number;
  readonly events: number;
  readonly peakMiB: number;
  readonly liveMiB: number;
}

/** Start from the journal alone. */
export const recoverEvents: Bench = {
  name: 'recover-events',
  claim: 'recovers 1 000 000 events without a snapshot in 4 s',
  async run({ rounds, freshDir, scaled }) {
    const dataDir = freshDir();
    await fill(dataDir, Math.ceil(scaled(EVENTS) / EVENTS_A_RUN));
    const opened: Opened[] = [];
    for (let round = 0; round < rounds; round++) {
      opened.push((await runChild<Opened>('open-once', [dataDir])).answer);
    }
    const events = opened[0]?.events ?? 0;
    const mebibytes = bytesUnder(dataDir) / 2 ** 20;
    const perMillion = 1_000_000 / events;
    return [
      {
        name: 'recovery of 1 000 000 events',
        kind: 'time',
        unit: 'ms',
        values: opened.map((one) => one.recoverySeconds * 1000 * perMillion),
        target: { atMost: 4_000 },
        goal: { atMost: 2_000 },
        note: `${String(events)} events, ${mebibytes.toFixed(0)} MiB of journal; the figure is scaled to 1 000 000`,
      },
      {
        name: 'openOrchestrator, all of it',
        kind: 'time',
        unit: 'ms',
        values: opened.map((one) => one.openMs * perMillion),
      },
      {
        name: 'peak heap ÷ live heap',
        kind: 'ratio',
        unit: '',
        values: opened.map((one) => one.peakMiB / one.liveMiB),
        goal: { atMost: 2 },
        note: 'heap and buffers together; live: after a full collection',
      },
    ];
  },
};

async function fill(dataDir: string, runs: number): Promise<void> {
  const idle = await openIdle(dataDir);
  await submitJobs(idle, runs);
  await idle.close();
  const pawl = await openOrchestrator({
    dataDir,
    tasks: [noop],
    concurrency: FILLING_IN_FLIGHT,
    snapshotEveryEvents: 0,
  });
  await pawl.idle();
  await pawl.close();
}
