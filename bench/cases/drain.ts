// Claim: a preloaded backlog of 20 000 no-op jobs of 200 bytes, every claim and every finish fsynced, is drained at
// 30 000 runs/s with 100 in flight, 12 000 with 10 and 2 500 with 1.
// Next: 60 000, 25 000, and with 1 in flight 0.7 × the disk's own rate of write + fdatasync.
import type { Bench, Bound, Figure } from '../support/figure.js';
import { inRounds, perSecond } from '../support/rounds.js';
import { drainPreloaded, preload } from '../support/pawl.js';

const JOBS = 20_000;
const SHARE_OF_DISK = 0.7;

/** Drain at 1, 10 and 100 in flight. */
export const drain: Bench = {
  name: 'drain',
  claim: 'drains 20 000 jobs at 30 000 runs/s with 100 in flight, 12 000 with 10, 2 500 with 1',
  async run({ rounds, disk, freshDir, scaled }) {
    const jobs = scaled(JOBS);
    const levels: readonly { inFlight: number; target: Bound; goal: Bound }[] = [
      {
        inFlight: 1,
        target: { atLeast: 2_500 },
        goal: { atLeast: (SHARE_OF_DISK * 1000) / disk.appendP50Ms },
      },
      { inFlight: 10, target: { atLeast: 12_000 }, goal: { atLeast: 25_000 } },
      { inFlight: 100, target: { atLeast: 30_000 }, goal: { atLeast: 60_000 } },
    ];
    const figures: Figure[] = [];
    for (const { inFlight, target, goal } of levels) {
      const valuesOf = await inRounds(rounds, async () => {
        const dir = freshDir();
        await preload(dir, jobs);
        return { rate: perSecond(jobs, await drainPreloaded(dir, inFlight)) };
      });
      figures.push({
        name: `drain, ${String(inFlight)} in flight`,
        kind: 'rate',
        unit: 'runs/s',
        values: valuesOf('rate'),
        target,
        goal,
      });
    }
    return figures;
  },
};
