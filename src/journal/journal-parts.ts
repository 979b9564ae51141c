// What a journal is made of and what it is given.
import type { Clock } from '../clock.js';
import type { CommitHeader, PawlEvent } from '../domain/events.js';
import type { Limits } from '../domain/limits.js';
import type { Logger } from '../logger.js';
import type { JournalMachineEvent } from '../machines/journal-machine.js';
import type { JournalBackend, OpenedLog } from './journal-backend.js';

/** What is appended: sequence and `at` of the events are stamped by the journal. */
export interface CommitDraft {
  readonly header: CommitHeader;
  readonly events: readonly PawlEvent[];
  /** Where an empty log begins; without it, at 1. Means nothing once the log has begun. */
  readonly firstSequence?: number;
  /** Uses the reserved room of the queue: ends and cancellations of work that was admitted. */
  readonly urgent?: boolean;
  /** On a full disk, may use the space that is kept for that: what must not be refused, or cannot be tried again. */
  readonly insists?: boolean;
}

/** The limits the journal keeps. */
export type JournalLimits = Pick<
  Limits,
  'maxFrameBytes' | 'maxCommitEvents' | 'maxQueuedCommands' | 'maxQueuedBytes'
>;

/** What a journal is made of; `openJournalOn` makes one. */
export interface JournalParts {
  readonly backend: JournalBackend;
  readonly opened: OpenedLog;
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: JournalLimits;
  readonly onLifecycle: (event: JournalMachineEvent) => void;
}

/** An inclusive range of sequences; without `to`, up to the last durable one. */
export interface ReadRange {
  readonly from: number;
  readonly to?: number;
}
