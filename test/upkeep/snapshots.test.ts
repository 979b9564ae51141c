// When snapshots are taken by themselves: by events, by bytes, on close; never two at a time; after a failure later and
// later; and that none of it is a matter of the log.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import type { SnapshotInfo, SnapshotPolicy } from '../../src/journal/snapshot-store.js';
import { Deadlines } from '../../src/scheduling/deadlines.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import type { TestOrchestrator, TestOrchestratorOptions } from '../../src/testing/test-orchestrator.js';
import { bytesBehind } from '../../src/upkeep/make-upkeep.js';
import {
  SNAPSHOT_RETRY_MAX_MS,
  SNAPSHOT_RETRY_MS,
  SnapshotKeeper,
  type LogSince,
} from '../../src/upkeep/snapshot-keeper.js';
import { captured } from '../acceptance/support/captured-log.js';
import { openTest } from '../support/engine.js';

const work = defineTask('work', () => 'done');
const OFF: SnapshotPolicy = { everyEvents: 0, everyBytes: 0, onCloseEvents: 0 };

interface Bench {
  readonly clock: ManualClock;
  readonly keeper: SnapshotKeeper;
  readonly journal: { durableBytes: number };
  /** One for each that was begun; to be settled by the test. */
  readonly begun: {
    captured(): void;
    resolve(): void;
    reject(): void;
    refusal(): PawlError | undefined;
  }[];
  readonly written: () => number;
}

function bench(
  policy: Partial<SnapshotPolicy>,
  found: LogSince = { events: 0, bytes: 0 },
  captureAtOnce = true,
): Bench {
  const clock = new ManualClock();
  const begun: Bench['begun'] = [];
  const journal = { durableBytes: 0 };
  let written = 0;
  const keeper = new SnapshotKeeper({
    policy: { ...OFF, ...policy },
    deadlines: new Deadlines(clock),
    journal,
    found,
    write: (refusal, captured) =>
      new Promise<SnapshotInfo>((resolve, reject) => {
        if (captureAtOnce) captured();
        begun.push({
          captured,
          resolve: () => {
            resolve({ sequence: 1, takenAt: 1, path: 'x', bytes: 1, counts: {} });
          },
          reject: () => {
            reject(new PawlError('STORAGE_FAILED', 'The test failed it.', {}));
          },
          refusal,
        });
      }),
    onWritten: () => written++,
  });
  return { clock, keeper, journal, begun, written: () => written };
}

describe('a snapshot by events', () => {
  it('is begun at the limit, not one before, and counted anew from there', async () => {
    const { keeper, begun, clock, written } = bench({ everyEvents: 10 });
    keeper.onCommit(9, true);
    expect(begun).toHaveLength(0);
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(1);
    // What comes while it is written counts for the next one.
    keeper.onCommit(9, true);
    begun[0]?.resolve();
    await clock.settle();
    expect([begun.length, written()]).toEqual([1, 1]);
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(2);
  });

  it('counts the tail that the start found', () => {
    const { keeper, begun } = bench({ everyEvents: 10 }, { events: 9, bytes: 0 });
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(1);
  });

  it('is not begun while the engine closes', () => {
    const { keeper, begun } = bench({ everyEvents: 10 });
    keeper.onCommit(50, false);
    expect(begun).toHaveLength(0);
  });

  it('is never begun while another is being written', async () => {
    const { keeper, begun, clock } = bench({ everyEvents: 10 });
    const one = keeper.take();
    keeper.onCommit(500, true);
    expect(keeper.take()).toBe(one);
    expect(begun).toHaveLength(1);
    begun[0]?.resolve();
    await one;
    await clock.settle();
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(2);
  });
});

describe('a snapshot by bytes', () => {
  it('is begun at the limit, not one before, and counted anew from there', async () => {
    const { keeper, begun, journal, clock } = bench({ everyBytes: 1_000 }, { events: 0, bytes: 400 });
    journal.durableBytes = 599;
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(0);
    journal.durableBytes = 600;
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(1);
    begun[0]?.resolve();
    await clock.settle();
    journal.durableBytes = 1_599;
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(1);
    journal.durableBytes = 1_600;
    keeper.onCommit(1, true);
    expect(begun).toHaveLength(2);
  });

  it('knows about how many there are behind the last one', () => {
    const list = [
      { name: 'a', firstSequence: 1, sizeBytes: 1_000 },
      { name: 'b', firstSequence: 11, sizeBytes: 500 },
      { name: 'c', firstSequence: 21, sizeBytes: 100 },
    ];
    const segments = { list: () => list };
    expect(bytesBehind(segments, 0, 30)).toBe(1_600);
    expect(bytesBehind(segments, 5, 30)).toBe(1_100);
    expect(bytesBehind(segments, 20, 30)).toBe(100);
    expect(bytesBehind(segments, 25, 30)).toBe(50);
    expect(bytesBehind(segments, 30, 30)).toBe(0);
    expect(bytesBehind(undefined, 0, 30)).toBe(0);
  });
});

describe('a snapshot whose boundary is still to come', () => {
  it('stands for what was applied by then: the rest counts for the next one', async () => {
    const policy = { everyEvents: 10, everyBytes: 1_000 };
    const { keeper, begun, journal, clock } = bench(policy, { events: 0, bytes: 0 }, false);
    keeper.onCommit(10, true);
    journal.durableBytes = 700;
    keeper.onCommit(5, true);
    begun[0]?.captured();
    journal.durableBytes = 800;
    keeper.onCommit(3, true);
    begun[0]?.resolve();
    await clock.settle();
    keeper.onCommit(6, true);
    expect(begun).toHaveLength(1);
    journal.durableBytes = 1_699;
    keeper.onCommit(0, true);
    expect(begun).toHaveLength(1);
    journal.durableBytes = 1_700;
    keeper.onCommit(0, true);
    expect(begun).toHaveLength(2);
    begun[1]?.captured();
    begun[1]?.resolve();
    await clock.settle();
    keeper.onCommit(10, true);
    expect(begun).toHaveLength(3);
  });
});

describe('a snapshot that fails', () => {
  it('is tried again after 1 s, twice as long each time, five minutes at most; a good one begins anew', async () => {
    const { keeper, begun, clock } = bench({ everyEvents: 1 });
    keeper.onCommit(1, true);
    let waitMs = SNAPSHOT_RETRY_MS;
    for (let failure = 1; failure <= 12; failure++) {
      begun[failure - 1]?.reject();
      await clock.settle();
      keeper.onCommit(1, true);
      await clock.advance(waitMs - 1);
      expect(begun).toHaveLength(failure);
      await clock.advance(1);
      expect(begun).toHaveLength(failure + 1);
      waitMs = Math.min(waitMs * 2, SNAPSHOT_RETRY_MAX_MS);
    }
    expect(waitMs).toBe(SNAPSHOT_RETRY_MAX_MS);
    begun[12]?.resolve();
    await clock.settle();
    keeper.onCommit(1, true);
    begun[13]?.reject();
    await clock.settle();
    await clock.advance(SNAPSHOT_RETRY_MS);
    expect(begun).toHaveLength(15);
  });

  it('may be asked for meanwhile, which ends the waiting', async () => {
    const { keeper, begun, clock } = bench({ everyEvents: 5 });
    keeper.onCommit(5, true);
    begun[0]?.reject();
    await clock.settle();
    const asked = keeper.take();
    begun[1]?.resolve();
    expect(await asked).toMatchObject({ sequence: 1 });
    await clock.advance(10 * SNAPSHOT_RETRY_MAX_MS);
    expect(begun).toHaveLength(2);
  });

  it('tells who asked for it, and nobody else', async () => {
    const { keeper, begun, clock } = bench({ everyEvents: 5 });
    const asked = keeper.take();
    begun[0]?.reject();
    await expect(asked).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    await clock.advance(SNAPSHOT_RETRY_MS);
    expect(begun).toHaveLength(1);
  });
});

describe('a stop', () => {
  it('refuses what is being written, and nothing is begun any more', async () => {
    const { keeper, begun, clock } = bench({ everyEvents: 1, onCloseEvents: 1 });
    keeper.onCommit(1, true);
    expect(begun[0]?.refusal()).toBeUndefined();
    const reason = new PawlError('JOURNAL_POISONED', 'The test stopped it.', {});
    keeper.stop(reason);
    expect(begun[0]?.refusal()).toBe(reason);
    begun[0]?.reject();
    await keeper.settled();
    await clock.advance(SNAPSHOT_RETRY_MAX_MS);
    keeper.onCommit(10, true);
    await keeper.atClose();
    expect(begun).toHaveLength(1);
  });
});

async function submitAll(kit: TestOrchestrator, count: number): Promise<void> {
  for (let done = 0; done < count; done++) await kit.pawl.submit(work);
  await kit.clock.settle();
}

describe('an orchestrator', () => {
  async function eventsOf(count: number, options: TestOrchestratorOptions = {}): Promise<number> {
    const kit = await openTest({ tasks: [work], backend: new MemoryBackend(), ...options });
    await submitAll(kit, count);
    return kit.pawl.projections.sequence;
  }

  it.each([
    ['as many events as it takes', 0, 1],
    ['one fewer', 1, 0],
  ])('takes one on close with %s', async (_name, more, expected) => {
    const backend = new MemoryBackend();
    const snapshotOnCloseEvents = (await eventsOf(3)) + more;
    const kit = await openTest({ tasks: [work], backend, snapshotOnCloseEvents });
    await submitAll(kit, 3);
    await kit.pawl.close();
    expect(backend.snapshots.kept.size).toBe(expected);
    const again = await kit.restart({ snapshotOnCloseEvents: 0 });
    expect(again.pawl.report.snapshotLoaded).toBe(expected === 1);
    if (expected === 1) expect(again.pawl.report.walReplayEventsApplied).toBe(0);
    expect(again.pawl.projections.runs.countByState('completed')).toBe(3);
    await again.pawl.close();
    expect(backend.snapshots.kept.size).toBe(expected);
  });

  it('takes none on close by the default when so little was written, or when snapshotEveryEvents is 0', async () => {
    const backend = new MemoryBackend();
    const kit = await openTest({ tasks: [work], backend });
    await submitAll(kit, 3);
    const again = await kit.restart({ snapshotEveryEvents: 0 });
    await again.pawl.submitMany(Array.from({ length: 6_000 }, () => ({ task: 'other' })));
    expect(again.pawl.projections.sequence).toBeGreaterThan(10_000);
    await again.pawl.close();
    expect(backend.snapshots.kept.size).toBe(0);
  });

  it('takes one by events and by bytes, and keeps two', async () => {
    for (const option of [{ snapshotEveryEvents: 20 }, { snapshotEveryBytes: 1_500 }]) {
      const backend = new MemoryBackend();
      const log = captured();
      const kit = await openTest({ tasks: [work], backend, logger: log.logger, ...option });
      for (let round = 0; round < 4; round++) {
        await submitAll(kit, 6);
        await kit.clock.settle();
      }
      expect(backend.snapshots.kept.size).toBe(2);
      const written = log.all('snapshot written');
      expect(written.length).toBeGreaterThanOrEqual(3);
      const again = await kit.crash();
      expect(again.pawl.report.snapshotLoaded).toBe(true);
      expect(again.pawl.projections.runs.countByState('completed')).toBe(24);
    }
  });

  it('goes on while snapshots fail, and takes one as soon as that is over', async () => {
    const storage = new FaultyStorage();
    const log = captured();
    const kit = await openTest({
      tasks: [work],
      backend: new FileBackend(storage, '/data'),
      logger: log.logger,
      snapshotEveryEvents: 10,
    });
    storage.setFaults((operation, path) =>
      operation === 'write' && path.includes('/snapshots/') ? { kind: 'fail', errno: 'EIO' } : undefined,
    );
    await submitAll(kit, 3);
    await kit.clock.advance(7_500);
    const failed = (): number => log.all('snapshot failed, the log goes on').length;
    expect(failed()).toBe(4);
    expect(await storage.readdir('/data/snapshots')).toEqual([]);
    storage.setFaults(undefined);
    await submitAll(kit, 3);
    await kit.clock.advance(8_000);
    expect(failed()).toBe(4);
    expect(await storage.readdir('/data/snapshots')).toHaveLength(1);
    expect(kit.pawl.projections.runs.countByState('completed')).toBe(6);
  });

  it('whose log is poisoned gives up the snapshot it is writing', async () => {
    const storage = new FaultyStorage();
    const kit = await openTest({ tasks: [work], backend: new FileBackend(storage, '/data') });
    await submitAll(kit, 3);
    storage.setFaults((operation, path) =>
      operation === 'datasync' && path.includes('/wal/') ? { kind: 'fail', errno: 'EIO' } : undefined,
    );
    const snapshot = kit.pawl.snapshot();
    await Promise.allSettled([kit.pawl.submit(work), snapshot]);
    await expect(snapshot).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
    expect(await storage.readdir('/data/snapshots')).toEqual([]);
    await kit.pawl.close();
    expect(await storage.readdir('/data/snapshots')).toEqual([]);
  });
});
