// Plays a campaign in a process of its own and tells what it covered. Outside of the test runner the same code is about
// half as fast again, and the numbers of histories are for as much as a machine can play.
import { main, setupOf, tell } from '../process/programs/tell.js';
import { campaign } from './campaign.js';

/** How the program is started. */
export interface HistorySetup {
  readonly firstSeed: number;
  readonly counting: number;
}

await main(async () => {
  const { firstSeed, counting } = setupOf() as HistorySetup;
  const report = await campaign({
    firstSeed,
    counting,
    onProgress: (done) => {
      tell({ type: 'progress', done });
    },
  });
  tell({ type: 'report', report });
  process.disconnect();
});
