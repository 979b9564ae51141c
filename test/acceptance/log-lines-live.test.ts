// Row 20a, the lines of a running engine: each once, at its level, with its fields, in the situation that causes it.
import { describe, expect, it } from '@jest/globals';
import { PawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { hostClock } from '../../src/host-clock.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { openOrchestrator } from '../../src/open-orchestrator.js';
import { sweepContinuedRuns } from '../../src/scheduling/sweeps/continued-runs.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { onTestEnd, openTest } from '../support/engine.js';
import { captured } from './support/captured-log.js';
import { openOnFaultyStorage } from './support/faulty-files.js';
import { foreignLog, leasedElsewhere, remoteRegistered } from './support/foreign-log.js';
import { first, gate, refusal, run, turns } from './support/handlers.js';

describe('the log', () => {
  it('tells each commit, at debug', async () => {
    const log = captured();
    const { pawl, clock } = await openTest({ logger: log.logger });
    const { sequence } = pawl.projections;
    const before = log.lines.length;
    await pawl.submit('nobody');
    await clock.settle();
    const lines = log.lines.slice(before);
    expect(lines).toEqual([
      {
        level: 'debug',
        component: 'journal',
        sequence: sequence + 1,
        events: pawl.projections.sequence - sequence,
        msg: 'commit appended',
      },
    ]);
  });

  it('tells an fsync that failed, with where and why', async () => {
    const log = captured();
    const { kit, storage } = await openOnFaultyStorage({ logger: log.logger });
    const offset = storage.contents('/data/wal/00000000000000000001.wal').length;
    storage.failNext('datasync', 'EIO');
    await refusal(kit.pawl.submit('nobody'), 'JOURNAL_POISONED');
    const line = log.one('writer poisoned');
    expect(line).toEqual({
      level: 'error',
      component: 'journal',
      err: expect.objectContaining({ code: 'JOURNAL_POISONED' }) as unknown,
      segment: '00000000000000000001.wal',
      offset,
      truncateOk: false,
      cause: 'fsync',
      msg: 'writer poisoned',
    });
  });

  it('tells a write that could not be taken back', async () => {
    const log = captured();
    const { kit, storage } = await openOnFaultyStorage({ logger: log.logger });
    storage.setFaults((operation) =>
      operation === 'write' || operation === 'truncate' ? { kind: 'fail', errno: 'EIO' } : undefined,
    );
    await refusal(kit.pawl.submit('nobody'), 'JOURNAL_POISONED');
    expect(log.one('writer poisoned')).toMatchObject({ level: 'error', truncateOk: false, cause: 'write' });
  });

  it('tells an fsync that took more than a second', async () => {
    const log = captured();
    const storage = new FaultyStorage();
    let skippedMs = 0;
    const pawl = await openOrchestrator({
      dataDir: '/data',
      backend: new FileBackend(storage, '/data'),
      clock: {
        ...hostClock,
        now: () => hostClock.now() + skippedMs,
        monotonicMs: () => hostClock.monotonicMs() + skippedMs,
      },
      logger: log.logger,
    });
    onTestEnd(() => pawl.close());
    const release = storage.holdSyncs();
    const submitted = pawl.submit('nobody');
    await turns();
    skippedMs += 1_500;
    release();
    await submitted;
    const line = log.one('fsync slower than 1 s');
    expect(line).toEqual({
      level: 'warn',
      component: 'journal',
      durationMs: expect.any(Number) as unknown,
      msg: 'fsync slower than 1 s',
    });
    expect(line['durationMs']).toBeGreaterThanOrEqual(1_500);
  });
});

describe('a snapshot', () => {
  it('is told when it was written', async () => {
    const log = captured();
    const { pawl } = await openTest({ logger: log.logger });
    await pawl.submit('nobody');
    const { sequence, bytes, path, counts } = await pawl.snapshot();
    expect(log.one('snapshot written')).toEqual({
      level: 'info',
      component: 'snapshot',
      snapshotSequence: sequence,
      bytes,
      path,
      counts,
      msg: 'snapshot written',
    });
    expect(counts).toMatchObject({ tasks: 1, runs: 1 });
  });

  it.each(['open', 'write', 'datasync', 'rename'] as const)(
    'is told when its %s failed, and the log goes on',
    async (operation) => {
      const log = captured();
      const { kit, storage } = await openOnFaultyStorage({ logger: log.logger });
      const { sequence } = kit.pawl.projections;
      storage.setFaults((begun, path) =>
        begun === operation && path.includes('.snapshot') ? { kind: 'fail', errno: 'EIO' } : undefined,
      );
      await refusal(kit.pawl.snapshot(), 'STORAGE_FAILED');
      const line = log.one('snapshot failed, the log goes on');
      expect(line).toEqual({
        level: 'warn',
        component: 'snapshot',
        err: expect.objectContaining({ code: 'STORAGE_FAILED' }) as unknown,
        path: expect.stringContaining(`/data/snapshots/${String(sequence)}.snapshot`) as unknown,
        msg: 'snapshot failed, the log goes on',
      });
      await kit.pawl.submit('nobody');
    },
  );
});

describe('what happens to runs', () => {
  it('a lost start race of a continued run is benign, and told', async () => {
    const log = captured();
    const lost = new PawlError('ID_TAKEN', 'Another was quicker.');
    let reads = 0;
    const report = await sweepContinuedRuns({
      starter: 'us',
      logger: log.logger,
      listContinued: () =>
        Promise.resolve([
          { runId: 'run-1', successorRunId: 'run-2', taskId: 'task-1', occurrence: 0, priority: 0 },
        ]),
      readSuccessor: () =>
        Promise.resolve(reads++ === 0 ? undefined : { runId: 'run-2', startedBy: 'another' }),
      startSuccessor: () => Promise.reject(lost),
    });
    expect(report).toEqual({ started: 0, lostRaces: 1 });
    expect(log.one('lost start race of a continued run is benign')).toEqual({
      level: 'info',
      component: 'sweep',
      runId: 'run-1',
      successorRunId: 'run-2',
      err: expect.objectContaining({ code: 'ID_TAKEN' }) as unknown,
      msg: 'lost start race of a continued run is benign',
    });
  });

  it('a run whose process was killed is told as lost, with its attempt', async () => {
    const going = gate();
    const slow = defineTask('slow', () => going.promise);
    const kit = await openTest({ tasks: [slow] });
    const { runIds } = await kit.pawl.submit(slow);
    kit.park(first(runIds));
    await kit.clock.settle();
    const attemptId = run(kit.pawl, runIds[0]).currentAttemptId;
    const log = captured();
    await kit.crash({ tasks: [], logger: log.logger });
    expect(log.one('run lost')).toEqual({
      level: 'warn',
      component: 'sweep',
      runId: runIds[0],
      attemptId,
      msg: 'run lost',
    });
    going.open(undefined);
  });

  it('a run whose remote lease ended is told as lost, with its owner and attempt', async () => {
    const source = await openTest({});
    const { taskId, runIds } = await source.pawl.submit('remote');
    expect(taskId).toBeDefined();
    await source.clock.settle();
    const runId = first(runIds);
    const dataDir = await foreignLog([
      [remoteRegistered],
      [
        {
          type: 'TaskCreated',
          spec: source.pawl.projections.tasks.get(taskId)?.spec ?? never(),
        },
        { type: 'RunCreated', runId, taskId, occurrence: 0, scheduledAt: 1_699_999_990_000, priority: 0 },
        { type: 'RunStateChanged', runId, from: 'scheduled', to: 'ready' },
      ],
      leasedElsewhere(runId, 'attempt-1').map((event) =>
        event.type === 'LeaseAcquired' ? { ...event, expiryAt: 1_700_000_001_000 } : event,
      ),
    ]);
    const log = captured();
    const { clock } = await openTest({ dataDir, logger: log.logger });
    expect(log.all('run lost')).toEqual([]);
    await clock.advance(1_000);
    expect(log.one('run lost')).toEqual({
      level: 'warn',
      component: 'leases',
      runId,
      attemptId: 'attempt-1',
      owner: 'remote-1',
      msg: 'run lost',
    });
  });

  it('a jump of the clock is told', async () => {
    const log = captured();
    const { pawl, clock } = await openTest({ logger: log.logger });
    const fromAt = clock.now();
    clock.jump(7_200_000);
    await pawl.submit('nobody');
    await clock.advance(60_000);
    expect(log.one('clock jumped')).toEqual({
      level: 'warn',
      component: 'clock',
      fromAt,
      toAt: fromAt + 7_200_000,
      byMs: 7_200_000,
      msg: 'clock jumped',
    });
  });
});

describe('a handler that ignores its abort', () => {
  async function ignoring(timeoutMs?: number) {
    const going = gate();
    const deaf = defineTask('deaf', () => going.promise);
    const log = captured();
    const kit = await openTest({ tasks: [deaf], timeoutGraceMs: 500, logger: log.logger });
    const constraints = timeoutMs === undefined ? {} : { timeoutMs };
    const { taskId, runIds } = await kit.pawl.submit(deaf, undefined, { constraints });
    const runId = first(runIds);
    kit.park(runId);
    await kit.clock.settle();
    const attemptId = run(kit.pawl, runId).currentAttemptId;
    return {
      going,
      log,
      ...kit,
      line: (reason: string) => ({
        level: 'warn',
        component: 'handler',
        runId,
        taskId,
        attemptId,
        reason,
        timeoutGraceMs: 500,
        msg: 'handler ignored its abort',
      }),
      runId,
    };
  }

  it('is told once when the grace after its timeout ends', async () => {
    const { going, log, clock, line } = await ignoring(1_000);
    await clock.advance(1_499);
    expect(log.all('handler ignored its abort')).toEqual([]);
    await clock.advance(1);
    expect(log.one('handler ignored its abort')).toEqual(line('HANDLER_TIMEOUT'));
    await clock.advance(60_000);
    going.open(undefined);
    await clock.advance(60_000);
    expect(log.all('handler ignored its abort')).toHaveLength(1);
  });

  it('is told when the grace after a cancellation ends', async () => {
    const { log, pawl, clock, runId, line } = await ignoring();
    await pawl.cancelRun(runId);
    await clock.advance(499);
    expect(log.all('handler ignored its abort')).toEqual([]);
    await clock.advance(1);
    expect(log.one('handler ignored its abort')).toEqual(line('RUN_CANCELED'));
  });

  it('is not told of when it settles within its grace', async () => {
    const { going, log, pawl, clock, runId } = await ignoring();
    await pawl.cancelRun(runId);
    await clock.advance(400);
    going.open(undefined);
    await clock.advance(60_000);
    expect(log.all('handler ignored its abort')).toEqual([]);
  });
});

function never(): never {
  throw new Error('The task is not there.');
}
