// Repairs a log without an orchestrator: cuts an incomplete last batch, after copying it to `quarantine/`, as an
// opening with `truncate-partial` does, and leaves the log closed. It never cuts what is damaged.
import type { JournalRepair } from './repair-policy.js';
import { openJournal, type JournalOptions } from './open-journal.js';

/** What `repair` did. */
export interface RepairReport {
  /** What was cut, and where the copy is; absent when nothing was. */
  readonly repaired?: JournalRepair;
  /** Last sequence of the log; 0 for an empty one. */
  readonly lastSequence: number;
}

/** Options of `repair`. */
export type RepairOptions = Pick<
  JournalOptions,
  'storage' | 'limits' | 'clock' | 'ids' | 'logger' | 'lockWaitMs'
>;

/**
 * Repairs the log in `dir`. Errors: `DATA_DIR_MISSING`, `DATA_DIR_LOCKED`, and those of damage (`JOURNAL_CORRUPT`,
 * `SEGMENT_MISSING`, `ACKNOWLEDGED_DATA_MISSING`, `UNSUPPORTED_FORMAT`), for which there is `salvage`.
 */
export async function repair(dir: string, options: RepairOptions = {}): Promise<RepairReport> {
  const journal = await openJournal(dir, { ...options, repair: 'truncate-partial', expectExisting: true });
  const { currentSequence, repaired } = journal;
  await journal.close();
  return { ...(repaired === undefined ? {} : { repaired }), lastSequence: currentSequence };
}
