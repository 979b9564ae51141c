// Every system call with which a short life touches its directory fails once, with every errno, at a first start and at
// the start behind a kill. Needs strace, and says so where it is missing or may not trace.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { requireMachine } from '../process/harness/machine.js';
import { recordResult } from '../process/harness/results.js';
import {
  CALLS,
  ERRNOS,
  killedDirectory,
  pathsTouched,
  slowSync,
  sweep,
  type CallKind,
  type FaultScene,
  type Sweep,
} from '../process/harness/syscall-faults.js';
import { temporaryDirectory } from '../support/engine.js';

const TEST_LIMIT_MS = 3_600_000;
const KINDS = Object.keys(CALLS) as CallKind[];
const STARTS = ['at a first start', 'at the start behind a kill'] as const;

beforeAll(() => {
  requireMachine({ tools: ['strace'], tracing: true });
}, TEST_LIMIT_MS);

async function sceneOf(start: (typeof STARTS)[number]): Promise<FaultScene> {
  const directory = await temporaryDirectory();
  const dataDir = join(directory, 'data');
  if (start === 'at a first start') return { dataDir, before: [] };
  const template = join(directory, 'template');
  return { dataDir, template, before: await killedDirectory(template) };
}

describe.each(STARTS)('%s', (start) => {
  it.each(KINDS)(
    'a %s that fails is refused by code or made good, and loses nothing',
    async (kind) => {
      const startedAt = Date.now();
      const scene = await sceneOf(start);
      const paths = await pathsTouched(scene);
      const sweeps: Sweep[] = [];
      for (const errno of ERRNOS) sweeps.push(await sweep(scene, paths, { kind, errno }));
      const sum = (pick: (one: (typeof sweeps)[number]) => number): number =>
        sweeps.reduce((total, one) => total + pick(one), 0);
      const codes: Record<string, number> = {};
      for (const one of sweeps)
        for (const [code, count] of Object.entries(one.codes)) codes[code] = (codes[code] ?? 0) + count;
      const breaches = sweeps.flatMap((one) => one.breaches);
      recordResult(`syscall-faults-${kind}-${start.replaceAll(' ', '-')}`, {
        lives: sum((one) => one.lives),
        failed: sum((one) => one.failed),
        acknowledged: sum((one) => one.acknowledged),
        codes,
        breaches,
        durationMs: Date.now() - startedAt,
      });
      expect(breaches).toEqual([]);
      // A kind that is never called shows nothing; a first start has nothing to remove or to cut.
      for (const one of sweeps) expect(one.failed).toBe(one.lives - 1);
      const mayBeNone = start === 'at a first start' && (kind === 'unlink' || kind === 'truncate');
      if (!mayBeNone && kind !== 'mkdir') expect(sum((one) => one.failed)).toBeGreaterThan(0);
    },
    TEST_LIMIT_MS,
  );
});

describe('an fsync', () => {
  it(
    'that takes longer than a second is only slow: it is warned of, and nothing is lost',
    async () => {
      const { warned, breaches } = await slowSync(await sceneOf('at a first start'));
      expect(breaches).toEqual([]);
      expect(warned).toContain('fsync slower than 1 s');
    },
    TEST_LIMIT_MS,
  );
});
