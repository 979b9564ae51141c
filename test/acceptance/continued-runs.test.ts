// Row 58 on the engine: a foreign log whose continued run has no successor gets it at the first start, and only then.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { encodePayload, type Payload } from '../../src/domain/payload.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  NONE,
  type TaskSpec,
} from '../../src/domain/task.js';
import { defineTask } from '../../src/execution/define-task.js';
import type { EventDraft } from '../../src/testing/given.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { temporaryDirectory } from '../support/engine.js';
import { foreignLog } from './support/foreign-log.js';
import { eventsOf, first, open, run } from './support/handlers.js';

const json = (value: unknown): Payload => encodePayload(value, DEFAULT_LIMITS);

const spec: TaskSpec = {
  id: 'task-1',
  type: 'checkout',
  input: json('first'),
  policy: DEFAULT_POLICY,
  constraints: DEFAULT_CONSTRAINTS,
  metadata: DEFAULT_METADATA,
  dependsOn: NONE,
  budgets: NONE,
};

interface Link {
  readonly input?: unknown;
  readonly taskType?: string;
}

/** Runs `r1`, `r2` … of one occurrence, each continued as new by the next; the last one has no successor. */
function chain(...links: readonly Link[]): EventDraft[][] {
  const commits: EventDraft[][] = [[{ type: 'TaskCreated', spec }]];
  links.forEach((link, index) => {
    const [runId, successorRunId] = [`r${String(index + 1)}`, `r${String(index + 2)}`];
    const before = links[index - 1];
    commits.push([
      {
        type: 'RunCreated',
        runId,
        taskId: 'task-1',
        occurrence: 0,
        scheduledAt: 1_699_999_990_000,
        priority: 7,
        ...(before === undefined
          ? {}
          : { continuedFrom: `r${String(index)}`, input: json(before.input), taskType: before.taskType }),
      },
      { type: 'RunStateChanged', runId, from: 'scheduled', to: 'ready' },
      { type: 'RunStateChanged', runId, from: 'ready', to: 'leased' },
      { type: 'LeaseAcquired', runId, owner: 'elsewhere', expiryAt: 1_699_999_999_000 },
      { type: 'RunStateChanged', runId, from: 'leased', to: 'running' },
      { type: 'AttemptStarted', runId, attemptId: `a-${runId}`, number: 1, owner: 'elsewhere' },
      { type: 'AttemptFinished', runId, attemptId: `a-${runId}`, result: 'success' },
      { type: 'LeaseReleased', runId, owner: 'elsewhere', expiryAt: 1_699_999_999_000 },
      { type: 'RunStateChanged', runId, from: 'running', to: 'completed' },
      { type: 'RunContinued', runId, successorRunId, input: json(link.input), taskType: link.taskType },
    ]);
  });
  return commits;
}

const checkout = defineTask('checkout', (context) => ({ type: 'checkout', input: context.input }));
const refund = defineTask('refund', (context) => ({ type: 'refund', input: context.input }));
const tasks = [checkout, refund];

const settledBy = (opened: TestOrchestrator): number | undefined =>
  opened.pawl.report.sweeps.find((sweep) => sweep.name === 'continuedRuns')?.settled;

describe('a continued run whose successor is missing', () => {
  it('gets it at the first start, linked, with the input of the fact, and never again', async () => {
    const dataDir = await foreignLog(chain({ input: { next: true } }));
    const opened = await open({ dataDir, tasks });
    expect(settledBy(opened)).toBe(1);
    await opened.pawl.idle();
    expect(run(opened.pawl, 'r1').continuedTo).toBe('r2');
    expect(run(opened.pawl, 'r2')).toMatchObject({
      taskId: 'task-1',
      continuedFrom: 'r1',
      occurrence: 0,
      priority: 7,
      state: 'completed',
    });
    await expect(opened.pawl.run('r1').result()).resolves.toEqual({
      type: 'checkout',
      input: { next: true },
    });
    expect(opened.pawl.projections.tasks.get('task-1')?.counts).toMatchObject({ created: 1, completed: 1 });
    const again = await opened.restart();
    expect(settledBy(again)).toBe(0);
    expect(again.pawl.projections.runs.count).toBe(2);
  });

  it('gets it with the type of the fact', async () => {
    const opened = await open({ dataDir: await foreignLog(chain({ input: 1, taskType: 'refund' })), tasks });
    await expect(opened.pawl.run('r1').result()).resolves.toEqual({ type: 'refund', input: 1 });
  });

  it('gets it with its own type when the fact names none', async () => {
    const dataDir = await foreignLog(chain({ input: 1, taskType: 'refund' }, { input: 2 }));
    const opened = await open({ dataDir, tasks });
    await expect(opened.pawl.run('r1').result()).resolves.toEqual({ type: 'refund', input: 2 });
  });

  it('is the last of three rotations', async () => {
    const dataDir = await foreignLog(chain({ input: 1 }, { input: 2 }, { input: 3 }));
    const opened = await open({ dataDir, tasks });
    expect(settledBy(opened)).toBe(1);
    await expect(opened.pawl.run('r1').result()).resolves.toEqual({ type: 'checkout', input: 3 });
    expect(opened.pawl.projections.runs.count).toBe(4);
  });

  it('gets it where nobody has a handler for it: it waits', async () => {
    const opened = await open({ dataDir: await foreignLog(chain({ input: 1, taskType: 'nobody' })), tasks });
    const { reasons } = await opened.pawl.idle();
    expect(reasons).toMatchObject([{ reason: 'no handler', runIds: ['r2'] }]);
  });

  it('gets an equal one whoever starts it, but for times', async () => {
    const dataDir = await foreignLog(chain({ input: { next: true }, taskType: 'refund' }));
    const copy = join(await temporaryDirectory(), 'data');
    await cp(dataDir, copy, { recursive: true });
    const created = async (directory: string, seed: number): Promise<object> => {
      const opened = await open({ dataDir: directory, tasks, seed });
      await opened.clock.advance(seed);
      const [, ...successors] = await eventsOf(opened.pawl, 'RunCreated');
      const { at: _at, scheduledAt: _scheduledAt, ...rest } = first(successors);
      return rest;
    };
    await expect(created(dataDir, 1)).resolves.toEqual(await created(copy, 2));
  });
});
