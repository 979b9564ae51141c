// The rules that hold between commits, not within them: a run that is not executing has no lease and no open attempt.
// Runs that a commit may have left otherwise are noted, and looked at when it is whole.
import type { PawlEvent } from '../domain/events.js';
import { refusal } from './refusal.js';
import type { RunRow } from './rows.js';

/** Runs to look at when their commit is whole. */
export class CommitRules {
  readonly #noted: { readonly row: RunRow; readonly event: PawlEvent }[] = [];

  /** Has a run looked at; `event` is what made that necessary. */
  note(row: RunRow, event: PawlEvent): void {
    this.#noted.push({ row, event });
  }

  /** Looks at them. Refusals: `attemptLeftOpen`, `leaseKept`, `leaseDropped`. */
  check(): void {
    if (this.#noted.length === 0) return;
    for (const { row, event } of this.#noted) {
      const executing = row.state === 'leased' || row.state === 'running';
      const leased = row.detail?.lease !== undefined;
      const leftOpen = row.state !== 'running' && row.detail?.open !== undefined;
      if (!leftOpen && leased === executing) continue;
      const rule = leftOpen ? 'attemptLeftOpen' : leased ? 'leaseKept' : 'leaseDropped';
      throw refusal(event, rule, { runId: row.id, state: row.state });
    }
    this.#noted.length = 0;
  }
}
