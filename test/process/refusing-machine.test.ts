// Matrix rows D8, D13, D21 on the machine itself: a file that may not grow, no descriptor left when a segment is due,
// a directory that is moved away under a running process. Each is refused by code, nothing acknowledged is lost,
// and where it can go on it does.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../support/engine.js';
import { Child, opened } from './harness/child.js';
import type { SubmitterSetup } from './programs/protocol.js';

const TEST_LIMIT_MS = 600_000;
const MANY = 1_000_000;

let directory: string;
let dataDir: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  dataDir = join(directory, 'data');
});

/** A shell that sets a limit and becomes the program. */
function limited(limit: string): readonly string[] {
  return ['/bin/sh', '-c', `${limit} && exec "$@"`, 'sh'];
}

async function submitter(
  setup: Partial<SubmitterSetup> = {},
  through: readonly string[] = [],
): Promise<Child> {
  const child = new Child('submitter', { dataDir, from: 0, ...setup }, { through });
  await opened(child);
  return child;
}

/** Opens the directory without any limit: what is told must be there, and more can be added. */
async function expectKept(acknowledged: readonly string[], at = dataDir): Promise<void> {
  const child = await submitter({ dataDir: at, from: MANY, expectExisting: true });
  expect(await child.ask('unreadable', acknowledged)).toEqual([]);
  expect(await child.ask('submitSome', 3, 10)).toMatchObject({ acknowledged: { length: 3 } });
  expect(await child.ask('finish')).toEqual({});
}

describe('a file that may not grow', () => {
  it(
    'refuses what does not fit with STORAGE_FULL, keeps what it acknowledged readable, and closes',
    async () => {
      const child = await submitter({}, limited('ulimit -f 512'));
      const { acknowledged, refused } = await child.ask('submitSome', MANY, 5_000);
      expect(refused).toMatchObject({ code: 'STORAGE_FULL', data: { errno: 'EFBIG', outcome: 'notDone' } });
      expect(acknowledged.length).toBeGreaterThan(10);
      expect(await child.ask('submitSome', 1, 50_000)).toMatchObject({
        acknowledged: [],
        refused: { code: 'STORAGE_FULL' },
      });
      expect(await child.ask('unreadable', acknowledged)).toEqual([]);
      await child.ask('finish');
      expect(await child.ended).toEqual({ code: 0, signal: null });
      await expectKept(acknowledged);
    },
    TEST_LIMIT_MS,
  );
});

describe('a process without a free descriptor', () => {
  it(
    'is not poisoned by a segment that is due: it goes on with what it has, or is refused until there is one again',
    async () => {
      const child = await submitter({ segmentBytes: 20_000 }, limited('ulimit -n 512'));
      const before = await child.ask('submitSome', 2, 4_000);
      expect(await child.ask('holdDescriptors', true)).toBeGreaterThan(10);
      const during = await child.ask('submitSome', 100, 4_000);
      expect([undefined, 'STORAGE_FAILED']).toContain(during.refused?.code);
      await child.ask('holdDescriptors', false);
      const after = await child.ask('submitSome', 20, 4_000);
      expect(after.refused).toBeUndefined();
      const acknowledged = [before, during, after].flatMap((some) => some.acknowledged);
      expect(await child.ask('unreadable', acknowledged)).toEqual([]);
      expect(await child.ask('finish')).toEqual({});
      await expectKept(acknowledged);
    },
    TEST_LIMIT_MS,
  );
});

describe('a data directory', () => {
  it(
    'that is moved away is noticed: the journal is poisoned, and what was acknowledged is where it was moved to',
    async () => {
      const child = await submitter();
      const before = await child.ask('submitSome', 10, 100);
      const moved = join(directory, 'moved');
      renameSync(dataDir, moved);
      const after = await child.ask('submitSome', MANY, 100);
      expect(after.refused).toMatchObject({ code: 'JOURNAL_POISONED', data: { cause: 'directory' } });
      expect((await child.ask('submitSome', 1, 100)).refused?.code).toBe('JOURNAL_POISONED');
      await child.ask('finish');
      expect(await child.ended).toEqual({ code: 0, signal: null });
      expect(existsSync(dataDir)).toBe(false);
      await expectKept([...before.acknowledged, ...after.acknowledged], moved);
    },
    TEST_LIMIT_MS,
  );

  it(
    'that is removed is noticed, never made anew by who runs in it, and missing for who expects it',
    async () => {
      const child = await submitter();
      await child.ask('submitSome', 10, 100);
      rmSync(dataDir, { recursive: true });
      const { refused } = await child.ask('submitSome', MANY, 100);
      expect(refused).toMatchObject({ code: 'JOURNAL_POISONED', data: { cause: 'directory' } });
      await child.ask('finish');
      expect(existsSync(dataDir)).toBe(false);
      const next = new Child('submitter', { dataDir, from: 0, expectExisting: true });
      const failed = await next.ended.then(() => next.told.find(({ type }) => type === 'failed'));
      expect(failed).toMatchObject({ code: 'DATA_DIR_MISSING' });
      expect(existsSync(dataDir)).toBe(false);
    },
    TEST_LIMIT_MS,
  );
});
