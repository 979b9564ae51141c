// A workload that is always the same: submissions, ends of every kind, segments that follow each other, snapshots,
// pruning, a pause, a close and a recovery. Its operations of the disk can be counted, so that the power can go at each.
import { Random } from '../support/random.js';
import type { Halt, History, Operation, SimulatedTask } from './operations.js';
import { play, type Played } from './play.js';

const TASK: SimulatedTask = {
  policy: { kind: 'once' },
  startInMs: undefined,
  constraints: {
    maxAttempts: 2,
    maxLostAttempts: 9,
    backoff: { kind: 'fixed', delayMs: 100, jitter: 'none' },
  },
  priority: 0,
  parent: undefined,
  acts: ['later'],
  commandId: true,
  fill: 0,
};

const OPERATIONS: readonly Operation[] = [
  { kind: 'submit', task: { ...TASK, acts: ['fail', 'later'], fill: 700 }, go: 3 },
  { kind: 'submit', task: { ...TASK, policy: { kind: 'repeat', count: 3, intervalMs: 300 } }, go: -1 },
  { kind: 'elapse', ms: 150, go: -1 },
  { kind: 'snapshot', go: 4 },
  { kind: 'submit', task: { ...TASK, acts: ['suspend', 'report'] }, go: -1 },
  { kind: 'pause', go: 5 },
  { kind: 'submit', task: { ...TASK, parent: 1, acts: ['bytes'] }, go: -1 },
  { kind: 'pause', go: -1 },
  { kind: 'prune', keepNewest: 1, go: 2 },
  { kind: 'resumeRun', pick: 0, go: 2 },
  { kind: 'crash', ending: 'kill', recoveries: [], go: -1 },
  { kind: 'submit', task: TASK, go: 6 },
  { kind: 'snapshot', go: -1 },
  { kind: 'close', drainMs: 0, ending: 'power', go: -1 },
  { kind: 'cancelTask', pick: 1, go: -1 },
];

/** The workload, whose order of things and fates of sectors follow from the seed, with processes that stop. */
export function fixedHistory(seed: number, first: readonly Halt[]): History {
  return {
    seed,
    settings: {
      concurrency: 2,
      segmentBytes: 1_200,
      snapshotEveryEvents: 25,
      repeatWindow: 2,
      reactionBatch: 4,
      maxQueuedCommands: 10_000,
      maxPendingRuns: 10_000_000,
    },
    operations: OPERATIONS,
    first,
  };
}

/** Every place at which the process can stop in the workload of a seed: before, in the middle of, after each operation. */
export async function placesOf(
  seed: number,
): Promise<{ readonly places: readonly Halt[]; readonly quiet: Played }> {
  const quiet = await play(fixedHistory(seed, []));
  const places = quiet.operations.flatMap((operation, after): Halt[] => {
    const around: Halt[] = [
      { after, when: 'before', share: 0 },
      { after, when: 'after', share: 0 },
    ];
    if (operation !== 'write') return around;
    return [...around, { after, when: 'torn', share: 0.1 }, { after, when: 'torn', share: 0.6 }];
  });
  return { places, quiet };
}

/** Plays the workload with these stops; what it broke is thrown with its place. */
export async function playStopped(seed: number, first: readonly Halt[]): Promise<Played> {
  const played = await play(fixedHistory(seed, first));
  if (played.violation !== undefined) {
    throw new Error(
      `Seed ${String(seed)}, stopped at ${JSON.stringify(first)}: ${played.violation.message}`,
      {
        cause: played.violation,
      },
    );
  }
  return played;
}

/** Operations of a start and what follows at once: where a crash in recovery is put. */
export const RECOVERY = 60;

/** What stopping the workload again and again came to. */
export interface Stopped {
  readonly places: number;
  /** Plays in which a process stopped. */
  readonly crashed: number;
  /** Starts that stopped in a row, at most. */
  readonly deepest: number;
}

/** Called after each play. */
export type AfterPlay = () => void;

/** Stops the workload of a seed at every place, one a play. */
export async function stopEverywhere(seed: number, afterPlay: AfterPlay): Promise<Stopped> {
  const { places } = await placesOf(seed);
  let crashed = 0;
  let deepest = 0;
  for (const place of places) {
    const { figures } = await playStopped(seed, [place]);
    if (figures.crashes > 0) crashed++;
    deepest = Math.max(deepest, figures.deepest);
    afterPlay();
  }
  return { places: places.length, crashed, deepest };
}

/** Stops the workload of a seed at drawn places and the recoveries from that again, `depth` processes in all. */
export async function stopDeep(
  { seed, depth, plays }: { readonly seed: number; readonly depth: number; readonly plays: number },
  afterPlay: AfterPlay,
): Promise<Stopped> {
  const random = new Random(depth);
  const { places } = await placesOf(seed);
  let crashed = 0;
  let deepest = 0;
  for (let played = 0; played < plays; played++) {
    const stops: Halt[] = [places[random.below(places.length)] ?? { after: 0, when: 'before', share: 0 }];
    while (stops.length < depth) {
      const when = random.pick(['before', 'torn', 'after'] as const) ?? 'before';
      stops.push({ after: random.below(RECOVERY), when, share: random.unit() });
    }
    const { figures } = await playStopped(seed, stops);
    if (figures.crashes > 0) crashed++;
    deepest = Math.max(deepest, figures.deepest);
    afterPlay();
  }
  return { places: places.length, crashed, deepest };
}
