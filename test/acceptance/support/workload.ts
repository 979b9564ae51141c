// Random workloads: tasks with every policy and constraint, what their handlers do, and what is done to the engine
// meanwhile: time passes, it is paused, canceled at, closed and killed.
import fc from 'fast-check';
import { TerminalError } from '../../../src/errors.js';
import { defineTask, type TaskDefinition } from '../../../src/execution/define-task.js';
import type { ConstraintsInput, PolicyInput } from '../../../src/domain/submission.js';
import type { ManualClock } from '../../../src/testing/manual-clock.js';
import type { TestOrchestrator } from '../../../src/testing/test-orchestrator.js';

/** What an attempt does. */
export type Act = 'succeed' | 'fail' | 'fail for good' | 'suspend' | 'take a while';

/** A task of a workload. Times are relative to its submission. */
export interface WorkTask {
  readonly policy:
    | { readonly kind: 'once'; readonly startInMs: number }
    | (Omit<Extract<PolicyInput, { kind: 'repeat' }>, 'startAt'> & { readonly startInMs: number });
  readonly constraints: ConstraintsInput;
  readonly priority: number;
  /** Place of the parent among the tasks before, if that is one. */
  readonly parent: number | undefined;
  /** What the n-th attempt of a run does; the last one again and again. */
  readonly acts: readonly Act[];
}

/** One thing that happens. */
export type Step =
  | { readonly kind: 'submit'; readonly task: WorkTask }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'cancelTask' | 'cancelRun' | 'resumeRun' | 'retryRun'; readonly pick: number }
  | { readonly kind: 'pause' | 'restart' | 'crash' | 'prune' };

const anyPolicy: fc.Arbitrary<WorkTask['policy']> = fc.oneof(
  fc.record({ kind: fc.constant('once' as const), startInMs: fc.integer({ min: -5_000, max: 5_000 }) }),
  fc.record({
    kind: fc.constant('repeat' as const),
    count: fc.integer({ min: 1, max: 8 }),
    intervalMs: fc.integer({ min: 1, max: 3_000 }),
    startInMs: fc.integer({ min: -5_000, max: 5_000 }),
    misfire: fc.oneof(
      fc.constant({ kind: 'catchUp' as const }),
      fc.record({ kind: fc.constant('catchUp' as const), cap: fc.integer({ min: 1, max: 3 }) }),
      fc.constant({ kind: 'skip' as const }),
      fc.constant({ kind: 'coalesce' as const }),
    ),
    overlap: fc.constantFrom('allow' as const, 'skip' as const, 'bufferOne' as const),
  }),
);

const anyConstraints: fc.Arbitrary<ConstraintsInput> = fc.record(
  {
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    maxLostAttempts: fc.integer({ min: 1, max: 3 }),
    expireAfterMs: fc.integer({ min: 1, max: 4_000 }),
    backoff: fc.oneof(
      fc.record({ kind: fc.constant('fixed' as const), delayMs: fc.integer({ min: 0, max: 2_000 }) }),
      fc.record({ kind: fc.constant('linear' as const), stepMs: fc.integer({ min: 0, max: 1_000 }) }),
      fc.record({ kind: fc.constant('exponential' as const), baseMs: fc.integer({ min: 0, max: 1_000 }) }),
    ),
    concurrencyKey: fc.constantFrom('a', 'b'),
    keyHold: fc.constantFrom('holdDuringRetry' as const, 'releaseOnRetry' as const),
    safety: fc.constantFrom('pure' as const, 'transactional' as const),
  },
  { requiredKeys: [] },
);

/** A task of any kind. */
export const anyTask: fc.Arbitrary<WorkTask> = fc.record({
  policy: anyPolicy,
  constraints: anyConstraints,
  priority: fc.integer({ min: -2, max: 2 }),
  parent: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
  acts: fc.array(fc.constantFrom<Act>('succeed', 'fail', 'fail for good', 'suspend', 'take a while'), {
    minLength: 1,
    maxLength: 4,
  }),
});

/** A task of any kind whose every attempt succeeds, and of which no occurrence is dropped and no loss is the last. */
export const anyGoodTask: fc.Arbitrary<WorkTask> = anyTask.map((task) => {
  const { expireAfterMs: _expireAfterMs, safety: _safety, ...constraints } = task.constraints;
  return {
    ...task,
    policy:
      task.policy.kind === 'once'
        ? task.policy
        : { ...task.policy, misfire: { kind: 'catchUp' }, overlap: 'allow' },
    constraints: { ...constraints, maxLostAttempts: 100 },
    acts: ['succeed'],
  };
});

/** Anything that may happen. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('submit' as const), task: anyTask }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 6_000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'cancelTask' as const,
        'cancelRun' as const,
        'resumeRun' as const,
        'retryRun' as const,
      ),
      pick: fc.nat({ max: 50 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'restart' as const, 'crash' as const, 'prune' as const),
    }),
  },
);

/** Anything that may happen and takes no occurrence away. */
export const anyGoodStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('submit' as const), task: anyGoodTask }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 6_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'restart' as const, 'crash' as const),
    }),
  },
);

/** The task type of workloads; it acts as its input says. */
export function acting(clock: ManualClock): TaskDefinition<{ acts: Act[] }, string | undefined> {
  const attempts = new Map<string, number>();
  return defineTask('act', async (context, input) => {
    const attempt = attempts.get(context.runId) ?? 0;
    attempts.set(context.runId, attempt + 1);
    switch (input.acts[Math.min(attempt, input.acts.length - 1)]) {
      case 'fail':
        throw new Error('no');
      case 'fail for good':
        throw new TerminalError('never');
      case 'suspend':
        return context.suspend();
      case 'take a while':
        await clock.sleep(700);
        return 'late';
      default:
        return 'done';
    }
  });
}

/** Does one thing. Refusals are part of the game: a workload does not ask first what is allowed. */
export async function take(kit: TestOrchestrator, step: Step, taskIds: string[]): Promise<TestOrchestrator> {
  const { pawl, clock } = kit;
  switch (step.kind) {
    case 'submit':
      await submit(kit, step.task, taskIds);
      return kit;
    case 'advance':
      await clock.advance(step.ms);
      return kit;
    case 'pause':
      await (pawl.projections.engine.paused ? pawl.resume() : pawl.pause());
      return kit;
    case 'restart':
      return await kit.restart();
    case 'crash':
      return await kit.crash();
    case 'prune':
      await pawl.prune({ keepNewest: 2 });
      return kit;
    case 'cancelTask': {
      const taskId = taskIds[step.pick % Math.max(1, taskIds.length)];
      if (taskId !== undefined) await pawl.cancelTask(taskId).catch(() => undefined);
      return kit;
    }
    default: {
      const { items } = pawl.projections.runs.list({}, { limit: 1_000 });
      const runId = items[step.pick % Math.max(1, items.length)]?.id;
      if (runId !== undefined) await pawl[step.kind](runId).catch(() => undefined);
      return kit;
    }
  }
}

async function submit({ pawl, clock }: TestOrchestrator, task: WorkTask, taskIds: string[]): Promise<void> {
  const { startInMs, ...policy } = task.policy;
  const parentId = task.parent === undefined ? undefined : taskIds[task.parent];
  const id = `t${String(taskIds.length)}`;
  const submitted = pawl.submit(
    'act',
    { acts: task.acts },
    {
      id,
      policy: { ...policy, startAt: clock.now() + startInMs },
      constraints: task.constraints,
      metadata: { priority: task.priority },
      ...(parentId === undefined ? {} : { parentId }),
    },
  );
  if (
    await submitted.then(
      () => true,
      () => false,
    )
  )
    taskIds.push(id);
}
