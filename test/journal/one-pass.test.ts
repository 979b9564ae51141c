// A start reads the log once: what is checked is what is folded and what is written anew. Until it is durable under
// the segment's name nothing is trusted, and a refusal leaves every byte where it was.
import { describe, expect, it } from '@jest/globals';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { writeSeal } from '../../src/journal/control-frames.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { FRAME_HEADER_BYTES, FRAME_KIND } from '../../src/journal/frame.js';
import { readHead } from '../../src/journal/head-file.js';
import type { LogConsumer } from '../../src/journal/journal-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { loadProjectionFromStorage } from '../../src/journal/load-projection.js';
import { openJournalOn, type OpenJournalOptions } from '../../src/journal/open-journal-on.js';
import { openJournal, openWalWriter, verify } from '../../src/journal/open-journal.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import type { Storage } from '../../src/journal/storage.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { counting } from './counting-storage.js';
import { at } from './recovery-files.js';
import { actorsOf, event, frameBehind, framesOf } from './wal-fixtures.js';

const FIRST = '/data/wal/00000000000000000001.wal';
const ids = uuidV7(hostClock, hostRandom());

/** A disk with a log of tenants in several segments; the newest is not sealed unless it was closed. */
async function logOn(events: number, close: boolean, segmentBytes = 100_000): Promise<FaultyStorage> {
  const storage = new FaultyStorage();
  const limits = { segmentBytes };
  const writer = await openWalWriter('/data', { storage, limits });
  for (let sequence = 1; sequence <= events; sequence++) {
    const tenantId = `t${String(sequence)}`;
    await writer.append(at(sequence, 1_000, 'TenantCreated', { tenantId, name: 'x'.repeat(60) }));
  }
  if (close) await writer.close();
  else storage.kill();
  return storage;
}

async function filesOf(storage: FaultyStorage): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const folder of ['wal', 'snapshots', 'quarantine']) {
    for (const name of await storage.readdir(`/data/${folder}`))
      files[`${folder}/${name}`] = storage.contents(`/data/${folder}/${name}`).toString('hex');
  }
  return files;
}

function open(storage: Storage, more: Partial<OpenJournalOptions> = {}): Promise<Journal> {
  const backend = new FileBackend(storage, '/data');
  return openJournalOn(backend, { clock: hostClock, ids, repair: 'truncate-partial', ...more });
}

describe('a start', () => {
  it.each([
    ['that was closed', true],
    ['that was not', false],
  ])('reads each byte of a log %s once', async (_name, close) => {
    const disk = await logOn(300, close, 8_000);
    const names = await disk.readdir('/data/wal');
    expect(names.length).toBeGreaterThan(3);
    const sizes = names.map((name) => disk.contents(`/data/wal/${name}`).length);
    const { storage, bytesRead } = counting(disk);
    const loaded = await loadProjectionFromStorage('/data', { storage, repair: 'truncate-partial' });
    expect(loaded.projections.sequence).toBe(300);
    // The end of the newest is looked at first, for its seal.
    const read = names.map((name) => bytesRead.get(`/data/wal/${name}`) ?? 0);
    const newest = read.pop() ?? 0;
    expect(read).toEqual(sizes.slice(0, -1));
    expect(newest - (sizes.at(-1) ?? 0)).toBeLessThanOrEqual(100);
    await loaded.writer?.close();
  });

  it('writes to a new file what it checked, and nothing is seen under the name before that is durable', async () => {
    const disk = await logOn(3, false);
    const steps: string[] = [];
    disk.setFaults((operation, path) => {
      if (['write', 'datasync', 'rename', 'syncDir', 'unlink'].includes(operation))
        steps.push(`${operation} ${path.replace('/data/', '')}`);
      return undefined;
    });
    const journal = await open(disk);
    expect(steps).toEqual([
      'unlink wal/00000000000000000001.wal.tmp',
      'write wal/00000000000000000001.wal.tmp',
      'datasync wal/00000000000000000001.wal.tmp',
      'rename wal/00000000000000000001.wal.tmp',
      'syncDir wal',
    ]);
    await journal.close();
  });

  it('trusts no page that a crash left under the temporary name', async () => {
    const disk = await logOn(3, false);
    const good = disk.contents(FIRST);
    // Written, its fsync failed, and the machine went on: the cache shows what the disk will never have.
    const file = await disk.open(`${FIRST}.tmp`, 'create');
    await file.write(good, 0, good.length, 0);
    disk.failNext('datasync', 'EIO');
    await expect(file.datasync()).rejects.toThrow('EIO');
    await disk.syncDir('/data/wal');
    disk.forgetProcess();
    await open(disk);
    disk.crash(() => 0.5);
    const again = await open(disk);
    expect(again.currentSequence).toBe(3);
    await again.close();
  });
});

describe('a refusal leaves every byte where it was', () => {
  const consumer = (refuse: 'from' | 'apply' | 'end'): LogConsumer => {
    const unless = (step: string): void => {
      if (step === refuse) throw new Error(`no ${step}`);
    };
    return {
      lastAt: 0,
      from: async () => {
        await Promise.resolve();
        unless('from');
        return 1;
      },
      apply: () => {
        unless('apply');
      },
      end: () => {
        unless('end');
      },
    };
  };

  it.each(['from', 'apply', 'end'] as const)('when recovery refuses at %s', async (step) => {
    const disk = await logOn(3, false);
    const bytes = disk.contents(FIRST);
    disk.place(FIRST, Buffer.concat([bytes, bytes.subarray(0, 20)]));
    const before = await filesOf(disk);
    await expect(open(disk, { load: consumer(step) })).rejects.toThrow(`no ${step}`);
    expect(await filesOf(disk)).toEqual(before);
    const journal = await open(disk, { load: consumer('from' === step ? 'apply' : 'from') }).catch(() =>
      open(disk),
    );
    expect(journal.repaired).toMatchObject({ offset: bytes.length, bytes: 20 });
    await journal.close();
  });

  it('when strict meets a torn end, and when the newest segment is damaged', async () => {
    const disk = await logOn(3, false);
    const bytes = disk.contents(FIRST);
    disk.place(FIRST, Buffer.concat([bytes, bytes.subarray(0, 20)]));
    const torn = await filesOf(disk);
    await expect(open(disk, { repair: 'strict' })).rejects.toMatchObject({ code: 'TORN_TAIL' });
    expect(await filesOf(disk)).toEqual(torn);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 100] = (flipped[bytes.length - 100] ?? 0) ^ 1;
    disk.place(FIRST, flipped);
    const damaged = await filesOf(disk);
    await expect(open(disk)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
    expect(await filesOf(disk)).toEqual(damaged);
  });

  it.each(['open', 'write', 'datasync', 'rename', 'syncDir'] as const)(
    'when the new file cannot be made (%s); the next start succeeds',
    async (operation) => {
      const disk = await logOn(3, false);
      const before = await filesOf(disk);
      disk.setFaults((begun, path) =>
        begun === operation && (path.endsWith('.wal.tmp') || path.endsWith('/wal'))
          ? { kind: 'fail', errno: 'ENOSPC' }
          : undefined,
      );
      await expect(open(disk)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
      disk.setFaults(undefined);
      expect(await filesOf(disk)).toEqual(before);
      await (await open(disk)).close();
    },
  );

  it('and damage behind the commit that recovery refused is what is told', async () => {
    const disk = await logOn(300, true, 8_000);
    const last = (await disk.readdir('/data/wal')).at(-1) ?? '';
    const bytes = disk.contents(`/data/wal/${last}`);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
    disk.place(`/data/wal/${last}`, bytes);
    await expect(open(disk, { load: consumer('apply') })).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { segment: last },
    });
  });
});

describe('a torn payload that ends in what looks like the seal', () => {
  it('is cut like any other, and the good frames before it are written anew', async () => {
    const disk = await logOn(2, false);
    const bytes = disk.contents(FIRST);
    // A batch whose payload ends in a whole seal that counts its own place right, and lost a sector before it.
    const torn = bytes.length;
    const seal = new RecordWriter(64);
    const inside = torn + FRAME_HEADER_BYTES + 2_000;
    writeSeal(seal, { events: 2, lastSequence: 2, runningCrc: 1, frames: 3, bytes: inside });
    const sealPayload = Buffer.from(seal.bytes.subarray(0, seal.position));
    const looksLikeSeal = frameBehind(bytes, sealPayload, {
      kind: FRAME_KIND.seal,
      count: 0,
      // As if head knew it to be durable.
      batch: (await readHead(disk, '/data/head'))?.batch ?? 0,
    });
    const frame = frameBehind(bytes, Buffer.concat([Buffer.alloc(2_000, 97), looksLikeSeal]));
    const image = Buffer.concat([bytes, frame]);
    const hole = Math.ceil((torn + FRAME_HEADER_BYTES) / 512) * 512;
    image.fill(0, hole, hole + 512);
    disk.place(FIRST, image);
    await expect(verify('/data', { storage: disk })).rejects.toMatchObject({ code: 'TORN_TAIL' });
    const journal = await openJournal('/data', { storage: disk, repair: 'truncate-partial' });
    expect(journal.repaired).toMatchObject({ offset: torn, bytes: frame.length });
    expect((await actorsOf(journal)).length).toBe(2);
    expect(framesOf(disk.contents(FIRST)).at(-1)?.end).toBe(torn);
    await journal.append(event(3));
    await journal.close();
    expect(await verify('/data', { storage: disk })).toMatchObject({ lastSequence: 3, sealed: true });
  });
});

describe('a seal that nothing proves durable', () => {
  it.each([
    ['head knows of less', false],
    ['head is gone', true],
  ])('is written anew with what it stands behind, before anything follows it: %s', async (_why, gone) => {
    const disk = await logOn(3, false);
    const journal = await openJournal('/data', { storage: disk });
    await journal.append(at(4, 1_000, 'TenantCreated', { tenantId: 't4', name: 'n' }));
    // The process ends when the seal is in the cache and its fsync was not begun.
    disk.setFaults((operation, path) =>
      operation === 'datasync' && path === FIRST ? { kind: 'halt', when: 'before' } : undefined,
    );
    void journal.close();
    while (!disk.halted) await new Promise((resolve) => hostClock.yieldTurn(() => resolve(undefined)));
    expect(framesOf(disk.contents(FIRST)).at(-1)?.header.kind).toBe(FRAME_KIND.seal);
    disk.forgetProcess();
    if (gone) await disk.unlink('/data/head');
    const again = await openJournal('/data', { storage: disk, limits: { segmentBytes: 300 } });
    await again.append(at(5, 1_000, 'TenantCreated', { tenantId: 't5', name: 'n' }));
    disk.crash(() => 0.5);
    const third = await openJournal('/data', { storage: disk, repair: 'truncate-partial' });
    expect([third.currentSequence, third.repaired]).toEqual([5, undefined]);
    await third.close();
  });
});

describe('a log without an event', () => {
  it('whose first segment was made and never used may begin anywhere, as if it had never been', async () => {
    const disk = new FaultyStorage();
    const writer = await openWalWriter('/data', { storage: disk });
    await writer.append(event(5));
    disk.kill();
    const name = '/data/wal/00000000000000000005.wal';
    const bytes = disk.contents(name);
    disk.place(name, bytes.subarray(0, framesOf(bytes)[0]?.end));
    // It would know of the event.
    await disk.unlink('/data/head');
    const journal = await openJournal('/data', { storage: disk });
    expect(journal.currentSequence).toBe(0);
    await journal.append(event(9));
    await journal.close();
    // Its header names no seal before it: the log begins here.
    const [header] = framesOf(disk.contents('/data/wal/00000000000000000009.wal'));
    expect(header?.header.previousCrc).toBe(0);
    expect(await verify('/data', { storage: disk })).toMatchObject({ firstSequence: 9, lastSequence: 9 });
  });
});
