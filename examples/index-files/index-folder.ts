// The job: a task for every file of a folder, and then waiting until nothing more happens. What an earlier start has
// done is found by the ids of the tasks and not done again; what failed then is tried once more.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IdleReason, Orchestrator, RunRecord, SubmitItem, SubmitOutcome } from 'pawl';
import { indexFile } from './index-file.js';
import { walkFiles, type FoundFile } from './walk-files.js';

const SUBMIT_BATCH = 500;
const SHORTEST_WAIT_MS = 10;

/** A path that could not be looked at. */
export interface NotWalked {
  readonly path: string;
  readonly error: string;
}

/** What is known of the job while it goes on. */
export class IndexJob {
  readonly taskIds: string[] = [];
  readonly notWalked: NotWalked[] = [];
  /** Files that an earlier start had done. */
  doneBefore = 0;
  walking = true;
  /** Runs that wait for something that will not happen by itself. */
  stuck: readonly IdleReason[] = [];
  readonly #pawl: Orchestrator;
  readonly #ended: number;
  readonly #failed: number;

  constructor(pawl: Orchestrator) {
    this.#pawl = pawl;
    this.#ended = endedRuns(pawl);
    this.#failed = pawl.projections.runs.countByState('failed');
  }

  /** Runs that ended since this start. */
  get ranNow(): number {
    return endedRuns(this.#pawl) - this.#ended;
  }

  /** Runs that failed since this start. */
  get failedNow(): number {
    return this.#pawl.projections.runs.countByState('failed') - this.#failed;
  }

  /** Runs that have not ended. */
  get pending(): number {
    return this.#pawl.projections.runs.nonTerminal;
  }

  /** Submits every file below `folder` and resolves when their runs have ended. */
  async run(folder: string, leaveOut: string): Promise<void> {
    const onUnreadable = (path: string, error: unknown): void => {
      this.notWalked.push({ path, error: error instanceof Error ? error.message : String(error) });
    };
    let batch: FoundFile[] = [];
    for await (const file of walkFiles(folder, { leaveOut, onUnreadable })) {
      batch.push(file);
      if (batch.length < SUBMIT_BATCH) continue;
      await this.#submit(batch);
      batch = [];
    }
    await this.#submit(batch);
    this.walking = false;
    await this.#untilDone();
  }

  async #submit(batch: readonly FoundFile[]): Promise<void> {
    for (const outcome of await this.#pawl.submitMany(batch.map(itemOf))) await this.#note(outcome);
  }

  async #note(outcome: SubmitOutcome): Promise<void> {
    if (!outcome.ok) throw outcome.error;
    const { taskId, created } = outcome.submission;
    this.taskIds.push(taskId);
    if (created) return;
    const run = lastRunOf(this.#pawl, taskId);
    // One that was pending at the start may have ended by now, in this process: that is no earlier start's work.
    const endedBefore = run !== undefined && run.attempts.at(-1)?.owner !== this.#pawl.report.instance;
    if (endedBefore && run.state === 'completed') this.doneBefore++;
    if (endedBefore && run.state === 'failed') await this.#pawl.retryRun(run.id);
  }

  async #untilDone(): Promise<void> {
    for (;;) {
      const { reasons } = await this.#pawl.idle();
      const nextAt = Math.min(...reasons.map((reason) => reason.nextAt ?? Infinity));
      if (nextAt === Infinity) {
        this.stuck = reasons;
        return;
      }
      await sleep(Math.max(SHORTEST_WAIT_MS, nextAt - Date.now()));
    }
  }
}

/** The run that counts for a task: the last one, when it was run again. */
export function lastRunOf(pawl: Orchestrator, taskId: string): RunRecord | undefined {
  return pawl.projections.runs.list({ taskId }, { limit: 1_000 }).items.at(-1);
}

function endedRuns(pawl: Orchestrator): number {
  const { runs } = pawl.projections;
  return runs.count - runs.nonTerminal;
}

function itemOf(file: FoundFile): SubmitItem {
  const { modifiedMs: _modifiedMs, changedMs: _changedMs, ...input } = file;
  const constraints = { maxAttempts: 3, backoff: { kind: 'fixed', delayMs: 200 } } as const;
  return { task: indexFile, input, options: { id: taskIdOf(file), constraints } };
}

/** The same file, unchanged, is the same task at every start; a changed one is a new task. */
function taskIdOf({ path, pathBase64, size, modifiedMs, changedMs }: FoundFile): string {
  const identity = JSON.stringify([
    pathBase64 === undefined ? path : { pathBase64 },
    size,
    modifiedMs,
    changedMs,
  ]);
  return `file-${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`;
}
