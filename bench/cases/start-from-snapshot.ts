// Claim: from the start of the process to the first handler, with a snapshot of 100 000 pending runs: 300 ms more
// than a Node process that does nothing.
import type { Bench } from '../support/figure.js';
import { bareNodeMs, runChild } from '../support/child.js';
import { openIdle, submitJobs } from '../support/pawl.js';

const RUNS = 100_000;

/** Process start → first handler. */
export const startFromSnapshot: Bench = {
  name: 'start-from-snapshot',
  claim: 'a start from a snapshot of 100 000 pending runs reaches its first handler 300 ms after a bare Node',
  async run({ rounds, freshDir, scaled }) {
    const bare: number[] = [];
    const beyond: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const dataDir = freshDir();
      const pawl = await openIdle(dataDir);
      await submitJobs(pawl, scaled(RUNS));
      await pawl.snapshot();
      await pawl.close();
      const bareMs = await bareNodeMs();
      const { ms } = await runChild<number>('first-handler', [dataDir]);
      bare.push(bareMs);
      beyond.push(ms - bareMs);
    }
    return [
      { name: 'a bare Node process', kind: 'time', unit: 'ms', values: bare },
      { name: 'first handler, beyond it', kind: 'time', unit: 'ms', values: beyond, goal: { atMost: 300 } },
    ];
  },
};
