// Recovery, steps 3 to 5 of contract §8: the newest usable snapshot, the tail of the log, and whether the two fit.
// It writes no event and starts nothing, and knows neither files nor memory: only a log that can be replayed and a
// store of snapshots. The log is read once, in chunks; payloads are never decoded.
import type { Clock } from '../clock.js';
import type { Commit } from '../domain/events.js';
import type { Limits } from '../domain/limits.js';
import { isPawlError, PawlError } from '../errors.js';
import { silentLogger, withFields, type Logger } from '../logger.js';
import type { TransitionTable } from '../machines/transition-table.js';
import { Projections, type ProjectionsOptions } from '../projections/projections.js';
import type { JournalBackend } from './journal-backend.js';
import { inDirectory } from './journal-errors.js';
import {
  loadNewestSnapshot,
  type LoadedSnapshot,
  type RejectedSnapshot,
  type SnapshotSearch,
} from './recovery-snapshot.js';

export type { RejectedSnapshot } from './recovery-snapshot.js';

/** Where a start was refused. */
export type RecoveryStage = 'open' | 'read' | 'snapshot' | 'replay';

/** What recovery did, in figures. */
export interface RecoveryObservations {
  /** Seconds, the one exception among durations. */
  readonly recoveryDurationSeconds: number;
  /** `snapshotEventsApplied + walReplayEventsApplied`. */
  readonly eventsAppliedTotal: number;
  /** Events that the loaded snapshot stands for, however it is loaded. */
  readonly snapshotEventsApplied: number;
  /** Events of the tail. */
  readonly walReplayEventsApplied: number;
}

/** The log as recovery needs it: an open journal, or a reader. */
export interface RecoverableLog {
  /** First sequence that is kept; one more than `durableSequence` while no event is. */
  readonly firstSequence: number;
  readonly durableSequence: number;
  /** Lets an empty log begin behind what a snapshot stands for. Errors: `ACKNOWLEDGED_DATA_MISSING`. */
  beginAt(sequence: number, at: number): void;
  /** Hands over the durable commits from a sequence on. */
  replay(range: { readonly from: number }, apply: (commit: Commit) => void): Promise<void>;
}

/** What `recover` works on. */
export interface RecoverOptions {
  readonly journal: RecoverableLog;
  /** Whose snapshots are used; without `snapshots` there are none. */
  readonly backend: Pick<JournalBackend, 'snapshots'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Default: `DEFAULT_LIMITS`. */
  readonly limits?: Limits;
  /** Default: those of the run machine. */
  readonly transitions?: TransitionTable;
  /** For the log, and for what errors name. */
  readonly dataDir?: string;
  /** Monotonic time at which the start began; default: now. */
  readonly startedMs?: number;
  /** Leave alone what crashes left behind. Default false. */
  readonly readOnly?: boolean;
}

/** What recovery came to. */
export interface Recovered {
  readonly projections: Projections;
  readonly observations: RecoveryObservations;
  readonly snapshotLoaded: boolean;
  /** 0 without a snapshot. */
  readonly snapshotSequence: number;
  readonly snapshotPath?: string;
  readonly snapshotsRejected: readonly RejectedSnapshot[];
  /** Durations of the steps, milliseconds. */
  readonly stepsMs: Readonly<Record<'snapshot' | 'replay', number>>;
}

/**
 * Brings projections to the end of the log. Every error carries `data.stage`.
 * Errors: `SNAPSHOT_AHEAD`, `SEGMENT_MISSING`, `ACKNOWLEDGED_DATA_MISSING`, `REPLAY_REFUSED`, `JOURNAL_CORRUPT`.
 */
export async function recover(options: RecoverOptions): Promise<Recovered> {
  try {
    return await recoverState(options);
  } catch (error) {
    throw options.dataDir === undefined ? error : inDirectory(error, options.dataDir);
  }
}

async function recoverState(options: RecoverOptions): Promise<Recovered> {
  const { clock, journal, dataDir } = options;
  const logger = withFields(options.logger ?? silentLogger, { component: 'recovery' });
  const startedMs = options.startedMs ?? clock.monotonicMs();
  logger.info({ dataDir }, 'recovery begins');
  const searchedMs = clock.monotonicMs();
  const { loaded, rejected } = await staged('snapshot', () => findSnapshot(options, logger));
  const projections = loaded?.projections ?? new Projections(projectionsOptions(options));
  await staged('snapshot', () => fitTogether(journal, loaded, logger));
  await staged('read', () => requireReach(journal, loaded?.sequence ?? 0));
  const replayedMs = clock.monotonicMs();
  const tail = await replayTail(journal, projections);
  logger.info({ eventCount: tail }, 'tail replayed');
  const endedMs = clock.monotonicMs();
  const observations = observe((endedMs - startedMs) / 1_000, loaded?.events ?? 0, tail);
  const found = { snapshotLoaded: loaded !== undefined, snapshotSequence: loaded?.sequence ?? 0 };
  logger.info({ ...observations, ...found }, 'recovery complete');
  return {
    projections,
    observations,
    ...found,
    ...(loaded === undefined ? {} : { snapshotPath: loaded.path }),
    snapshotsRejected: rejected,
    stepsMs: { snapshot: replayedMs - searchedMs, replay: endedMs - replayedMs },
  };
}

/** The same error with the stage at which the start was refused. */
export function atStage(error: unknown, stage: RecoveryStage): PawlError {
  if (!isPawlError(error)) {
    return new PawlError(
      'INTERNAL',
      `Recovery failed at stage ${stage}: ${String(error)}.`,
      { stage },
      error,
    );
  }
  if (error.data['stage'] !== undefined) return error;
  return new PawlError(error.code, error.message, { ...error.data, stage }, error);
}

/** Runs a step whose refusals carry its stage. */
export async function staged<T>(stage: RecoveryStage, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw atStage(error, stage);
  }
}

function projectionsOptions({ limits, transitions }: RecoverOptions): ProjectionsOptions {
  return {
    ...(limits === undefined ? {} : { limits }),
    ...(transitions === undefined ? {} : { transitions }),
  };
}

async function findSnapshot(options: RecoverOptions, logger: Logger): Promise<SnapshotSearch> {
  const store = options.backend.snapshots;
  if (store === undefined) return { loaded: undefined, rejected: [] };
  if (options.readOnly !== true) await store.tidy();
  const search = await loadNewestSnapshot(store, projectionsOptions(options), logger);
  const { loaded } = search;
  if (loaded !== undefined) {
    const { projections, path, sequence } = loaded;
    const fields = {
      snapshotSequence: sequence,
      taskCount: projections.tasks.count,
      runCount: projections.runs.count,
      path,
    };
    logger.info(fields, 'snapshot loaded');
  }
  return search;
}

/** An empty log goes on where the snapshot ends, if nothing says that it held more; one that is not empty must reach that far. */
function fitTogether(journal: RecoverableLog, loaded: LoadedSnapshot | undefined, logger: Logger): void {
  const { durableSequence } = journal;
  const sequence = loaded?.sequence ?? 0;
  if (journal.firstSequence > durableSequence) {
    journal.beginAt(Math.max(sequence, durableSequence), loaded?.projections.lastAt ?? 0);
    if (sequence > durableSequence)
      logger.info({ snapshotSequence: sequence }, 'snapshot ahead of an empty log accepted');
    return;
  }
  if (sequence <= durableSequence) return;
  throw new PawlError(
    'SNAPSHOT_AHEAD',
    `The snapshot ends at sequence ${String(sequence)} and the log at ${String(durableSequence)}; restore the newest segments of the log, or remove the snapshot.`,
    { snapshotSequence: sequence, journalSequence: durableSequence, path: loaded?.path },
  );
}

/** The log must reach back to what the snapshot stands for; without one, to its first event. */
function requireReach(journal: RecoverableLog, snapshotSequence: number): void {
  const { firstSequence, durableSequence } = journal;
  if (firstSequence > durableSequence || firstSequence <= snapshotSequence + 1) return;
  throw new PawlError(
    'SEGMENT_MISSING',
    `The log begins at sequence ${String(firstSequence)} and events from ${String(snapshotSequence + 1)} on are needed; restore the older segments, or a snapshot that reaches ${String(firstSequence - 1)}.`,
    { expectedSeq: snapshotSequence + 1, firstAvailable: firstSequence, snapshotSequence },
  );
}

async function replayTail(journal: RecoverableLog, projections: Projections): Promise<number> {
  const from = projections.sequence + 1;
  let events = 0;
  try {
    await journal.replay({ from }, (commit) => {
      projections.apply(commit);
      events += commit.events.length;
    });
  } catch (error) {
    throw atStage(error, isPawlError(error, 'REPLAY_REFUSED') ? 'replay' : 'read');
  }
  if (projections.sequence < journal.durableSequence)
    throw endsEarly(projections.sequence, journal.durableSequence);
  return events;
}

function endsEarly(found: number, expected: number): PawlError {
  return new PawlError(
    'JOURNAL_CORRUPT',
    `The log gave events up to sequence ${String(found)} and has ${String(expected)}; check the disk and open again.`,
    { reason: 'sequenceGap', expectedSeq: found + 1, stage: 'read' },
  );
}

function observe(recoveryDurationSeconds: number, snapshot: number, tail: number): RecoveryObservations {
  return Object.freeze({
    recoveryDurationSeconds,
    eventsAppliedTotal: snapshot + tail,
    snapshotEventsApplied: snapshot,
    walReplayEventsApplied: tail,
  });
}
