// What the reference knows of tasks, runs and attempts, and the rules that need nothing else: the edges of a run, when
// it is over, when it holds its key. Written down once more, from the contract; it shares nothing with the product.
import type { PrunePolicy } from '../../src/decisions/prune.js';
import type { RunState } from '../../src/domain/run-state.js';
import type { TaskSpec } from '../../src/domain/task.js';

/** The seventeen edges of contract §4, written down once more. */
export const EDGES: Readonly<Record<RunState, readonly RunState[]>> = {
  scheduled: ['ready', 'canceled'],
  ready: ['leased', 'canceled'],
  leased: ['running', 'ready', 'canceled'],
  running: ['completed', 'failed', 'retryWait', 'suspended', 'canceled'],
  retryWait: ['ready', 'failed', 'canceled'],
  suspended: ['ready', 'canceled'],
  completed: [],
  failed: [],
  canceled: [],
};

/** An attempt as the facts tell it. */
export interface ModelAttempt {
  readonly number: number;
  result: string | undefined;
  refused: boolean;
}

/** A run as the facts tell it. */
export interface ModelRun {
  readonly id: string;
  readonly task: ModelTask;
  readonly occurrence: number;
  readonly scheduledAt: number;
  readonly retryOf: string | undefined;
  state: RunState;
  priority: number;
  readonly attempts: Map<string, ModelAttempt>;
  open: string | undefined;
  failed: number;
  lost: number;
  lease: { readonly owner: string; readonly expiryAt: number } | undefined;
  wakeAt: number | undefined;
  retriedBy: string | undefined;
  /** Where the last finished attempt of this commit says that the run must go. */
  due: RunState | undefined;
  /** The fact with which it ended, and when that was. */
  ended: { readonly sequence: number; readonly at: number } | undefined;
}

/** A task as the facts tell it. */
export interface ModelTask {
  readonly spec: TaskSpec;
  readonly parent: ModelTask | undefined;
  readonly children: ModelTask[];
  readonly runs: Set<ModelRun>;
  /** Number of the batch with the last fact about the task or a run of it. */
  touchedIn: number;
  canceled: boolean;
  derived: number;
  /** Moment of occurrence 0, once it is known. */
  startAt: number | undefined;
  pruned: boolean;
}

/** Bounds that the engine under test was opened with. */
export interface ModelBounds {
  readonly concurrency: number;
  readonly repeatWindow: number;
  readonly prune?: PrunePolicy | undefined;
}

/** True for the three states that are final. */
export function isFinal(state: RunState): boolean {
  return EDGES[state].length === 0;
}

/** Occurrences that a policy asks for. */
export function occurrencesOf({ policy }: TaskSpec): number {
  return policy.kind === 'repeat' ? policy.count : 1;
}

/** From the claim of the first attempt until the end, or only while it executes: contract §3.3. */
export function holdsKey(run: ModelRun): boolean {
  if (run.state === 'leased' || run.state === 'running') return true;
  const { keyHold } = run.task.spec.constraints;
  return keyHold === 'holdDuringRetry' && run.attempts.size > 0 && !isFinal(run.state);
}
