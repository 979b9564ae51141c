// What recovery says when a snapshot and a log do not fit together.
import { PawlError } from '../errors.js';

/** The snapshot stands for more than the log holds. */
export function snapshotAhead(
  snapshotSequence: number,
  journalSequence: number,
  path: string | undefined,
): PawlError {
  return new PawlError(
    'SNAPSHOT_AHEAD',
    `The snapshot ends at sequence ${String(snapshotSequence)} and the log at ${String(journalSequence)}; restore the newest segments of the log, or remove the snapshot.`,
    { snapshotSequence, journalSequence, path, stage: 'snapshot' },
  );
}

/** The log must reach back to what the snapshot stands for; without one, to its first event. */
export function beginsLate(firstAvailable: number, snapshotSequence: number): PawlError {
  const expectedSeq = snapshotSequence + 1;
  return new PawlError(
    'SEGMENT_MISSING',
    `The log begins at sequence ${String(firstAvailable)} and events from ${String(expectedSeq)} on are needed; restore the older segments, or a snapshot that reaches ${String(firstAvailable - 1)}.`,
    { expectedSeq, firstAvailable, snapshotSequence, stage: 'read' },
  );
}

/** The log holds more than it gave. */
export function endsEarly(found: number, expected: number): PawlError {
  return new PawlError(
    'JOURNAL_CORRUPT',
    `The log gave events up to sequence ${String(found)} and has ${String(expected)}; check the disk and open again.`,
    { reason: 'sequenceGap', expectedSeq: found + 1, stage: 'read' },
  );
}
