// What an opening tells of a log in a directory: where it stands, and how much of it was read.
import type { Coverage } from './check-log.js';
import type { CheckedLogReport, OpenedLog } from './journal-backend.js';
import type { WritableLog } from './open-log.js';

/** The answer of a backend that has opened `log`. */
export function describeOpened(log: WritableLog): OpenedLog {
  const [first] = log.segments;
  const lastSequence = first === undefined ? 0 : log.cursor.lastSequence;
  return {
    epoch: log.epoch,
    firstSequence: first === undefined ? 0 : first.firstSequence,
    lastSequence,
    lastAt: log.lastAt,
    knownSequence: Math.max(lastSequence, log.head?.durableSequence ?? 0),
    ...(log.repaired === undefined ? {} : { repaired: log.repaired }),
    checked: reportOf(log.coverage),
  };
}

function reportOf({ segments, bytes, unread }: Coverage): CheckedLogReport {
  const laterBytes = unread.reduce((sum, { info }) => sum + info.sizeBytes, 0);
  return { segments, bytes, laterSegments: unread.length, laterBytes };
}
