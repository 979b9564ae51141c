// The tools for a directory that nobody has open: dump, stats, repair, snapshot.
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openOrchestrator } from '../../src/index.js';
import {
  dump,
  loadProjectionFromStorage,
  openJournal,
  repair,
  snapshotDirectory,
  stats,
  verify,
  verifySnapshots,
} from '../../src/journal/index.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { damageCommit, everything, flip, shortLife } from './offline-fixture.js';
import { recordingLogger } from './recovery-files.js';
import { event, framesOf, newDir, newestSegment, removeDirs, segmentFiles, tree } from './wal-fixtures.js';

afterEach(removeDirs);

describe('dump', () => {
  it('shows every event once, in order, with its payloads decoded', async () => {
    const { dir } = await shortLife();
    const before = tree(dir);
    const events = await everything(dir);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index + 1));
    const created = events.filter(({ type }) => type === 'TaskCreated');
    expect(created.map(({ spec }) => (spec as { input: unknown }).input).slice(0, 2)).toEqual([
      { $base64: 'AP8=' },
      { index: 1 },
    ]);
    const finished = events.filter(({ type }) => type === 'AttemptFinished');
    expect(finished).toHaveLength(55);
    expect(finished[1]).toMatchObject({ result: 'success', output: { index: 1 } });
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    expect(tree(dir)).toEqual(before);
  });

  it('shows a range, commits that reach beyond it cut to it', async () => {
    const { dir } = await shortLife();
    const all = await everything(dir);
    const some = [];
    for await (const one of dump(dir, { from: 7, to: 12 })) some.push(one);
    expect(some).toEqual(all.slice(6, 12));
  });

  it('shows the last batch of a log that was not closed, which a reader leaves out', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    await journal.append(event(1));
    await journal.append(event(2));
    await journal.close();
    const path = newestSegment(dir);
    const last = framesOf(readFileSync(path)).at(-1);
    truncateSync(path, last?.offset);
    writeFileSync(`${dir}/head`, Buffer.alloc(0));
    expect((await everything(dir)).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it('shows what stands before damage, and then tells it', async () => {
    const { dir, snapshots } = await shortLife();
    const frame = damageCommit(dir, snapshots[0]);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { sequence } of dump(dir)) seen.push(sequence);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', data: { offset: frame.offset } });
    expect(seen.at(-1)).toBe(frame.header.firstSequence - 1);
  });

  it('refuses what is no directory of Pawl, and a range that is none', async () => {
    await expect(dump(newDir()).next()).rejects.toMatchObject({ code: 'DATA_DIR_MISSING' });
    const { dir } = await shortLife();
    await expect(dump(dir, { from: 0 }).next()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('stats', () => {
  it('count what dump shows', async () => {
    const { dir, snapshots } = await shortLife();
    const events = await everything(dir);
    const found = await stats(dir);
    expect(found).toMatchObject({
      firstSequence: 1,
      lastSequence: events.length,
      events: events.length,
      epoch: 1,
    });
    for (const [type, number] of Object.entries(found.byType))
      expect([type, number]).toEqual([type, events.filter((one) => one.type === type).length]);
    expect(found.segments).toHaveLength(segmentFiles(dir).length);
    expect(found.segments.every(({ sealed }) => sealed)).toBe(true);
    expect(found.segments.map(({ lastSequence }) => lastSequence + 1)).toEqual([
      ...found.segments.slice(1).map(({ firstSequence }) => firstSequence),
      events.length + 1,
    ]);
    expect(found.snapshots.map(({ sequence }) => sequence)).toEqual([...snapshots].reverse());
    expect(found.firstAt).toBe(events[0]?.at);
    expect(found.lastAt).toBe(events.at(-1)?.at);
    expect(found).not.toHaveProperty('damage');
  });

  it('of a damaged log count up to the damage and tell it', async () => {
    const { dir, snapshots } = await shortLife();
    const frame = damageCommit(dir, snapshots[1] + 1);
    const found = await stats(dir);
    expect(found.damage?.code).toBe('JOURNAL_CORRUPT');
    expect(found.events).toBe(frame.header.firstSequence - 1);
  });

  it('tell which snapshot cannot be used', async () => {
    const { dir } = await shortLife();
    const [newest] = await verifySnapshots(dir);
    expect(newest?.error).toBeUndefined();
    flip(newest?.path ?? '', 100);
    const after = await verifySnapshots(dir);
    expect(after.map(({ error }) => error?.code)).toEqual(['SNAPSHOT_CORRUPT', undefined]);
    expect((await stats(dir)).snapshots).toEqual(after);
  });
});

describe('what stats and snapshots say of odd directories', () => {
  it('of one that holds nothing, nothing', async () => {
    const storage = new FaultyStorage();
    await (await openJournal('/data', { storage })).close();
    if ((await storage.stat('/data/head')) !== undefined) await storage.unlink('/data/head');
    expect(await stats('/data', { storage })).toEqual({
      bytes: 0,
      firstSequence: 0,
      lastSequence: 0,
      commits: 0,
      events: 0,
      byType: {},
      epoch: 0,
      segments: [],
      snapshots: [],
    });
  });

  it('of a storage that breaks its promises, no damage', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal('/data', { storage });
    await journal.append(event(1));
    await journal.close();
    storage.place('/data/snapshots/1.snapshot', Buffer.from('no snapshot'));
    const open = storage.open.bind(storage);
    const broken = (folder: string): void => {
      storage.open = async (path, mode) => {
        const file = await open(path, mode);
        const read = (): Promise<number> => Promise.resolve(Symbol('no number') as never);
        return path.startsWith(folder) ? Object.assign(Object.create(file) as typeof file, { read }) : file;
      };
    };
    broken('/data/wal/');
    await expect(stats('/data', { storage })).rejects.toThrow(TypeError);
    broken('/data/snapshots/');
    await expect(verifySnapshots('/data', { storage })).rejects.toThrow(TypeError);
  });

  it('of a snapshot that went meanwhile, that it cannot be read; of one under another name, that', async () => {
    const { dir, snapshots } = await shortLife();
    const [newest] = await verifySnapshots(dir);
    const storage = new FaultyStorage();
    storage.place('/data/wal/.keep', Buffer.alloc(0));
    const path = `/data/snapshots/${String(snapshots[1] + 1)}.snapshot`;
    storage.place(path, readFileSync(newest?.path ?? ''));
    expect(await verifySnapshots('/data', { storage })).toEqual([
      {
        path,
        sequence: snapshots[1] + 1,
        bytes: newest?.bytes,
        error: {
          code: 'SNAPSHOT_CORRUPT',
          message: `${path} holds the snapshot of sequence ${String(snapshots[1])}; give it the name it had.`,
        },
      },
    ]);
    const stat = storage.stat.bind(storage);
    storage.stat = async (asked) => {
      if (asked === path) await storage.unlink(path);
      return await stat(asked);
    };
    expect(await verifySnapshots('/data', { storage })).toMatchObject([
      { path, bytes: 0, error: { code: 'STORAGE_FAILED' } },
    ]);
  });
});

describe('repair', () => {
  it('cuts an incomplete last batch, keeps a copy and says so, once', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    await journal.append(event(1));
    await journal.append(event(2));
    await journal.close();
    const path = newestSegment(dir);
    const frames = framesOf(readFileSync(path));
    const last = frames.filter(({ header }) => header.count > 0).at(-1);
    const cutAt = (last?.end ?? 0) - 3;
    writeFileSync(`${dir}/head`, Buffer.alloc(0));
    truncateSync(path, cutAt);
    const torn = readFileSync(path).subarray(last?.offset);
    const report = await repair(dir);
    expect(report).toMatchObject({ lastSequence: 1, repaired: { offset: last?.offset, bytes: torn.length } });
    expect(readFileSync(`${dir}/${report.repaired?.quarantine ?? ''}`).equals(torn)).toBe(true);
    expect(await repair(dir)).toEqual({ lastSequence: 1 });
    expect(await verify(dir)).toMatchObject({ lastSequence: 1, sealed: true });
  });

  it('refuses damage, and a directory that is not there, and changes nothing', async () => {
    const { dir, snapshots } = await shortLife();
    damageCommit(dir, snapshots[0]);
    const before = tree(dir);
    await expect(repair(dir)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
    expect(tree(dir)).toEqual(before);
    await expect(repair(newDir())).rejects.toMatchObject({ code: 'DATA_DIR_MISSING' });
  });
});

describe('a snapshot of a directory', () => {
  it('stands for the whole log, is what the next start loads, and writes no event', async () => {
    const { dir } = await shortLife();
    const events = await everything(dir);
    const info = await snapshotDirectory(dir);
    expect(info.sequence).toBe(events.length);
    expect(await everything(dir)).toEqual(events);
    const loaded = await loadProjectionFromStorage(dir, { readOnly: true });
    expect(loaded).toMatchObject({
      snapshotSequence: events.length,
      observations: { walReplayEventsApplied: 0 },
    });
    const pawl = await openOrchestrator({ dataDir: dir });
    expect(pawl.report.snapshotSequence).toBe(events.length);
    await pawl.close();
  });

  it('is told to a logger', async () => {
    const { dir } = await shortLife();
    const { logger, lines } = recordingLogger();
    const { sequence } = await snapshotDirectory(dir, { logger });
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'snapshot written', snapshotSequence: sequence }),
    );
  });

  it('does not count a damaged one among the two that are kept', async () => {
    const { dir, snapshots } = await shortLife();
    const [newest] = await verifySnapshots(dir);
    flip(newest?.path ?? '', 100);
    const info = await snapshotDirectory(dir);
    const kept = (await verifySnapshots(dir)).filter(({ error }) => error === undefined);
    expect(kept.map(({ sequence }) => sequence)).toEqual([info.sequence, snapshots[0]]);
  });
});
