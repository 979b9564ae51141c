// Row 33: whatever is submitted and whatever happens meanwhile, no run is executed more often than its caps allow, keys
// exclude, everything comes to an end or says why not, and at rest no sweep finds anything to do.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { history } from './support/handlers.js';
import { anyGoodStep, anyStep } from './support/workload.js';
import {
  expectAllCompleted,
  expectReasons,
  expectSweepsFindNothing,
  expectWithinCaps,
  play,
} from './support/workload-checks.js';

describe('a random workload', () => {
  it('stays within its caps, comes to rest with a reason for everything, and leaves no sweep anything to do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 25 }), fc.nat(), async (steps, seed) => {
        const kit = await play(steps, { seed });
        expectWithinCaps(await history(kit.pawl));
        await expectReasons(kit);
        await expectSweepsFindNothing(kit);
      }),
      { numRuns: 25 },
    );
  });

  it('of which every attempt succeeds completes every occurrence, whatever crashes in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyGoodStep, { minLength: 1, maxLength: 20 }),
        fc.nat(),
        async (steps, seed) => {
          const kit = await play(steps, { seed });
          expectAllCompleted(kit);
          expect(await kit.pawl.idle()).toEqual({ pending: 0, reasons: [] });
          await expectSweepsFindNothing(kit);
        },
      ),
      { numRuns: 15 },
    );
  });
});
