// `loadProjectionFromStorage` as a caller sees it: what it holds, what it leaves alone, where it refuses, what it logs.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { loadProjectionFromStorage } from '../../src/journal/load-projection.js';
import { openJournal, openWalWriter } from '../../src/journal/open-journal.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { appendAll, at, loadAnd, saveSnapshot, snapshotPath, taskCreated } from './recovery-files.js';
import { sampleSpec, smallSnapshot } from './snapshot-samples.js';
import { dropSeal, newDir, newestSegment, removeDirs, tree } from './wal-fixtures.js';

let dir = '';

beforeEach(() => {
  dir = newDir();
});

afterEach(removeDirs);

describe('the writer that is handed out', () => {
  it('appends behind what was loaded and is counted', async () => {
    await appendAll(dir, [taskCreated(1, 5)]);
    await loadAnd(dir, async ({ writer, telemetry, walPath }) => {
      expect(walPath).toBe(join(dir, 'wal'));
      await writer?.append(taskCreated(2, 6, sampleSpec('task-2')));
      await expect(writer?.append(taskCreated(2, 6))).rejects.toMatchObject({ code: 'SEQUENCE_VIOLATION' });
      expect(telemetry.snapshot()).toEqual({ appendSuccessTotal: 1, appendFailureTotal: 1 });
    });
    await loadAnd(dir, ({ projections }) => {
      expect(projections.sequence).toBe(2);
    });
  });

  it('may begin an empty log anywhere', async () => {
    await loadAnd(dir, async ({ writer }) => {
      await writer?.append(taskCreated(5, 6));
      expect(writer?.currentSequence).toBe(5);
    });
  });

  it('holds the lock until it is closed', async () => {
    await loadAnd(dir, async () => {
      await expect(loadProjectionFromStorage(dir)).rejects.toMatchObject({
        code: 'DATA_DIR_LOCKED',
        data: { stage: 'open' },
      });
    });
    await loadAnd(dir, () => undefined);
  });

  it('writes no event by itself', async () => {
    await appendAll(dir, [taskCreated(1, 5)]);
    await loadAnd(dir, () => undefined);
    await loadAnd(dir, () => undefined);
    const journal = await openJournal(dir, { readOnly: true });
    expect(journal.currentSequence).toBe(1);
    await journal.close();
  });
});

describe('a load with readOnly', () => {
  it('changes nothing and hands out no writer', async () => {
    await saveSnapshot(dir, smallSnapshot(3));
    await appendAll(dir, [taskCreated(4, 2_000, sampleSpec('task-2'))]);
    writeFileSync(`${snapshotPath(dir, 9)}.tmp`, 'half a snapshot');
    const before = tree(dir);
    await loadAnd(
      dir,
      (loaded) => {
        expect(loaded.writer).toBeUndefined();
        expect(loaded.telemetry.snapshot()).toEqual({ appendSuccessTotal: 0, appendFailureTotal: 0 });
        expect(loaded.projections.sequence).toBe(4);
        expect(loaded.snapshotSequence).toBe(3);
      },
      { readOnly: true },
    );
    expect(tree(dir)).toEqual(before);
  });

  it('goes beside a writer', async () => {
    // Nothing is marked as durable because time passes.
    const writer = await openWalWriter(dir, { clock: new ManualClock() });
    await writer.append(taskCreated(1, 5));
    await writer.append(at(2, 6, 'EnginePaused', {}));
    await loadAnd(
      dir,
      ({ projections }) => {
        // The last batch is shown once something behind it proves it durable.
        expect(projections.sequence).toBe(1);
      },
      { readOnly: true },
    );
    await writer.close();
  });

  it('creates no directory', async () => {
    await expect(loadProjectionFromStorage(dir, { readOnly: true })).rejects.toMatchObject({
      code: 'DATA_DIR_MISSING',
      data: { stage: 'open' },
    });
    expect(existsSync(dir)).toBe(false);
  });
});

describe('a load that is refused says at which stage', () => {
  it('open: the parent is missing', async () => {
    const missing = join(dirname(dir), 'nowhere', 'data');
    await expect(loadProjectionFromStorage(missing)).rejects.toMatchObject({
      code: 'DATA_DIR_MISSING',
      data: { stage: 'open' },
    });
  });

  it('open: the last batch is torn; truncate-partial cuts it and says so', async () => {
    await appendAll(dir, [taskCreated(1, 5), at(2, 6, 'EnginePaused', {})]);
    const segment = newestSegment(dir);
    dropSeal(segment);
    writeFileSync(segment, readFileSync(segment).subarray(0, -3));
    // What `head` knows would forbid a cut of what was acknowledged.
    writeFileSync(join(dir, 'head'), '');
    await expect(loadProjectionFromStorage(dir)).rejects.toMatchObject({
      code: 'TORN_TAIL',
      data: { stage: 'open', reason: 'incompletePayload' },
    });
    await loadAnd(
      dir,
      ({ projections, repaired, writer }) => {
        expect(projections.sequence).toBe(1);
        expect(repaired?.quarantine).toMatch(/^quarantine/);
        expect(writer?.currentSequence).toBe(1);
      },
      { repair: 'truncate-partial' },
    );
  });

  it('snapshot, read and replay: see rows 15, 18 and 18a', async () => {
    await appendAll(dir, [at(1, 5, 'EngineResumed', {})]);
    await expect(loadProjectionFromStorage(dir)).rejects.toMatchObject({
      code: 'REPLAY_REFUSED',
      data: { stage: 'replay', rule: 'notPaused', sequence: 1 },
    });
  });
});

describe('what crashes left', () => {
  it('is removed by a load that holds the lock', async () => {
    await saveSnapshot(dir, smallSnapshot(3));
    writeFileSync(`${snapshotPath(dir, 9)}.tmp`, 'half a snapshot');
    await loadAnd(dir, ({ snapshotSequence }) => {
      expect(snapshotSequence).toBe(3);
    });
    expect(existsSync(`${snapshotPath(dir, 9)}.tmp`)).toBe(false);
  });
});

describe('a load that is refused at its very end', () => {
  it('lets go of the directory and leaves the log as it was', async () => {
    const storage = new FaultyStorage();
    const writer = await openWalWriter('/data', { storage });
    await writer.append(taskCreated(1, 5));
    await writer.close();
    const left = '/data/snapshots/9.snapshot.tmp';
    storage.place(left, Buffer.from('left'));
    storage.setFaults((operation, path) =>
      operation === 'unlink' && path === left ? { kind: 'fail', errno: 'EIO' } : undefined,
    );
    await expect(loadProjectionFromStorage('/data', { storage })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      data: { stage: 'snapshot' },
    });
    storage.setFaults(undefined);
    const loaded = await loadProjectionFromStorage('/data', { storage });
    expect(loaded.projections.sequence).toBe(1);
    await loaded.writer?.close();
  });
});

describe('the log lines of recovery (row 20a)', () => {
  async function linesOf(): Promise<Record<string, unknown>[]> {
    const lines: Record<string, unknown>[] = [];
    const logger = pino(
      { level: 'debug' },
      {
        write: (line: string) => {
          lines.push(JSON.parse(line) as Record<string, unknown>);
        },
      },
    );
    await loadAnd(dir, () => undefined, { logger });
    return lines;
  }

  const info = 30;
  const warn = 40;

  it('each once, at its level, with its fields', async () => {
    const path = await saveSnapshot(dir, smallSnapshot(3));
    await appendAll(dir, [taskCreated(4, 2_000, sampleSpec('task-2'))]);
    expect(await linesOf()).toMatchObject([
      { level: info, component: 'recovery', msg: 'recovery begins', dataDir: dir },
      {
        level: info,
        component: 'recovery',
        msg: 'snapshot loaded',
        snapshotSequence: 3,
        taskCount: 1,
        runCount: 1,
        path,
      },
      { level: info, component: 'recovery', msg: 'tail replayed', eventCount: 1 },
      {
        level: info,
        component: 'recovery',
        msg: 'recovery complete',
        eventsAppliedTotal: 3,
        snapshotLoaded: true,
        snapshotSequence: 3,
        snapshotEventsApplied: 2,
        walReplayEventsApplied: 1,
        recoveryDurationSeconds: expect.any(Number) as unknown,
      },
    ]);
  });

  it('of a snapshot that is passed over', async () => {
    await appendAll(dir, [taskCreated(1, 5)]);
    const path = await saveSnapshot(dir, smallSnapshot(1));
    writeFileSync(path, 'no snapshot');
    const lines = await linesOf();
    expect(lines.filter(({ level }) => level === warn)).toMatchObject([
      {
        component: 'recovery',
        msg: 'snapshot cannot be used, falling back',
        path,
        next: 'log',
        err: { type: 'PawlError', code: 'SNAPSHOT_CORRUPT' },
      },
    ]);
    expect(lines.map((line) => line['msg'])).toEqual([
      'recovery begins',
      'snapshot cannot be used, falling back',
      'tail replayed',
      'recovery complete',
    ]);
  });
});
