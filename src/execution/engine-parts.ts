// What scheduling and execution share: the ports, the state, the journal, the locks, and one way to commit.
import type { Clock, IdSource } from '../clock.js';
import { PawlError } from '../errors.js';
import type { LiveContext } from '../commands/live-context.js';
import type { LockTable } from '../commands/lock-table.js';
import type { Commit, PawlEvent } from '../domain/events.js';
import type { Limits } from '../domain/limits.js';
import type { Journal } from '../journal/journal.js';
import type { Logger } from '../logger.js';
import type { Projections } from '../projections/projections.js';
import type { Deadlines } from '../scheduling/deadlines.js';
import type { AnyTaskDefinition } from './define-task.js';

/** How the engine runs. */
export interface EngineSettings {
  /** Attempts in flight at a time. */
  readonly concurrency: number;
  /** How long a handler may go on after its signal was aborted by the timeout. */
  readonly timeoutGraceMs: number;
  /** How long a suspect runs alone. */
  readonly suspectMs: number;
  /** What a handler consumed is durable at the latest after this. */
  readonly consumeFlushMs: number;
  /** Difference of wall and monotonic time that counts as a jump. */
  readonly clockJumpMs: number;
  /** Forward jump after which promotion, expiry and misfire hold still. */
  readonly clockJumpHoldMs: number;
  /** Displayed end of the leases of this process; they never expire by time. */
  readonly leaseMs: number;
}

/** The parts. */
export interface EngineParts {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly state: Projections;
  readonly journal: Journal;
  readonly locks: LockTable;
  readonly context: LiveContext;
  readonly deadlines: Deadlines;
  /** Owner of the leases of this process: the instance of `EpochStarted`. */
  readonly owner: string;
  readonly handlers: ReadonlyMap<string, AnyTaskDefinition>;
  readonly settings: EngineSettings;
}

/** Called once the commit is durable and applied, or with the error. */
export type CommitDone = (error: PawlError | undefined, commit: Commit | undefined) => void;

/**
 * Appends one commit under locks that are held, and gives them back when it is durable or refused. With `insists` it
 * may use what is kept for a full disk: for what ends work that was begun, not for what begins more.
 */
export function commitHeld(
  parts: EngineParts,
  keys: readonly string[],
  events: readonly PawlEvent[],
  done?: CommitDone,
  { insists = false }: { readonly insists?: boolean } = {},
): void {
  try {
    const draft = { header: { at: parts.context.at }, events, urgent: true, insists };
    parts.journal.append(draft, (error, commit) => {
      parts.locks.release(keys);
      done?.(error, commit);
    });
  } catch (error) {
    parts.locks.release(keys);
    if (error instanceof PawlError) done?.(error, undefined);
    else throw error;
  }
}
