// Acceptance row 75: the power goes at every operation of the disk of a workload with submissions, rotation, snapshots,
// pruning, closing and recovery; then also during the recovery from that, and during the recovery from that one.
// Every depth in full is in test/long/every-crash-campaign.test.ts.
import { describe, expect, it } from '@jest/globals';
import { Random } from '../support/random.js';
import { placesOf, playStopped } from './fixed-workload.js';
import type { Halt } from './operations.js';

/** Operations of a start and what follows at once: where a crash in recovery is put. */
const RECOVERY = 60;
const LIMIT_MS = 900_000;

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
      const { places } = await placesOf(2);
      let crashes = 0;
      for (const place of places) crashes += (await playStopped(2, [place])).figures.crashes > 0 ? 1 : 0;
      expect(crashes).toBe(places.length);
    },
    LIMIT_MS,
  );

  it.each([2, 3])(
    'again during the recovery, %i deep, breaks no promise',
    async (depth) => {
      const random = new Random(depth);
      const { places } = await placesOf(3);
      let deepest = 0;
      for (let drawn = 0; drawn < 150; drawn++) {
        const stops: Halt[] = [places[random.below(places.length)] ?? { after: 0, when: 'before', share: 0 }];
        while (stops.length < depth) {
          const when = random.pick(['before', 'torn', 'after'] as const) ?? 'before';
          stops.push({ after: random.below(RECOVERY), when, share: random.unit() });
        }
        const { figures } = await playStopped(3, stops);
        deepest = Math.max(deepest, figures.deepest);
      }
      expect(deepest).toBeGreaterThanOrEqual(depth - 1);
    },
    LIMIT_MS,
  );
});
