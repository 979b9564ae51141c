// Row 31: the lease of a registered actor is in force one millisecond before its expiry and over at it; what its
// attempt brings afterwards is refused and recorded. The lease was taken before this process opened the directory.
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decideFinish, decideRefusal } from '../../src/decisions/attempts.js';
import type { PawlEvent } from '../../src/domain/events.js';
import { defineTask } from '../../src/execution/define-task.js';
import { openWalWriter } from '../../src/journal/open-journal.js';
import { given, type EventDraft } from '../../src/testing/given.js';
import { taskCreated } from '../decisions/support/histories.js';
import { temporaryDirectory } from '../support/engine.js';
import { eventsOf, first, open, run } from './support/handlers.js';

const actor: EventDraft = {
  type: 'ActorRegistered',
  actorId: 'worker-1',
  identity: 'a worker',
  capabilities: ['gpu'],
  heartbeatIntervalMs: 10_000,
};

function claim(runId: string, expiryAt: number, started: boolean): EventDraft[] {
  const events: EventDraft[] = [
    { type: 'RunStateChanged', runId, from: 'ready', to: 'leased' },
    { type: 'LeaseAcquired', runId, owner: 'worker-1', expiryAt },
  ];
  if (!started) return events;
  return [
    ...events,
    { type: 'RunStateChanged', runId, from: 'leased', to: 'running' },
    { type: 'AttemptStarted', runId, attemptId: 'remote-1', number: 1, owner: 'worker-1' },
  ];
}

/** A run that `worker-1` claimed for 30 s; the log then rests for `downMs` before this process opens it. */
async function leasedElsewhere({
  started,
  downMs = 0,
  heartbeatMs,
}: {
  started: boolean;
  downMs?: number;
  heartbeatMs?: number;
}) {
  const calls: string[] = [];
  const dataDir = join(await temporaryDirectory(), 'data');
  const before = await open({ dataDir });
  const constraints = { maxLostAttempts: 5 };
  const { runIds } = await before.pawl.submit('render', undefined, { constraints });
  await before.clock.settle();
  await before.pawl.close();
  const runId = first(runIds);
  const expiryAt = before.clock.now() + 30_000;
  const writer = await openWalWriter(dataDir, { clock: before.clock });
  const at = before.clock.now();
  const append = async (drafts: readonly EventDraft[]): Promise<void> => {
    const from = writer.currentSequence + 1;
    await writer.append(drafts.map((draft, index) => ({ ...draft, sequence: from + index, at })));
  };
  await append([actor]);
  await append(claim(runId, expiryAt, started));
  if (heartbeatMs !== undefined) {
    await append([{ type: 'LeaseHeartbeat', runId, owner: 'worker-1', expiryAt: expiryAt + heartbeatMs }]);
  }
  await writer.close();
  await before.clock.advance(downMs);
  const tasks = [
    defineTask('render', (context) => {
      calls.push(context.runId);
    }),
  ];
  const after = await before.restart({ tasks });
  await after.clock.settle();
  return { ...after, runId, calls, expiryAt };
}

describe('a lease of a registered actor', () => {
  it.each([true, false])(
    'is in force one ms before its expiry and over at it (started: %s)',
    async (started) => {
      const { pawl, clock, runId, calls, expiryAt } = await leasedElsewhere({ started });
      expect(pawl.projections.leases.get(runId)).toMatchObject({ owner: 'worker-1', expiryAt });
      await clock.advance(29_999);
      expect(run(pawl, runId).state).toBe(started ? 'running' : 'leased');
      expect(calls).toEqual([]);
      await clock.advance(1);
      expect(run(pawl, runId)).toMatchObject({ state: 'completed', lostAttempts: started ? 1 : 0 });
      expect(calls).toEqual([runId]);
      expect(await eventsOf(pawl, 'LeaseExpired')).toMatchObject([{ runId, owner: 'worker-1', expiryAt }]);
    },
  );

  it('is kept for what is left of it after a restart', async () => {
    const { pawl, clock, runId } = await leasedElsewhere({ started: true, downMs: 20_000 });
    await clock.advance(9_999);
    expect(run(pawl, runId).state).toBe('running');
    await clock.advance(1);
    expect(run(pawl, runId).attempts).toMatchObject([
      { result: 'lost', error: { code: 'LOST' } },
      { result: 'success' },
    ]);
  });

  it('lasts as long as its heartbeat said', async () => {
    const { pawl, clock, runId } = await leasedElsewhere({ started: true, heartbeatMs: 15_000 });
    await clock.advance(44_999);
    expect(run(pawl, runId).state).toBe('running');
    await clock.advance(1);
    expect(run(pawl, runId).state).toBe('completed');
  });

  it('that ran out while nobody looked is settled by the start', async () => {
    const { pawl, runId, calls } = await leasedElsewhere({ started: true, downMs: 30_000 });
    expect(run(pawl, runId)).toMatchObject({ state: 'completed', lostAttempts: 1 });
    expect(calls).toEqual([runId]);
  });

  it('does not end by a jump of the wall clock', async () => {
    const { pawl, clock, runId } = await leasedElsewhere({ started: true });
    clock.jump(86_400_000);
    await clock.advance(29_999);
    expect(run(pawl, runId).state).toBe('running');
    await clock.advance(1);
    expect(run(pawl, runId).lostAttempts).toBe(1);
  });

  it('ends with a cancellation, and is not expired afterwards', async () => {
    const { pawl, clock, runId } = await leasedElsewhere({ started: true });
    await pawl.cancelRun(runId);
    await clock.advance(60_000);
    expect(run(pawl, runId).state).toBe('canceled');
    expect(await eventsOf(pawl, 'LeaseExpired')).toEqual([]);
    expect(await eventsOf(pawl, 'LeaseReleased')).toMatchObject([{ runId, owner: 'worker-1' }]);
  });

  it('keeps the engine from being idle', async () => {
    const { pawl, clock } = await leasedElsewhere({ started: true });
    let idle = false;
    const waiting = pawl.idle().then(() => (idle = true));
    await clock.advance(29_999);
    expect(idle).toBe(false);
    await clock.advance(1);
    await waiting;
  });
});

describe('the lease of a process that is gone', () => {
  it('is freed at once by the next start, whatever its expiry', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const endless = defineTask('endless', () => new Promise<void>(() => undefined));
    const before = await open({ dataDir, tasks: [endless] });
    const { runIds } = await before.pawl.submit(endless, undefined, { constraints: { maxLostAttempts: 5 } });
    before.park(first(runIds));
    await before.clock.settle();
    expect(before.pawl.projections.leases.get(first(runIds))?.owner).toBe(before.pawl.report.instance);
    const after = await before.crash({ tasks: [] });
    expect(run(after.pawl, runIds[0])).toMatchObject({ state: 'ready', lostAttempts: 1 });
    expect(after.pawl.projections.leases.count).toBe(0);
    expect(after.pawl.report.sweeps.find((sweep) => sweep.name === 'deadEpoch')?.settled).toBe(1);
  });

  it('never expires by time while the process lives', async () => {
    const endless = defineTask('endless', () => new Promise<void>(() => undefined));
    const { pawl, clock, park } = await open({ tasks: [endless] });
    const { runIds } = await pawl.submit(endless);
    park(first(runIds));
    await clock.advance(86_400_000);
    expect(run(pawl, runIds[0])).toMatchObject({ state: 'running', lostAttempts: 0 });
  });
});

describe('a late result of an expired lease', () => {
  const lost = given([
    taskCreated('t', { constraints: { maxLostAttempts: 5 } }),
    { type: 'RunCreated', runId: 'r', taskId: 't', occurrence: 0, scheduledAt: 0, priority: 0 },
    { type: 'RunStateChanged', runId: 'r', from: 'scheduled', to: 'ready' },
    claim('r', 31_000, true),
    [
      {
        type: 'AttemptFinished',
        runId: 'r',
        attemptId: 'remote-1',
        result: 'lost',
        error: { name: 'LostError', message: 'x', code: 'LOST', retryable: true },
      },
      { type: 'LeaseExpired', runId: 'r', owner: 'worker-1', expiryAt: 31_000 },
      {
        type: 'RunStateChanged',
        runId: 'r',
        from: 'running',
        to: 'retryWait',
        reason: 'lost',
        wakeAt: 31_000,
      },
      { type: 'RunStateChanged', runId: 'r', from: 'retryWait', to: 'ready' },
    ],
  ]);
  const finish = { runId: 'r', attemptId: 'remote-1', owner: 'worker-1' };

  it('is refused', () => {
    lost
      .when((context) => decideFinish(context, { ...finish, outcome: { kind: 'success' }, consumed: [] }))
      .then({ code: 'LEASE_LOST', data: { runId: 'r', attemptId: 'remote-1' } });
  });

  it('is recorded, once', () => {
    const refused: EventDraft = {
      type: 'AttemptRefused',
      runId: 'r',
      attemptId: 'remote-1',
      owner: 'worker-1',
      why: 'LEASE_LOST',
    };
    const refuse = (context: { state: typeof lost.state }): readonly PawlEvent[] => {
      const row = context.state.runs.row('r');
      return row === undefined ? [] : decideRefusal(row, finish, 'LEASE_LOST');
    };
    lost.when(refuse).then([refused]);
    lost.when(refuse).then([]);
  });
});
