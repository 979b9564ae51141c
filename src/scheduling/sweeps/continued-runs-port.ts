// The sweep of continued runs on this engine's own state: orphans come only from an imported journal, and the
// lock of the data directory keeps other starters away.
import { runCreated } from '../../decisions/new-events.js';
import type { RunRow } from '../../projections/rows.js';
import type { ContinuedRun, StartupRecoveryContext } from './continued-runs.js';
import type { SweepContext } from './sweep.js';

/** Ports of `sweepContinuedRuns` over the recovered state. */
export function continuedRunsOf(sweep: SweepContext, starter: string): StartupRecoveryContext {
  const startedHere = new Set<string>();
  return {
    starter,
    logger: sweep.logger,
    listContinued: () => Promise.resolve([...orphans(sweep)]),
    readSuccessor: (run) => {
      const row = sweep.state.runs.row(run.successorRunId);
      if (row === undefined) return Promise.resolve(undefined);
      return Promise.resolve({ runId: row.id, startedBy: startedHere.has(row.id) ? starter : 'journal' });
    },
    startSuccessor: async (run) => {
      const { now } = sweep.refresh();
      startedHere.add(run.successorRunId);
      await sweep.commit([
        {
          ...runCreated({
            runId: run.successorRunId,
            taskId: run.taskId,
            occurrence: run.occurrence,
            scheduledAt: now,
            priority: run.priority,
          }),
          continuedFrom: run.runId,
          input: run.input,
          taskType: run.taskType,
        },
      ]);
    },
  };
}

function* orphans(sweep: SweepContext): Iterable<ContinuedRun> {
  for (const row of sweep.state.runs.awaitingSuccessor) {
    const run = orphanOf(row);
    if (run !== undefined) yield run;
  }
}

function orphanOf(row: RunRow): ContinuedRun | undefined {
  const { detail } = row;
  if (detail?.continuation === undefined || detail.continuedTo === undefined) return undefined;
  return {
    runId: row.id,
    successorRunId: detail.continuedTo,
    taskId: row.task.id,
    occurrence: row.occurrence,
    priority: row.priority,
    input: detail.continuation.input,
    // Without an override the successor is of the continued run's own type.
    taskType: detail.continuation.type ?? detail.taskType,
  };
}
