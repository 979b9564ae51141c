// How many events a record of a snapshot stands for (contract §8), so that what recovery reports does not depend
// on whether the state came from a snapshot or from the log.
import type { SectionName, SectionRecords } from '../domain/snapshot-records.js';

type Counters = { readonly [N in SectionName]: (record: SectionRecords[N]) => number };

const one = (): number => 1;
const none = (): number => 0;
const given = (value: unknown): number => (value === undefined ? 0 : 1);

const COUNTERS: Counters = {
  epoch: none,
  tasks: (task) => 1 + given(task.canceledAt),
  runs: (run) => run.historyCount,
  engine: (engine) => given(engine.pausedAt) + given(engine.resumedAt),
  dependencies: one,
  budgets: ({ consumed, exhausted, limit }) =>
    1 + (consumed > 0 ? 1 : 0) + (exhausted && consumed < limit ? 1 : 0),
  subscriptions: ({ triggeredAt, canceledAt }) => 1 + given(triggeredAt) + given(canceledAt),
  actors: (actor) => 1 + given(actor.deregisteredAt),
  tenants: one,
  roles: one,
  grants: (grant) => 1 + given(grant.revokedAt),
  ledger: one,
  commands: none,
  pruned: none,
};

/** Events that a record stands for. */
export function eventsOf<N extends SectionName>(section: N, record: SectionRecords[N]): number {
  return COUNTERS[section](record);
}
