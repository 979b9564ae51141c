// Sweep: leases and attempts of a process that is gone. Leased runs become ready; running ones lose their attempt
// and go on as their losses decide. A lease of a registered actor that is still in force is kept.
import { settleLost } from '../../decisions/reactions.js';
import type { PawlEvent } from '../../domain/events.js';
import type { RunRow } from '../../projections/rows.js';
import type { SweepContext } from './sweep.js';

/** Settles what the dead epoch left behind; returns how many runs it settled. */
export async function sweepDeadEpoch(sweep: SweepContext): Promise<number> {
  const orphans: RunRow[] = [];
  for (const state of ['leased', 'running'] as const) {
    for (const row of sweep.state.runs.inState(state)) if (!isKept(sweep, row)) orphans.push(row);
  }
  for (let from = 0; from < orphans.length; from += sweep.limits.reactionBatch) {
    const batch = orphans.slice(from, from + sweep.limits.reactionBatch);
    const events: PawlEvent[] = [];
    const context = sweep.refresh();
    for (const row of batch) {
      const open = row.detail?.open;
      if (open !== undefined)
        sweep.logger.warn({ component: 'sweep', runId: row.id, attemptId: open.id }, 'run lost');
      events.push(...settleLost(context, row, 'LOST'));
    }
    await sweep.commit(events);
  }
  return orphans.length;
}

function isKept(sweep: SweepContext, row: RunRow): boolean {
  const lease = row.detail?.lease;
  if (lease === undefined) return false;
  const actor = sweep.state.actors.get(lease.owner);
  return actor !== undefined && actor.deregisteredAt === undefined && lease.expiryAt > sweep.refresh().now;
}
