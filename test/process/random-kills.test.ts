// A loaded orchestrator, killed again and again at random moments: no promise is broken. `test/long` has many seeds.
import { describe, it } from '@jest/globals';
import { killCampaign } from './harness/kill-campaign.js';

const CYCLES = 15;
const SEED = 20_260_101;
const TEST_LIMIT_MS = 600_000;

describe('a loaded engine that is killed at random moments', () => {
  it(
    `loses nothing and repeats nothing through ${String(CYCLES)} kills (seed ${String(SEED)})`,
    async () => {
      await killCampaign(CYCLES, SEED);
    },
    TEST_LIMIT_MS,
  );
});
