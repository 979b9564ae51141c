// What must hold of a directory in which loaded orchestrators lived and died, against what they told outside: every
// acknowledged submission is there and has exactly the runs its policy says; every run is completed by exactly one
// accepted attempt; none was called again after its completion was told; and no handler was called for an attempt that
// the journal does not know. A breach is a line of text.
import { openOrchestrator, type RunRecord } from '../../../src/index.js';
import { verify } from '../../../src/journal/index.js';
import { JOBS, jobNumber } from '../programs/jobs.js';
import type { Told } from '../programs/protocol.js';
import { readEffects, type Effect } from './effects.js';

/** What the processes told, and how far the handlers had come by then. */
export class Outside {
  readonly acknowledged = new Set<string>();
  /** Run id → handler calls there were when the process that told of its completion had ended. */
  readonly completedBefore = new Map<string, number>();
  /** Submissions that were sent again and recognised. */
  recognised = 0;
  /** Attempts that the sweeps found lost, and leases that they took back. */
  settled = 0;
  /** Ranges of handler calls that began when the disk was gone already: what they stand on may be gone too. */
  readonly uncertain: { readonly from: number; readonly to: number }[] = [];

  /** Takes what a program told before it ended. */
  take(told: readonly Told[], calls: number): void {
    for (const one of told) {
      if (one.type === 'opened') this.settled += one.sweeps['deadEpoch'] ?? 0;
      if (one.type === 'acknowledged') {
        this.recognised += one.known;
        for (const id of one.taskIds) this.acknowledged.add(id);
      }
      if (one.type === 'completed') for (const id of one.runIds) this.completedBefore.set(id, calls);
    }
  }

  /** The number from which the next process submits: some that were acknowledged are sent again, and all that were not. */
  nextNumber(overlap: number): number {
    let highest = -1;
    for (const id of this.acknowledged) highest = Math.max(highest, jobNumber(id));
    return Math.max(0, highest + 1 - overlap);
  }
}

/** Every run of a directory, by its id. */
export async function readRuns(dataDir: string): Promise<Map<string, RunRecord>> {
  const pawl = await openOrchestrator({ dataDir, expectExisting: true });
  try {
    const runs = new Map<string, RunRecord>();
    let cursor: string | undefined;
    do {
      const page = pawl.projections.runs.list(
        {},
        { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) },
      );
      for (const run of page.items) runs.set(run.id, run);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return runs;
  } finally {
    await pawl.close();
  }
}

/** What a directory at rest is missing, or has too much. Empty when every promise was kept. */
export async function breachesIn(dataDir: string, effectsFile: string, outside: Outside): Promise<string[]> {
  await verify(dataDir);
  const runs = await readRuns(dataDir);
  const effects = readEffects(effectsFile).map((effect, index) => ({ ...effect, index }));
  const known = effects.filter(
    ({ runId, attemptId, index }) =>
      !outside.uncertain.some(({ from, to }) => index >= from && index < to) ||
      runs.get(runId)?.attempts.some(({ id }) => id === attemptId) === true,
  );
  return [
    ...wrongCounts(runs, outside.acknowledged),
    ...wrongRuns(runs, known),
    ...known
      .filter(({ runId }) => !runs.has(runId))
      .map(({ runId }) => `a handler was called for ${runId}, which is not there`),
    ...known
      .filter(({ runId, index }) => index >= (outside.completedBefore.get(runId) ?? Infinity))
      .map(({ runId }) => `${runId} was called again after its completion was told`),
    ...[...outside.completedBefore.keys()]
      .filter((runId) => !runs.has(runId))
      .map((runId) => `${runId} was told as completed and is not there`),
  ];
}

function wrongCounts(runs: ReadonlyMap<string, RunRecord>, acknowledged: ReadonlySet<string>): string[] {
  const occurrences = new Map<string, number[]>();
  for (const { taskId, occurrence } of runs.values())
    occurrences.set(taskId, [...(occurrences.get(taskId) ?? []), occurrence]);
  const lost = [...acknowledged].filter((taskId) => !occurrences.has(taskId));
  const wrong = [...occurrences].filter(([taskId, numbers]) => {
    const expected = Array.from({ length: JOBS.runs(jobNumber(taskId)) }, (_, index) => index);
    return JSON.stringify([...numbers].sort((a, b) => a - b)) !== JSON.stringify(expected);
  });
  return [
    ...lost.map((taskId) => `${taskId} was acknowledged and is lost`),
    ...wrong.map(([taskId, numbers]) => `${taskId} has the occurrences ${numbers.join(', ')}`),
  ];
}

function wrongRuns(runs: ReadonlyMap<string, RunRecord>, effects: readonly Effect[]): string[] {
  const calls = new Map<string, string[]>();
  for (const { runId, attemptId } of effects) calls.set(runId, [...(calls.get(runId) ?? []), attemptId]);
  return [...runs.values()].flatMap((run) => {
    if (run.state !== 'completed') return [`${run.id} is ${run.state}`];
    const accepted = run.attempts.filter((attempt) => attempt.result === 'success');
    const called = calls.get(run.id) ?? [];
    const recorded = new Set(run.attempts.map((attempt) => attempt.id));
    const once = new Set(called).size === called.length && called.every((id) => recorded.has(id));
    if (accepted.length === 1 && once && called.at(-1) === accepted[0]?.id) return [];
    return [`${run.id} was called as ${called.join(', ')} and has ${JSON.stringify(run.attempts)}`];
  });
}
