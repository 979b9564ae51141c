// Acceptance row 75: the power goes at every operation of the disk of a workload with submissions, rotation, snapshots,
// pruning, closing and recovery; then also during the recovery from that, and during the recovery from that one.
// Every depth in full is in test/long/every-crash-campaign.test.ts.
import { describe, expect, it } from '@jest/globals';
import { Child } from '../process/harness/child.js';
import type { CrashSetup } from './crash-program.js';
import { placesOf, type Stopped } from './fixed-workload.js';

/** Plays several processes deep. */
const PLAYS = 150;
const LIMIT_MS = 900_000;

async function stopped(setup: CrashSetup): Promise<Stopped> {
  return (await new Child('crash-program', setup, { folder: '../simulation' }).report()) as Stopped;
}

describe('a crash', () => {
  it('is nowhere in the workload out of reach', async () => {
    const { places, quiet } = await placesOf(1);
    expect(quiet.violation).toBeUndefined();
    expect(places.length).toBeGreaterThan(400);
    const done = new Set(quiet.operations);
    for (const operation of [
      'open',
      'read',
      'write',
      'datasync',
      'rename',
      'unlink',
      'syncDir',
      'mkdir',
    ] as const)
      expect([operation, done.has(operation)]).toEqual([operation, true]);
    expect(quiet.figures.snapshotsLoaded).toBeGreaterThan(0);
  });

  it(
    'at every operation, before it, after it and in the middle of it, breaks no promise',
    async () => {
      const { crashed, places } = await stopped({ seed: 2 });
      expect(places).toBeGreaterThan(400);
      expect(crashed).toBe(places);
    },
    LIMIT_MS,
  );

  it.each([2, 3])(
    'again during the recovery, %i deep, breaks no promise',
    async (depth) => {
      const { deepest } = await stopped({ seed: 3, deep: { depth, plays: PLAYS } });
      expect(deepest).toBeGreaterThanOrEqual(depth - 1);
    },
    LIMIT_MS,
  );
});
