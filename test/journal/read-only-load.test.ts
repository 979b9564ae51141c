// A load without the lock reads the log once: what is checked is what is folded. A batch counts when something behind it
// proves it durable; until then its commits are held back, in bounded memory. Damage is told before what recovery refuses.
import { describe, expect, it } from '@jest/globals';
import type { PawlEvent } from '../../src/domain/events.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { dataDirPaths } from '../../src/journal/data-dir.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { FRAME_KIND } from '../../src/journal/frame.js';
import { HeadWriter } from '../../src/journal/head-file.js';
import { HeldCommits, type HeldRange } from '../../src/journal/held-commits.js';
import type { Journal } from '../../src/journal/journal.js';
import { loadProjectionFromStorage } from '../../src/journal/load-projection.js';
import { repair } from '../../src/journal/offline-repair.js';
import { stats } from '../../src/journal/offline-stats.js';
import { snapshotDirectory } from '../../src/journal/offline-take-snapshot.js';
import { verify } from '../../src/journal/open-journal.js';
import { LogCursor } from '../../src/journal/log-cursor.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import type { ScannedCommit } from '../../src/journal/scan.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import type { Storage } from '../../src/journal/storage.js';
import { Projections } from '../../src/projections/projections.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { counting } from './counting-storage.js';
import { at } from './recovery-files.js';
import { framesOf } from './wal-fixtures.js';

const DIR = '/data';
const paths = dataDirPaths(DIR);
const FIRST = `${paths.wal}/00000000000000000001.wal`;
const ids = uuidV7(hostClock, hostRandom());

function tenant(sequence: number, bytes = 60): PawlEvent {
  return at(sequence, 1_000, 'TenantCreated', { tenantId: `t${String(sequence)}`, name: 'x'.repeat(bytes) });
}

interface Opened {
  readonly disk: FaultyStorage;
  readonly backend: FileBackend;
  readonly journal: Journal;
  /** Appends commits of one event as one batch. */
  readonly batch: (events: readonly PawlEvent[]) => Promise<void>;
}

async function open(segmentBytes = 67_108_864): Promise<Opened> {
  const disk = new FaultyStorage();
  const backend = new FileBackend(disk, DIR);
  // Nothing is marked as durable because time passes.
  const clock = new ManualClock();
  const limits = { segmentBytes, preallocateBytes: 0 };
  const journal = await openJournalOn(backend, { clock, ids, limits });
  const batch = async (events: readonly PawlEvent[]): Promise<void> => {
    for (const event of events) journal.append({ header: { at: 1_000 }, events: [event] }, () => undefined);
    await journal.flush();
  };
  return { disk, backend, journal, batch };
}

/** A log of tenants in several segments; with `close` false it is dropped. */
async function segmentsOf(events: number, close: boolean): Promise<FaultyStorage> {
  const { disk, journal, batch } = await open(8_000);
  for (let sequence = 1; sequence <= events; sequence += 3)
    await batch([tenant(sequence), tenant(sequence + 1), tenant(sequence + 2)]);
  if (close) await journal.close();
  else disk.kill();
  return disk;
}

async function segmentsIn(disk: FaultyStorage): Promise<string[]> {
  return [...(await disk.readdir(paths.wal))].sort().map((name) => `${paths.wal}/${name}`);
}

function load(storage: Storage): ReturnType<typeof loadProjectionFromStorage> {
  return loadProjectionFromStorage(DIR, { storage, readOnly: true });
}

async function shown(storage: Storage): Promise<number> {
  return (await load(storage)).projections.sequence;
}

describe('a load without the lock', () => {
  it.each([
    ['that was closed', true, 300],
    ['that was not', false, 297],
  ])('reads each byte of a log %s once', async (_name, close, sequence) => {
    const disk = await segmentsOf(300, close);
    const segments = await segmentsIn(disk);
    expect(segments.length).toBeGreaterThan(3);
    const { storage, bytesRead } = counting(disk);
    expect(await shown(storage)).toBe(sequence);
    expect(segments.map((path) => bytesRead.get(path))).toEqual(
      segments.map((path) => disk.contents(path).length),
    );
  });

  it('reads each byte once, too, of what lies behind and before a snapshot', async () => {
    const disk = await segmentsOf(300, true);
    const { projections } = await load(disk);
    const state = new Projections();
    expect(projections.sequence).toBe(300);
    const half = await halfOf(disk, state);
    await takeSnapshot(half, new FileBackend(disk, DIR).snapshots, { takenAt: 1 });
    const { storage, bytesRead } = counting(disk);
    const loaded = await load(storage);
    expect([loaded.snapshotSequence, loaded.observations.walReplayEventsApplied]).toEqual([150, 150]);
    expect(loaded.projections.stateHash()).toBe(projections.stateHash());
    for (const path of await segmentsIn(disk))
      expect([path, bytesRead.get(path)]).toEqual([path, disk.contents(path).length]);
  });

  it('reads zeros that were written ahead a second time, to see that they are zeros', async () => {
    const disk = await segmentsOf(300, false);
    const newest = (await segmentsIn(disk)).at(-1) ?? '';
    const bytes = disk.contents(newest);
    disk.place(newest, Buffer.concat([bytes, Buffer.alloc(5_000)]));
    const { storage, bytesRead } = counting(disk);
    expect(await shown(storage)).toBe(297);
    expect(bytesRead.get(newest)).toBe(bytes.length + 2 * 5_000);
  });
});

describe('the offline tools', () => {
  it.each<[string, (storage: Storage) => Promise<unknown>]>([
    ['verify', (storage) => verify(DIR, { storage })],
    ['stats', (storage) => stats(DIR, { storage })],
    ['repair', (storage) => repair(DIR, { storage })],
    ['snapshot', (storage) => snapshotDirectory(DIR, { storage })],
  ])('read the log once, beside its ends: %s', async (_name, use) => {
    for (const close of [true, false]) {
      const disk = await segmentsOf(300, close);
      const sizes = new Map<string, number>();
      for (const path of await segmentsIn(disk)) sizes.set(path, disk.contents(path).length);
      const { storage, bytesRead } = counting(disk);
      await use(storage);
      for (const [path, size] of sizes) {
        const again = (bytesRead.get(path) ?? 0) - size;
        expect([path, again >= 0 && again <= 100]).toEqual([path, true]);
      }
    }
  });
});

async function halfOf(disk: FaultyStorage, state: Projections): Promise<Projections> {
  const journal = await openJournalOn(new FileBackend(disk, DIR), { clock: hostClock, ids });
  for await (const commit of journal.read({ from: 1, to: 150 })) state.apply(commit);
  await journal.close();
  return state;
}

describe('the last batch', () => {
  /** Three commits; the last two are a batch of their own, and `head` knows the first. */
  async function twoBatches(): Promise<Opened> {
    const opened = await open();
    await opened.batch([tenant(1)]);
    await opened.batch([tenant(2), tenant(3)]);
    return opened;
  }

  it('is not shown while nothing proves it durable', async () => {
    const { disk } = await twoBatches();
    expect(await shown(disk)).toBe(1);
  });

  it('is shown once a later batch follows, which is not', async () => {
    const { disk, batch } = await twoBatches();
    await batch([tenant(4)]);
    expect(await shown(disk)).toBe(3);
  });

  it('is shown once a watermark follows', async () => {
    const { disk, backend } = await twoBatches();
    await backend.settle();
    await disk.unlink(paths.head);
    expect(await shown(disk)).toBe(3);
  });

  it('is shown once head knows it', async () => {
    const { disk, backend } = await twoBatches();
    await backend.settle();
    const bytes = disk.contents(FIRST);
    const mark = framesOf(bytes).find(({ header }) => header.kind === FRAME_KIND.watermark);
    disk.place(FIRST, bytes.subarray(0, mark?.offset));
    expect(await shown(disk)).toBe(3);
  });

  it('is shown once the log is sealed', async () => {
    const { disk, journal } = await twoBatches();
    await journal.close();
    await disk.unlink(paths.head);
    expect(await shown(disk)).toBe(3);
  });

  it('is shown as far as a snapshot stands for it', async () => {
    const { disk, backend } = await twoBatches();
    const state = new Projections();
    for (const event of [tenant(1), tenant(2)])
      state.apply({ header: { at: 1_000 }, firstSequence: event.sequence, events: [event] });
    await takeSnapshot(state, backend.snapshots, { takenAt: 1 });
    expect(await shown(disk)).toBe(2);
  });

  it('of more bytes than are held is read again once it is proven, and its first half is not', async () => {
    const { disk, batch } = await open();
    const large = 4_000_000;
    await batch([tenant(1)]);
    await batch([2, 3, 4, 5, 6, 7, 8].map((sequence) => tenant(sequence, large)));
    const unproven = counting(disk);
    expect(await shown(unproven.storage)).toBe(1);
    expect(unproven.bytesRead.get(FIRST)).toBe(disk.contents(FIRST).length);
    await batch([tenant(9)]);
    const proven = counting(disk);
    expect(await shown(proven.storage)).toBe(8);
    const again = (proven.bytesRead.get(FIRST) ?? 0) - disk.contents(FIRST).length;
    // 16 MiB are held; the rest is read from the nearest mark before it.
    expect(again).toBeGreaterThan(3 * large);
    expect(again).toBeLessThan(4 * large + 1_000_000);
  });
});

describe('a batch that has to be read again', () => {
  it('and cannot be, is a failure of the storage, with its place', async () => {
    const { disk, batch } = await open();
    await batch([1, 2, 3, 4, 5, 6].map((sequence) => tenant(sequence, 4_000_000)));
    await batch([tenant(7)]);
    await disk.unlink(paths.head);
    const opened = disk.open.bind(disk);
    let times = 0;
    disk.open = async (path, mode) => {
      if (path === FIRST && ++times === 2) disk.failNext('open', 'EMFILE');
      return await opened(path, mode);
    };
    await expect(load(disk)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { stage: 'read', errno: 'EMFILE', path: FIRST },
    });
    expect(await shown(disk)).toBe(6);
  });
});

describe('what is held back', () => {
  const commit = (sequence: number, batch: number, bytes = 4): ScannedCommit => ({
    bytes: Buffer.alloc(bytes, sequence),
    from: 0,
    end: bytes,
    firstSequence: sequence,
    count: 1,
    batch,
    segment: 's',
    offset: sequence,
  });

  function held(provenTo = 0): {
    readonly given: number[];
    readonly again: HeldRange[];
    readonly take: (
      commits: readonly ScannedCommit[],
      end: { batch: number; endsInCommit: boolean },
    ) => Promise<void>;
  } {
    const given: number[] = [];
    const again: HeldRange[] = [];
    const commits = new HeldCommits(
      provenTo,
      (some) => {
        given.push(...some.map(({ bytes, from }) => bytes[from] ?? -1));
      },
      10,
    );
    const readAgain = async function* (range: HeldRange): AsyncGenerator<readonly ScannedCommit[]> {
      again.push(range);
      for (let sequence = range.from; sequence <= range.to; sequence++)
        yield await Promise.resolve([commit(sequence, 0)]);
    };
    return {
      given,
      again,
      take: (some, end) => commits.take(some, Object.assign(new LogCursor(), end), readAgain),
    };
  }

  it('survives that the bytes of the chunk are used again', async () => {
    const { given, take } = held();
    const one = commit(1, 1);
    await take([one], { batch: 1, endsInCommit: true });
    one.bytes.fill(99);
    await take([], { batch: 2, endsInCommit: false });
    expect(given).toEqual([1]);
  });

  it('is one batch: what goes on with it is held too, what follows it proves it', async () => {
    const { given, again, take } = held();
    await take([commit(1, 1), commit(2, 2)], { batch: 2, endsInCommit: true });
    expect(given).toEqual([1]);
    await take([commit(3, 2)], { batch: 2, endsInCommit: true });
    expect(given).toEqual([1]);
    await take([commit(4, 3)], { batch: 3, endsInCommit: true });
    expect(given).toEqual([1, 2, 3]);
    await take([commit(5, 3), commit(6, 4)], { batch: 4, endsInCommit: true });
    expect(given).toEqual([1, 2, 3, 4, 5]);
    expect(again).toEqual([]);
  });

  it('is copied as long as it is not too large, and then only noted', async () => {
    const { given, again, take } = held();
    await take([commit(1, 1), commit(2, 1), commit(3, 1)], { batch: 1, endsInCommit: true });
    // Would fit again, and comes behind what did not.
    await take([commit(4, 1, 1)], { batch: 1, endsInCommit: true });
    expect(given).toEqual([]);
    await take([commit(5, 2)], { batch: 2, endsInCommit: true });
    expect(given).toEqual([1, 2, 3, 4]);
    expect(again).toEqual([{ from: 3, to: 4 }]);
    await take([], { batch: 3, endsInCommit: false });
    expect([given, again.length]).toEqual([[1, 2, 3, 4, 5], 1]);
  });

  it.each([
    [10, []],
    [11, [{ from: 2, to: 2 }]],
  ])('may have the bytes that it may have: %i of them', async (bytes, read) => {
    const { given, again, take } = held();
    await take([commit(1, 1, 5), commit(2, 1, bytes - 5)], { batch: 1, endsInCommit: true });
    await take([], { batch: 2, endsInCommit: false });
    expect([given, again]).toEqual([[1, 2], read]);
  });

  it('is nothing of what is known, and one commit however large it is', async () => {
    const { given, again, take } = held(2);
    await take([commit(1, 1), commit(2, 1)], { batch: 1, endsInCommit: true });
    expect(given).toEqual([1, 2]);
    await take([commit(3, 1, 50)], { batch: 1, endsInCommit: true });
    expect(given).toEqual([1, 2]);
    await take([], { batch: 2, endsInCommit: false });
    expect([given, again]).toEqual([[1, 2, 3], []]);
  });
});

describe('a load without the lock is refused', () => {
  it('for damage behind the event that the state refuses', async () => {
    const { disk, journal, batch } = await open(200);
    await batch([at(1, 1_000, 'EngineResumed', {})]);
    await batch([tenant(2), tenant(3)]);
    await batch([tenant(4)]);
    await journal.close();
    await expect(load(disk)).rejects.toMatchObject({ code: 'REPLAY_REFUSED', data: { stage: 'replay' } });
    const last = (await segmentsIn(disk)).at(-1) ?? '';
    const bytes = disk.contents(last);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 3) ^ 1, bytes.length - 3);
    disk.place(last, bytes);
    await expect(load(disk)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { stage: 'read', segment: last.slice(-24) },
    });
  });

  it('for damage before what a snapshot stands for, not for a snapshot ahead of the log', async () => {
    const disk = await segmentsOf(300, true);
    await takeSnapshot((await load(disk)).projections, new FileBackend(disk, DIR).snapshots, { takenAt: 1 });
    const [first = ''] = await segmentsIn(disk);
    const bytes = disk.contents(first);
    bytes.writeUInt8(bytes.readUInt8(400) ^ 1, 400);
    disk.place(first, bytes);
    await expect(load(disk)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { stage: 'read', segment: first.slice(-24), path: DIR },
    });
  });

  it('for a snapshot ahead of a log that was not closed', async () => {
    const { disk, backend, batch } = await open();
    await batch([tenant(1)]);
    await batch([tenant(2)]);
    const state = new Projections();
    for (const event of [tenant(1), tenant(2), tenant(3)])
      state.apply({ header: { at: 1_000 }, firstSequence: event.sequence, events: [event] });
    await takeSnapshot(state, backend.snapshots, { takenAt: 1 });
    await expect(load(disk)).rejects.toMatchObject({
      code: 'SNAPSHOT_AHEAD',
      data: { stage: 'snapshot', snapshotSequence: 3, journalSequence: 2 },
    });
  });

  it('for an end that head knows and that is not there', async () => {
    const { disk, journal, batch } = await open();
    await batch([tenant(1)]);
    await batch([tenant(2)]);
    await journal.close();
    const bytes = disk.contents(FIRST);
    const second = framesOf(bytes)[2];
    disk.place(FIRST, bytes.subarray(0, second?.offset));
    await expect(load(disk)).rejects.toMatchObject({
      code: 'ACKNOWLEDGED_DATA_MISSING',
      data: { stage: 'read', watermark: 2, found: 1 },
    });
    // Torn, it is not there either.
    disk.place(FIRST, bytes.subarray(0, (second?.end ?? 0) - 1));
    await expect(load(disk)).rejects.toMatchObject({ code: 'ACKNOWLEDGED_DATA_MISSING' });
  });

  it('for the head of another log', async () => {
    const { disk, journal, batch } = await open();
    await batch([tenant(1)]);
    await journal.close();
    const other = new FaultyStorage();
    const others = await openJournalOn(new FileBackend(other, DIR), { clock: hostClock, ids });
    others.append({ header: { at: 1 }, events: [tenant(1)] }, () => undefined);
    await others.close();
    disk.place(paths.head, other.contents(paths.head));
    await expect(load(disk)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { stage: 'read', reason: 'sealMismatch' },
    });
  });

  it('for a storage that fails before the log is read, with its stage', async () => {
    const disk = await segmentsOf(30, true);
    const refused = async (folder: string): Promise<unknown> => {
      disk.setFaults((operation, path) =>
        operation === 'readdir' && path === folder ? { kind: 'fail', errno: 'EIO' } : undefined,
      );
      return load(disk).catch((error: unknown) => error);
    };
    expect(await refused(paths.wal)).toMatchObject({ code: 'STORAGE_FAILED', data: { stage: 'open' } });
    expect(await refused(paths.snapshots)).toMatchObject({
      code: 'STORAGE_FAILED',
      data: { stage: 'snapshot' },
    });
  });
});

describe('a refusal while the log goes on', () => {
  /** Counts loads of a log that the state refuses, with what `head` knows at each. */
  async function loadsUntilRefused(knownAt: (loads: number) => number): Promise<number> {
    const { disk, journal, batch } = await open();
    await batch([at(1, 1_000, 'EngineResumed', {})]);
    await batch(Array.from({ length: 30 }, (_, index) => tenant(index + 2)));
    await journal.close();
    const scratch = new FaultyStorage();
    scratch.place(paths.head, Buffer.alloc(0));
    const stat = disk.stat.bind(disk);
    let loads = 0;
    disk.stat = async (path) => {
      if (path === paths.head) {
        const head = new HeadWriter(scratch, paths, 0);
        await head.write({ epoch: 1, durableSequence: knownAt(++loads), segment: 1, batch: 1, logId: '' });
        disk.place(path, scratch.contents(path));
      }
      return await stat(path);
    };
    await expect(load(disk)).rejects.toMatchObject({ code: 'REPLAY_REFUSED' });
    return loads;
  }

  it('is believed when it is there twice', async () => {
    expect(await loadsUntilRefused(() => 5)).toBe(2);
  });

  it('is looked at again while something moves, ten times at most', async () => {
    expect(await loadsUntilRefused((loads) => Math.min(loads, 4))).toBe(5);
    expect(await loadsUntilRefused((loads) => loads)).toBe(10);
  });
});
