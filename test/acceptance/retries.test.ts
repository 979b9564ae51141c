// Rows 23 and 24: attempts never exceed their cap, whatever mixture of failures and timeouts uses them up.
import { describe, expect, it } from '@jest/globals';
import { TerminalError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import type { RunRecord } from '../../src/domain/run.js';
import type { ConstraintsInput } from '../../src/domain/submission.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { openTest } from '../support/engine.js';
import { refusal, run } from './support/handlers.js';

type Step = 'fail' | 'time out' | 'succeed' | 'fail for good';

const backoff = { kind: 'fixed', delayMs: 1_000, jitter: 'none' } as const;

/** A task whose n-th attempt does the n-th step; the last one again and again. */
async function playing(steps: readonly Step[], constraints: ConstraintsInput) {
  const seen: { attempt: number; attemptId: string; maxAttempts: number }[] = [];
  const play = defineTask('play', (context) => {
    const step = steps[Math.min(seen.length, steps.length - 1)];
    const { attempt, attemptId, maxAttempts } = context;
    seen.push({ attempt, attemptId, maxAttempts });
    switch (step) {
      case 'fail':
        throw new Error(`attempt ${String(attempt)} failed`);
      case 'fail for good':
        throw new TerminalError('no use');
      case 'time out':
        return new Promise<never>((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
        });
      default:
        return { attempt };
    }
  });
  const kit = await openTest({ tasks: [play] });
  const { runIds } = await kit.pawl.submit(play, undefined, {
    constraints: { backoff, timeoutMs: 500, ...constraints },
  });
  kit.park(runIds[0] ?? '');
  await kit.clock.advance(20_000);
  return { ...kit, seen, record: run(kit.pawl, runIds[0]) };
}

function results(record: RunRecord): (string | undefined)[] {
  return record.attempts.map((attempt) => attempt.result);
}

async function unchangedAfterRestart(kit: TestOrchestrator, record: RunRecord): Promise<void> {
  const again = await kit.restart();
  await again.clock.advance(86_400_000);
  expect(run(again.pawl, record.id)).toEqual(record);
}

describe('the cap of attempts', () => {
  it.each([1, 3])('of %d is the number of failures', async (maxAttempts) => {
    const { seen, record, ...kit } = await playing(['fail'], { maxAttempts });
    expect(record).toMatchObject({ state: 'failed', attemptCount: maxAttempts, failedAttempts: maxAttempts });
    expect(results(record)).toEqual(Array<string>(maxAttempts).fill('failure'));
    expect(seen.map(({ attempt }) => attempt)).toEqual(
      Array.from({ length: maxAttempts }, (_unused, at) => at + 1),
    );
    expect(new Set(seen.map(({ attemptId }) => attemptId)).size).toBe(maxAttempts);
    expect(record.attempts.map(({ id }) => id)).toEqual(seen.map(({ attemptId }) => attemptId));
    await refusal(kit.pawl.run(record.id).result(), 'RUN_FAILED');
    await unchangedAfterRestart(kit, record);
  });

  it('is used up by timeouts too', async () => {
    const { seen, record, ...kit } = await playing(['time out'], { maxAttempts: 3 });
    expect(record).toMatchObject({ state: 'failed', attemptCount: 3, failedAttempts: 3, reason: 'timeout' });
    expect(results(record)).toEqual(['timeout', 'timeout', 'timeout']);
    expect(record.attempts.map(({ error }) => error?.code)).toEqual(Array<string>(3).fill('HANDLER_TIMEOUT'));
    expect(new Set(seen.map(({ attemptId }) => attemptId)).size).toBe(3);
    await unchangedAfterRestart(kit, record);
  });

  it('does not matter to a terminal failure, which ends the run at once', async () => {
    const { seen, record, ...kit } = await playing(['fail for good'], { maxAttempts: 5 });
    expect(seen).toHaveLength(1);
    expect(record).toMatchObject({ state: 'failed', attemptCount: 1, reason: 'terminal' });
    expect(record.attempts[0]?.error).toMatchObject({
      code: 'TERMINAL',
      message: 'no use',
      retryable: false,
    });
    await unchangedAfterRestart(kit, record);
  });
});

describe('a run that succeeds in the end', () => {
  it('keeps three attempts, two with their errors and one with its output', async () => {
    const { record, ...kit } = await playing(['fail', 'fail', 'succeed'], { maxAttempts: 3 });
    expect(results(record)).toEqual(['failure', 'failure', 'success']);
    expect(record.attempts.map(({ error }) => error?.message)).toEqual([
      'attempt 1 failed',
      'attempt 2 failed',
      undefined,
    ]);
    expect(record.attempts.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(record).toMatchObject({ state: 'completed', failedAttempts: 2 });
    expect(await kit.pawl.run(record.id).result()).toEqual({ attempt: 3 });
    await unchangedAfterRestart(kit, record);
  });

  it('may have timed out, failed and succeeded under a cap of three', async () => {
    const { record, ...kit } = await playing(['time out', 'fail', 'succeed'], { maxAttempts: 3 });
    expect(results(record)).toEqual(['timeout', 'failure', 'success']);
    expect(record).toMatchObject({ state: 'completed', failedAttempts: 2, attemptCount: 3 });
    await unchangedAfterRestart(kit, record);
  });

  it('waits for its backoff between attempts, in retryWait', async () => {
    const { record } = await playing(['fail', 'fail', 'succeed'], { maxAttempts: 3 });
    const [first, second, third] = record.attempts;
    expect([second?.startedAt, third?.startedAt]).toEqual([
      (first?.finishedAt ?? 0) + 1_000,
      (second?.finishedAt ?? 0) + 1_000,
    ]);
    expect(record.history.map(({ to }) => to)).toEqual([
      'scheduled',
      'ready',
      ...['leased', 'running', 'retryWait', 'ready'],
      ...['leased', 'running', 'retryWait', 'ready'],
      ...['leased', 'running', 'completed'],
    ]);
  });
});
