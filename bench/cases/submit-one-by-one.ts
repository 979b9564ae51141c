// Claim: submissions that wait for each other reach 0.75 × the disk's own rate of write + fdatasync, because each
// costs one fsync and little else.
import type { Bench } from '../support/figure.js';
import { JOB_TYPE, openIdle } from '../support/pawl.js';
import { jobInput } from '../support/payload.js';
import { inRounds, perSecond, timed } from '../support/rounds.js';

const JOBS = 3_000;
const SHARE_OF_DISK = 0.75;

/** Submit, await, submit. */
export const submitOneByOne: Bench = {
  name: 'submit-one-by-one',
  claim: 'submissions one after the other reach 0.75 × the disk’s own rate',
  async run({ rounds, disk, freshDir, scaled }) {
    const jobs = scaled(JOBS);
    const valuesOf = await inRounds(rounds, async () => {
      const pawl = await openIdle(freshDir());
      const ms = await timed(async () => {
        for (let index = 0; index < jobs; index++) await pawl.submit(JOB_TYPE, jobInput(index));
      });
      await pawl.close();
      return { rate: perSecond(jobs, ms) };
    });
    return [
      {
        name: 'submit one by one',
        kind: 'rate',
        unit: 'submits/s',
        values: valuesOf('rate'),
        goal: { atLeast: (SHARE_OF_DISK * 1000) / disk.appendP50Ms },
      },
    ];
  },
};
