// The state of a data directory without an engine: steps 1 to 5 of contract §8. It writes no event, runs no sweep and
// starts nothing, so a test or a tool sees exactly what the storage holds; what it hands out may append.
import type { Clock, IdSource } from '../clock.js';
import type { Limits } from '../domain/limits.js';
import { hostClock, hostRandom, uuidV7 } from '../host-clock.js';
import { silentLogger, type Logger } from '../logger.js';
import type { Projections } from '../projections/projections.js';
import { dataDirPaths } from './data-dir.js';
import { FileBackend } from './file-backend.js';
import { hostStorage } from './host-storage.js';
import { checkJournalOptions } from './journal-options.js';
import { openJournalOn } from './open-journal-on.js';
import {
  Recovery,
  staged,
  type Recovered,
  type RecoveryObservations,
  type RecoveryOptions,
  type RejectedSnapshot,
} from './recovery.js';
import { loadReadOnly } from './load-projection-read-only.js';
import type { JournalRepair, RepairPolicy } from './repair-policy.js';
import { FileSnapshots } from './snapshot-store-files.js';
import type { Storage } from './storage.js';
import { AppendTelemetry, InstrumentedWalWriter, WalWriter } from './wal-writer.js';

/** Options of `loadProjectionFromStorage`. */
export interface LoadProjectionOptions {
  /** What to do about an incomplete last batch. Default `strict`. */
  readonly repair?: RepairPolicy;
  /** Load without the lock; nothing is created or changed, and there is no writer. Default false. */
  readonly readOnly?: boolean;
  /** Default silent. */
  readonly logger?: Logger;
  /** Refuse with `DATA_DIR_MISSING` instead of creating the directory. Default false. */
  readonly expectExisting?: boolean;
  /** How long to wait for another holder of the lock, milliseconds. Default 0. */
  readonly lockWaitMs?: number;
  /** Default `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>;
  /** Default: the machine's file system. */
  readonly storage?: Storage;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: UUIDv7 over the clock. */
  readonly ids?: IdSource;
}

/** What was loaded. */
export interface RecoveryBootstrap {
  readonly projections: Projections;
  /** Appends behind what was loaded; to be closed by the caller. Absent with `readOnly`. */
  readonly writer?: InstrumentedWalWriter;
  /** Counts of the writer: 0 and 0. */
  readonly telemetry: AppendTelemetry;
  /** The folder of the log's segments. */
  readonly walPath: string;
  readonly snapshotPath?: string;
  readonly snapshotLoaded: boolean;
  /** 0 without a snapshot. */
  readonly snapshotSequence: number;
  readonly observations: RecoveryObservations;
  /** Snapshots that could not be used, newest first. */
  readonly snapshotsRejected: readonly RejectedSnapshot[];
  /** What opening cut. */
  readonly repaired?: JournalRepair;
}

/**
 * Loads the state of `dataDir` from its newest usable snapshot and the tail of its log. With the writer it holds the
 * directory's lock until that is closed. A refusal holds nothing and carries `data.stage`: `open`, `read`, `snapshot` or `replay`.
 *
 * Errors: `INVALID_INPUT`, `DATA_DIR_MISSING`, `DATA_DIR_LOCKED`, `DATA_DIR_FOREIGN`, `LOCK_UNAVAILABLE`, `READ_ONLY_STORAGE`, `STORAGE_FULL`, `TORN_TAIL`,
 * `JOURNAL_CORRUPT`, `UNSUPPORTED_FORMAT`, `SEGMENT_MISSING`, `ACKNOWLEDGED_DATA_MISSING`, `SNAPSHOT_AHEAD`, `REPLAY_REFUSED`.
 */
export async function loadProjectionFromStorage(
  dataDir: string,
  options: LoadProjectionOptions = {},
): Promise<RecoveryBootstrap> {
  const limits = checkJournalOptions(dataDir, options);
  const { clock = hostClock, storage = hostStorage } = options;
  const request: LoadRequest = {
    dataDir,
    storage,
    clock,
    limits,
    ids: options.ids ?? uuidV7(clock, hostRandom()),
    logger: options.logger ?? silentLogger,
    startedMs: clock.monotonicMs(),
  };
  return options.readOnly === true ? await loadWithoutLock(request) : await loadForWriting(request, options);
}

interface LoadRequest {
  readonly dataDir: string;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly startedMs: number;
}

async function loadForWriting(
  request: LoadRequest,
  options: LoadProjectionOptions,
): Promise<RecoveryBootstrap> {
  const { dataDir, storage, clock, ids, limits, logger } = request;
  const backend = new FileBackend(storage, dataDir);
  const recovery = new Recovery(recoveryOptions(request, backend));
  const journal = await staged('open', () =>
    openJournalOn(backend, {
      clock,
      ids,
      limits,
      logger,
      repair: options.repair ?? 'strict',
      expectExisting: options.expectExisting ?? false,
      lockWaitMs: options.lockWaitMs ?? 0,
      load: recovery,
    }),
  );
  try {
    const recovered = await recovery.finish(journal);
    journal.markReady();
    const writer = new InstrumentedWalWriter(new WalWriter(journal));
    const { repaired } = journal;
    return {
      ...bootstrap(dataDir, recovered, writer.telemetry),
      writer,
      ...(repaired === undefined ? {} : { repaired }),
    };
  } catch (error) {
    await journal.abandon();
    throw error;
  }
}

async function loadWithoutLock(request: LoadRequest): Promise<RecoveryBootstrap> {
  const { dataDir, storage, limits } = request;
  const { maxFrameBytes } = limits;
  const recovery = (): Recovery => {
    const snapshots = new FileSnapshots(storage, dataDirPaths(dataDir).snapshots);
    return new Recovery({ ...recoveryOptions(request, { snapshots }), readOnly: true });
  };
  const recovered = await loadReadOnly({ dataDir, storage, maxFrameBytes, recovery });
  return bootstrap(dataDir, recovered, new AppendTelemetry());
}

function recoveryOptions(
  { clock, logger, limits, dataDir, startedMs }: LoadRequest,
  backend: RecoveryOptions['backend'],
): RecoveryOptions {
  return { backend, clock, logger, limits, dataDir, startedMs };
}

function bootstrap(dataDir: string, recovered: Recovered, telemetry: AppendTelemetry): RecoveryBootstrap {
  const { projections, snapshotLoaded, snapshotSequence, observations, snapshotsRejected, snapshotPath } =
    recovered;
  return {
    projections,
    telemetry,
    walPath: dataDirPaths(dataDir).wal,
    ...(snapshotPath === undefined ? {} : { snapshotPath }),
    snapshotLoaded,
    snapshotSequence,
    observations,
    snapshotsRejected,
  };
}
