// Opens a journal on a backend, with every default filled in: what the orchestrator, the file front door and the
// test kit share.
import type { Clock, IdSource } from '../clock.js';
import { DEFAULT_LIMITS, type Limits } from '../domain/limits.js';
import { silentLogger, type Logger } from '../logger.js';
import type { JournalMachineEvent } from '../machines/journal-machine.js';
import type { JournalBackend, LogConsumer, OpenedLog } from './journal-backend.js';
import { Journal } from './journal.js';
import type { RepairPolicy } from './repair-policy.js';

/** Options of every journal. */
export interface OpenJournalOptions {
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Default `strict`. */
  readonly repair?: RepairPolicy;
  /** Default silent. */
  readonly logger?: Logger;
  /** Default `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>;
  /** Refuse instead of creating anything. Default false. */
  readonly expectExisting?: boolean;
  /** How long to wait for the lock, milliseconds. Default 0. */
  readonly lockWaitMs?: number;
  /** Decode every commit while checking, not only its checksums. Default false: replay decodes it all the same. */
  readonly checkPayloads?: boolean;
  /** Takes the log in while it is checked. */
  readonly load?: LogConsumer;
  /** Leave older segments for `Journal.checkRest`. Default false: every byte is checked. */
  readonly checkRestLater?: boolean;
  /** Told what happens to the journal: feeds an actor of `journalMachine`. */
  readonly onLifecycle?: (event: JournalMachineEvent) => void;
}

/** Opens the journal that `backend` keeps. Errors: the typed errors of opening; nothing is held then. */
export async function openJournalOn(backend: JournalBackend, options: OpenJournalOptions): Promise<Journal> {
  const { clock, ids, logger = silentLogger, onLifecycle = () => undefined } = options;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const instance = ids.nextId();
  const made: { journal?: Journal } = {};
  let opened: OpenedLog;
  try {
    opened = await backend.open({
      repair: options.repair ?? 'strict',
      instance,
      clock,
      ids,
      logger,
      maxFrameBytes: limits.maxFrameBytes,
      segmentBytes: limits.segmentBytes,
      preallocateBytes: limits.preallocateBytes,
      reserveBytes: limits.reserveBytes,
      expectExisting: options.expectExisting ?? false,
      lockWaitMs: options.lockWaitMs ?? 0,
      checkPayloads: options.checkPayloads ?? false,
      checkRestLater: options.checkRestLater ?? false,
      ...(options.load === undefined ? {} : { load: options.load }),
      onRotation: (phase) => {
        made.journal?.backendRotated(phase);
      },
      onLost: (error) => {
        made.journal?.backendLost(error);
      },
      onRoom: () => {
        made.journal?.backendHasRoom();
      },
    });
  } catch (error) {
    onLifecycle({ type: 'openFailed', error });
    throw error;
  }
  made.journal = new Journal({ backend, opened, instance, clock, logger, limits, onLifecycle });
  return made.journal;
}
