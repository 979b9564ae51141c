// What becomes of the commits of a batch that was refused: their callers are told, and what one of them throws stops
// nobody else; those that insist go, in order, into the next batch.
import type { PawlError } from '../errors.js';
import type { Acknowledge, GatheringBatch } from './gathering-batch.js';
import type { CommitDraft } from './journal-parts.js';

/** Tells every caller of the batch, and those who wait for it. */
export function refuseAll(batch: GatheringBatch, error: PawlError, onThrow: (thrown: unknown) => void): void {
  tell(batch, error, onThrow, () => true);
  for (const waiter of batch.waiters) waiter.reject(error);
}

/** Tells the callers of the commits that do not insist. */
export function refuseOthers(
  batch: GatheringBatch,
  error: PawlError,
  onThrow: (thrown: unknown) => void,
): void {
  tell(batch, error, onThrow, (index) => batch.insisting[index] !== true);
}

/** Encodes what insists into `next` and hands it to `enqueue`. Whoever waits for the batch waits for what becomes of it. */
export function carryOver(
  batch: GatheringBatch,
  next: GatheringBatch,
  enqueue: (draft: CommitDraft, ack: Acknowledge) => void,
): void {
  for (const [index, { header, events }] of batch.commits.entries()) {
    const ack = batch.acks[index];
    if (batch.insisting[index] !== true || ack === undefined) continue;
    const draft = { header, events, urgent: true, insists: true };
    next.encode(draft);
    enqueue(draft, ack);
  }
  next.waiters.push(...batch.waiters.splice(0));
}

function tell(
  batch: GatheringBatch,
  error: PawlError,
  onThrow: (thrown: unknown) => void,
  whom: (index: number) => boolean,
): void {
  for (const [index, commit] of batch.commits.entries()) {
    if (!whom(index)) continue;
    try {
      batch.acks[index]?.(error, commit);
    } catch (thrown) {
      onThrow(thrown);
    }
  }
}
