// Row 34: hundreds of tasks on few and on many slots, with mixed outcomes: each dispatched once, all of them ended.
import { describe, expect, it } from '@jest/globals';
import { TerminalError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { openTest } from '../support/engine.js';
import { eventsOf, first, run } from './support/handlers.js';

type Outcome = 'success' | 'failure' | 'terminal' | 'slow' | 'timeout';

const OUTCOMES: readonly Outcome[] = ['success', 'failure', 'slow', 'terminal', 'timeout'];
const STATE_OF: Readonly<Record<Outcome, string>> = {
  success: 'completed',
  slow: 'completed',
  failure: 'failed',
  terminal: 'failed',
  timeout: 'failed',
};

describe('tasks with mixed outcomes', () => {
  it.each([
    [100, 1],
    [250, 4],
    [500, 8],
    [1_000, 64],
  ])('%d of them on %d slots are each dispatched once and end', async (count, concurrency) => {
    const calls = new Map<string, number>();
    let inFlight = 0;
    let mostInFlight = 0;
    const kit = await openTest({
      concurrency,
      timeoutGraceMs: 0,
      tasks: [
        defineTask('mixed', async (context, input: { outcome: Outcome }) => {
          calls.set(context.runId, (calls.get(context.runId) ?? 0) + 1);
          mostInFlight = Math.max(mostInFlight, ++inFlight);
          try {
            if (input.outcome === 'failure') throw new Error('no');
            if (input.outcome === 'terminal') throw new TerminalError('never');
            if (input.outcome === 'slow') await kit.clock.sleep(50);
            if (input.outcome === 'timeout') {
              await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()));
              throw context.signal.reason as Error;
            }
            return input.outcome;
          } finally {
            inFlight--;
          }
        }),
      ],
    });
    const outcomes = Array.from(
      { length: count },
      (_unused, index) => OUTCOMES[index % OUTCOMES.length] ?? 'success',
    );
    const submitted = await kit.pawl.submitMany(
      outcomes.map((outcome) => ({
        task: 'mixed',
        input: { outcome },
        options: { constraints: { timeoutMs: 100 } },
      })),
    );
    const runIds = submitted.map((item) => (item.ok ? first(item.submission.runIds) : ''));
    for (const [index, runId] of runIds.entries()) if (outcomes[index] === 'timeout') kit.park(runId);
    await kit.clock.advance(count * 150);
    expect(runIds.map((runId) => run(kit.pawl, runId).state)).toEqual(
      outcomes.map((outcome) => STATE_OF[outcome]),
    );
    expect(calls.size).toBe(count);
    expect(new Set(calls.values())).toEqual(new Set([1]));
    const started = await eventsOf(kit.pawl, 'AttemptStarted');
    expect(new Set(started.map(({ runId }) => runId)).size).toBe(count);
    expect(started).toHaveLength(count);
    expect(mostInFlight).toBe(Math.min(concurrency, count));
    expect(await kit.pawl.idle()).toEqual({ pending: 0, reasons: [] });
  });
});
