// Acceptance row 37: the power goes around and inside every write of a submission of a task with 100 runs; afterwards all
// of it is there or nothing. Dependencies and budgets of a submission are refused by this version (`NOT_SUPPORTED`).
import { describe, expect, it } from '@jest/globals';
import { Life, ROOT } from './life.js';
import { historyOf, type Halt } from './operations.js';

const RUNS = 100;
const SEEDS = 8;
/** Bytes between two places at which the write is torn, and up to where: the commit is shorter. */
const STEP_BYTES = 256;
const COMMIT_BYTES = 8_192;
/** Unit of `share`. */
const SHARE_BYTES = 1_024;

interface Outcome {
  readonly runs: number;
  readonly acknowledged: boolean;
}

/** Submits, stops there, starts again and counts. */
async function submitAndStop(seed: number, halt: Halt): Promise<Outcome> {
  const { settings } = historyOf(1);
  const life = new Life(
    {
      seed,
      settings: { ...settings, segmentBytes: 67_108_864, repeatWindow: RUNS, maxPendingRuns: RUNS },
      operations: [],
    },
    () => [],
  );
  await life.open();
  await life.go(-1);
  life.faults.halt(halt);
  let acknowledged = false;
  const policy = {
    kind: 'repeat',
    count: RUNS,
    intervalMs: 1_000,
    startAt: life.world.now + 3_600_000,
  } as const;
  void life.pawl.submit('work', { for: ROOT }, { id: 'all', policy }).then(() => (acknowledged = true));
  while (!life.storage.halted && (await life.world.step()));
  life.check();
  await life.crash({ ending: 'power', recoveries: [] });
  const { runs, tasks } = life.pawl.projections;
  expect(tasks.count).toBe(runs.count === 0 ? 0 : 1);
  life.check();
  return { runs: runs.count, acknowledged };
}

describe('row 37: a submission of a task with 100 runs', () => {
  it('is there as a whole or not at all, wherever the power goes', async () => {
    const places: Halt[] = [];
    for (let after = 0; after < 6; after++)
      places.push({ after, when: 'before', share: 0 }, { after, when: 'after', share: 0 });
    for (let bytes = 0; bytes <= COMMIT_BYTES; bytes += STEP_BYTES)
      places.push({ after: 0, when: 'torn', share: bytes / SHARE_BYTES });
    const counted = new Map<number, number>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      for (const place of places) {
        const { runs, acknowledged } = await submitAndStop(seed, place);
        counted.set(runs, (counted.get(runs) ?? 0) + 1);
        if (acknowledged) expect([seed, place, runs]).toEqual([seed, place, RUNS]);
      }
    }
    expect([...counted.keys()].sort((left, right) => left - right)).toEqual([0, RUNS]);
  }, 600_000);
});
