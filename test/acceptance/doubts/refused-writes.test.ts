// Writes that are refused at a bad moment: whatever the reason, the engine neither hangs nor forgets a result.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../../src/execution/define-task.js';
import { PawlError } from '../../../src/errors.js';
import type { EncodedBatch } from '../../../src/journal/journal-backend.js';
import { MemoryBackend } from '../../../src/journal/memory-backend.js';
import { openOnFaultyStorage } from '../support/faulty-files.js';
import { first, gate, open, refusal, run, turns } from '../support/handlers.js';

/** A log of somebody else's, which holds less in a commit than the limits allow. */
class NarrowBackend extends MemoryBackend {
  override append(batch: EncodedBatch): Promise<void> {
    if (batch.end <= 32_768) return super.append(batch);
    return Promise.reject(new PawlError('COMMIT_TOO_LARGE', 'More than 32768 bytes; split it.', {}));
  }
}

const quick = defineTask('quick', () => 'done');

describe('a refused write', () => {
  it('a claim that the full queue refuses is tried again later, and does not spin', async () => {
    const { pawl, clock } = await open({ tasks: [quick], concurrency: 10, limits: { maxQueuedCommands: 1 } });
    const { runIds } = await pawl.submit(quick, undefined, {
      policy: { kind: 'repeat', count: 8, intervalMs: 1, startAt: clock.now() - 100 },
    });
    await clock.advance(20_000);
    expect(runIds.map((runId) => run(pawl, runId).state)).toEqual(Array(8).fill('completed'));
  });

  it('a finish that the disk refused for any passing reason is kept and written later', async () => {
    const going = gate<string>();
    const work = defineTask('work', () => going.promise);
    const { kit, storage } = await openOnFaultyStorage({ tasks: [work], concurrency: 1 });
    const { runIds } = await kit.pawl.submit(work);
    const runId = first(runIds);
    kit.park(runId);
    await kit.clock.settle();
    storage.failNext('write', 'EIO');
    going.open('result');
    await turns(20);
    await kit.clock.advance(2_000);
    expect(run(kit.pawl, runId)).toMatchObject({ state: 'completed', attemptCount: 1 });
    expect(await kit.pawl.run(runId).result()).toBe('result');
  });

  it('a handler that consumes more dimensions than a commit holds is told, and its run ends', async () => {
    const greedy = defineTask('greedy', (context) => {
      for (let index = 0; index < 10_001; index++) context.consume(`dimension-${String(index)}`, 1);
      return 'done';
    });
    const { pawl, clock } = await open({ tasks: [greedy] });
    const { runIds } = await pawl.submit(greedy);
    await clock.advance(5_000);
    const error = await refusal(pawl.run(first(runIds)).result(), 'RUN_FAILED');
    expect(error.message).toContain('256 dimensions');
    expect(run(pawl, first(runIds)).attempts[0]?.error?.code).toBe('LIMIT_EXCEEDED');
  });

  it('a finish that no commit can hold fails its run instead of leaving it running', async () => {
    const large = defineTask('large', () => 'x'.repeat(50_000));
    const { pawl, clock } = await open({ tasks: [large], backend: new NarrowBackend() });
    const { runIds } = await pawl.submit(large, undefined, { constraints: { maxAttempts: 3 } });
    await clock.advance(5_000);
    const record = run(pawl, first(runIds));
    expect(record).toMatchObject({ state: 'failed', attemptCount: 1 });
    expect(record.attempts[0]?.error?.code).toBe('COMMIT_TOO_LARGE');
  });

  it('the largest output goes into a commit with everything an attempt consumes, and without its progress', async () => {
    const limits = { maxPayloadBytes: 3_000_000, maxFrameBytes: 3_000_000 + 262_144 + 8 * 131_072 };
    const last = 'x'.repeat(limits.maxPayloadBytes - 3);
    const large = defineTask('large', async (context) => {
      context.progress('first');
      // What is reported now waits for its second, or for the end.
      await context.consume('token', 1);
      for (let index = 0; index < 256; index++)
        context.consume(`dimension-${String(index)}`.padEnd(64, '-'), 1);
      context.progress(['y'.repeat(limits.maxPayloadBytes - 5)]);
      return last;
    });
    const { pawl, clock } = await open({ tasks: [large], limits });
    const { runIds } = await pawl.submit(large, undefined, { constraints: { maxAttempts: 3 } });
    await clock.advance(5_000);
    expect(run(pawl, first(runIds))).toMatchObject({ state: 'completed', attemptCount: 1 });
    expect(await pawl.run(first(runIds)).result()).toBe(last);
  });
});
