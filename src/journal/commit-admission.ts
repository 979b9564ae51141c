// What a commit must keep before it is encoded: room in the queue, which is twice as much for what is urgent, and
// the number of its events. Nothing was queued when it throws.
import type { PawlError } from '../errors.js';
import { commitTooLarge, keptForOthers, overloaded } from './journal-errors.js';
import type { CommitDraft, JournalLimits } from './journal-parts.js';

/** Room that what is urgent has in the queue, in queues of everything else. */
const URGENT_ROOM = 2;

/** Errors: `OVERLOADED`, `COMMIT_TOO_LARGE`, `INVALID_INPUT`; `STORAGE_FULL` while a full disk leaves room only for what insists. */
export function requireAdmissible(
  { urgent, insists, events }: CommitDraft,
  queued: { readonly commits: number; readonly bytes: number; readonly full: PawlError | undefined },
  limits: JournalLimits,
): void {
  const { commits, bytes, full } = queued;
  const room = urgent === true ? URGENT_ROOM : 1;
  if (commits >= limits.maxQueuedCommands * room || bytes >= limits.maxQueuedBytes * room)
    throw overloaded(commits, bytes);
  if (events.length === 0 || events.length > limits.maxCommitEvents)
    throw commitTooLarge({ events: events.length, limits });
  if (full !== undefined && insists !== true) throw keptForOthers(full);
}
