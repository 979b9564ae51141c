// What callers may read of the projections: frozen records, by id and by index, and counts; never a row.
import type { Projections } from './projections.js';

/** The read models. Everything they return is a frozen copy of what is durable. */
export interface PublicProjections {
  /** Sequence of the last event that was applied. */
  readonly sequence: number;
  readonly tasks: Pick<Projections['tasks'], 'count' | 'get' | 'list'>;
  readonly runs: Pick<Projections['runs'], 'count' | 'nonTerminal' | 'countByState' | 'get' | 'list'>;
  readonly leases: Pick<Projections['leases'], 'count' | 'get' | 'list'>;
  readonly engine: Pick<Projections['engine'], 'paused' | 'pausedAt' | 'resumedAt'>;
  readonly dependencies: Pick<
    Projections['dependencies'],
    'count' | 'get' | 'prerequisitesOf' | 'dependentsOf' | 'list'
  >;
  readonly budgets: Pick<Projections['budgets'], 'count' | 'get' | 'list'>;
  readonly subscriptions: Pick<
    Projections['subscriptions'],
    'count' | 'get' | 'ofTask' | 'watching' | 'onKey' | 'list'
  >;
  readonly actors: Pick<Projections['actors'], 'count' | 'get' | 'list'>;
  readonly tenants: Pick<
    Projections['tenants'],
    'count' | 'get' | 'list' | 'role' | 'roles' | 'grant' | 'grants' | 'has'
  >;
  readonly ledger: Pick<Projections['ledger'], 'count' | 'get' | 'list'>;
}
