// The rules of a snapshot (contract §9) with what each says, and the error that names one.
import { PawlError } from '../errors.js';

/** What each rule says, in one line. */
export const SNAPSHOT_RULES = {
  schemaVersion: 'its records are of another schema version than this release reads',
  countMismatch: 'a section has another number of records than is declared',
  duplicateId: 'an id occurs twice',
  unknownReference: 'a record names a task that is neither in the snapshot nor pruned',
  historyStart: 'the history of a run does not begin with its creation, none to scheduled at createdAt',
  historyBroken: 'an entry of the history does not go on from the one before',
  historyIllegal: 'the history holds a change that the run machine has no edge for',
  historyEnd: 'the history ends in another state than the run is in',
  attemptCount: 'the run lists another number of attempts than it counts',
  activeAttempt: 'an open attempt must be the current one of a running run, listed once and unfinished',
  leaseState: 'a run that is neither leased nor running has a lease',
  pausedWithoutTime: 'the engine is paused without the time of the pause',
  resumedWithoutPause: 'the engine was resumed and never paused',
  resumeBeforePause: 'the engine was resumed before it was paused',
  canceledBeforeCreated: 'a task was canceled before it was created',
} as const;

/** A rule of a snapshot. */
export type SnapshotRule = keyof typeof SNAPSHOT_RULES;

/** `SNAPSHOT_INVALID{ rule, section?, id?, declared?, actual? }`. */
export function snapshotInvalid(rule: SnapshotRule, data: Readonly<Record<string, unknown>>): PawlError {
  const known = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
  const about = Object.entries(known)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
  return new PawlError(
    'SNAPSHOT_INVALID',
    `The snapshot is refused: ${SNAPSHOT_RULES[rule]} (${about}); an older snapshot or the log is used instead.`,
    { rule, ...known },
  );
}
