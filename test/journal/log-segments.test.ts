// The segments of a directory as retention sees them, each of its refusals on its own: nothing goes while anything is
// unknown, and after a failure nobody can tell from what is listed that something is still there.
import { describe, expect, it } from '@jest/globals';
import { HeadKeeper } from '../../src/journal/head-keeper.js';
import { HeadTakenOver, HeadWriter } from '../../src/journal/head-file.js';
import { FileLogSegments, type OpenSegments } from '../../src/journal/log-segments.js';
import { retain, type RetainParts } from '../../src/journal/retention.js';
import { segmentInfo } from '../../src/journal/segment-list.js';
import type { SegmentInfo } from '../../src/journal/segment-list.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { MemorySnapshots } from '../../src/journal/snapshot-store-memory.js';
import { silentLogger } from '../../src/logger.js';
import { hostClock } from '../../src/host-clock.js';
import { FaultyStorage, SimulatedErrno } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { historyMaker } from '../support/history.js';
import { recordingLogger } from './recovery-files.js';

const paths = { root: '/data', wal: '/data/wal', head: '/data/head' };
const LOG_ID = '01890000-0000-7000-8000-000000000001';
const FIRSTS = [1, 11, 21, 31];

interface Made {
  readonly storage: FaultyStorage;
  readonly log: OpenSegments & { readonly segments: SegmentInfo[] };
  readonly segments: FileLogSegments;
}

/** A directory with these segments, all but the newest sealed. */
function made(firsts: readonly number[] = FIRSTS): Made {
  const storage = new FaultyStorage();
  storage.place(`${paths.wal}/.keep`, Buffer.alloc(0));
  const infos = firsts.map((first, index) => {
    const info = segmentInfo(paths.wal, first);
    storage.place(info.path, Buffer.alloc(10));
    return Object.assign(info, { sizeBytes: 10, sealed: index + 1 < firsts.length });
  });
  const log = { paths, segments: infos, epoch: 2, logId: LOG_ID, durableSequence: 35 };
  return { storage, log, segments: new FileLogSegments(storage, () => log) };
}

async function writeHead(storage: FaultyStorage, change: object = {}): Promise<void> {
  const writer = new HeadWriter(storage, paths, 0);
  const head = { epoch: 2, durableSequence: 35, segment: 31, batch: 1, logId: LOG_ID, ...change };
  await writer.write(head);
  await writer.close();
}

describe('segments agree with the disk', () => {
  it('when there are none, and when there is no head', async () => {
    const empty = made([]);
    empty.storage.place(segmentInfo(paths.wal, 1).path, Buffer.alloc(1));
    expect(await empty.segments.disagreement()).toBeUndefined();
    expect(await made().segments.disagreement()).toBeUndefined();
  });

  it('when head says no more than the log', async () => {
    const { storage, segments } = made();
    await writeHead(storage);
    expect(await segments.disagreement()).toBeUndefined();
  });

  it('and one that is made right now behind them is no stranger', async () => {
    const { storage, segments } = made();
    storage.place(segmentInfo(paths.wal, 41).path, Buffer.alloc(1));
    expect(await segments.disagreement()).toBeUndefined();
  });
});

describe('segments disagree', () => {
  it.each<[string, (made: Made) => unknown, RegExp]>([
    ['one is gone', ({ storage, log }) => storage.unlink(log.segments[1]?.path ?? ''), /not there any more/],
    [
      'one is there that is not ours',
      ({ storage }) => {
        storage.place(segmentInfo(paths.wal, 5).path, Buffer.alloc(1));
      },
      /not one of this log/,
    ],
    [
      'the oldest is shorter',
      ({ storage, log }) => {
        storage.place(log.segments[0]?.path ?? '', Buffer.alloc(9));
      },
      /shorter/,
    ],
    ['head is of another log', ({ storage }) => writeHead(storage, { logId: 'x'.repeat(36) }), /another log/],
    ['head is of a later writer', ({ storage }) => writeHead(storage, { epoch: 3 }), /epoch 3/],
    ['head knows more', ({ storage }) => writeHead(storage, { durableSequence: 36 }), /knows 36/],
  ])('when %s', async (_why, change, said) => {
    const one = made();
    await change(one);
    expect(await one.segments.disagreement()).toMatch(said);
  });
});

describe('removing the oldest segment', () => {
  it.each<[string, readonly number[], boolean]>([
    ['when there is none', [], false],
    ['when it is the only one', [1], false],
    ['when it is not sealed', [1, 11], true],
  ])('is refused %s', async (_when, firsts, open) => {
    const { segments, log } = made(firsts);
    if (open) for (const info of log.segments) info.sealed = false;
    await expect(segments.removeOldest('delete')).rejects.toThrow(TypeError);
    expect(segments.list()).toHaveLength(firsts.length);
  });

  it.each(['archive', 'delete'] as const)(
    'that fails leaves it listed while it is there: %s',
    async (how) => {
      const { storage, segments } = made();
      storage.failNext(how === 'archive' ? 'rename' : 'unlink', 'EIO');
      await expect(segments.removeOldest(how)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect(segments.list().map(({ firstSequence }) => firstSequence)).toEqual(FIRSTS);
      expect(await segments.disagreement()).toBeUndefined();
    },
  );

  it.each([
    ['it is gone all the same', false],
    ['nobody can tell', true],
  ])('that fails leaves nothing to be removed any more when %s', async (_when, blind) => {
    const { storage, segments, log } = made();
    const unlink = storage.unlink.bind(storage);
    storage.unlink = async (path) => {
      if (!blind) await unlink(path);
      storage.setFaults((operation) =>
        blind && operation === 'stat' ? { kind: 'fail', errno: 'EIO' } : undefined,
      );
      throw new SimulatedErrno('EIO', path);
    };
    await expect(segments.removeOldest('delete')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    storage.setFaults(undefined);
    expect(log.segments[0]?.firstSequence).toBe(11);
    expect(await segments.disagreement()).toMatch(/fsync of a directory/);
  });

  it('whose name may not be durable leaves nothing to be removed any more', async () => {
    const { storage, segments } = made();
    storage.failNext('syncDir', 'EIO');
    await expect(segments.removeOldest('delete')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await segments.disagreement()).toMatch(/fsync of a directory/);
  });
});

describe('retention', () => {
  async function parts(more: Partial<Omit<RetainParts, 'segments'>> = {}): Promise<RetainParts & Made> {
    const one = made();
    const snapshots = new MemorySnapshots();
    const maker = historyMaker(3);
    while (snapshots.kept.size < 2) {
      maker.next();
      if (maker.state.sequence > 25) await takeSnapshot(maker.state, snapshots, { takenAt: 1 });
    }
    return {
      ...one,
      how: 'delete',
      snapshots,
      journal: { durableSequence: 1_000, poisonedBy: undefined, keptFrom: () => undefined },
      clock: hostClock,
      logger: silentLogger,
      isStopped: () => false,
      wantedFrom: () => Infinity,
      ...more,
    };
  }

  it('asks for two snapshots, however many there are, and reads each that nobody has read once', async () => {
    const all = await parts();
    const { snapshots } = all;
    const [newest] = await snapshots.list();
    if (newest === undefined) throw new Error('two were expected');
    const older = { sequence: 2, path: 'memory:2.snapshot' };
    const list = snapshots.list.bind(snapshots);
    snapshots.list = async () => [...(await list()), older];
    snapshots.verified.clear();
    let reads = 0;
    const read = snapshots.read.bind(snapshots);
    snapshots.read = (entry) => {
      reads++;
      return read(entry);
    };
    expect(await retain(all)).toEqual({ removed: 2, heldBack: false });
    expect([reads, snapshots.rejected.size]).toEqual([2, 0]);
    expect(all.segments.list().map(({ firstSequence }) => firstSequence)).toEqual([21, 31]);
  });

  it('tells where the log begins also when a removal failed half-way', async () => {
    const kept: number[] = [];
    const all = await parts({
      journal: {
        durableSequence: 1_000,
        poisonedBy: undefined,
        keptFrom: (sequence) => {
          kept.push(sequence);
        },
      },
    });
    all.storage.failNext('syncDir', 'EIO');
    await expect(retain(all)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(kept).toEqual([11]);
    const empty = { ...all, segments: emptied(all.segments) };
    await expect(retain(empty)).rejects.toThrow('lost all');
    expect(kept).toEqual([11]);
  });

  /** Segments that are all gone once one of them was to go. */
  function emptied(segments: FileLogSegments): RetainParts['segments'] {
    let gone = false;
    return {
      list: () => (gone ? [] : segments.list()),
      disagreement: () => Promise.resolve(undefined),
      removeOldest: () => {
        gone = true;
        return Promise.reject(new Error('lost all'));
      },
    };
  }
});

describe('head', () => {
  it('of a later writer is not written over, and who kept it is told or says nothing', async () => {
    const { storage } = made();
    await writeHead(storage, { epoch: 7 });
    const position = { epoch: 2, durableSequence: 1, segment: 1, batch: 1, logId: LOG_ID };
    await expect(new HeadWriter(storage, paths, 0).write(position)).rejects.toThrow(HeadTakenOver);
    const clock = new ManualClock();
    const { logger, lines } = recordingLogger();
    const told: number[] = [];
    const keeper = new HeadKeeper(storage, paths, 0, { clock, logger }, (epoch) => told.push(epoch));
    await keeper.after(position);
    await new HeadKeeper(storage, paths, 0, { clock, logger }).now(position);
    expect([told, lines]).toEqual([[7], []]);
  });
});
