// Salvage: a new directory from what is whole in a damaged one, and an account of what is lost.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openOrchestrator } from '../../src/index.js';
import {
  loadProjectionFromStorage,
  openJournal,
  salvage,
  verify,
  verifySnapshots,
} from '../../src/journal/index.js';
import { stateHash } from '../../src/projections/state-hash.js';
import { encodePayload } from '../../src/domain/payload.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { hostClock } from '../../src/host-clock.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { commitOf, damageCommit, everything, flip, shortLife } from './offline-fixture.js';
import {
  dropSeal,
  event,
  frameBehind,
  framesOf,
  heartbeatPayload,
  newDir,
  newestSegment,
  removeDirs,
  segmentFiles,
  tree,
} from './wal-fixtures.js';

const PATH = '/data/wal/00000000000000000001.wal';

afterEach(removeDirs);

async function hashOf(dir: string): Promise<string> {
  return stateHash((await loadProjectionFromStorage(dir, { readOnly: true })).projections);
}

/** The files of a directory as they would be on the simulated disk, under `/old`. */
function onSimulatedDisk(dir: string): FaultyStorage {
  const storage = new FaultyStorage();
  for (const folder of ['wal', 'snapshots'] as const) {
    storage.place(`/old/${folder}/.keep`, Buffer.alloc(0));
    for (const name of readdirSync(join(dir, folder)))
      storage.place(`/old/${folder}/${name}`, readFileSync(join(dir, folder, name)));
  }
  storage.place('/old/head', readFileSync(join(dir, 'head')));
  return storage;
}

function epochsOf(dir: string): number[] {
  return segmentFiles(dir).flatMap((path) => framesOf(readFileSync(path)).map(({ header }) => header.epoch));
}

describe('salvage', () => {
  it('of a whole directory gives the same events and the same state, and only reads the old one', async () => {
    const { dir, snapshots } = await shortLife();
    const before = tree(dir);
    const target = newDir();
    const report = await salvage(dir, target);
    expect(report).toMatchObject({
      damaged: [],
      lost: [],
      unused: [],
      snapshotsRejected: [],
      firstSequence: 1,
    });
    expect(report).not.toHaveProperty('refused');
    expect(await everything(target)).toEqual(await everything(dir));
    expect(await hashOf(target)).toBe(await hashOf(dir));
    expect((await verifySnapshots(target)).map(({ sequence }) => sequence)).toEqual([...snapshots].reverse());
    expect(await verify(target)).toMatchObject({ sealed: true });
    expect(tree(dir)).toEqual(before);
  });

  it('leaves what the worst power cut behind it does not touch: the log, its snapshots, its place', async () => {
    const { dir, snapshots } = await shortLife();
    const storage = onSimulatedDisk(dir);
    await salvage('/old', '/new', { storage });
    storage.crash(() => 0.5);
    const loaded = await loadProjectionFromStorage('/new', { storage, readOnly: true });
    expect(stateHash(loaded.projections)).toBe(await hashOf(dir));
    expect((await verifySnapshots('/new', { storage })).map(({ error }) => error)).toEqual([
      undefined,
      undefined,
    ]);
    expect(loaded.snapshotSequence).toBe(snapshots[1]);
    for (const path of segmentFiles(dir)) rmSync(path);
    const other = onSimulatedDisk(dir);
    await salvage('/old', '/new', { storage: other });
    other.crash(() => 0.5);
    const alone = await loadProjectionFromStorage('/new', { storage: other, readOnly: true });
    expect(alone.snapshotSequence).toBe(snapshots[1]);
  });

  it('begins a later epoch than any whose events it took, also for a log that was closed', async () => {
    const { dir } = await shortLife();
    await (await openOrchestrator({ dataDir: dir, tasks: [] })).close();
    const epochs = epochsOf(dir);
    const target = newDir();
    await salvage(dir, target);
    expect(Math.min(...epochsOf(target))).toBeGreaterThan(Math.max(...epochs));
  });

  it('of a log that is damaged before a snapshot keeps everything from the damage on', async () => {
    const { dir, snapshots } = await shortLife();
    const state = await hashOf(dir);
    const all = await everything(dir);
    const { header } = damageCommit(dir, Math.floor(snapshots[0] / 2));
    const target = newDir();
    const report = await salvage(dir, target);
    const lost = { from: header.firstSequence, to: header.firstSequence + header.count - 1 };
    expect(report.lost).toEqual([lost]);
    expect(report.unused).toEqual([{ from: 1, to: lost.from - 1 }]);
    expect(report).toMatchObject({ firstSequence: lost.to + 1, lastSequence: all.length });
    expect(report.snapshots).toHaveLength(2);
    expect(await hashOf(target)).toBe(state);
    expect(await everything(target)).toEqual(all.slice(lost.to));
    const pawl = await openOrchestrator({ dataDir: target });
    expect(pawl.report.epoch).toBeGreaterThan(1);
    expect(pawl.projections.runs.countByState('completed')).toBe(55);
    await pawl.close();
  });

  it('of a log that is damaged behind its snapshots keeps what stands before', async () => {
    const { dir, snapshots } = await shortLife();
    const all = await everything(dir);
    const { header } = damageCommit(dir, snapshots[1] + 20);
    const target = newDir();
    const report = await salvage(dir, target);
    expect(report).toMatchObject({ firstSequence: 1, lastSequence: header.firstSequence - 1 });
    expect(report.unused).toEqual([{ from: header.firstSequence + header.count, to: all.length }]);
    expect(await everything(target)).toEqual(all.slice(0, header.firstSequence - 1));
    expect(report.damaged).toMatchObject([{ code: 'JOURNAL_CORRUPT', message: expect.any(String) }]);
  });

  it('goes around a segment that is missing, and says which events were in it', async () => {
    const { dir } = await shortLife();
    const all = await everything(dir);
    const [first = '', second = ''] = segmentFiles(dir);
    rmSync(first);
    const until = Number(/(\d+)\.wal$/.exec(second)?.[1]) - 1;
    const report = await salvage(dir, newDir());
    expect(report).toMatchObject({ firstSequence: until + 1, lastSequence: all.length });
    rmSync(second);
    const third = segmentFiles(dir)[0] ?? '';
    const target = newDir();
    expect(await salvage(dir, target)).toMatchObject({
      firstSequence: Number(/(\d+)\.wal$/.exec(third)?.[1]),
    });
  });

  it('takes the state of a snapshot alone when no event behind it is left', async () => {
    const { dir, snapshots } = await shortLife();
    for (const path of segmentFiles(dir)) rmSync(path);
    const target = newDir();
    const report = await salvage(dir, target);
    expect(report).toMatchObject({ commits: 0, firstSequence: 0, lastSequence: 0 });
    const loaded = await loadProjectionFromStorage(target, { readOnly: true });
    expect(loaded.snapshotSequence).toBe(snapshots[1]);
    const pawl = await openOrchestrator({ dataDir: target });
    expect(pawl.projections.runs.countByState('completed')).toBe(30);
    await pawl.close();
  });

  it('takes no frame for a commit that only lies in the payload of a damaged one', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    await journal.append(event(1));
    const inner = framesOf(readFileSync(newestSegment(dir)).subarray(0)).at(-1);
    const whole = readFileSync(newestSegment(dir)).subarray(inner?.offset, inner?.end);
    const entry = {
      type: 'LedgerEntryAppended' as const,
      ...{
        entryId: 'e',
        tenantId: 't',
        key: 'k',
        payload: encodePayload(new Uint8Array(whole), DEFAULT_LIMITS),
      },
    };
    await journal.append({ ...entry, sequence: 2, at: 1_000 });
    await journal.append(event(3));
    await journal.close();
    const { path, frame } = commitOf(dir, 2);
    flip(path, frame.offset + 10);
    const report = await salvage(dir, newDir());
    expect(report).toMatchObject({ firstSequence: 1, lastSequence: 1, commits: 1 });
    expect(report.lost).toEqual([{ from: 2, to: 2 }]);
    expect(report.unused).toEqual([{ from: 3, to: 3 }]);
  });

  it('takes none for a commit either when that payload is the last thing in the log', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    await journal.append(event(1));
    await journal.close();
    const path = newestSegment(dir);
    dropSeal(path);
    const bytes = readFileSync(path);
    const inner = frameBehind(bytes, heartbeatPayload(), { firstSequence: 9, batch: 40 });
    const outer = frameBehind(bytes, Buffer.concat([Buffer.alloc(200, 97), inner]));
    writeFileSync(path, Buffer.concat([bytes, outer]));
    flip(path, bytes.length + 60);
    const report = await salvage(dir, newDir());
    expect(report).toMatchObject({ lastSequence: 1, commits: 1, unused: [] });
  });

  it('takes nothing that only looks like a frame: no header, one that is cut off, one without room for it', async () => {
    const storage = new FaultyStorage();
    await (await openJournal('/data', { storage })).close();
    const journal = await openJournal('/data', { storage });
    await journal.append(event(1));
    storage.forgetProcess();
    const path = PATH;
    const bytes = storage.contents(path);
    const magic = Buffer.from('PWL\x01', 'latin1');
    const cut = frameBehind(bytes, Buffer.concat([Buffer.alloc(40, 97), magic, Buffer.alloc(60, 97)]));
    const junk = [Buffer.alloc(50, 97), magic, Buffer.alloc(60, 97), cut.subarray(0, -50)];
    storage.place(path, Buffer.concat([bytes, ...junk]));
    expect(await salvage('/data', '/new', { storage })).toMatchObject({
      lastSequence: 1,
      commits: 1,
      unused: [],
      damaged: [{ offset: bytes.length, bytes: Buffer.concat(junk).length, code: 'JOURNAL_CORRUPT' }],
    });
  });

  it('goes on behind what begins like a frame, and would end the log in a tear if it were one', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal('/data', { storage });
    await journal.append(event(1));
    storage.forgetProcess();
    const bytes = storage.contents(PATH);
    // The header that it is not would lie in two sectors, the second of which is zero.
    const sector = Math.ceil((bytes.length + 600) / 512) * 512;
    const text = Buffer.alloc(sector - bytes.length, 97);
    text.write('PWL\x01', text.length - 20, 'latin1');
    const before = Buffer.concat([bytes, text, Buffer.alloc(1_024)]);
    // What is before its batch proves nothing of another one.
    const frame = frameBehind(bytes, heartbeatPayload(), { firstSequence: 3, batch: 1 });
    storage.place(PATH, Buffer.concat([before, frame]));
    expect(await salvage('/data', '/new', { storage })).toMatchObject({
      lastSequence: 1,
      unused: [{ from: 3, to: 3 }],
      damaged: [{ offset: bytes.length, bytes: before.length - bytes.length }],
    });
  });

  it.each([-5, -3, -2, 0, 1])(
    'finds what follows a damaged place of a megabyte, also across what it looks at at a time: %i',
    async (shift) => {
      const write = async (
        nameLength: number,
      ): Promise<{ storage: FaultyStorage; damaged: number; next: number }> => {
        const storage = new FaultyStorage();
        const journal = await openJournal('/data', { storage, limits: { preallocateBytes: 0 } });
        await journal.append(event(1));
        await journal.append(event(2, 'a'.repeat(nameLength)));
        await journal.append(event(3));
        await journal.close();
        const [, , damaged, next] = framesOf(storage.contents(PATH));
        return { storage, damaged: damaged?.offset ?? 0, next: next?.offset ?? 0 };
      };
      const tried = await write(1_048_576);
      // The place behind the first byte that is looked at, a megabyte on.
      const wanted = tried.damaged + 1 + 1_048_576 + shift;
      const { storage, damaged, next } = await write(1_048_576 + wanted - tried.next);
      expect(next).toBe(wanted);
      const bytes = storage.contents(PATH);
      bytes.writeUInt8(bytes.readUInt8(damaged + 20) ^ 1, damaged + 20);
      storage.place(PATH, bytes);
      expect(await salvage('/data', '/new', { storage })).toMatchObject({
        lastSequence: 1,
        lost: [{ from: 2, to: 2 }],
        unused: [{ from: 3, to: 3 }],
        damaged: [{ offset: damaged, bytes: next - damaged }],
      });
    },
  );

  it('needs no head: then nothing is known to be lost, and epochs go on above those of the log', async () => {
    const { dir } = await shortLife();
    rmSync(join(dir, 'head'));
    const epochs = epochsOf(dir);
    const target = newDir();
    expect(await salvage(dir, target)).toMatchObject({ firstSequence: 1, lost: [] });
    expect(Math.min(...epochsOf(target))).toBeGreaterThan(Math.max(...epochs));
  });

  it.each(['/data/wal/', '/new.salvaging/wal/'])(
    'takes a storage that breaks its promises for no damage: %s',
    async (folder) => {
      const storage = new FaultyStorage();
      const journal = await openJournal('/data', { storage });
      await journal.append(event(1));
      await journal.close();
      const open = storage.open.bind(storage);
      storage.open = async (path, mode) => {
        const file = await open(path, mode);
        if (!path.startsWith(folder) || mode !== 'read') return file;
        const read = (): Promise<number> => Promise.resolve(Symbol('no number') as never);
        return Object.assign(Object.create(file) as typeof file, { read });
      };
      await expect(salvage('/data', '/new', { storage })).rejects.toThrow(TypeError);
      expect(await storage.stat('/new')).toBeUndefined();
    },
  );

  it('says why an orchestrator cannot open what is whole all the same', async () => {
    const dir = newDir();
    const journal = await openJournal(dir);
    await journal.append({ type: 'TaskCanceled', taskId: 'nobody', sequence: 1, at: 1 });
    await journal.close();
    const target = newDir();
    expect(await salvage(dir, target)).toMatchObject({
      lastSequence: 1,
      refused: { code: 'REPLAY_REFUSED' },
    });
    expect(await everything(target)).toHaveLength(1);
  });

  it('refuses when nothing is left, when the target is there, when its parent is not, and makes nothing then', async () => {
    const { dir } = await shortLife();
    const target = newDir();
    mkdirSync(target);
    await expect(salvage(dir, target)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
    await expect(salvage(dir, `${target}/a/b`)).rejects.toMatchObject({ code: 'DATA_DIR_MISSING' });
    for (const path of segmentFiles(dir)) writeFileSync(path, 'gone');
    for (const { path } of await verifySnapshots(dir)) flip(path, 100);
    const other = newDir();
    await expect(salvage(dir, other)).rejects.toMatchObject({ code: 'NOTHING_TO_SALVAGE' });
    expect(existsSync(other)).toBe(false);
    expect(existsSync(`${other}.salvaging`)).toBe(false);
  });

  it('tells of a torn end, and of none when there are only zeros ahead of the log', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal('/data', { storage });
    for (let sequence = 1; sequence <= 80; sequence++)
      await journal.append(event(sequence, 'a'.repeat(1_000)));
    storage.forgetProcess();
    const path = '/data/wal/00000000000000000001.wal';
    const bytes = storage.contents(path);
    expect(bytes.subarray(-4_096).every((byte) => byte === 0)).toBe(true);
    expect(await salvage('/data', '/one', { storage })).toMatchObject({ lastSequence: 80, damaged: [] });
    const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
    storage.place(path, bytes.subarray(0, used - 3));
    expect(await salvage('/data', '/two', { storage })).toMatchObject({
      lastSequence: 79,
      damaged: [{ code: 'TORN_TAIL', segment: path.slice(-24) }],
    });
  });

  it('of more than the queue of the log takes waits for the disk in between', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal('/data', { storage });
    for (let sequence = 1; sequence <= 100; sequence++)
      await journal.append(event(sequence, 'a'.repeat(1_000)));
    await journal.close();
    const few = { maxQueuedCommands: 7 };
    expect(await salvage('/data', '/one', { storage, limits: few })).toMatchObject({ commits: 100 });
    const small = { maxFrameBytes: 4_096, maxPayloadBytes: 1_024, maxQueuedBytes: 8_192 };
    expect(await salvage('/data', '/two', { storage, limits: small })).toMatchObject({ commits: 100 });
  });

  it('onto a disk that becomes full is refused by name, and nothing else is told', async () => {
    // A segment that is opened takes its time, so that refusals come while nobody waits for them.
    const later = (): Promise<void> => new Promise((resolve) => hostClock.yieldTurn(resolve));
    const storage = new FaultyStorage({
      turn: (operation) => (operation === 'open' ? later() : Promise.resolve()),
    });
    const journal = await openJournal('/data', { storage, limits: { segmentBytes: 20_000 } });
    for (let sequence = 1; sequence <= 100; sequence++)
      await journal.append(event(sequence, 'a'.repeat(1_000)));
    await journal.close();
    let writes = 0;
    storage.setFaults((operation, path) => {
      if (operation !== 'write' || !path.startsWith('/new') || !path.endsWith('.wal')) return undefined;
      return ++writes > 2 ? { kind: 'fail', errno: 'ENOSPC' } : undefined;
    });
    await expect(salvage('/data', '/new', { storage })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(await storage.stat('/new')).toBeUndefined();
  });

  it('writes on nothing that another one left unfinished', async () => {
    const { dir } = await shortLife();
    const target = newDir();
    mkdirSync(`${target}.salvaging`);
    await expect(salvage(dir, target)).rejects.toMatchObject({
      code: 'TARGET_EXISTS',
      data: { path: `${target}.salvaging` },
    });
    expect(readdirSync(`${target}.salvaging`)).toEqual([]);
  });
});
