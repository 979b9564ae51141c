// Power cuts without hardware: the file system under a loaded orchestrator is shut down at random moments, unmounted,
// mounted again and opened, and what was acknowledged before is there. The same with every fsync taken out must
// be caught, or the cuts show nothing. Needs Linux, root and loop devices, and says so where they are missing.
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { FileSystem } from '../process/campaigns/loop-disk.js';
import type { PowerReport } from '../process/campaigns/power-cuts.js';
import { reportOf } from '../process/harness/campaign.js';
import { requireMachine } from '../process/harness/machine.js';
import { recordResult } from '../process/harness/results.js';

const CUTS = 300;
const CONTROL_CUTS = 50;
const SEED = 20_260_301;
const TEST_LIMIT_MS = 3_600_000;
const FILE_SYSTEMS: readonly FileSystem[] = ['ext4', 'xfs'];

beforeAll(() => {
  requireMachine({
    tools: ['unshare', 'mount', 'umount', 'losetup', 'mkfs.ext4', 'mkfs.xfs', 'xfs_io'],
    mounts: true,
    fileSystems: FILE_SYSTEMS,
  });
}, TEST_LIMIT_MS);

describe.each(FILE_SYSTEMS)('the power of a disk with %s', (fileSystem) => {
  it(
    'may be cut at any moment: nothing that was acknowledged before is lost',
    async () => {
      const report = (await reportOf('power-cuts', { fileSystem, cuts: CUTS, seed: SEED })) as PowerReport;
      recordResult(`power-cuts-${fileSystem}`, report);
      expect(report.breaches).toEqual([]);
      expect(report.cuts).toBe(CUTS);
      // The cuts met work, starts, rotated segments and snapshots: otherwise nothing was shown.
      expect(report.acknowledged).toBeGreaterThan(CUTS);
      expect(report.completed).toBeGreaterThan(CUTS);
      expect(report.startUp).toBeGreaterThan(0);
      expect(report.segments).toBeGreaterThan(2 * report.disks);
      expect(report.snapshots).toBeGreaterThan(0);
    },
    TEST_LIMIT_MS,
  );

  it(
    'is missed when the fsyncs are taken out, which is noticed',
    async () => {
      const setup = { fileSystem, cuts: CONTROL_CUTS, seed: SEED };
      const report = (await reportOf('power-cuts', setup, 'without-syncs')) as PowerReport;
      recordResult(`power-cuts-${fileSystem}-without-syncs`, report);
      expect(report.breaches).not.toEqual([]);
      expect(report.cuts).toBeLessThanOrEqual(CONTROL_CUTS);
    },
    TEST_LIMIT_MS,
  );
});
