// Claim: one more pending run costs the same when 1 000 000 are pending as when 1 000 are, within a factor of 1.3:
// queues and indexes are heaps and maps, and nothing scans all runs. Half of the runs are ready, half due later.
import type { Bench, Figure } from '../support/figure.js';
import { openIdle } from '../support/pawl.js';
import { jobInput } from '../support/payload.js';
import { median } from '../support/stats.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import type { SubmitItem } from '../../src/submissions.js';

const LEVELS = [1_000, 10_000, 100_000, 1_000_000];
const CALL = 5_000;
const CALLS = 5;
const HOUR_MS = 3_600_000;
const MAX_FACTOR = 1.3;

/** CPU time of a submission at four sizes of the backlog. */
export const oneMoreRun: Bench = {
  name: 'one-more-run',
  claim: 'one more pending run costs at most 1.3 × as much at 1 000 000 pending as at 1 000',
  async run({ rounds, freshDir, scaled }) {
    const levels = LEVELS.map((level) => scaled(level));
    const costs = levels.map((): number[] => []);
    for (let round = 0; round < Math.min(rounds, 2); round++) {
      const pawl = await openIdle(freshDir());
      await warmUp(freshDir());
      let pending = 0;
      for (const [at, level] of levels.entries()) {
        while (pending < level) pending += await submitMixed(pawl, Math.min(CALL, level - pending));
        const samples: number[] = [];
        for (let call = 0; call < CALLS; call++) {
          const before = process.cpuUsage();
          pending += await submitMixed(pawl, CALL);
          const { user, system } = process.cpuUsage(before);
          samples.push((user + system) / CALL);
        }
        costs[at]?.push(median(samples));
      }
      await pawl.close();
    }
    const figures: Figure[] = levels.map((level, at) => ({
      name: `one more at ${String(level)}`,
      kind: 'ratio',
      unit: 'µs of CPU',
      values: costs[at] ?? [],
    }));
    const first = costs[0] ?? [];
    const last = costs.at(-1) ?? [];
    const factor = last.map((cost, round) => cost / (first[round] ?? Number.NaN));
    figures.push({
      name: 'last ÷ first',
      kind: 'ratio',
      unit: '',
      values: factor,
      goal: { atMost: MAX_FACTOR },
    });
    return figures;
  },
};

async function warmUp(dataDir: string): Promise<void> {
  const pawl = await openIdle(dataDir);
  for (let call = 0; call < CALLS; call++) await submitMixed(pawl, CALL);
  await pawl.close();
}

async function submitMixed(pawl: Orchestrator, count: number): Promise<number> {
  const now = Date.now();
  const items = Array.from({ length: count }, (_, index): SubmitItem => {
    const startAt = now + HOUR_MS + Math.floor(Math.random() * HOUR_MS);
    const options = index % 2 === 0 ? {} : { policy: { kind: 'once', startAt } as const };
    return { task: 'noop', input: jobInput(index), options };
  });
  for (const outcome of await pawl.submitMany(items)) if (!outcome.ok) throw outcome.error;
  return count;
}
