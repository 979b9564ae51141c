// The refusals of the journal, in one place: each names what was asked, what is, and what to do next.
import type { Commit } from '../domain/events.js';
import { PawlError, isPawlError } from '../errors.js';
import { DecodeError } from './byte-reader.js';
import type { CommitDecoder, CommitFrame } from './commit-codec.js';

/** The journal was closed. */
export function journalClosed(): PawlError {
  return new PawlError('CLOSED', 'The journal is closed; open the directory again.');
}

/** The journal was poisoned before the call. */
export function journalPoisoned(cause: PawlError): PawlError {
  return new PawlError(
    'JOURNAL_POISONED',
    `The journal can write no more (${cause.message}); nothing was written. Open the directory in a new process.`,
    { ...cause.data, outcome: 'notDone' },
    cause,
  );
}

/** A commit that was in the failing batch, or behind it. */
function poisonedCommit(cause: PawlError, outcome: 'indeterminate' | 'notDone'): PawlError {
  const what =
    outcome === 'notDone'
      ? 'The commit was not written'
      : 'It is unknown whether the commit is durable; its commandId tells after reopening';
  return new PawlError('JOURNAL_POISONED', `${what}: ${cause.message}`, { ...cause.data, outcome }, cause);
}

/** A commit of a batch of which nothing is in the log. */
export function refusedCommit(cause: unknown): PawlError {
  if (isPawlError(cause)) return cause;
  return new PawlError(
    'STORAGE_FAILED',
    `The commit was not written: ${describe(cause)}. Try again.`,
    { outcome: 'notDone' },
    cause,
  );
}

/** What a commit is told whose batch was refused with `cause`; `outcome` when that left it open. */
export function refusalOf(cause: unknown, outcome: 'indeterminate' | 'notDone'): PawlError {
  return isPawlError(cause, 'JOURNAL_POISONED') ? poisonedCommit(cause, outcome) : refusedCommit(cause);
}

/** The disk is full, and what was kept for that is for the commits that insist. */
export function keptForOthers(cause: PawlError): PawlError {
  return new PawlError(
    'STORAGE_FULL',
    'The disk is full, and what was kept for that is for work that was admitted before; free some space, and within a second commands are taken again. Nothing was written.',
    { ...cause.data, outcome: 'notDone' },
    cause,
  );
}

/** Too many events, too many bytes, or none. */
export function commitTooLarge(found: {
  readonly events: number;
  readonly bytes?: number;
  readonly limits: { readonly maxCommitEvents: number; readonly maxFrameBytes: number };
}): PawlError {
  const { events, bytes, limits } = found;
  if (events === 0) {
    return new PawlError(
      'INVALID_INPUT',
      'A commit without events was given to the journal; append at least one.',
      {
        path: 'events',
        rule: 'at least one',
      },
    );
  }
  const { maxCommitEvents, maxFrameBytes } = limits;
  return new PawlError(
    'COMMIT_TOO_LARGE',
    `The commit has ${String(events)} events${bytes === undefined ? '' : ` and ${String(bytes)} bytes`}; at most ${String(maxCommitEvents)} events and ${String(maxFrameBytes)} bytes fit in one. Nothing was written; split it.`,
    { events, ...(bytes === undefined ? {} : { bytes }), maxCommitEvents, maxFrameBytes },
  );
}

/** The queue is full. */
export function overloaded(commits: number, bytes: number): PawlError {
  return new PawlError(
    'OVERLOADED',
    `${String(commits)} commits and ${String(bytes)} bytes wait for the disk; try again after 100 ms.`,
    { commits, bytes, retryAfterMs: 100 },
  );
}

/** Decodes a frame whose checksums are right. Errors: `JOURNAL_CORRUPT` with reason `decodeFailure`. */
export function decodeOrRefuse(decoder: Pick<CommitDecoder, 'decode'>, frame: CommitFrame): Commit {
  try {
    return decoder.decode(frame);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { segment, offset, firstSequence } = frame;
    throw new PawlError(
      'JOURNAL_CORRUPT',
      `The commit at sequence ${String(firstSequence)} (${segment ?? 'log'}, byte ${String(offset ?? 0)}) cannot be decoded: ${error.message}. Everything before it is readable.`,
      { segment, offset, reason: 'decodeFailure', expectedSeq: firstSequence },
      error,
    );
  }
}

/** The log is empty, and less stands for what it held than is known to have been durable. */
export function emptyBehindHead(watermark: number, found: number): PawlError {
  return new PawlError(
    'ACKNOWLEDGED_DATA_MISSING',
    `The log is empty and the newest snapshot ends at ${String(found)}, but events up to ${String(watermark)} are known to be durable; restore the missing segments.`,
    { watermark, found },
  );
}

/** An error that names a segment or a sequence, with the directory it is about: it alone does not tell whose. */
export function inDirectory(error: unknown, directory: string): unknown {
  if (!isPawlError(error) || error.data['path'] !== undefined) return error;
  const data = { ...error.data, path: directory };
  return new PawlError(error.code, `${directory}: ${error.message}`, data, error);
}

/** What an unknown thrown value says. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
