// Acceptance row 75 at length: the power goes at every operation of the disk of the fixed workload, for several orders of
// things; at every one and then at every operation of the recovery from it; and three deep at as many as PAWL_CRASHES says.
import { describe, expect, it } from '@jest/globals';
import { placesOf, playStopped, RECOVERY } from '../simulation/fixed-workload.js';
import type { Halt } from '../simulation/operations.js';
import { numberOf } from '../simulation/share-of-histories.js';
import { Random } from '../support/random.js';

const SEEDS = [11, 12, 13, 14, 15, 16, 17, 18];
const THREE_DEEP = 50_000;
const LIMIT_MS = 12 * 3_600_000;

describe('a crash', () => {
  it.each(SEEDS)(
    'at every operation breaks no promise, seed %i',
    async (seed) => {
      const { places } = await placesOf(seed);
      for (const place of places) await playStopped(seed, [place]);
    },
    LIMIT_MS,
  );

  it(
    'at every operation and at every one of the recovery from it breaks no promise',
    async () => {
      const { places } = await placesOf(21);
      let deepest = 0;
      for (const place of places) {
        for (let after = 0; after < RECOVERY; after++) {
          const when = after % 2 === 0 ? 'before' : 'after';
          const { figures } = await playStopped(21, [place, { after, when, share: 0 }]);
          deepest = Math.max(deepest, figures.deepest);
        }
      }
      expect(deepest).toBeGreaterThanOrEqual(2);
    },
    LIMIT_MS,
  );

  it(
    'three deep breaks no promise',
    async () => {
      const random = new Random(22);
      const { places } = await placesOf(22);
      const drawn = numberOf('PAWL_CRASHES', THREE_DEEP);
      for (let count = 0; count < drawn; count++) {
        const first = places[random.below(places.length)] ?? { after: 0, when: 'before', share: 0 };
        const inRecovery = (): Halt => ({
          after: random.below(RECOVERY),
          when: random.pick(['before', 'torn', 'after'] as const) ?? 'before',
          share: random.unit(),
        });
        await playStopped(22, [first, inRecovery(), inRecovery()]);
      }
    },
    LIMIT_MS,
  );
});
