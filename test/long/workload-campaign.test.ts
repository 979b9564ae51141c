// Row 33 over thousands of workloads, kept in memory. A failing one is printed with its seed.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { history } from '../acceptance/support/handlers.js';
import { anyGoodStep, anyStep } from '../acceptance/support/workload.js';
import {
  expectAllCompleted,
  expectReasons,
  expectSweepsFindNothing,
  expectWithinCaps,
  play,
} from '../acceptance/support/workload-checks.js';

const RUNS = 2_000;

describe('random workloads', () => {
  it('stay within their caps, come to rest with a reason for everything, and leave no sweep anything to do', async () => {
    const steps = fc.array(anyStep, { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (taken, seed) => {
        const kit = await play(taken, { seed, backend: new MemoryBackend() });
        expectWithinCaps(await history(kit.pawl));
        await expectReasons(kit);
        await expectSweepsFindNothing(kit);
      }),
      { numRuns: RUNS },
    );
  });

  it('of which every attempt succeeds complete every occurrence', async () => {
    const steps = fc.array(anyGoodStep, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (taken, seed) => {
        const kit = await play(taken, { seed, backend: new MemoryBackend() });
        expectAllCompleted(kit);
        expect(await kit.pawl.idle()).toEqual({ pending: 0, reasons: [] });
        await expectSweepsFindNothing(kit);
      }),
      { numRuns: RUNS },
    );
  });
});
