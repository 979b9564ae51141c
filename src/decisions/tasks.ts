// Commands about tasks: submit, one or many, and cancel. A submission is one commit: the task with its runs,
// those that are due already being promoted in it.
import { PawlError } from '../errors.js';
import type { Commit, PawlEvent } from '../domain/events.js';
import { requireId } from '../domain/ids.js';
import type { Submission } from '../domain/submission.js';
import type { TaskSpec } from '../domain/task.js';
import type { Command, Decision, DecisionContext } from './command.js';
import { findTask, isCanceledInTree } from './lookups.js';
import { deriveRuns, requireRepresentable } from './policies.js';
import { type CancelRunArgs, type Changed } from './runs.js';
import { specsEqual } from './task-spec.js';

/** Arguments of `submit`: the specification, resolved. */
export interface SubmitArgs {
  readonly spec: TaskSpec;
}

/** Creates a task with its runs. */
export const submit: Command<SubmitArgs, Submission> = {
  name: 'submit',
  admission: true,
  locks: (args) => [args.spec.id],
  keeps: ({ spec }) => builtOn(spec),
  decide(context, args) {
    const decision = decideSubmit(context, args.spec, context.limits.maxCommitEvents);
    requireRoomForRuns(context, decision.events);
    return decision;
  },
  // A repeated command was given a new id, if it named none; the commit has the first one.
  result: (commit, args, { limits }) =>
    submissionOf(commit, createdTaskIds(commit)[0] ?? args.spec.id, limits.maxReturnedRunIds),
};

/** Arguments of an atomic `submitMany`. */
export interface SubmitManyArgs {
  readonly specs: readonly TaskSpec[];
  /** For each specification whether the caller gave the id; a made one is another at each repetition. */
  readonly named: readonly boolean[];
}

/** Creates many tasks in one commit, or none. Items that are there already answer with `created: false`. */
export const submitManyAtomic: Command<SubmitManyArgs, readonly Submission[]> = {
  name: 'submitMany',
  admission: true,
  locks: (args) => [...new Set(args.specs.map((spec) => spec.id))],
  keeps: (args) => args.specs.flatMap(builtOn),
  decide(context, args) {
    const events: PawlEvent[] = [];
    const seen = new Map<string, TaskSpec>();
    for (const [index, spec] of args.specs.entries()) {
      const earlier = seen.get(spec.id);
      if (earlier !== undefined) {
        if (!specsEqual(earlier, spec)) throw conflict(spec.id, index);
        continue;
      }
      seen.set(spec.id, spec);
      const decision = decideSubmit(context, spec, context.limits.maxCommitEvents - events.length);
      for (const event of decision.events) events.push(event);
    }
    if (events.length === 0)
      return { events: [], answer: args.specs.map((spec) => keptSubmission(context, spec.id)) };
    requireRoomForRuns(context, events);
    return { events };
  },
  result(commit, args, context) {
    const created = createdTaskIds(commit);
    let next = 0;
    return args.specs.map((spec, index) => {
      const taskId = created[next];
      if (taskId === undefined || (args.named[index] === true && taskId !== spec.id))
        return keptSubmission(context, spec.id);
      next++;
      return submissionOf(commit, taskId, context.limits.maxReturnedRunIds);
    });
  },
};

/** The tasks that a new one is a child of, or waits for. */
function builtOn({ parentId, dependsOn }: TaskSpec): readonly string[] {
  return parentId === undefined ? dependsOn : [parentId, ...dependsOn];
}

/** What `cancelTask` is about. */
export interface CancelTaskArgs {
  readonly taskId: string;
  readonly reason?: CancelRunArgs['reason'];
}

/** Cancels a task: its runs and descendants follow by reaction. Canceled already → `{ changed: false }`. Errors: `INVALID_TRANSITION` once it has ended. */
export const cancelTask: Command<CancelTaskArgs, Changed> = {
  name: 'cancelTask',
  admission: false,
  locks: (args) => [requireId(args.taskId, 'taskId')],
  decide(context, args) {
    const row = findTask(context, args.taskId);
    if (row.extra?.canceledAt !== undefined) return { events: [], answer: { changed: false } };
    if (context.state.tasks.isTerminal(row)) {
      throw new PawlError('INVALID_TRANSITION', `Task ${row.id} has ended already and cannot be canceled.`, {
        taskId: row.id,
        from: 'terminal',
        to: 'canceled',
      });
    }
    return { events: [taskCanceled(row.id, args.reason)] };
  },
  result: () => ({ changed: true }),
};

/** The fact that a task is canceled. */
export function taskCanceled(taskId: string, reason: string | undefined): PawlEvent<'TaskCanceled'> {
  return { type: 'TaskCanceled', sequence: 0, at: 0, taskId, reason };
}

/** The submission that a commit made of a task. */
function submissionOf(commit: Commit, taskId: string, maxRunIds: number): Submission {
  const runIds: string[] = [];
  let runCount = 0;
  for (const event of commit.events) {
    if (event.type !== 'RunCreated' || event.taskId !== taskId) continue;
    runCount++;
    if (runIds.length < maxRunIds) runIds.push(event.runId);
  }
  return { taskId, runIds, runCount, created: true };
}

function decideSubmit(context: DecisionContext, spec: TaskSpec, room: number): Decision<Submission> {
  const existing = context.state.tasks.row(spec.id);
  const { runs, pruned } = context.state;
  // Of the task of another tenant nothing is told but that the id is taken.
  const foreign = existing !== undefined && existing.shape.tenantId !== spec.tenantId;
  if (foreign || runs.row(spec.id) !== undefined || pruned.hasTask(spec.id) || pruned.hasRun(spec.id)) {
    throw new PawlError('ID_TAKEN', `The id ${spec.id} is in use, or was; choose another.`, {
      taskId: spec.id,
    });
  }
  if (existing !== undefined) {
    if (!specsEqual(context.state.tasks.specOf(existing), spec)) throw conflict(spec.id);
    return { events: [], answer: keptSubmission(context, spec.id) };
  }
  if (spec.tenantId !== undefined && context.state.tenants.get(spec.tenantId) === undefined) {
    throw new PawlError(
      'TENANT_UNKNOWN',
      `Task ${spec.id} names the tenant ${spec.tenantId}, which does not exist.`,
      {
        taskId: spec.id,
        tenantId: spec.tenantId,
      },
    );
  }
  if (spec.parentId !== undefined) requireParent(context, spec, spec.parentId);
  const startAt = spec.policy.startAt ?? context.now;
  requireRepresentable(spec.policy, startAt);
  const events: PawlEvent[] = [{ type: 'TaskCreated', sequence: 0, at: 0, spec }];
  const state = {
    taskId: spec.id,
    policy: spec.policy,
    startAt,
    derived: 0,
    openRuns: 0,
    priority: spec.metadata.priority,
  };
  const promote = !context.state.engine.paused && context.pausing !== true;
  // A run takes up to two events, and one may tell what was skipped.
  const bounds = { maxRuns: Math.max(1, Math.floor((room - 2) / 2)), promote };
  for (const event of deriveRuns(context, state, bounds)) events.push(event);
  return { events };
}

/** The submission of a task that was there before: the runs of its occurrences that are kept, oldest first. */
function keptSubmission(context: Pick<DecisionContext, 'state' | 'limits'>, taskId: string): Submission {
  const row = context.state.tasks.row(taskId);
  const runIds: string[] = [];
  for (let run = row?.firstRun; run !== undefined; run = run.nextOfTask) {
    if (runIds.length >= context.limits.maxReturnedRunIds) break;
    const follows = run.detail?.retryOf ?? run.detail?.continuedFrom;
    if (follows === undefined) runIds.push(run.id);
  }
  return { taskId, runIds, runCount: row?.created ?? 0, created: false };
}

function createdTaskIds(commit: Commit): string[] {
  const ids: string[] = [];
  for (const event of commit.events) if (event.type === 'TaskCreated') ids.push(event.spec.id);
  return ids;
}

function requireRoomForRuns(context: DecisionContext, events: readonly PawlEvent[]): void {
  let runs = context.state.runs.nonTerminal;
  const { maxPendingRuns } = context.limits;
  for (const event of events) if (event.type === 'RunCreated') runs++;
  if (runs <= maxPendingRuns) return;
  throw new PawlError(
    'OVERLOADED',
    `${String(context.state.runs.nonTerminal)} runs have not ended, and at most ${String(maxPendingRuns)} may; submit again when some have.`,
    {
      limit: 'maxPendingRuns',
      max: maxPendingRuns,
      pending: context.state.runs.nonTerminal,
      retryAfterMs: 1_000,
    },
  );
}

function requireParent(context: DecisionContext, spec: TaskSpec, parentId: string): void {
  const taskId = spec.id;
  const parent = context.state.tasks.row(parentId);
  // A parent of another tenant is as good as none: nothing is told of it.
  if (parent?.shape.tenantId !== spec.tenantId || parent === undefined) {
    throw new PawlError(
      'PARENT_UNKNOWN',
      `Task ${taskId} names the parent ${parentId}, which does not exist; submit it first.`,
      { taskId, parentId },
    );
  }
  if (isCanceledInTree(parent) || context.state.tasks.isTerminal(parent)) {
    throw new PawlError(
      'PARENT_TERMINAL',
      `Task ${taskId} names the parent ${parentId}, which has ended; submit without it.`,
      { taskId, parentId },
    );
  }
  let depth = 2;
  for (let level = parent.extra?.parent; level !== undefined; level = level.extra?.parent) depth++;
  if (depth > context.limits.maxHierarchyDepth) {
    throw new PawlError(
      'HIERARCHY_TOO_DEEP',
      `Task ${taskId} would sit on level ${String(depth)} under ${parentId}; at most ${String(context.limits.maxHierarchyDepth)} are allowed.`,
      { taskId, parentId, depth, limit: context.limits.maxHierarchyDepth },
    );
  }
  if ((parent.extra?.children?.size ?? 0) >= context.limits.maxChildren) {
    throw new PawlError(
      'LIMIT_EXCEEDED',
      `Task ${parentId} has ${String(context.limits.maxChildren)} children already.`,
      {
        limit: 'maxChildren',
        taskId,
        parentId,
      },
    );
  }
}

function conflict(taskId: string, index?: number): PawlError {
  return new PawlError(
    'TASK_CONFLICT',
    `Task ${taskId} exists with another specification; choose another id or submit the same one.`,
    index === undefined ? { taskId } : { taskId, index },
  );
}
