// Claim: 1 000 submitters, each awaiting its own submission before the next, reach 40 000 submissions/s together;
// `submitMany` in lists of 10 000 is not slower. Next: 60 000 and 120 000.
import type { Bench } from '../support/figure.js';
import { JOB_TYPE, openIdle, submitJobs } from '../support/pawl.js';
import { jobInput } from '../support/payload.js';
import { inRounds, perSecond, timed } from '../support/rounds.js';

const JOBS = 40_000;
const SUBMITTERS = 1_000;

/** Many submitters at a time, and lists. */
export const submitConcurrently: Bench = {
  name: 'submit-concurrently',
  claim: '1 000 submitters reach 40 000 submissions/s; submitMany is not slower',
  async run({ rounds, freshDir, scaled }) {
    const jobs = scaled(JOBS);
    const valuesOf = await inRounds(rounds, async () => {
      const pawl = await openIdle(freshDir());
      let next = 0;
      const submitter = async (): Promise<void> => {
        while (next < jobs) await pawl.submit(JOB_TYPE, jobInput(next++));
      };
      const concurrentMs = await timed(() => Promise.all(Array.from({ length: SUBMITTERS }, submitter)));
      await pawl.close();
      const bulk = await openIdle(freshDir());
      const bulkMs = await timed(() => submitJobs(bulk, jobs));
      await bulk.close();
      return { concurrent: perSecond(jobs, concurrentMs), bulk: perSecond(jobs, bulkMs) };
    });
    return [
      {
        name: 'submit, 1 000 awaiting',
        kind: 'rate',
        unit: 'submits/s',
        values: valuesOf('concurrent'),
        target: { atLeast: 40_000 },
        goal: { atLeast: 60_000 },
      },
      {
        name: 'submitMany, 10 000 a call',
        kind: 'rate',
        unit: 'submits/s',
        values: valuesOf('bulk'),
        target: { atLeast: 40_000 },
        goal: { atLeast: 120_000 },
      },
    ];
  },
};
