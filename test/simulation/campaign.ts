// Plays many histories, seed by seed, and counts what they covered. The first that breaks a promise is made smaller
// and printed with its seed, so that it can be kept in seeds.test.ts.
import { EVENT_TYPES, type EventType } from '../../src/domain/events.js';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { historyOf } from './operations.js';
import type { PlayOptions } from './life.js';
import { play, type Played } from './play.js';
import { shrink } from './shrink.js';

/** Facts that the commands of this version can produce; the rest of the union is for those that follow. */
export const REACHABLE: readonly EventType[] = [
  'EpochStarted',
  'JournalRepaired',
  'ClockJumped',
  'EnginePaused',
  'EngineResumed',
  'TaskCreated',
  'TaskCanceled',
  'PolicyAdvanced',
  'TasksPruned',
  'RunCreated',
  'RunStateChanged',
  'RunResumed',
  'RunPriorityChanged',
  'RunsPruned',
  'AttemptStarted',
  'AttemptFinished',
  'AttemptRefused',
  'ProgressReported',
  'LeaseAcquired',
  'LeaseReleased',
  'BudgetConsumed',
];

/** Edges that an engine without remote actors and operators' give-ups can take: `leased` lives inside one commit. */
export const REACHABLE_EDGES: readonly string[] = [
  'scheduled → ready',
  'scheduled → canceled',
  'ready → leased',
  'ready → canceled',
  'leased → running',
  'running → completed',
  'running → failed',
  'running → retryWait',
  'running → suspended',
  'running → canceled',
  'retryWait → ready',
  'retryWait → canceled',
  'suspended → ready',
  'suspended → canceled',
];

/** Name of the figure that is not a sum. */
export const DEEPEST = 'deepest crash in recovery';

/** Figures that a campaign must come to. */
export const POLICY_PRUNES = 'commits of the pruning policy';
export const LET_GO = 'times that retention shortened the log';

/** How often, by name. */
export type Counts = Record<string, number>;

/** What a campaign covered: plain values, which one process can tell another. */
export interface Covered {
  histories: number;
  counting: number;
  readonly events: Counts;
  readonly edges: Counts;
  readonly faults: Counts;
  readonly refusals: Counts;
  readonly figures: Counts;
}

/** Which seeds are played: from `firstSeed` on until `counting` histories count. */
export interface Campaign extends PlayOptions {
  readonly firstSeed: number;
  readonly counting: number;
  /** Told now and then how many were played. */
  readonly onProgress?: (done: number) => void;
}

/** Plays a campaign. Throws at the first broken promise, with the seed and the smallest history that breaks it. */
export async function campaign({ firstSeed, counting, onProgress, ...options }: Campaign): Promise<Covered> {
  const covered: Covered = {
    histories: 0,
    counting: 0,
    events: {},
    edges: {},
    faults: {},
    refusals: {},
    figures: {},
  };
  for (let seed = firstSeed; covered.counting < counting; seed++) {
    if (seed - firstSeed > 4 * counting + 100) throw new Error('Too few histories count.');
    const played = await play(historyOf(seed), options);
    if (played.violation !== undefined) throw await told(played, options);
    add(covered, played);
    if (seed % 64 !== 0) continue;
    onProgress?.(covered.histories);
    // The machine's own loop has its turn, so that the campaign can be ended from outside.
    await nextTurn();
  }
  return covered;
}

/** The first of so many seeds whose history breaks a promise; for showing that what is wrong is found. */
export async function firstBroken(
  seeds: number,
  options: PlayOptions,
): Promise<{ readonly seed: number; readonly violation: Error } | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation } = await play(historyOf(seed), options);
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}

/** The figures as lines of text. */
export function linesOf(covered: Covered): string {
  const counted = (of: Counts): string =>
    Object.entries(of)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, count]) => `${name} ${String(count)}`)
      .join(', ');
  const never = EVENT_TYPES.filter((type) => covered.events[type] === undefined);
  return [
    `histories ${String(covered.histories)}, of which ${String(covered.counting)} count`,
    `figures: ${counted(covered.figures)}`,
    `events: ${counted(covered.events)}`,
    `never seen: ${never.join(', ')}`,
    `edges: ${Object.keys(covered.edges).sort().join(', ')}`,
    `faults: ${counted(covered.faults)}`,
    `refusals: ${counted(covered.refusals)}`,
    '',
  ].join('\n');
}

function add(covered: Covered, played: Played): void {
  covered.histories++;
  if (!played.counts) return;
  covered.counting++;
  const sum = (into: Counts, from: Iterable<readonly [string, number]>): void => {
    for (const [name, count] of from) into[name] = (into[name] ?? 0) + count;
  };
  const each = (names: Iterable<string>): [string, number][] => Array.from(names, (name) => [name, 1]);
  sum(covered.events, each(played.eventTypes));
  sum(covered.edges, each(played.edges));
  sum(covered.faults, played.faults);
  sum(covered.refusals, played.refusals);
  const { deepest, ...figures } = played.figures;
  sum(covered.figures, Object.entries(figures));
  sum(covered.figures, [
    ['commits nobody saw before a crash', played.indeterminate],
    [POLICY_PRUNES, played.policyPrunes],
    [LET_GO, played.letGo],
  ]);
  covered.figures[DEEPEST] = Math.max(covered.figures[DEEPEST] ?? 0, deepest);
}

async function told(played: Played, options: PlayOptions): Promise<Error> {
  const smallest = await shrink(historyOf(played.seed), options);
  return new Error(
    `Seed ${String(played.seed)}: ${played.violation?.message ?? ''}\nSmallest history: ${JSON.stringify(smallest)}`,
    { cause: played.violation },
  );
}
