// Sweep: a run that was continued as new but whose successor does not exist gets it. In our own journal both are one
// commit, so only an imported or foreign one has such orphans, and another starter may be at work on the same one:
// whether that start won is judged by what is durable, never by the kind of error, and nothing is retried blindly.
import type { Payload } from '../../domain/payload.js';
import type { Logger } from '../../logger.js';

/** The fact that a run was continued. */
export interface ContinuedRun {
  readonly runId: string;
  readonly successorRunId: string;
  readonly taskId: string;
  readonly occurrence: number;
  readonly priority: number;
  readonly input?: Payload | undefined;
  /** Type of the successor when it differs from the run's own. */
  readonly taskType?: string | undefined;
}

/** A successor that is durable. */
export interface DurableSuccessor {
  readonly runId: string;
  /** Who started it. */
  readonly startedBy: string;
}

/** Ports of the sweep. */
export interface StartupRecoveryContext {
  /** Identity of this starter. */
  readonly starter: string;
  readonly logger: Logger;
  /** The continued runs to look at. */
  listContinued(): Promise<readonly ContinuedRun[]>;
  /** The durable successor of a continued run, or undefined. */
  readSuccessor(run: ContinuedRun): Promise<DurableSuccessor | undefined>;
  /** Starts the successor: one commit. */
  startSuccessor(run: ContinuedRun): Promise<void>;
}

/** What the sweep did. */
export interface ContinuedRunsReport {
  /** Successors that were started here. */
  readonly started: number;
  /** Orphans that another starter was quicker with. */
  readonly lostRaces: number;
}

/**
 * Starts the missing successors. A start that fails is benign when a second read shows the successor durable by
 * another starter; else the original error is thrown, or the error of that second read.
 */
export async function sweepContinuedRuns(context: StartupRecoveryContext): Promise<ContinuedRunsReport> {
  let started = 0;
  let lostRaces = 0;
  for (const run of await context.listContinued()) {
    if ((await context.readSuccessor(run)) !== undefined) continue;
    try {
      await context.startSuccessor(run);
      started++;
    } catch (error) {
      const successor = await context.readSuccessor(run);
      // Our own successor being durable means that a later step failed: that is no lost race.
      if (successor === undefined || successor.startedBy === context.starter) throw error;
      lostRaces++;
      context.logger.info(
        { component: 'sweep', runId: run.runId, successorRunId: run.successorRunId, err: error },
        'lost start race of a continued run is benign',
      );
    }
  }
  return { started, lostRaces };
}
