// What must survive the worst power cut, in which nothing that was not synced is there: the directory, a new segment,
// what a repair writes and keeps, and the witness outside the log. And what an opening takes over from before.
import { describe, expect, it } from '@jest/globals';
import { HeadKeeper } from '../../src/journal/head-keeper.js';
import {
  SnapshotWriter,
  loadProjectionFromStorage,
  openJournal,
  openWalReader,
  verify,
  type JournalHandle,
} from '../../src/journal/index.js';
import type { Storage } from '../../src/journal/storage.js';
import { silentLogger } from '../../src/logger.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { Random } from '../support/random.js';
import { DIR, HEAD, countedIds, usedBytes, usedFrames } from './damage-fixture.js';
import { recordingLogger } from './recovery-files.js';
import { smallSnapshot } from './snapshot-samples.js';
import { event } from './wal-fixtures.js';

const FIRST = `${DIR}/wal/00000000000000000001.wal`;

/** Nothing that was not synced survives: no sector, no name. */
function loseUnsynced(storage: FaultyStorage): void {
  storage.crash(() => 0.5);
}

class Disk {
  readonly storage = new FaultyStorage();
  readonly clock = new ManualClock();
  private readonly ids = countedIds();

  open(more: Parameters<typeof openJournal>[1] = {}): Promise<JournalHandle> {
    const { storage, clock, ids } = this;
    return openJournal(DIR, { storage, clock, ids, repair: 'truncate-partial', ...more });
  }

  /** Cuts the last commit off, with everything behind it. */
  loseLastCommit(): void {
    const bytes = this.storage.contents(FIRST);
    const commits = usedFrames(bytes).filter(({ header }) => header.count > 0);
    this.storage.place(FIRST, bytes.subarray(0, commits.at(-1)?.offset));
  }

  async expectMissed(watermark: number): Promise<void> {
    await expect(this.open()).rejects.toMatchObject({
      code: 'ACKNOWLEDGED_DATA_MISSING',
      data: { watermark },
    });
  }
}

describe('the worst power cut', () => {
  it('leaves a new directory with its first commit', async () => {
    const disk = new Disk();
    await (await disk.open()).append(event(1));
    loseUnsynced(disk.storage);
    const again = await disk.open({ expectExisting: true });
    expect(again.currentSequence).toBe(1);
  });

  it('leaves them also when head could not be written, whose name is synced beside those of the folders', async () => {
    const disk = new Disk();
    disk.storage.setFaults((operation, path) =>
      operation === 'open' && path === HEAD ? { kind: 'fail', errno: 'EIO' } : undefined,
    );
    await (await disk.open()).append(event(1));
    loseUnsynced(disk.storage);
    expect((await disk.open({ expectExisting: true })).currentSequence).toBe(1);
  });

  it('leaves every segment that was begun, whatever was in it', async () => {
    const disk = new Disk();
    const journal = await disk.open({ limits: { segmentBytes: 300 } });
    for (let sequence = 1; sequence <= 12; sequence++) {
      await journal.append(event(sequence));
    }
    loseUnsynced(disk.storage);
    const again = await disk.open();
    expect([again.currentSequence, again.repaired]).toEqual([12, undefined]);
    const segments = (await disk.storage.readdir(`${DIR}/wal`)).filter((name) => name.endsWith('.wal'));
    expect(segments.length).toBeGreaterThan(3);
  });

  it('right after an opening leaves what the opening found', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 5; sequence++) await journal.append(event(sequence));
    for (let times = 0; times < 3; times++) {
      loseUnsynced(disk.storage);
      expect((await disk.open()).currentSequence).toBe(5);
    }
  });

  it('after a repair leaves what was cut in quarantine, and what was appended since', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) await journal.append(event(sequence));
    const bytes = disk.storage.contents(FIRST);
    const torn = bytes.subarray(0, usedBytes(bytes) - 4);
    disk.storage.forgetProcess();
    disk.storage.place(FIRST, torn);
    const again = await disk.open();
    const { repaired } = again;
    expect([again.currentSequence, repaired?.segment]).toEqual([2, '00000000000000000001.wal']);
    await again.append(event(3, 'other'));
    loseUnsynced(disk.storage);
    const kept = disk.storage.contents(`${DIR}/${repaired?.quarantine ?? ''}`);
    expect(kept.equals(torn.subarray(repaired?.offset))).toBe(true);
    const third = await disk.open();
    expect([third.currentSequence, third.repaired]).toEqual([3, undefined]);
  });
});

describe('the witness outside the log', () => {
  it('survives the power cut behind a close', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) await journal.append(event(sequence));
    await journal.close();
    loseUnsynced(disk.storage);
    disk.loseLastCommit();
    await disk.expectMissed(3);
  });

  it('is written when the log is idle', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) await journal.append(event(sequence));
    await disk.clock.advance(500);
    loseUnsynced(disk.storage);
    disk.loseLastCommit();
    await disk.expectMissed(3);
  });

  it('is written every second of traffic', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    await journal.append(event(1));
    // Time goes by without a moment of rest.
    let monotonicMs = 0;
    disk.clock.monotonicMs = () => (monotonicMs += 600);
    for (let sequence = 2; sequence <= 6; sequence++) await journal.append(event(sequence));
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    loseUnsynced(disk.storage);
    disk.storage.place(FIRST, disk.storage.contents(FIRST).subarray(0, 240));
    await expect(disk.open()).rejects.toMatchObject({ code: 'ACKNOWLEDGED_DATA_MISSING' });
  });

  it('is written every thousand batches, however little time they take', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 1_001; sequence++) await journal.append(event(sequence));
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    // The first batch of a writer is told too, in the other slot.
    expect(disk.storage.contents(HEAD).readUInt32LE(16)).toBeGreaterThanOrEqual(1_000);
  });

  it('that cannot be written costs a line of the log and no commit', async () => {
    const disk = new Disk();
    const { logger, lines } = recordingLogger();
    const journal = await disk.open({ logger });
    disk.storage.setFaults((operation, path) =>
      path === HEAD && operation === 'write' ? { kind: 'fail', errno: 'EIO' } : undefined,
    );
    await journal.append(event(1));
    await disk.clock.advance(60);
    await journal.append(event(2));
    await journal.close();
    expect(lines.filter(({ message }) => message === 'head not written').length).toBeGreaterThan(0);
    expect((await disk.open()).currentSequence).toBe(2);
  });

  it('goes on counting where the last opening stopped', async () => {
    const disk = new Disk();
    for (let sequence = 1; sequence <= 3; sequence++) {
      const journal = await disk.open();
      await journal.append(event(sequence));
      await journal.close();
      disk.storage.forgetProcess();
    }
    await disk.storage.unlink(`${DIR}/wal/00000000000000000003.wal`);
    await disk.expectMissed(3);
  });

  it('still knows what it knew before when what was written last is damaged', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) {
      await journal.append(event(sequence));
      await disk.clock.advance(500);
    }
    disk.storage.forgetProcess();
    const slots = disk.storage.contents(HEAD);
    const generations = [0, 512].map((at) => slots.readUInt32LE(at + 8));
    const newest = (generations[0] ?? 0) > (generations[1] ?? 0) ? 0 : 512;
    const known = slots.readUInt32LE(512 - newest + 16);
    slots.writeUInt8(slots.readUInt8(newest + 30) ^ 1, newest + 30);
    disk.storage.place(HEAD, slots);
    const commits = usedFrames(disk.storage.contents(FIRST)).filter(({ header }) => header.count > 0);
    disk.storage.place(FIRST, disk.storage.contents(FIRST).subarray(0, commits[0]?.end));
    expect(known).toBeGreaterThan(1);
    await disk.expectMissed(known);
  });

  it('of an earlier opening never counts more than what was written since', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 4; sequence++) {
      await journal.append(event(sequence));
      await disk.clock.advance(500);
    }
    disk.storage.forgetProcess();
    // One slot is written: the other one still holds what the first opening wrote last.
    await (await disk.open()).append(event(5));
    disk.storage.forgetProcess();
    disk.loseLastCommit();
    await disk.expectMissed(5);
  });

  it('is written once at a time', async () => {
    let now = 0;
    let writing = 0;
    let most = 0;
    let writes = 0;
    const file = {
      read: () => Promise.resolve(0),
      write: async () => {
        writes++;
        most = Math.max(most, ++writing);
        await new Promise((resolve) => setTimeout(resolve, 1));
        writing--;
      },
      datasync: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const storage = { open: () => Promise.resolve(file), syncDir: () => Promise.resolve() };
    const clock = new ManualClock();
    clock.monotonicMs = () => (now += 2_000);
    const paths = { root: DIR, head: HEAD };
    const keeper = new HeadKeeper(storage as object as Storage, paths, 0, { clock, logger: silentLogger });
    const position = { epoch: 1, durableSequence: 1, segment: 1, batch: 1, logId: '' };
    for (let count = 0; count < 5; count++) {
      void keeper.after(position);
      await Promise.resolve();
    }
    await keeper.now(position);
    await keeper.close();
    expect([most, writes]).toEqual([1, 2]);
  });

  it('is closed only when what is being written there is durable', async () => {
    const storage = new FaultyStorage();
    await storage.mkdir(DIR);
    const steps: string[] = [];
    storage.setFaults((operation) => {
      steps.push(operation);
      return undefined;
    });
    const clock = new ManualClock();
    const paths = { root: DIR, head: HEAD };
    const keeper = new HeadKeeper(storage, paths, 0, { clock, logger: silentLogger });
    const position = { epoch: 1, durableSequence: 1, segment: 1, batch: 1, logId: '' };
    await keeper.now(position);
    steps.length = 0;
    clock.monotonicMs = () => 2_000;
    void keeper.after({ ...position, durableSequence: 2 });
    await keeper.close();
    expect(steps).toEqual(['read', 'write', 'datasync', 'close']);
  });
});

describe('an opening', () => {
  it('removes what crashes left of segments, and never builds on it', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) await journal.append(event(sequence));
    disk.storage.forgetProcess();
    const left = Buffer.alloc(4_096, 0x78);
    disk.storage.place(`${FIRST}.tmp`, left);
    disk.storage.place(`${DIR}/wal/00000000000000000009.wal.tmp`, left);
    const again = await disk.open();
    await again.append(event(4));
    await again.close();
    expect((await disk.storage.readdir(`${DIR}/wal`)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect((await disk.open({ repair: 'strict' })).currentSequence).toBe(4);
  });

  it('goes on as the same log, in a later epoch, when only head and a snapshot are left', async () => {
    const disk = new Disk();
    for (let sequence = 1; sequence <= 3; sequence++) {
      const journal = await disk.open();
      await journal.append(event(sequence));
      await journal.close();
      disk.storage.forgetProcess();
    }
    const logId = logIdOf(disk.storage.contents(FIRST));
    for (const sequence of [1, 2, 3]) {
      await disk.storage.unlink(`${DIR}/wal/0000000000000000000${String(sequence)}.wal`);
    }
    const { storage, clock } = disk;
    const snapshot = new SnapshotWriter(`${DIR}/snapshots/3.snapshot`, { storage });
    await snapshot.write(smallSnapshot(3));
    await snapshot.close();
    const ids = { nextId: () => '01890000-0000-7000-8000-777777777777' };
    const loaded = await loadProjectionFromStorage(DIR, { storage, clock, ids });
    await loaded.writer?.append(event(4));
    const bytes = storage.contents(`${DIR}/wal/00000000000000000004.wal`);
    expect(usedFrames(bytes).map(({ header }) => header.epoch)).toEqual([4, 4]);
    expect(logIdOf(bytes)).toBe(logId);
  });

  it('is refused when head is of another log', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) await journal.append(event(sequence));
    await journal.close();
    const head = Buffer.from(disk.storage.contents(HEAD));
    const other = new FaultyStorage();
    const ids = { nextId: () => '01890000-0000-7000-8000-999999999999' };
    const short = await openJournal(DIR, { storage: other, ids });
    await short.append(event(1));
    await short.close();
    disk.storage.place(HEAD, other.contents(HEAD));
    await expect(disk.open()).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { reason: 'sealMismatch' },
    });
    disk.storage.place(HEAD, head);
    expect((await disk.open()).currentSequence).toBe(3);
  });

  it('takes away a segment without events, which would fix where the log begins', async () => {
    const disk = new Disk();
    await (await disk.open()).append(event(1));
    const bytes = disk.storage.contents(FIRST);
    disk.storage.forgetProcess();
    disk.storage.place(FIRST, bytes.subarray(0, usedFrames(bytes)[0]?.end));
    // It would know of the event.
    await disk.storage.unlink(HEAD);
    const journal = await disk.open();
    await journal.append(event(5));
    await journal.close();
    const again = await disk.open();
    expect(again.currentSequence).toBe(5);
    expect(await disk.storage.stat(FIRST)).toBeUndefined();
  });

  it('takes it away before another one is made, wherever the power goes', async () => {
    let reached = 0;
    for (let at = 0, halted = true; halted; at++) {
      for (let seed = 1; seed <= 12; seed++) {
        const disk = new Disk();
        await (await disk.open()).append(event(1));
        const bytes = disk.storage.contents(FIRST);
        disk.storage.kill();
        disk.storage.place(FIRST, bytes.subarray(0, usedFrames(bytes)[0]?.end));
        await disk.storage.unlink(HEAD);
        await disk.storage.syncDir(DIR);
        let left = at;
        const journal = await disk.open();
        disk.storage.setFaults(() => (left-- === 0 ? { kind: 'halt', when: 'after' } : undefined));
        const appended = journal.append(event(5));
        for (let turn = 0; turn < 200; turn++) await Promise.resolve();
        ({ halted } = disk.storage);
        if (!halted) await appended;
        reached = Math.max(reached, at);
        const random = new Random(seed);
        disk.storage.crash(() => random.unit());
        const again = await disk.open();
        expect(halted ? [0, 5] : [5]).toContain(again.currentSequence);
      }
    }
    expect(reached).toBeGreaterThan(6);
  });

  it('that found nothing and appended nothing leaves a log that is empty and whole', async () => {
    const disk = new Disk();
    const { storage } = disk;
    await (await disk.open()).close();
    const empty = { segments: 0, commits: 0, firstSequence: 0, lastSequence: 0, sealed: false, torn: false };
    expect(await verify(DIR, { storage })).toEqual(empty);
    expect(await openWalReader(DIR, { storage })).toMatchObject({ isEmpty: true, currentSequence: 0 });
    expect((await disk.open()).currentSequence).toBe(0);
  });

  it('waits for the lock as long as it was told, and no longer', async () => {
    const disk = new Disk();
    const first = await disk.open();
    const second = disk.open({ lockWaitMs: 1_000 });
    const third = expect(disk.open({ lockWaitMs: 200 })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    await disk.clock.advance(500);
    await third;
    await first.close();
    await disk.clock.advance(400);
    expect((await second).currentSequence).toBe(0);
  });

  it('numbers its epoch one above the last', async () => {
    const disk = new Disk();
    for (let sequence = 1; sequence <= 3; sequence++) {
      await (await disk.open()).append(event(sequence));
      disk.storage.forgetProcess();
    }
    const epochs = usedFrames(disk.storage.contents(FIRST))
      .filter(({ header }) => header.count > 0)
      .map(({ header }) => header.epoch);
    expect(epochs).toEqual([1, 2, 3]);
  });

  it('that is refused lets go of the directory', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) await journal.append(event(sequence));
    await journal.close();
    const whole = disk.storage.contents(FIRST);
    disk.loseLastCommit();
    await disk.expectMissed(3);
    disk.storage.place(FIRST, whole);
    expect((await disk.open()).currentSequence).toBe(3);
  });
});

describe('an opening that fails', () => {
  it('at its last step lets go of the directory', async () => {
    const disk = new Disk();
    await (await disk.open()).close();
    let looks = 0;
    // The lock file is looked at when everything else has been done.
    disk.storage.setFaults((operation, path) =>
      operation === 'stat' && path === `${DIR}/lock` && looks++ === 0
        ? { kind: 'fail', errno: 'EIO' }
        : undefined,
    );
    await expect(disk.open()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(looks).toBe(1);
    expect((await disk.open()).currentSequence).toBe(0);
  });

  it('to say in the lock file who holds it lets go of it', async () => {
    const disk = new Disk();
    const lock = disk.storage.lock.bind(disk.storage);
    disk.storage.lock = async (path) => {
      const outcome = await lock(path);
      if (outcome.kind === 'held') outcome.lock.describe = () => Promise.reject(new Error('EIO'));
      return outcome;
    };
    await expect(disk.open()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    disk.storage.lock = lock;
    expect((await disk.open()).currentSequence).toBe(0);
  });
});

describe('a reader without the lock', () => {
  it('shows what a repair left of a batch: from then on it is durable', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    await Promise.all([1, 2, 3].map((sequence) => journal.append(event(sequence))));
    const bytes = disk.storage.contents(FIRST);
    disk.storage.forgetProcess();
    disk.storage.place(FIRST, bytes.subarray(0, usedBytes(bytes) - 4));
    await disk.storage.unlink(HEAD);
    const before = await openWalReader(DIR, { storage: disk.storage });
    expect(before.currentSequence).toBe(0);
    const repaired = await disk.open();
    expect(repaired.currentSequence).toBe(2);
    const reader = await openWalReader(DIR, { storage: disk.storage });
    expect(await sequences(reader, { from: 1 })).toEqual([1, 2]);
  });

  it('shows what stands before the damage, and then the damage', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 5; sequence++) await journal.append(event(sequence));
    await journal.close();
    const bytes = disk.storage.contents(FIRST);
    const third = usedFrames(bytes)[3];
    bytes.writeUInt8(bytes.readUInt8((third?.end ?? 1) - 1) ^ 1, (third?.end ?? 1) - 1);
    disk.storage.place(FIRST, bytes);
    const reader = await openWalReader(DIR, { storage: disk.storage });
    expect(reader.currentSequence).toBe(2);
    expect(await sequences(reader, { from: 1, to: 2 })).toEqual([1, 2]);
    await expect(sequences(reader, { from: 1 })).rejects.toMatchObject({ data: { offset: third?.offset } });
    await expect(sequences(reader, { from: 1, to: 3 })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });
});

async function sequences(
  reader: Pick<JournalHandle, 'read'>,
  range: { readonly from: number; readonly to?: number },
): Promise<number[]> {
  const found: number[] = [];
  for await (const commit of reader.read(range)) found.push(commit.firstSequence);
  return found;
}

describe('commits of any size and contents', () => {
  it('full of zeros, larger than a chunk, and across chunks are read back as they were', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    const names = [
      '\0'.repeat(3_000),
      ...['a', 'b', 'c', 'd'].map((name) => name.repeat(300_000)),
      'e'.repeat(2_000_000),
    ];
    for (const [index, name] of names.entries()) await journal.append(event(index + 1, name));
    await journal.close();
    disk.storage.forgetProcess();
    const again = await disk.open();
    const found: string[] = [];
    for await (const { events } of again.read({ from: 1 }))
      for (const one of events) if (one.type === 'ActorHeartbeat') found.push(one.actorId);
    expect(found).toEqual(names);
  });
});

describe('a disk that cannot be read', () => {
  it('is said with the place, and so is a file that became shorter meanwhile', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    for (let sequence = 1; sequence <= 3; sequence++) await journal.append(event(sequence));
    await journal.close();
    const { storage } = disk;
    storage.setFaults((operation, path) =>
      operation === 'read' && path === FIRST ? { kind: 'fail', errno: 'EIO' } : undefined,
    );
    const data = { reason: 'io', segment: '00000000000000000001.wal' };
    await expect(verify(DIR, { storage })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', data });
    storage.setFaults(undefined);
    // The size is asked for first; then the file ends before it.
    const { sizeBytes, ...stat } = { ...(await (await storage.open(FIRST, 'read')).stat()) };
    const open = storage.open.bind(storage);
    storage.open = async (path, mode) => {
      const file = await open(path, mode);
      return path === FIRST ? { ...file, stat: async () => ({ ...stat, sizeBytes: sizeBytes + 9 }) } : file;
    };
    await expect(verify(DIR, { storage })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', data });
  });
});

describe('a segment that is moved away while it is open', () => {
  it('poisons at the next look, though its file is still there', async () => {
    const disk = new Disk();
    const journal = await disk.open();
    await journal.append(event(1));
    await disk.storage.rename(FIRST, `${DIR}/wal/elsewhere`);
    await disk.clock.advance(2_000);
    await expect(journal.append(event(2))).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
  });
});

/** Identity of the log, as the header of a segment gives it. */
function logIdOf(bytes: Buffer): string {
  return /01890000-0000-7000-8000-\d{12}/.exec(bytes.toString('latin1'))?.[0] ?? '';
}
