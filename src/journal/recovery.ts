// Recovery, steps 3 to 5 of contract §8: the newest usable snapshot, the tail of the log, and whether the two fit.
// It writes no event and starts nothing, and knows neither files nor memory: only commits that are handed to it and
// a store of snapshots. It rides on the opening of the log, which reads it once, in chunks; payloads are not decoded.
import type { Clock } from '../clock.js';
import type { Commit } from '../domain/events.js';
import type { Limits } from '../domain/limits.js';
import { isPawlError, PawlError } from '../errors.js';
import { silentLogger, withFields, type Logger } from '../logger.js';
import type { TransitionTable } from '../machines/transition-table.js';
import { Projections, type ProjectionsOptions } from '../projections/projections.js';
import { CommitDecoder, type CommitFrame } from './commit-codec.js';
import type { JournalBackend, LogConsumer, LogReach } from './journal-backend.js';
import { decodeOrRefuse, emptyBehindHead } from './journal-errors.js';
import { beginsLate, endsEarly, snapshotAhead } from './recovery-refusals.js';
import { loadNewestSnapshot, type RejectedSnapshot, type SnapshotSearch } from './recovery-snapshot.js';

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

/** Where a log that was read begins to be appended to. */
export interface RecoverableLog {
  /** True when no event is kept and none was ever removed. */
  readonly isEmpty: boolean;
  /** Lets an empty log begin behind what a snapshot stands for. Errors: `ACKNOWLEDGED_DATA_MISSING`. */
  beginAt(sequence: number, at: number): void;
}

/** What recovery works on. */
export interface RecoveryOptions {
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
  /** Called when the lock is held and recovery begins. */
  readonly onBegin?: () => void;
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
 * Recovers while a log is opened: given as `load`, it gets the commits as they are found good, so that each byte is
 * read once; `finish` says what it came to. Every error carries `data.stage`.
 */
export class Recovery implements LogConsumer {
  readonly #options: RecoveryOptions;
  private readonly logger: Logger;
  readonly #decoder = new CommitDecoder();
  readonly #startedMs: number;
  #searchedMs = 0;
  #replayedMs = 0;
  #endedMs = 0;
  #search: SnapshotSearch = { loaded: undefined, rejected: [] };
  #projections: Projections;
  #events = 0;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.logger = withFields(options.logger ?? silentLogger, { component: 'recovery' });
    this.#startedMs = options.startedMs ?? options.clock.monotonicMs();
    this.#projections = new Projections(projectionsOptions(options));
  }

  /** Time of the last commit. */
  get lastAt(): number {
    return this.#projections.lastAt;
  }

  /** Loads the newest usable snapshot; the log is wanted from behind it. */
  async from(): Promise<number> {
    const { clock, dataDir, onBegin } = this.#options;
    onBegin?.();
    this.logger.info({ dataDir }, 'recovery begins');
    this.#searchedMs = clock.monotonicMs();
    this.#search = await staged('snapshot', () => findSnapshot(this.#options, this.logger));
    this.#projections = this.#search.loaded?.projections ?? this.#projections;
    this.#replayedMs = clock.monotonicMs();
    return this.#projections.sequence + 1;
  }

  /** Errors: `REPLAY_REFUSED`, `JOURNAL_CORRUPT`. */
  apply(frames: readonly CommitFrame[]): void {
    const first = frames[0];
    // Where events are missing nothing can be applied; `end` says so.
    if (first === undefined || first.firstSequence > this.#projections.sequence + 1) return;
    try {
      for (const frame of frames) this.#applyCommit(decodeOrRefuse(this.#decoder, frame));
    } catch (error) {
      throw atReplay(error);
    }
  }

  /** Errors: `SNAPSHOT_AHEAD`, `SEGMENT_MISSING`, `ACKNOWLEDGED_DATA_MISSING`, `JOURNAL_CORRUPT`. */
  end(reach: LogReach): void {
    this.requireFit(reach);
    const { lastSequence } = reach;
    const { sequence } = this.#projections;
    if (sequence < lastSequence) throw endsEarly(sequence, lastSequence);
    this.#endedMs = this.#options.clock.monotonicMs();
  }

  /** Whether snapshot and log fit together. Errors: as `end`. */
  requireFit({ firstSequence, lastSequence, knownSequence }: LogReach): void {
    const { loaded } = this.#search;
    const snapshotSequence = loaded?.sequence ?? 0;
    if (firstSequence === 0) {
      // An empty log goes on where the snapshot ends, if nothing says that it held more.
      if (knownSequence > snapshotSequence)
        throw atStage(emptyBehindHead(knownSequence, snapshotSequence), 'snapshot');
      return;
    }
    if (snapshotSequence > lastSequence) throw snapshotAhead(snapshotSequence, lastSequence, loaded?.path);
    if (firstSequence > snapshotSequence + 1) throw beginsLate(firstSequence, snapshotSequence);
  }

  /** Fixes where an empty log begins, tidies up, and says what recovery came to. To be called once the log is open. */
  async finish(journal: RecoverableLog): Promise<Recovered> {
    const { clock, backend, readOnly } = this.#options;
    const { loaded, rejected } = this.#search;
    const logger = this.logger;
    const snapshotSequence = loaded?.sequence ?? 0;
    if (journal.isEmpty) {
      journal.beginAt(snapshotSequence, this.lastAt);
      if (snapshotSequence > 0) logger.info({ snapshotSequence }, 'snapshot ahead of an empty log accepted');
    }
    if (readOnly !== true) await staged('snapshot', () => backend.snapshots?.tidy());
    logger.info({ eventCount: this.#events }, 'tail replayed');
    const seconds = (clock.monotonicMs() - this.#startedMs) / 1_000;
    const observations = observe(seconds, loaded?.events ?? 0, this.#events);
    const found = { snapshotLoaded: loaded !== undefined, snapshotSequence };
    logger.info({ ...observations, ...found }, 'recovery complete');
    return {
      projections: this.#projections,
      observations,
      ...found,
      ...(loaded === undefined ? {} : { snapshotPath: loaded.path }),
      snapshotsRejected: rejected,
      stepsMs: { snapshot: this.#replayedMs - this.#searchedMs, replay: this.#endedMs - this.#replayedMs },
    };
  }

  #applyCommit(commit: Commit): void {
    this.#projections.apply(commit);
    this.#events += commit.events.length;
  }
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

function projectionsOptions({ limits, transitions }: RecoveryOptions): ProjectionsOptions {
  return {
    ...(limits === undefined ? {} : { limits }),
    ...(transitions === undefined ? {} : { transitions }),
  };
}

async function findSnapshot(options: RecoveryOptions, logger: Logger): Promise<SnapshotSearch> {
  const store = options.backend.snapshots;
  if (store === undefined) return { loaded: undefined, rejected: [] };
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

function atReplay(error: unknown): PawlError {
  return atStage(error, isPawlError(error, 'REPLAY_REFUSED') ? 'replay' : 'read');
}

function observe(recoveryDurationSeconds: number, snapshot: number, tail: number): RecoveryObservations {
  return Object.freeze({
    recoveryDurationSeconds,
    eventsAppliedTotal: snapshot + tail,
    snapshotEventsApplied: snapshot,
    walReplayEventsApplied: tail,
  });
}
