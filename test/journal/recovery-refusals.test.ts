// What recovery says when it cannot go on, whatever the reason: always a typed error with the stage at which the start
// was refused. And that a start on a log which is open counts what it applied, and comes to the same.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { CommitDecoder, encodeCommit } from '../../src/journal/commit-codec.js';
import {
  commitTooLarge,
  decodeOrRefuse,
  describe as said,
  inDirectory,
  keptForOthers,
  refusedCommit,
} from '../../src/journal/journal-errors.js';
import { openJournal } from '../../src/journal/index.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { repair } from '../../src/journal/offline-repair.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { eventsOf } from '../../src/journal/recovery-count.js';
import { Recovery } from '../../src/journal/recovery.js';
import { pourSnapshot, type Snapshot } from '../../src/journal/snapshot-model.js';
import { SnapshotEncoder } from '../../src/journal/snapshot-writer-encoder.js';
import { transitionTable } from '../../src/machines/transition-table.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { DIR, HEAD } from './damage-fixture.js';
import { sampleSnapshot, sampleTask, smallSnapshot } from './snapshot-samples.js';
import { event } from './wal-fixtures.js';

const clock = hostClock;

function bytesOf(snapshot: Snapshot): Buffer {
  const encoder = new SnapshotEncoder();
  pourSnapshot(snapshot, encoder);
  return Buffer.from(encoder.take());
}

const reach = { firstSequence: 0, lastSequence: 0, knownSequence: 0 };

describe('a start', () => {
  it('applies what is there, and says when it begins', async () => {
    const backend = new MemoryBackend();
    const ids = uuidV7(clock, hostRandom());
    const before = await openJournalOn(backend, { clock, ids });
    for (const actorId of ['a', 'b', 'c']) await appendDurably(before, [pausedOr(actorId)]);
    await before.close();
    let begun = 0;
    const load = new Recovery({ backend, clock, transitions: transitionTable, onBegin: () => begun++ });
    const journal = await openJournalOn(backend, { clock, ids, load });
    const recovered = await load.finish(journal);
    expect(recovered.observations).toMatchObject({ walReplayEventsApplied: 3, eventsAppliedTotal: 3 });
    expect([recovered.projections.sequence, begun]).toEqual([3, 1]);
    await journal.close();
    await expect(appendDurably(journal, [heartbeat('b')])).rejects.toMatchObject({ code: 'CLOSED' });
  });

  function pausedOr(actorId: string): ReturnType<typeof heartbeat> {
    if (actorId === 'a')
      return {
        type: 'ActorRegistered',
        sequence: 0,
        at: 0,
        actorId: 'b',
        identity: 'b',
        capabilities: [],
        heartbeatIntervalMs: 1_000,
      };
    return heartbeat('b');
  }
});

describe('recovery is refused', () => {
  it('at the snapshot, with an error that is no own one kept as its cause', async () => {
    const cause = new Error('what is this');
    const backend = new MemoryBackend();
    backend.snapshots.list = () => Promise.reject(cause);
    await expect(new Recovery({ backend, clock }).from()).rejects.toMatchObject({
      code: 'INTERNAL',
      data: { stage: 'snapshot' },
      cause,
    });
  });

  it('at reading, by a commit that cannot be decoded', async () => {
    const recovery = new Recovery({ backend: {}, clock });
    await recovery.from();
    const bytes = Buffer.from([1]);
    expect(() => {
      recovery.apply([{ bytes, from: 0, end: 1, firstSequence: 1, count: 1, segment: 's', offset: 9 }]);
    }).toThrow(
      expect.objectContaining({
        code: 'JOURNAL_CORRUPT',
        data: { stage: 'read', reason: 'decodeFailure', segment: 's', offset: 9, expectedSeq: 1 },
      }),
    );
  });

  it('at replay, by an event that the state refuses', async () => {
    const recovery = new Recovery({ backend: {}, clock });
    await recovery.from();
    const out = new RecordWriter();
    encodeCommit({ header: { at: 1 }, events: [{ type: 'EngineResumed', sequence: 1, at: 1 }] }, out);
    expect(() => {
      recovery.apply([{ bytes: out.bytes, from: 0, end: out.position, firstSequence: 1, count: 1 }]);
    }).toThrow(
      expect.objectContaining({ code: 'REPLAY_REFUSED', data: expect.objectContaining({ stage: 'replay' }) }),
    );
  });

  it('when the log is empty and head knows of more than the snapshot', async () => {
    const backend = new MemoryBackend();
    backend.snapshots.kept.set(3, bytesOf(smallSnapshot(3)));
    const recovery = new Recovery({ backend, clock });
    await recovery.from();
    expect(() => {
      recovery.end({ ...reach, knownSequence: 4 });
    }).toThrow(
      expect.objectContaining({
        code: 'ACKNOWLEDGED_DATA_MISSING',
        data: { stage: 'snapshot', watermark: 4, found: 3 },
      }),
    );
    recovery.requireFit({ ...reach, knownSequence: 3 });
  });

  it('and applies nothing of a log that begins later than it must', async () => {
    const recovery = new Recovery({ backend: {}, clock });
    await recovery.from();
    recovery.apply([]);
    recovery.apply([{ bytes: Buffer.from([1]), from: 0, end: 1, firstSequence: 2, count: 1 }]);
    expect(() => {
      recovery.end({ firstSequence: 2, lastSequence: 2, knownSequence: 2 });
    }).toThrow(expect.objectContaining({ code: 'SEGMENT_MISSING' }));
  });
});

describe('a snapshot is passed over', () => {
  it('when it cannot be read for a reason that is no own one', async () => {
    const backend = new MemoryBackend();
    backend.snapshots.kept.set(3, bytesOf(smallSnapshot(3)));
    backend.snapshots.read = () => Promise.reject(new Error('what is this'));
    const recovery = new Recovery({ backend, clock });
    await recovery.from();
    const { snapshotsRejected } = await recovery.finish({ isEmpty: false, beginAt: () => undefined });
    expect(snapshotsRejected).toEqual([
      { path: 'memory:3.snapshot', code: 'INTERNAL', message: 'Error: what is this' },
    ]);
  });

  it('when it is that of another sequence than its name says', async () => {
    const backend = new MemoryBackend();
    backend.snapshots.kept.set(4, bytesOf(smallSnapshot(3)));
    const recovery = new Recovery({ backend, clock });
    expect(await recovery.from()).toBe(1);
    const { snapshotsRejected } = await recovery.finish({ isEmpty: false, beginAt: () => undefined });
    expect(snapshotsRejected).toMatchObject([
      {
        path: 'memory:4.snapshot',
        code: 'SNAPSHOT_CORRUPT',
        message: expect.stringContaining('holds the snapshot of sequence 3'),
      },
    ]);
  });

  it('when it held a task twice, also if it reads well the second time', async () => {
    const backend = new MemoryBackend();
    const twice = bytesOf(sampleSnapshot(3, { tasks: [sampleTask(), sampleTask()] }));
    const once = bytesOf(sampleSnapshot(3, { tasks: [sampleTask()] }));
    backend.snapshots.kept.set(3, twice);
    const reads: Buffer[] = [twice, once];
    backend.snapshots.read = ({ path }) =>
      Promise.resolve({
        path,
        read: (into, from, position) => {
          if (position === 0 && reads.length > 1) {
            const count = twice.copy(into, from);
            reads.shift();
            return Promise.resolve(count);
          }
          const [bytes = once] = reads;
          const source = position === 0 ? bytes : Buffer.alloc(0);
          return Promise.resolve(source.copy(into, from));
        },
        close: () => Promise.resolve(),
      });
    const recovery = new Recovery({ backend, clock });
    await recovery.from();
    const { snapshotsRejected, projections } = await recovery.finish({
      isEmpty: false,
      beginAt: () => undefined,
    });
    expect(snapshotsRejected).toMatchObject([{ path: 'memory:3.snapshot', code: 'INTERNAL' }]);
    expect(projections.tasks.count).toBe(0);
  });
});

describe('the events a record stands for', () => {
  it('of a budget: its allocation, what was consumed, and that it was exhausted below its limit', () => {
    const budget = { taskId: 't', dimension: 'd', limit: 10, allocatedAt: 1 };
    expect(eventsOf('budgets', { ...budget, consumed: 0, exhausted: false })).toBe(1);
    expect(eventsOf('budgets', { ...budget, consumed: 4, exhausted: false })).toBe(2);
    expect(eventsOf('budgets', { ...budget, consumed: 4, exhausted: true })).toBe(3);
    expect(eventsOf('budgets', { ...budget, consumed: 10, exhausted: true })).toBe(2);
  });

  it('of a grant: itself and its end', () => {
    const grant = { actorId: 'a', tenantId: 't', capability: 'c', grantedAt: 1 };
    expect(eventsOf('grants', grant)).toBe(1);
    expect(eventsOf('grants', { ...grant, revokedAt: 2 })).toBe(2);
  });
});

describe('a directory whose log lost everything', () => {
  it('is refused by what head knows, and nothing is held', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal(DIR, { storage });
    await journal.append(event(1));
    await journal.close();
    await storage.unlink(`${DIR}/wal/00000000000000000001.wal`);
    for (let times = 0; times < 2; times++) {
      await expect(repair(DIR, { storage })).rejects.toMatchObject({
        code: 'ACKNOWLEDGED_DATA_MISSING',
        data: { watermark: 1, found: 0, path: DIR },
      });
    }
    await storage.unlink(HEAD);
    expect(await repair(DIR, { storage })).toEqual({ lastSequence: 0 });
  });
});

describe('a repair', () => {
  it('says what it cut', async () => {
    const storage = new FaultyStorage();
    const journal = await openJournal(DIR, { storage });
    for (const sequence of [1, 2]) await journal.append(event(sequence));
    const segment = `${DIR}/wal/00000000000000000001.wal`;
    storage.forgetProcess();
    await storage.unlink(HEAD);
    storage.place(segment, storage.contents(segment).subarray(0, -3));
    const report = await repair(DIR, { storage });
    expect(report).toMatchObject({ lastSequence: 1, repaired: { segment: segment.slice(-24) } });
    expect(await repair(DIR, { storage })).toEqual({ lastSequence: 1 });
  });
});

describe('what the refusals of the log say', () => {
  it('is that there must be an event, or how large a commit may be', () => {
    const limits = { maxCommitEvents: 5, maxFrameBytes: 100 };
    expect(commitTooLarge({ events: 0, limits }).code).toBe('INVALID_INPUT');
    expect(commitTooLarge({ events: 6, limits })).toMatchObject({
      code: 'COMMIT_TOO_LARGE',
      data: { events: 6, ...limits },
    });
    expect(commitTooLarge({ events: 1, bytes: 101, limits }).data).toMatchObject({ bytes: 101 });
  });

  it('is that what is left of a full disk is for others, and that nothing was written', () => {
    const cause = new PawlError('STORAGE_FULL', 'full', { path: DIR });
    expect(keptForOthers(cause)).toMatchObject({
      code: 'STORAGE_FULL',
      data: { path: DIR, outcome: 'notDone' },
      cause,
    });
  });

  it('is a typed error also for one that is none, and of anything what it says', () => {
    const cause = new Error('what is this');
    expect(refusedCommit(cause)).toMatchObject({
      code: 'STORAGE_FAILED',
      data: { outcome: 'notDone' },
      cause,
    });
    expect([said(cause), said('a text')]).toEqual(['what is this', 'a text']);
    expect(inDirectory(cause, DIR)).toBe(cause);
  });

  it('of a commit in memory, which has no segment, is that it cannot be decoded', () => {
    const frame = { bytes: Buffer.alloc(0), from: 0, end: 0, firstSequence: 7, count: 1 };
    expect(() => decodeOrRefuse(new CommitDecoder(), frame)).toThrow(
      expect.objectContaining({
        code: 'JOURNAL_CORRUPT',
        data: expect.objectContaining({ reason: 'decodeFailure', expectedSeq: 7 }),
      }),
    );
    // A fault of ours is not taken for damage.
    const fault = (): never => {
      throw new TypeError('a fault of ours');
    };
    expect(() => decodeOrRefuse({ decode: fault }, frame)).toThrow(TypeError);
  });
});
