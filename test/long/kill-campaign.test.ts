// Kills of a loaded orchestrator, many seeds: 1 000 of them in the whole. A seed that fails is printed by its name.
import { describe, it } from '@jest/globals';
import { killCampaign } from '../process/harness/kill-campaign.js';

const CYCLES = 50;
const SEEDS = Array.from({ length: 20 }, (_, index) => 1_000 + index);
const TEST_LIMIT_MS = 900_000;

describe('a loaded engine that is killed at random moments', () => {
  it.each(SEEDS)(
    'loses nothing and repeats nothing, seed %i',
    async (seed) => {
      await killCampaign(CYCLES, seed);
    },
    TEST_LIMIT_MS,
  );
});
