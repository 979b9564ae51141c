// idle(): when nothing more happens by itself right now, and why each run that has not ended is where it is.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import type { IdleReport } from '../../src/scheduling/idle.js';
import { first, gate, open, refusal, run } from './support/handlers.js';

const good = defineTask('good', () => undefined);

function reasonOf(report: IdleReport, runId: string): string | undefined {
  return report.reasons.find((entry) => entry.runIds.includes(runId))?.reason;
}

describe('idle', () => {
  it('resolves at once with nothing to say when nothing is pending', async () => {
    const { pawl } = await open({ tasks: [good] });
    expect(await pawl.idle()).toEqual({ pending: 0, reasons: [] });
  });

  it('waits for what runs, and for what follows from it', async () => {
    const going = gate();
    const slow = defineTask('slow', () => going.promise);
    const { pawl, clock, park } = await open({ tasks: [slow, good], concurrency: 1 });
    const { runIds } = await pawl.submit(slow);
    park(first(runIds));
    await pawl.submit(good);
    let idle = false;
    const waiting = pawl.idle().then((report) => {
      idle = true;
      return report;
    });
    await clock.settle();
    expect(idle).toBe(false);
    going.open(undefined);
    expect(await waiting).toEqual({ pending: 0, reasons: [] });
    expect(pawl.projections.runs.countByState('completed')).toBe(2);
  });

  it('names scheduled runs with the earliest of their moments', async () => {
    const { pawl, clock } = await open({ tasks: [good] });
    const policy = { kind: 'repeat', count: 3, intervalMs: 1_000, startAt: clock.now() + 5_000 } as const;
    const { runIds } = await pawl.submit(good, undefined, { policy });
    expect(await pawl.idle()).toEqual({
      pending: 3,
      reasons: [{ reason: 'scheduled for', count: 3, runIds, nextAt: clock.now() + 5_000 }],
    });
  });

  it('names retries with the moment of the next', async () => {
    const bad = defineTask('bad', () => {
      throw new Error('no');
    });
    const { pawl, clock } = await open({ tasks: [bad] });
    const constraints = { maxAttempts: 2, backoff: { kind: 'fixed', delayMs: 700, jitter: 'none' } } as const;
    const { runIds } = await pawl.submit(bad, undefined, { constraints });
    expect((await pawl.idle()).reasons).toEqual([
      { reason: 'retry at', count: 1, runIds, nextAt: clock.now() + 700 },
    ]);
  });

  it('names suspended runs, those behind a key, and those without a handler', async () => {
    const stops = defineTask('stops', (context) => context.suspend());
    const { pawl } = await open({ tasks: [stops, good] });
    const constraints = { concurrencyKey: 'k' };
    const suspended = await pawl.submit(stops, undefined, { constraints });
    await pawl.idle();
    const behind = await pawl.submit(good, undefined, { constraints });
    const unknown = await pawl.submit('elsewhere');
    const report = await pawl.idle();
    expect(report.pending).toBe(3);
    expect(reasonOf(report, first(suspended.runIds))).toBe('suspended');
    expect(reasonOf(report, first(behind.runIds))).toBe('key held by');
    expect(reasonOf(report, first(unknown.runIds))).toBe('no handler');
  });

  it('names what a pause holds, ready or due', async () => {
    const { pawl } = await open({ tasks: [good] });
    await pawl.pause();
    const { runIds } = await pawl.submit(good);
    expect((await pawl.idle()).reasons).toEqual([{ reason: 'paused', count: 1, runIds }]);
  });

  it('lists a bounded number of ids a reason, and counts all', async () => {
    const { pawl } = await open({ limits: { maxReportedIds: 5 } });
    await pawl.submit('elsewhere', undefined, { policy: { kind: 'repeat', count: 8, intervalMs: 1 } });
    const entry = (await pawl.idle()).reasons.find(({ reason }) => reason === 'scheduled for');
    expect({ count: entry?.count, listed: entry?.runIds.length }).toEqual({ count: 7, listed: 5 });
  });

  it('gives a reason for every run that has not ended, and for none that has', async () => {
    const stops = defineTask('stops', (context) => context.suspend());
    const { pawl, clock } = await open({ tasks: [stops, good] });
    await pawl.submit(good);
    await pawl.submit(stops);
    await pawl.submit('elsewhere');
    await pawl.submit(good, undefined, { policy: { kind: 'once', startAt: clock.now() + 1 } });
    const report = await pawl.idle();
    expect(report.pending).toBe(3);
    expect(report.reasons.reduce((sum, entry) => sum + entry.count, 0)).toBe(report.pending);
    const listed = report.reasons.flatMap((entry) => entry.runIds);
    expect(new Set(listed).size).toBe(3);
    expect(listed.map((id) => run(pawl, id).state)).not.toContain('completed');
  });

  it('waits for so many at a time: one more is refused, and has its place when another has ended', async () => {
    const going = gate();
    const slow = defineTask('slow', () => going.promise);
    const { pawl } = await open({ tasks: [slow], limits: { maxWaitingCalls: 2 } });
    await pawl.submit(slow);
    const abort = new AbortController();
    const one = pawl.idle();
    const two = pawl.idle({ signal: abort.signal });
    const error = await refusal(pawl.idle(), 'LIMIT_EXCEEDED');
    expect(error.data).toEqual({ limit: 'maxWaitingCalls', value: 2 });
    abort.abort();
    await refusal(two, 'ABORTED');
    const three = pawl.idle();
    await refusal(pawl.idle(), 'LIMIT_EXCEEDED');
    going.open(undefined);
    expect(await Promise.all([one, three])).toEqual([
      { pending: 0, reasons: [] },
      { pending: 0, reasons: [] },
    ]);
    await Promise.all([pawl.idle(), pawl.idle()]);
  });

  it('waits while a write is in flight', async () => {
    const backend = new MemoryBackend();
    const { pawl, clock } = await open({ tasks: [good], backend });
    await clock.settle();
    const release = backend.holdSync();
    const submitting = pawl.submit(good);
    let idle = false;
    const waiting = pawl.idle().then(() => (idle = true));
    await Promise.resolve();
    expect(idle).toBe(false);
    release();
    await submitting;
    await waiting;
    expect(pawl.projections.runs.countByState('completed')).toBe(1);
  });

  it('is ended by its signal', async () => {
    const going = gate();
    const slow = defineTask('slow', () => going.promise);
    const { pawl, park, clock } = await open({ tasks: [slow] });
    const { runIds } = await pawl.submit(slow);
    park(first(runIds));
    const aborting = new AbortController();
    const waiting = refusal(pawl.idle({ signal: aborting.signal }), 'ABORTED');
    await clock.settle();
    aborting.abort(new Error('enough'));
    expect((await waiting).cause).toEqual(new Error('enough'));
    await refusal(pawl.idle({ signal: AbortSignal.abort() }), 'ABORTED');
    going.open(undefined);
    expect(await pawl.idle()).toEqual({ pending: 0, reasons: [] });
  });
});
