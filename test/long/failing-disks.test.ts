// Matrix rows D8, D9, D14 on real file systems: an fsync that fails once and then succeeds although pages are lost, a
// disk without room, one that turns read-only. Needs Linux, root and loop devices, and says so where they are missing.
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Failing, FailingReport } from '../process/campaigns/failing-disks.js';
import { reportOf } from '../process/harness/campaign.js';
import { requireMachine } from '../process/harness/machine.js';
import { recordResult } from '../process/harness/results.js';

const TEST_LIMIT_MS = 600_000;

beforeAll(() => {
  requireMachine({
    tools: ['unshare', 'mount', 'umount', 'losetup', 'mkfs.ext4', 'fstrim'],
    mounts: true,
    fileSystems: ['ext4'],
  });
}, TEST_LIMIT_MS);

async function reportOn(failing: Failing): Promise<FailingReport> {
  const report = (await reportOf('failing-disks', { failing })) as FailingReport;
  recordResult(`failing-disk-${failing}`, report);
  // Whatever the disk did: reads went on, and nothing acknowledged is lost, before and behind a dropped cache.
  expect(report.acknowledged).toBeGreaterThan(20);
  expect(report.unreadable).toEqual([]);
  expect(report.lost).toEqual([]);
  expect(report.added).toBe(5);
  expect(report.lostThen).toEqual([]);
  return report;
}

describe('a disk', () => {
  it(
    'whose fsync fails once and then succeeds poisons the journal; the next start does not believe the cache',
    async () => {
      const report = await reportOn('fsync');
      // The disk did lie: somebody who tried the fsync again was told of success, saw his pages and lost them.
      expect(report.naive?.errno).toMatch(/^(ENOSPC|EIO)$/);
      expect(report.naive?.secondSync).toBe('success');
      expect(report.naive?.wrongPagesCached).toBe(0);
      expect(report.naive?.wrongPagesOnDisk).toBeGreaterThan(0);
      expect(report.refused).toMatchObject({ code: 'JOURNAL_POISONED', data: { outcome: 'indeterminate' } });
      expect(report.refusedThen?.code).toBe('JOURNAL_POISONED');
    },
    TEST_LIMIT_MS,
  );

  it(
    'without room refuses what does not fit, and cancels and closes all the same',
    async () => {
      const report = await reportOn('full');
      expect(report.refused).toMatchObject({
        code: 'STORAGE_FULL',
        data: { errno: 'ENOSPC', outcome: 'notDone' },
      });
      expect(report.refusedThen?.code).toBe('STORAGE_FULL');
      expect(report.cancelRefused).toBeUndefined();
      expect(report.closeRefused).toBeUndefined();
    },
    TEST_LIMIT_MS,
  );

  it(
    'that turns read-only is refused by code while it runs and when it is opened',
    async () => {
      const report = await reportOn('read-only');
      expect(report.refused?.code).toMatch(/^(JOURNAL_POISONED|READ_ONLY_STORAGE)$/);
      expect(report.refusedThen?.code).toBe(report.refused?.code);
      expect(report.openingRefused?.code).toBe('READ_ONLY_STORAGE');
    },
    TEST_LIMIT_MS,
  );
});
