// Acceptance rows 15 to 18a through `loadProjectionFromStorage`, `WalWriter` and `SnapshotWriter`, so that no sweep and
// no `EpochStarted` stands between.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { PawlEvent } from '../../src/domain/events.js';
import { loadProjectionFromStorage } from '../../src/journal/load-projection.js';
import { openJournal, openWalWriter, verify } from '../../src/journal/open-journal.js';
import type { Snapshot } from '../../src/journal/snapshot-model.js';
import { FileSnapshots } from '../../src/journal/snapshot-store-files.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { Projections } from '../../src/projections/projections.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { legalHistory } from '../support/history.js';
import { appendAll, at, loadAnd, recordingLogger, saveSnapshot, taskCreated } from './recovery-files.js';
import {
  fullSections,
  sampleHistory,
  sampleRun,
  sampleSnapshot,
  sampleSpec,
  sampleTask,
  smallSnapshot,
} from './snapshot-samples.js';
import { newDir, removeDirs, segmentFiles, tree } from './wal-fixtures.js';

let dir = '';

beforeEach(() => {
  dir = newDir();
});

afterEach(removeDirs);

const lease = { owner: 'worker-1', expiryAt: 1_000, acquiredAt: 12, updatedAt: 12 };

function leasedSnapshot(takenAt = 40): Snapshot {
  return sampleSnapshot(5, { tasks: [sampleTask()], runs: [sampleRun('leased', { lease })] }, takenAt);
}

describe('a snapshot at any commit boundary, on files (row 20)', () => {
  it.each([4, 5])('and the tail behind it are the whole of history %i, by hash', async (seed) => {
    const commits = legalHistory(seed, 40);
    const storage = new FaultyStorage();
    const store = new FileSnapshots(storage, '/data/snapshots');
    const state = new Projections();
    const taken = new Map<string, { bytes: Buffer; sequence: number; hash: string }>();
    const writer = await openWalWriter('/data', { storage, limits: { segmentBytes: 4_096 } });
    for (const { header, events } of commits) {
      state.apply(await writer.append(events, header));
      const { path, sequence } = await takeSnapshot(state, store, { takenAt: header.at });
      taken.set(path, { bytes: storage.contents(path), sequence, hash: state.stateHash() });
    }
    await writer.close();
    expect(taken.size).toBe(commits.length);
    for (const [path, { bytes, sequence, hash }] of taken) {
      const disk = new FaultyStorage();
      for (const name of await storage.readdir('/data/wal'))
        disk.place(`/data/wal/${name}`, storage.contents(`/data/wal/${name}`));
      disk.place(path, bytes);
      const loaded = await loadProjectionFromStorage('/data', { storage: disk });
      await loaded.writer?.close();
      expect(loaded).toMatchObject({ snapshotLoaded: true, snapshotSequence: sequence });
      expect(loaded.projections.stateHash()).toBe(state.stateHash());
      // Alone it is the state at its boundary: an empty log goes on behind it.
      const alone = new FaultyStorage();
      alone.place(path, bytes);
      const started = await loadProjectionFromStorage('/data', { storage: alone });
      await started.writer?.close();
      expect([started.projections.sequence, started.projections.stateHash()]).toEqual([sequence, hash]);
    }
  });
});

describe('recovery (row 15)', () => {
  it('from nothing', async () => {
    await loadAnd(dir, (loaded) => {
      expect(loaded).toMatchObject({ snapshotLoaded: false, snapshotSequence: 0, snapshotsRejected: [] });
      expect(loaded.snapshotPath).toBeUndefined();
      expect(loaded.projections.sequence).toBe(0);
      expect(loaded.projections.tasks.count).toBe(0);
      expect(loaded.projections.runs.count).toBe(0);
      expect(loaded.writer?.currentSequence).toBe(0);
    });
  });

  it('from a snapshot alone', async () => {
    const path = await saveSnapshot(dir, smallSnapshot(3));
    await loadAnd(dir, (loaded) => {
      expect(loaded).toMatchObject({ snapshotLoaded: true, snapshotSequence: 3, snapshotPath: path });
      expect(loaded.projections.sequence).toBe(3);
      expect(loaded.projections.runs.get('run-1')?.state).toBe('scheduled');
    });
  });

  it('from a snapshot and the tail', async () => {
    await saveSnapshot(dir, smallSnapshot(3));
    await appendAll(dir, [taskCreated(4, 2_000, sampleSpec('task-2'))]);
    await loadAnd(dir, ({ projections, observations }) => {
      expect(projections.sequence).toBe(4);
      expect(projections.tasks.count).toBe(2);
      expect(observations).toMatchObject({
        snapshotEventsApplied: 2,
        walReplayEventsApplied: 1,
        eventsAppliedTotal: 3,
      });
    });
  });

  it('from the log alone', async () => {
    await appendAll(dir, [taskCreated(1, 5), taskCreated(2, 6, sampleSpec('task-2'))]);
    await loadAnd(dir, ({ projections, snapshotLoaded, writer }) => {
      expect(snapshotLoaded).toBe(false);
      expect(projections.tasks.count).toBe(2);
      expect(writer?.currentSequence).toBe(2);
    });
  });

  it('from a snapshot at exactly the end of the log', async () => {
    await appendAll(dir, [taskCreated(1, 5), at(2, 6, 'EnginePaused', {}), at(3, 7, 'EngineResumed', {})]);
    await saveSnapshot(dir, smallSnapshot(3));
    await loadAnd(dir, async ({ projections, observations, writer }) => {
      expect(projections.sequence).toBe(3);
      expect(observations.walReplayEventsApplied).toBe(0);
      await writer?.append(at(4, 2_000, 'EnginePaused', {}));
      expect(writer?.currentSequence).toBe(4);
    });
  });

  it('from a snapshot ahead of an empty log, which goes on behind it', async () => {
    await saveSnapshot(dir, smallSnapshot(10));
    const { logger, lines } = recordingLogger();
    await loadAnd(
      dir,
      async ({ projections, writer, snapshotLoaded }) => {
        expect(snapshotLoaded).toBe(true);
        expect(projections.sequence).toBe(10);
        expect(writer?.currentSequence).toBe(10);
        for (const provided of [1, 10, 12]) {
          await expect(writer?.append(at(provided, 2_000, 'EnginePaused', {}))).rejects.toMatchObject({
            code: 'SEQUENCE_VIOLATION',
            data: { expected: 11, provided },
          });
        }
        await writer?.append(at(11, 2_000, 'EnginePaused', {}));
      },
      { logger },
    );
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'info',
        message: 'snapshot ahead of an empty log accepted',
        snapshotSequence: 10,
      }),
    );
    await loadAnd(dir, ({ projections, observations, snapshotSequence }) => {
      expect(snapshotSequence).toBe(10);
      expect(projections.sequence).toBe(11);
      expect(projections.engine.pausedAt).toBe(2_000);
      expect(observations).toMatchObject({ snapshotEventsApplied: 2, walReplayEventsApplied: 1 });
    });
  });

  it.each([{ readOnly: false }, { readOnly: true }])(
    'refuses an empty log whose head knows more than the snapshot (%o)',
    async (options) => {
      await appendAll(dir, [taskCreated(1, 5), at(2, 6, 'EnginePaused', {}), at(3, 7, 'EngineResumed', {})]);
      for (const segment of segmentFiles(dir)) rmSync(segment);
      await saveSnapshot(dir, smallSnapshot(2));
      await expect(loadAnd(dir, () => undefined, options)).rejects.toMatchObject({
        code: 'ACKNOWLEDGED_DATA_MISSING',
        data: { stage: 'snapshot', watermark: 3, found: 2 },
      });
      await saveSnapshot(dir, smallSnapshot(3));
      await loadAnd(
        dir,
        ({ projections }) => {
          expect(projections.sequence).toBe(3);
        },
        options,
      );
    },
  );

  it.each([{ readOnly: false }, { readOnly: true }])(
    'refuses a snapshot ahead of a log that is not empty, naming both sequences (%o)',
    async (how) => {
      await saveSnapshot(dir, smallSnapshot(3));
      await appendAll(dir, [taskCreated(1, 5)]);
      const before = tree(dir);
      const refused = loadAnd(dir, () => undefined, how);
      await expect(refused).rejects.toMatchObject({
        code: 'SNAPSHOT_AHEAD',
        data: { stage: 'snapshot', snapshotSequence: 3, journalSequence: 1 },
      });
      await expect(refused).rejects.toThrow(/sequence 3 .* log at 1/);
      expect(tree(dir)).toEqual(before);
    },
  );

  const damages: [string, (path: string) => void, string][] = [
    [
      'damaged',
      (path) => {
        const bytes = readFileSync(path);
        bytes[120] = (bytes[120] ?? 0) ^ 1;
        writeFileSync(path, bytes);
      },
      'SNAPSHOT_CORRUPT',
    ],
    [
      'cut',
      (path) => {
        truncateSync(path, readFileSync(path).length - 1);
      },
      'SNAPSHOT_CORRUPT',
    ],
    [
      'empty',
      (path) => {
        truncateSync(path, 0);
      },
      'SNAPSHOT_CORRUPT',
    ],
    [
      'of another version',
      (path) => {
        const bytes = readFileSync(path);
        bytes[3] = 9;
        writeFileSync(path, bytes);
      },
      'UNSUPPORTED_FORMAT',
    ],
  ];

  it.each(damages)(
    'falls back from a snapshot that is %s, warns, and comes to the same state',
    async (_name, damage, code) => {
      await appendAll(dir, [taskCreated(1, 5), at(2, 6, 'EnginePaused', {}), at(3, 7, 'EngineResumed', {})]);
      const expected = await loadAnd(dir, ({ projections }) => projections.stateHash());
      const path = await saveSnapshot(dir, sampleSnapshot(2, { tasks: [sampleTask({ createdAt: 5 })] }));
      damage(path);
      const { logger, lines } = recordingLogger();
      await loadAnd(
        dir,
        (loaded) => {
          expect(loaded.projections.stateHash()).toBe(expected);
          expect(loaded).toMatchObject({
            snapshotLoaded: false,
            snapshotSequence: 0,
            snapshotsRejected: [{ path, code }],
          });
          expect(loaded.observations).toMatchObject({
            snapshotEventsApplied: 0,
            walReplayEventsApplied: 3,
            eventsAppliedTotal: 3,
          });
        },
        { logger },
      );
      const warnings = lines.filter(({ level }) => level === 'warn');
      expect(warnings).toMatchObject([{ component: 'recovery', path, next: 'log', err: { code } }]);
    },
  );

  it('does without a snapshot that is missing', async () => {
    await appendAll(dir, [taskCreated(1, 5)]);
    rmSync(`${dir}/snapshots`, { recursive: true, force: true });
    const { logger, lines } = recordingLogger();
    await loadAnd(
      dir,
      ({ projections }) => {
        expect(projections.tasks.count).toBe(1);
      },
      { logger },
    );
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('falls back to the older snapshot when the newest breaks a rule', async () => {
    await appendAll(dir, [taskCreated(1, 5), at(2, 6, 'EnginePaused', {})]);
    const older = await saveSnapshot(dir, sampleSnapshot(1, { tasks: [sampleTask({ createdAt: 5 })] }, 5));
    const newest = await saveSnapshot(dir, sampleSnapshot(2, {}));
    // A whole file, under the name of the newest, that says it is of another sequence.
    writeFileSync(newest, readFileSync(older));
    await loadAnd(dir, (loaded) => {
      expect(loaded).toMatchObject({ snapshotLoaded: true, snapshotSequence: 1, snapshotPath: older });
      expect(loaded.snapshotsRejected).toHaveLength(1);
      expect(loaded.projections.engine.paused).toBe(true);
    });
  });
});

describe('what a snapshot saved (row 16)', () => {
  it('a task canceled at 77', async () => {
    await saveSnapshot(dir, sampleSnapshot(2, { tasks: [sampleTask({ canceledAt: 77 })] }));
    await loadAnd(dir, ({ projections }) => {
      expect(projections.tasks.get('task-1')?.canceledAt).toBe(77);
    });
  });

  it('a pause at 120', async () => {
    await saveSnapshot(
      dir,
      sampleSnapshot(2, { tasks: [sampleTask()], engine: { paused: true, pausedAt: 120 } }),
    );
    await loadAnd(dir, ({ projections: { engine } }) => {
      expect([engine.paused, engine.pausedAt, engine.resumedAt]).toEqual([true, 120, undefined]);
    });
  });

  it('a pause at 120 with its end at 180', async () => {
    await saveSnapshot(dir, sampleSnapshot(3, { engine: { paused: false, pausedAt: 120, resumedAt: 180 } }));
    await loadAnd(dir, ({ projections: { engine } }) => {
      expect([engine.paused, engine.pausedAt, engine.resumedAt]).toEqual([false, 120, 180]);
    });
  });

  it('the lease of a leased run', async () => {
    await saveSnapshot(dir, leasedSnapshot());
    await loadAnd(dir, ({ projections }) => {
      expect(projections.runs.get('run-1')?.state).toBe('leased');
      expect(projections.leases.get('run-1')).toEqual(lease);
    });
  });

  it('a running run without a lease, its open attempt current', async () => {
    const attempts = [{ id: 'attempt-1', number: 1, startedAt: 13, owner: 'worker-1' }];
    const run = sampleRun('running', { attemptCount: 1, currentAttemptId: 'attempt-1', attempts });
    await saveSnapshot(dir, sampleSnapshot(6, { tasks: [sampleTask()], runs: [run] }));
    await loadAnd(dir, ({ projections }) => {
      expect(projections.runs.get('run-1')).toMatchObject({
        state: 'running',
        attemptCount: 1,
        currentAttemptId: 'attempt-1',
        attempts,
      });
      expect(projections.leases.get('run-1')).toBeUndefined();
    });
  });

  it('a lease that a heartbeat in the tail extends', async () => {
    await saveSnapshot(dir, leasedSnapshot());
    await appendAll(dir, [
      at(6, 50, 'LeaseHeartbeat', { runId: 'run-1', owner: 'worker-1', expiryAt: 2_000 }),
    ]);
    await loadAnd(dir, ({ projections }) => {
      expect(projections.leases.get('run-1')).toEqual({ ...lease, expiryAt: 2_000, updatedAt: 50 });
    });
  });
});

describe('the figures of recovery (row 17)', () => {
  const tasks = [sampleTask()];
  const cases: [string, Snapshot | undefined, PawlEvent[], [number, number, number]][] = [
    ['nothing', undefined, [], [0, 0, 0]],
    ['one task and one scheduled run', smallSnapshot(3), [], [2, 0, 2]],
    ['the same and one event', smallSnapshot(3), [taskCreated(4, 2_000, sampleSpec('task-2'))], [2, 1, 3]],
    ['a canceled task alone', sampleSnapshot(2, { tasks: [sampleTask({ canceledAt: 77 })] }), [], [2, 0, 2]],
    [
      'one task, paused',
      sampleSnapshot(2, { tasks, engine: { paused: true, pausedAt: 120 } }),
      [],
      [2, 0, 2],
    ],
    [
      'paused and resumed',
      sampleSnapshot(3, { tasks, engine: { paused: false, pausedAt: 120, resumedAt: 180 } }),
      [],
      [3, 0, 3],
    ],
    ['a log of one event', undefined, [taskCreated(1, 5)], [0, 1, 1]],
    ['a task and a leased run', leasedSnapshot(), [], [4, 0, 4]],
    // tasks 2 + 1 canceled, runs 1 + 4, engine 2, dependency 1, budget 1 + 1 + 1, subscription 3, actor 2, tenant 1, role 1, grant 2, ledger 1.
    ['a record in every section', sampleSnapshot(9, fullSections()), [], [24, 0, 24]],
  ];

  it.each(cases)('%s', async (_name, snapshot, events, [fromSnapshot, fromTail, total]) => {
    if (snapshot !== undefined) await saveSnapshot(dir, snapshot);
    if (events.length > 0) await appendAll(dir, events);
    await loadAnd(dir, ({ observations, telemetry, writer }) => {
      expect(observations).toMatchObject({
        snapshotEventsApplied: fromSnapshot,
        walReplayEventsApplied: fromTail,
        eventsAppliedTotal: total,
      });
      expect(observations.recoveryDurationSeconds).toBeGreaterThanOrEqual(0);
      expect(telemetry.snapshot()).toEqual({ appendSuccessTotal: 0, appendFailureTotal: 0 });
      expect(writer?.telemetry).toBe(telemetry);
    });
  });

  it('a run counts its whole history, also what was cut from it', async () => {
    const history = [...sampleHistory('ready')];
    for (let index = 2; index < 200; index++) {
      history.push(
        index % 2 === 0 ? { from: 'ready', to: 'leased', at: 20 } : { from: 'leased', to: 'ready', at: 20 },
      );
    }
    const kept = [...history.slice(0, 10), ...history.slice(-90)];
    const run = sampleRun('ready', { history: kept, historyCount: 200, lastStateChangeAt: 20 });
    await saveSnapshot(dir, sampleSnapshot(300, { tasks, runs: [run] }));
    await loadAnd(dir, ({ observations }) => {
      expect(observations.snapshotEventsApplied).toBe(201);
    });
  });
});

describe('a log that does not reach the snapshot (row 18)', () => {
  it('is refused when there is a gap right after it', async () => {
    await saveSnapshot(dir, smallSnapshot(3));
    await appendAll(dir, [taskCreated(5, 2_000, sampleSpec('task-2'))]);
    const before = tree(dir);
    await expect(loadAnd(dir, () => undefined)).rejects.toMatchObject({
      code: 'SEGMENT_MISSING',
      data: { stage: 'read', expectedSeq: 4, firstAvailable: 5 },
    });
    expect(tree(dir)).toEqual(before);
  });

  it('is refused when it begins after 1 and there is no snapshot', async () => {
    await appendAll(dir, [taskCreated(5, 2_000)]);
    await expect(loadAnd(dir, () => undefined)).rejects.toMatchObject({ code: 'SEGMENT_MISSING' });
  });
});

describe('a log whose events the state refuses (row 18a)', () => {
  const events = [
    taskCreated(1, 5),
    at(2, 5, 'RunCreated', { runId: 'run-1', taskId: 'task-1', occurrence: 0, scheduledAt: 5, priority: 0 }),
    at(3, 6, 'RunStateChanged', { runId: 'run-1', from: 'scheduled', to: 'running' }),
  ];

  it('opens strict and is read, and its replay is refused by name', async () => {
    await appendAll(dir, events);
    await expect(verify(dir)).resolves.toBeDefined();
    const journal = await openJournal(dir);
    const read: PawlEvent[] = [];
    for await (const commit of journal.read({ from: 1 })) read.push(...commit.events);
    await journal.close();
    expect(read).toEqual(events);
    const before = tree(dir);
    await expect(loadAnd(dir, () => undefined)).rejects.toMatchObject({
      code: 'REPLAY_REFUSED',
      data: { stage: 'replay', sequence: 3, type: 'RunStateChanged', rule: 'illegalTransition' },
    });
    expect(tree(dir)).toEqual(before);
    // Nothing is held after the refusal.
    await (await openJournal(dir)).close();
  });
});

describe('a snapshot of everything (row 17a)', () => {
  it('is in the projections as it was saved, every optional field included', async () => {
    const saved = fullSections();
    await saveSnapshot(dir, sampleSnapshot(9, saved));
    await loadAnd(dir, ({ projections }) => {
      const sections = new Map(projections.sections.map((section) => [section.name, [...section.records()]]));
      for (const [name, records] of Object.entries(saved)) {
        const expected: unknown[] = Array.isArray(records) ? records : [records];
        expect(sections.get(name as never)).toHaveLength(expected.length);
        expect(sections.get(name as never)).toEqual(expect.arrayContaining(expected));
      }
      expect(projections.actors.get('actor-1')?.lastHeartbeatAt).toBe(27);
      expect(projections.dependencies.get('task-full')?.declaredAt).toBe(21);
    });
  });
});
