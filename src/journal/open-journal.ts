// The front door of the storage: opens a directory with the machine's disk, clock and ids, unless told otherwise.
import type { Clock, IdSource } from '../clock.js';
import type { Commit, PawlEvent } from '../domain/events.js';
import type { Limits } from '../domain/limits.js';
import { PawlError } from '../errors.js';
import { hostClock, hostRandom, uuidV7 } from '../host-clock.js';
import type { Logger } from '../logger.js';
import { FileBackend } from './file-backend.js';
import { hostStorage } from './host-storage.js';
import { checkJournalOptions } from './journal-options.js';
import type { Journal, ReadRange } from './journal.js';
import { openJournalOn } from './open-journal-on.js';
import type { JournalRepair, RepairPolicy } from './repair-policy.js';
import type { Storage } from './storage.js';
import { verifyLog, type VerifiedLog } from './verify.js';
import { WalReader } from './wal-reader.js';
import {
  InstrumentedWalWriter,
  WalWriter,
  type AppendTelemetry,
  type WalCommitHeader,
} from './wal-writer.js';

/** Options of `openJournal` and `openWalWriter`. */
export interface JournalOptions {
  /** What to do about an incomplete last batch. Default `strict`. */
  readonly repair?: RepairPolicy;
  /** Read without the lock; nothing is created or changed. Default false. */
  readonly readOnly?: boolean;
  /** Refuse with `DATA_DIR_MISSING` instead of creating the directory. Default false. */
  readonly expectExisting?: boolean;
  /** How long to wait for another holder of the lock, milliseconds. Default 0. */
  readonly lockWaitMs?: number;
  /** Default silent. */
  readonly logger?: Logger;
  /** Default `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>;
  /** Default: the machine's file system. */
  readonly storage?: Storage;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: UUIDv7 over the clock. */
  readonly ids?: IdSource;
}

/** A log that was opened by `openJournal`. */
export interface JournalHandle extends AsyncDisposable {
  /** Last sequence that was appended; 0 for an empty log. */
  readonly currentSequence: number;
  /** What opening cut. */
  readonly repaired: JournalRepair | undefined;
  readonly telemetry: AppendTelemetry;
  /** See `WalWriter.append`. With `readOnly`: `READ_ONLY_STORAGE`. */
  append(events: PawlEvent | readonly PawlEvent[], header?: WalCommitHeader): Promise<Commit>;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Durable commits with an event of the range, in order. Errors: `HISTORY_GONE`, `JOURNAL_CORRUPT`. */
  read(range: ReadRange): AsyncIterable<Commit>;
}

/** Opens the log in `dir`. Errors: `INVALID_INPUT`, and the typed errors of opening; nothing is held then. */
export async function openJournal(dir: string, options: JournalOptions = {}): Promise<JournalHandle> {
  checkJournalOptions(dir, options);
  if (options.readOnly === true) return readOnlyHandle(dir, await openWalReader(dir, options));
  const journal = await openFileJournal(dir, options);
  journal.markReady();
  const writer = new InstrumentedWalWriter(new WalWriter(journal));
  const close = (): Promise<void> => writer.close();
  return {
    get currentSequence() {
      return writer.currentSequence;
    },
    repaired: journal.repaired,
    telemetry: writer.telemetry,
    append: (events, header) => writer.append(events, header),
    flush: () => writer.flush(),
    close,
    read: (range) => journal.read(range),
    [Symbol.asyncDispose]: close,
  };
}

/** Opens the log in `dir` for appending. Errors: as `openJournal`. */
export async function openWalWriter(
  dir: string,
  options: Omit<JournalOptions, 'readOnly'> = {},
): Promise<InstrumentedWalWriter> {
  const journal = await openFileJournal(dir, options);
  journal.markReady();
  return new InstrumentedWalWriter(new WalWriter(journal));
}

/** Opens a reader that needs no lock and changes nothing. Errors: `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`. */
export async function openWalReader(
  dir: string,
  options: Pick<JournalOptions, 'storage' | 'limits'> = {},
): Promise<WalReader> {
  const { maxFrameBytes } = checkJournalOptions(dir, options);
  const { storage = hostStorage } = options;
  return WalReader.open(dir, { storage, maxFrameBytes });
}

/** Checks every byte and every event of the log in `dir`, without the lock. Errors: the first thing that is wrong. */
export async function verify(
  dir: string,
  options: Pick<JournalOptions, 'storage' | 'limits' | 'repair'> = {},
): Promise<VerifiedLog> {
  const { maxFrameBytes } = checkJournalOptions(dir, options);
  const { storage = hostStorage, repair = 'strict' } = options;
  return verifyLog(dir, { storage, repair, maxFrameBytes });
}

async function openFileJournal(dir: string, options: JournalOptions): Promise<Journal> {
  const limits = checkJournalOptions(dir, options);
  const { clock = hostClock, ids = uuidV7(clock, hostRandom()), storage = hostStorage } = options;
  const { repair, expectExisting, lockWaitMs, logger } = options;
  return openJournalOn(new FileBackend(storage, dir), {
    clock,
    ids,
    checkPayloads: true,
    ...(repair === undefined ? {} : { repair }),
    ...(expectExisting === undefined ? {} : { expectExisting }),
    ...(lockWaitMs === undefined ? {} : { lockWaitMs }),
    ...(logger === undefined ? {} : { logger }),
    limits,
  });
}

function readOnlyHandle(dir: string, reader: WalReader): JournalHandle {
  const writer = new InstrumentedWalWriter(refusingWriter(dir, reader));
  const close = (): Promise<void> => writer.close();
  return {
    currentSequence: reader.currentSequence,
    repaired: undefined,
    telemetry: writer.telemetry,
    append: (events, header) => writer.append(events, header),
    flush: () => writer.flush(),
    close,
    read: (range) => reader.read(range),
    [Symbol.asyncDispose]: close,
  };
}

function refusingWriter(
  dir: string,
  reader: WalReader,
): ConstructorParameters<typeof InstrumentedWalWriter>[0] {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new PawlError('READ_ONLY_STORAGE', `${dir} was opened with readOnly; open it without to append.`, {
        path: dir,
      }),
    );
  return {
    currentSequence: reader.currentSequence,
    append: refuse,
    flush: refuse,
    close: () => Promise.resolve(),
  };
}
