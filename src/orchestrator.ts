// The face of a running Pawl: commands, reads, streams, and the way out. It wires the parts and holds no rules.
import { commandOptions, flag } from './command-options.js';
import type { PawlError } from './errors.js';
import type { EngineRuntime } from './engine-runtime.js';
import {
  checkReason,
  cancelRun,
  resumeRun,
  retryRun,
  setRunPriority,
  suspendRun,
  type Changed,
  type Retried,
} from './decisions/runs.js';
import { cancelTask } from './decisions/tasks.js';
import { pause, resume } from './decisions/engine.js';
import { checkPruneArgs, type PruneArgs, type Pruned } from './decisions/prune.js';
import { requireFields, requireInteger } from './domain/check.js';
import { requireId } from './domain/ids.js';
import { encodePayload, type Payload } from './domain/payload.js';
import type { CommandOptions, Submission, SubmitOptions } from './domain/submission.js';
import type { TaskDefinition } from './execution/define-task.js';
import type { PublicProjections } from './projections/public-projections.js';
import type { RunView } from './observe/run-view.js';
import type { TaskView } from './observe/task-view.js';
import type { EventsOptions, EventStream } from './observe/event-stream.js';
import type { IdleReport } from './scheduling/idle.js';
import type { StartReport } from './start-report.js';
import {
  submitAll,
  submitOne,
  type SubmitItem,
  type SubmitManyOptions,
  type SubmitOutcome,
} from './submissions.js';
import type { SnapshotInfo } from './journal/snapshot-store.js';

/** A task to submit: its definition, or the type alone for one that another process executes. */
export type TaskOrType<I, O> = TaskDefinition<I, O> | string;

/** Options of `cancelTask`. */
export interface CancelTaskOptions extends CommandOptions {
  readonly reason?: string;
  /** Resolve only when every run of the task and of its descendants has ended. Default false. */
  readonly wait?: boolean;
}

/** Options of `cancelRun` and `suspendRun`. */
export interface ReasonOptions extends CommandOptions {
  readonly reason?: string;
}

/** Options of `retryRun`. */
export interface RetryRunOptions extends CommandOptions {
  /** Run it again also when its end canceled dependents, which stay canceled. Default false. */
  readonly detached?: boolean;
}

/** Options of `close`. */
export interface CloseOptions {
  /** How long attempts in flight may go on, milliseconds. Default 5 000. The rest is interrupted and runs again. */
  readonly drainMs?: number;
}

const DEFAULT_DRAIN_MS = 5_000;

/** A running orchestrator; made by `openOrchestrator`. */
export class Orchestrator {
  /** What recovery found and did. */
  readonly report: StartReport;
  /** Read models; their records are frozen copies. */
  readonly projections: PublicProjections;
  /** Resolves with the error once the journal can write no more; never otherwise. */
  readonly failed: Promise<PawlError>;
  readonly #runtime: EngineRuntime;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(runtime: EngineRuntime) {
    this.#runtime = runtime;
    this.report = runtime.report;
    this.projections = runtime.state;
    this.failed = runtime.failed;
  }

  /**
   * Submits a task. Resolves when the task and its runs are durable.
   * Errors: `INVALID_INPUT`, `INVALID_ID`, `TASK_CONFLICT`, `ID_TAKEN`, `UNKNOWN_TASK_TYPE`, `PARENT_UNKNOWN`, `PARENT_TERMINAL`,
   * `HIERARCHY_TOO_DEEP`, `TENANT_UNKNOWN`, `POLICY_OVERFLOW`, `PAYLOAD_TOO_LARGE`, `PAYLOAD_NOT_SERIALIZABLE`, `NOT_SUPPORTED`,
   * `OVERLOADED`, and those common to all commands.
   */
  async submit<I, O>(task: TaskOrType<I, O>, input?: I, options: SubmitOptions = {}): Promise<Submission> {
    return await submitOne(this.#runtime, { task, input, options });
  }

  /**
   * Submits up to 10 000 tasks: one result or refusal an item, in order. With `atomic` all become durable in one commit, or
   * none: the first refusal is thrown.
   */
  async submitMany(
    items: readonly SubmitItem[],
    options: SubmitManyOptions = {},
  ): Promise<readonly SubmitOutcome[]> {
    return await submitAll(this.#runtime, items, options);
  }

  /**
   * Cancels a task. Resolves when that is durable: from then on nothing of the task or its descendants is promoted, claimed or
   * created; runs and descendants follow. Canceled already → `{ changed: false }`. Errors: `TASK_UNKNOWN`, `TASK_PRUNED`, `INVALID_TRANSITION`,
   * and with `wait` `LIMIT_EXCEEDED`.
   */
  async cancelTask(taskId: string, options: CancelTaskOptions = {}): Promise<Changed> {
    requireId(taskId, 'taskId');
    const command = commandOptions(options, ['reason', 'wait']);
    const wait = flag(options.wait, 'options.wait');
    const reason = checkReason(options.reason);
    const { scheduler, state, pipeline } = this.#runtime;
    const row = state.tasks.row(taskId);
    const leave = wait ? scheduler.cancelWaits.enter() : undefined;
    try {
      const release =
        row === undefined ? undefined : await pipeline.before(cancelTask, () => scheduler.holdForCancel(row));
      let result: Changed;
      try {
        result = await pipeline.execute(cancelTask, { taskId, reason }, command);
      } finally {
        release?.();
      }
      if (wait && row !== undefined) await scheduler.cancelWaits.wait(row);
      return result;
    } finally {
      leave?.();
    }
  }

  /** Cancels a run; its handler's signal is aborted. Canceled already → `{ changed: false }`. Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, `INVALID_TRANSITION`. */
  async cancelRun(runId: string, options: ReasonOptions = {}): Promise<Changed> {
    const command = commandOptions(options, ['reason']);
    const reason = checkReason(options.reason);
    return await this.#runtime.pipeline.execute(cancelRun, { runId, reason }, command);
  }

  /** Suspends a running run: its attempt ends `suspended`, which uses up none. Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, `INVALID_TRANSITION`. */
  async suspendRun(runId: string, options: ReasonOptions = {}): Promise<Changed> {
    const command = commandOptions(options, ['reason']);
    const reason = checkReason(options.reason);
    return await this.#runtime.pipeline.execute(suspendRun, { runId, reason }, command);
  }

  /** Resumes a suspended run; `value` reaches its handler as `resumedWith`. Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, `INVALID_TRANSITION`, `RUN_WAITING`. */
  async resumeRun(runId: string, value?: unknown, options: CommandOptions = {}): Promise<Changed> {
    const encoded: Payload | undefined =
      value === undefined ? undefined : encodePayload(value, this.#runtime.limits);
    return await this.#runtime.pipeline.execute(
      resumeRun,
      { runId, value: encoded },
      commandOptions(options),
    );
  }

  /** Changes the priority (int32, higher first) of a scheduled or ready run. Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, `INVALID_INPUT`, `INVALID_TRANSITION`. */
  async setRunPriority(runId: string, priority: number, options: CommandOptions = {}): Promise<Changed> {
    return await this.#runtime.pipeline.execute(setRunPriority, { runId, priority }, commandOptions(options));
  }

  /**
   * Runs a failed or canceled run again, as a new run in its place.
   * Errors: `RUN_UNKNOWN`, `RUN_PRUNED`, `INVALID_TRANSITION`, `TASK_CANCELED`, `RUN_HAS_DEPENDENTS`.
   */
  async retryRun(runId: string, options: RetryRunOptions = {}): Promise<Retried> {
    const command = commandOptions(options, ['detached']);
    const detached = flag(options.detached, 'options.detached');
    const { scheduler, state, pipeline } = this.#runtime;
    // The task itself is locked; whether one above it is being canceled may be news after each wait.
    const above = state.runs.row(runId)?.task.extra?.parent;
    while (above !== undefined && scheduler.isCanceling(above))
      await pipeline.before(retryRun, () => scheduler.afterCancel(above));
    return await pipeline.execute(retryRun, { runId, detached }, command);
  }

  /** Stops claims and promotion, durably; handlers in flight go on. Errors: `ALREADY_PAUSED`. */
  async pause(options: ReasonOptions = {}): Promise<Changed> {
    const command = commandOptions(options, ['reason']);
    const reason = checkReason(options.reason);
    const { pipeline, scheduler } = this.#runtime;
    const release = await pipeline.before(pause, () => scheduler.holdForPause());
    try {
      return await pipeline.execute(pause, { reason }, command);
    } finally {
      release();
    }
  }

  /** Ends a pause. Errors: `NOT_PAUSED`. */
  async resume(options: CommandOptions = {}): Promise<Changed> {
    return await this.#runtime.pipeline.execute(resume, {}, commandOptions(options));
  }

  /** Drops ended records from the state, oldest first, in as many commits as needed; the journal keeps their events. Errors: `INVALID_INPUT`. */
  async prune(args: PruneArgs = {}, options: CommandOptions = {}): Promise<Pruned> {
    return await this.#runtime.pruner.prune(checkPruneArgs(args), commandOptions(options));
  }

  /** Resolves when nothing more happens by itself right now, with why each run that has not ended is where it is. Errors: `LIMIT_EXCEEDED`, `ABORTED`, `CLOSED`. */
  async idle(options: { readonly signal?: AbortSignal } = {}): Promise<IdleReport> {
    requireFields(options, 'options', ['signal']);
    this.#runtime.requireOpen();
    return await this.#runtime.scheduler.idle.wait(options.signal);
  }

  /** Writes a snapshot of the state now. Errors: `CLOSED`, and those of the storage; the log goes on whatever happens. */
  async snapshot(): Promise<SnapshotInfo> {
    this.#runtime.requireOpen();
    return await this.#runtime.takeSnapshot();
  }

  /** Accepts the wall clock after a long jump forward: promotion, expiry and misfire go on at once. */
  acceptClock(): void {
    this.#runtime.scheduler.acceptClock();
  }

  /** Events from a sequence on, history first and live then, without gap or duplicate; without `from`, live only. */
  events(options: EventsOptions = {}): EventStream {
    return this.#runtime.observe.events(options);
  }

  /** A run: its state as a stream, its result, its live xstate actor. */
  run<O = unknown>(runId: string): RunView<O> {
    return this.#runtime.observe.run<O>(runId);
  }

  /** A task: its record as a stream, and its end. */
  task(taskId: string): TaskView {
    return this.#runtime.observe.task(taskId);
  }

  /** Stops claiming, lets attempts finish for `drainMs`, interrupts the rest so that they run again, and lets go of the directory. Idempotent. */
  close(options: CloseOptions = {}): Promise<void> {
    requireFields(options, 'close', ['drainMs']);
    const drainMs =
      options.drainMs === undefined
        ? DEFAULT_DRAIN_MS
        : requireInteger(options.drainMs, 'close.drainMs', { min: 0 });
    this.#closing ??= this.#runtime.close(drainMs);
    return this.#closing;
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
