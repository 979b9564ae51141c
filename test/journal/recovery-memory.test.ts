// Acceptance row 20, and what recovery does with snapshots whatever keeps them: the same function, on memory.
import { describe, expect, it } from '@jest/globals';
import type { Commit } from '../../src/domain/events.js';
import type { Journal } from '../../src/journal/journal.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { Recovery, type Recovered, type RecoveryOptions } from '../../src/journal/recovery.js';
import { SnapshotEncoder } from '../../src/journal/snapshot-writer-encoder.js';
import { pourSnapshot, type Snapshot } from '../../src/journal/snapshot-model.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import type { LogFields, Logger } from '../../src/logger.js';
import { Projections } from '../../src/projections/projections.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { historyMaker, legalHistory } from '../support/history.js';
import { sampleRun, sampleSnapshot, sampleTask, smallSnapshot } from './snapshot-samples.js';

const COMMITS = 80;

async function openOn(backend: MemoryBackend): Promise<Journal> {
  const ids = uuidV7(hostClock, hostRandom());
  return await openJournalOn(backend, { clock: hostClock, ids });
}

/** Opens, recovering meanwhile, and closes again. */
async function recoverFrom(backend: MemoryBackend, more: Partial<RecoveryOptions> = {}): Promise<Recovered> {
  const load = new Recovery({ backend, clock: hostClock, ...more });
  const ids = uuidV7(hostClock, hostRandom());
  const journal = await openJournalOn(backend, { clock: hostClock, ids, load });
  try {
    return await load.finish(journal);
  } finally {
    await journal.close();
  }
}

/** Applies each commit live, as an engine does, and calls `at` at each boundary. */
async function live(
  backend: MemoryBackend,
  commits: readonly Commit[],
  at?: (state: Projections) => Promise<void>,
): Promise<Projections> {
  const journal = await openOn(backend);
  const state = new Projections();
  journal.commits.subscribe((commit) => {
    state.apply(commit);
  });
  for (const { header, events } of commits) {
    journal.append({ header, events: events.map((event) => ({ ...event })) }, () => undefined);
    await journal.flush();
    await at?.(state);
  }
  await journal.close();
  return state;
}

function keep(backend: MemoryBackend, snapshot: Snapshot): void {
  const encoder = new SnapshotEncoder();
  pourSnapshot(snapshot, encoder);
  backend.snapshots.kept.set(snapshot.header.sequence, Buffer.from(encoder.take()));
}

function recordingLogger(): { logger: Logger; lines: (LogFields & { level: string; message: string })[] } {
  const lines: (LogFields & { level: string; message: string })[] = [];
  const at = (level: string) => (fields: LogFields, message: string) => {
    lines.push({ ...fields, level, message });
  };
  return { logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}

describe('snapshot and tail (row 20)', () => {
  it.each([1, 2, 3])(
    'equal full replay and the live state by hash at every commit boundary of history %i',
    async (seed) => {
      const commits = legalHistory(seed, COMMITS);
      const whole = new MemoryBackend();
      const snapshots = new MemoryBackend();
      const hashes: string[] = [];
      const final = await live(whole, commits, async (state) => {
        await takeSnapshot(state, snapshots.snapshots, { takenAt: state.lastAt });
        const kept = snapshots.snapshots.kept.get(state.sequence);
        if (kept !== undefined) whole.snapshots.kept.set(state.sequence, kept);
        hashes.push(state.stateHash());
      });
      const replayed = new Projections();
      for (const [index, commit] of commits.entries()) {
        replayed.apply(commit);
        expect(replayed.stateHash()).toBe(hashes[index]);
      }
      // Each snapshot alone is the state at its boundary, and with the tail the state at the end.
      const all = new Map(whole.snapshots.kept);
      expect(all.size).toBe(COMMITS);
      let index = 0;
      for (const [sequence, bytes] of all) {
        whole.snapshots.kept.clear();
        whole.snapshots.kept.set(sequence, bytes);
        const recovered = await recoverFrom(whole);
        expect(recovered).toMatchObject({ snapshotLoaded: true, snapshotSequence: sequence });
        expect(recovered.projections.stateHash()).toBe(final.stateHash());
        const alone = new MemoryBackend();
        alone.snapshots.kept.set(sequence, bytes);
        expect((await recoverFrom(alone)).projections.stateHash()).toBe(hashes[index]);
        index++;
      }
    },
  );

  it('give the same bytes again when a recovered state is saved', async () => {
    const backend = new MemoryBackend();
    const state = await live(backend, legalHistory(4, COMMITS));
    await takeSnapshot(state, backend.snapshots, { takenAt: 1 });
    const [first] = backend.snapshots.kept.values();
    const { projections } = await recoverFrom(backend);
    await takeSnapshot(projections, backend.snapshots, { takenAt: 1 });
    const [second] = backend.snapshots.kept.values();
    expect(second).not.toBe(first);
    const other = new MemoryBackend();
    if (second !== undefined) other.snapshots.kept.set(state.sequence, second);
    expect((await recoverFrom(other)).projections.stateHash()).toBe(state.stateHash());
  });
});

describe('a snapshot taken while commits go on', () => {
  it('is the state at the moment it was begun', async () => {
    const maker = historyMaker(5);
    for (let count = 0; count < COMMITS; count++) maker.next();
    const backend = new MemoryBackend();
    const { sequence } = maker.state;
    const before = maker.state.stateHash();
    // Every slice of the encoder is followed by commits.
    let monotonicMs = 0;
    let commits = 0;
    const clock = {
      monotonicMs: () => (monotonicMs += 10),
      yieldTurn: (task: () => void) => {
        for (let count = 0; count < 5; count++, commits++) maker.next();
        task();
      },
    };
    await takeSnapshot(maker.state, backend.snapshots, { takenAt: 1, clock });
    expect(commits).toBeGreaterThan(0);
    expect(maker.state.stateHash()).not.toBe(before);
    const { projections } = await recoverFrom(backend);
    expect(projections.sequence).toBe(sequence);
    expect(projections.stateHash()).toBe(before);
  });
});

describe('the snapshots that are kept', () => {
  it('are the two newest good ones', async () => {
    const backend = new MemoryBackend();
    const maker = historyMaker(7);
    const sequences: number[] = [];
    const { logger, lines } = recordingLogger();
    for (let count = 0; count < 4; count++) {
      maker.next();
      const info = await takeSnapshot(maker.state, backend.snapshots, { takenAt: 5, logger });
      expect(info).toMatchObject({ sequence: maker.state.sequence, takenAt: 5 });
      sequences.push(info.sequence);
    }
    expect([...backend.snapshots.kept.keys()]).toEqual(sequences.slice(-2));
    expect(lines.map(({ level, message }) => [level, message])).toEqual(
      Array(4).fill(['info', 'snapshot written']),
    );
    expect(lines[3]).toMatchObject({
      component: 'snapshot',
      snapshotSequence: sequences[3],
      path: `memory:${String(sequences[3])}.snapshot`,
    });
    expect(lines[3]?.['bytes']).toBe(backend.snapshots.kept.get(sequences[3] ?? 0)?.length);
    expect(lines[3]?.['counts']).toBeDefined();
  });

  it('never count one that was found unusable', async () => {
    const backend = new MemoryBackend();
    const commits = legalHistory(8, 30);
    const state = await live(backend, commits, async (now) => {
      if (now.sequence < 40) await takeSnapshot(now, backend.snapshots, { takenAt: 1 });
    });
    const [older, newest] = [...backend.snapshots.kept.keys()];
    if (older === undefined || newest === undefined) throw new Error('two snapshots were expected');
    backend.snapshots.kept.get(newest)?.fill(0, 60, 70);
    await recoverFrom(backend);
    await takeSnapshot(state, backend.snapshots, { takenAt: 1 });
    expect([...backend.snapshots.kept.keys()]).toEqual([older, newest, state.sequence]);
  });
});

describe('recovery falls back (row 15)', () => {
  it('from a damaged snapshot to the older one, and from that to the log, always to the same state', async () => {
    const backend = new MemoryBackend();
    const commits = legalHistory(9, 60);
    const state = await live(backend, commits, async (now) => {
      await takeSnapshot(now, backend.snapshots, { takenAt: 1 });
    });
    const [older, newest] = [...backend.snapshots.kept.keys()];
    if (older === undefined || newest === undefined) throw new Error('two snapshots were expected');
    const damage = (sequence: number): void => {
      backend.snapshots.kept.get(sequence)?.writeUInt8(0xff, 100);
    };
    damage(newest);
    const { logger, lines } = recordingLogger();
    const first = await recoverFrom(backend, { logger });
    expect(first).toMatchObject({ snapshotLoaded: true, snapshotSequence: older });
    expect(first.projections.stateHash()).toBe(state.stateHash());
    expect(first.snapshotsRejected).toMatchObject([
      { path: `memory:${String(newest)}.snapshot`, code: 'SNAPSHOT_CORRUPT' },
    ]);
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { path: `memory:${String(newest)}.snapshot`, next: 'older' },
    ]);
    damage(older);
    const second = await recoverFrom(backend, { logger });
    expect(second).toMatchObject({ snapshotLoaded: false, snapshotSequence: 0 });
    expect(second.observations).toMatchObject({
      snapshotEventsApplied: 0,
      walReplayEventsApplied: state.sequence,
    });
    expect(second.projections.stateHash()).toBe(state.stateHash());
    expect(second.snapshotsRejected).toHaveLength(2);
    expect(lines.filter(({ level }) => level === 'warn').map((line) => line['next'])).toEqual([
      'older',
      'older',
      'log',
    ]);
  });

  it('naming the rule of one that is whole and invalid', async () => {
    const backend = new MemoryBackend();
    const state = await live(backend, legalHistory(10, 10));
    const snapshot = smallSnapshot(state.sequence);
    keep(backend, { ...snapshot, counts: { tasks: 99, runs: 1 } });
    const { logger, lines } = recordingLogger();
    const recovered = await recoverFrom(backend, { logger });
    expect(recovered.snapshotLoaded).toBe(false);
    expect(recovered.snapshotsRejected).toMatchObject([{ code: 'SNAPSHOT_INVALID', rule: 'countMismatch' }]);
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { rule: 'countMismatch', next: 'log' },
    ]);
    expect(recovered.projections.stateHash()).toBe(state.stateHash());
  });

  it('from one whose records break a rule, whatever they are records of', async () => {
    const backend = new MemoryBackend();
    const state = await live(backend, legalHistory(10, 10));
    const tasks = [sampleTask({ createdAt: 9, canceledAt: 8 })];
    const lease = { owner: 'worker-1', expiryAt: 1_000, acquiredAt: 12, updatedAt: 12 };
    const broken: [string, Snapshot][] = [
      ['canceledBeforeCreated', sampleSnapshot(state.sequence, { tasks })],
      [
        'leaseState',
        sampleSnapshot(state.sequence, {
          tasks: [sampleTask()],
          runs: [sampleRun('ready', { lease })],
        }),
      ],
    ];
    for (const [rule, snapshot] of broken) {
      keep(backend, snapshot);
      const recovered = await recoverFrom(backend);
      expect(recovered.snapshotsRejected).toMatchObject([{ code: 'SNAPSHOT_INVALID', rule }]);
      expect(recovered.projections.stateHash()).toBe(state.stateHash());
    }
  });

  it('from one under another name', async () => {
    const backend = new MemoryBackend();
    const state = await live(backend, legalHistory(11, 10));
    await takeSnapshot(state, backend.snapshots, { takenAt: 1 });
    const bytes = backend.snapshots.kept.get(state.sequence);
    if (bytes === undefined) throw new Error('a snapshot was expected');
    backend.snapshots.kept.clear();
    backend.snapshots.kept.set(2, bytes);
    expect((await recoverFrom(backend)).snapshotsRejected).toMatchObject([{ code: 'SNAPSHOT_CORRUPT' }]);
  });

  it('from one of another version', async () => {
    const backend = new MemoryBackend();
    await live(backend, legalHistory(12, 10));
    keep(backend, smallSnapshot(3));
    backend.snapshots.kept.get(3)?.writeUInt8(3, 3);
    expect((await recoverFrom(backend)).snapshotsRejected).toMatchObject([{ code: 'UNSUPPORTED_FORMAT' }]);
  });
});

describe('a snapshot and a log that do not fit', () => {
  it('are refused when the snapshot is ahead of a log that is not empty, naming both sequences', async () => {
    const backend = new MemoryBackend();
    const state = await live(backend, legalHistory(13, 5));
    keep(backend, sampleSnapshot(state.sequence + 1, {}));
    await expect(recoverFrom(backend)).rejects.toMatchObject({
      code: 'SNAPSHOT_AHEAD',
      data: { stage: 'snapshot', snapshotSequence: state.sequence + 1, journalSequence: state.sequence },
    });
  });

  it('are accepted when the log is empty, and the log goes on behind the snapshot', async () => {
    const backend = new MemoryBackend();
    keep(backend, smallSnapshot(10));
    const { logger, lines } = recordingLogger();
    const load = new Recovery({ backend, clock: hostClock, logger, dataDir: 'here' });
    const journal = await openJournalOn(backend, {
      clock: hostClock,
      ids: uuidV7(hostClock, hostRandom()),
      load,
    });
    const recovered = await load.finish(journal);
    expect(recovered.projections.sequence).toBe(10);
    expect(journal.currentSequence).toBe(10);
    // No earlier than the snapshot, so that the state does not refuse what is appended next.
    expect(journal.lastAt).toBe(1_234);
    expect(lines.map(({ level, message }) => [level, message])).toEqual([
      ['info', 'recovery begins'],
      ['info', 'snapshot loaded'],
      ['info', 'snapshot ahead of an empty log accepted'],
      ['info', 'tail replayed'],
      ['info', 'recovery complete'],
    ]);
    expect(lines[1]).toMatchObject({
      component: 'recovery',
      snapshotSequence: 10,
      taskCount: 1,
      runCount: 1,
      path: 'memory:10.snapshot',
    });
    const events = [{ type: 'EnginePaused' as const, sequence: 0, at: 0 }];
    journal.append({ header: { at: 2_000 }, events }, () => undefined);
    await journal.close();
    const again = await recoverFrom(backend);
    expect(again.observations).toMatchObject({
      snapshotEventsApplied: 2,
      walReplayEventsApplied: 1,
      eventsAppliedTotal: 3,
    });
    expect(again.projections.sequence).toBe(11);
    expect(again.projections.engine.paused).toBe(true);
  });

  it('are refused when there is a gap right after the snapshot (row 18)', async () => {
    const backend = new MemoryBackend();
    keep(backend, smallSnapshot(10));
    const journal = await openOn(backend);
    journal.beginAt(11);
    journal.append(
      { header: { at: 2_000 }, events: [{ type: 'EnginePaused', sequence: 0, at: 0 }] },
      () => undefined,
    );
    await journal.close();
    await expect(recoverFrom(backend)).rejects.toMatchObject({
      code: 'SEGMENT_MISSING',
      data: { stage: 'read', expectedSeq: 11, firstAvailable: 12, snapshotSequence: 10 },
    });
  });

  it('are refused when the log gives less than it says it has', async () => {
    const recovery = new Recovery({ backend: {}, clock: hostClock });
    await recovery.from();
    expect(() => {
      recovery.end({ firstSequence: 1, lastSequence: 5, knownSequence: 5 });
    }).toThrow(
      expect.objectContaining({
        code: 'JOURNAL_CORRUPT',
        data: { stage: 'read', reason: 'sequenceGap', expectedSeq: 1 },
      }),
    );
  });

  it('are refused when the log begins after 1 and no snapshot can be used', async () => {
    const backend = new MemoryBackend();
    const journal = await openOn(backend);
    journal.beginAt(4);
    journal.append(
      { header: { at: 2_000 }, events: [{ type: 'EnginePaused', sequence: 0, at: 0 }] },
      () => undefined,
    );
    await journal.close();
    await expect(recoverFrom(backend)).rejects.toMatchObject({
      code: 'SEGMENT_MISSING',
      data: { expectedSeq: 1, firstAvailable: 5 },
    });
  });
});
