// What observing needs of the rest of Pawl: the journal's reads, the projections' reads. Narrow, so that each
// part is tested with a small fake and none of them can write.
import type { Commit } from '../domain/events.js';
import type { TaskRecord } from '../domain/nouns.js';
import type { RunRecord } from '../domain/run.js';
import type { RunState } from '../domain/run-state.js';
import type { RunRow, TaskRow } from '../projections/rows.js';

/** The journal, as a place to read durable commits from. */
export interface ObservedJournal {
  /** Sequence of the first event that is kept; 1 when nothing was ever removed, also when the log is empty. */
  readonly firstSequence: number;
  /** Durable commits with an event of `from` … `to`, in order. */
  read(options: { readonly from: number; readonly to?: number }): AsyncIterable<Commit>;
}

/** The read models, as far as views need them. They are ahead of a view or level with it, never behind. */
export interface ObservedProjections {
  /** Sequence of the last event that was applied. */
  readonly sequence: number;
  readonly runs: {
    row(runId: string): RunRow | undefined;
    get(runId: string): RunRecord | undefined;
    /** Rows in a state, in the order they entered it. */
    inState(state: RunState): Iterable<RunRow>;
  };
  readonly engine: { readonly paused: boolean };
  readonly tasks: {
    row(taskId: string): TaskRow | undefined;
    get(taskId: string): TaskRecord | undefined;
    isTerminal(row: TaskRow): boolean;
  };
  readonly pruned: {
    hasRun(runId: string): boolean;
    hasTask(taskId: string): boolean;
  };
}

/** Called with what a subscriber threw, or with an error that it had no handler for. Must not throw. */
export type SubscriberErrorHook = (error: unknown, where: string) => void;

/** Sequence of the last event of a commit. */
export function lastSequenceOf(commit: Commit): number {
  return commit.firstSequence + commit.events.length - 1;
}
