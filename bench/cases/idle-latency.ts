// Claim: on an idle engine a submission's handler starts two fsyncs later: within 0.6 ms at the median and 1.5 ms at
// the 99th percentile, on a disk with fsyncs of 0.15 ms.
import { openOrchestrator } from '../../src/open-orchestrator.js';
import { defineTask } from '../../src/execution/define-task.js';
import type { Bench } from '../support/figure.js';
import { jobInput } from '../support/payload.js';
import { inRounds, rest } from '../support/rounds.js';
import { quantile } from '../support/stats.js';

const JOBS = 300;
const PAUSE_MS = 2;

/** Submit → handler start. */
export const idleLatency: Bench = {
  name: 'idle-latency',
  claim: 'a handler starts 0.6 ms (p50) and 1.5 ms (p99) after its submission began',
  async run({ rounds, freshDir, scaled }) {
    const jobs = scaled(JOBS);
    const valuesOf = await inRounds(rounds, async () => {
      let startedAt = 0;
      const job = defineTask('noop', () => {
        startedAt = performance.now();
      });
      const pawl = await openOrchestrator({ dataDir: freshDir(), tasks: [job], snapshotEveryEvents: 0 });
      const latencies: number[] = [];
      for (let index = 0; index < jobs; index++) {
        const before = performance.now();
        await pawl.submit('noop', jobInput(index));
        await pawl.idle();
        latencies.push(startedAt - before);
        await rest(PAUSE_MS);
      }
      await pawl.close();
      return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
    });
    return [
      {
        name: 'submit → handler start, p50',
        kind: 'time',
        unit: 'ms',
        values: valuesOf('p50'),
        goal: { atMost: 0.6 },
      },
      {
        name: 'submit → handler start, p99',
        kind: 'time',
        unit: 'ms',
        values: valuesOf('p99'),
        goal: { atMost: 1.5 },
      },
    ];
  },
};
