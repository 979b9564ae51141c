// Row 26: the process is killed between the decision that an attempt has ended and its acknowledgement. Whatever had
// reached the log by then, one result is accepted: either the run is completed, or it runs again.
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../support/engine.js';
import { Child, opened, startEngine } from './harness/child.js';
import { readEffects } from './campaigns/effects.js';
import type { TrapPoint } from './programs/protocol.js';

const TEST_LIMIT_MS = 600_000;

const CASES: readonly { readonly trap: TrapPoint; readonly what: string; readonly survives: boolean }[] = [
  { trap: 'beforeWrite', what: 'before anything of it is written: it runs again', survives: false },
  { trap: 'halfWritten', what: 'with half of it written: the half is cut, it runs again', survives: false },
  { trap: 'written', what: 'after the write, before the fsync: what was written counts', survives: true },
  { trap: 'synced', what: 'after the fsync, before anybody was told: it is completed', survives: true },
];

describe('a kill at the end of an attempt', () => {
  it.each(CASES)(
    '$what',
    async ({ trap, survives }) => {
      const directory = await temporaryDirectory();
      const setup = { dataDir: join(directory, 'data'), effects: join(directory, 'effects') };
      const doomed = await startEngine({ ...setup, trap });
      const { runIds } = await doomed.ask('submit', 'trapped', { name: 'trapped' });
      const [runId = ''] = runIds;
      expect(await doomed.ended).toEqual({ code: null, signal: 'SIGKILL' });
      expect(readEffects(setup.effects)).toHaveLength(1);

      const engine = new Child('engine', setup);
      const { repaired, sweeps } = await opened(engine);
      expect(repaired).toBe(trap === 'halfWritten');
      expect(sweeps['deadEpoch']).toBe(survives ? 0 : 1);
      expect(await engine.ask('idle')).toBe(0);
      const run = await engine.ask('run', runId);
      const results = survives ? ['success'] : ['lost', 'success'];
      expect(run).toMatchObject({ state: 'completed', lostAttempts: results.length - 1 });
      expect(run?.attempts.map((attempt) => attempt.result)).toEqual(results);
      expect(readEffects(setup.effects)).toEqual(
        run?.attempts.map((attempt) => ({ runId, attemptId: attempt.id })),
      );

      // It is final: a further start finds nothing to do.
      await engine.kill();
      const again = await startEngine(setup);
      expect(await again.ask('idle')).toBe(0);
      expect(readEffects(setup.effects)).toHaveLength(results.length);
    },
    TEST_LIMIT_MS,
  );
});
