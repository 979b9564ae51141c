// The decision context of the running engine: one object for all decisions, since a decision is synchronous.
import type { Clock, IdSource, RandomSource } from '../clock.js';
import type { DecisionContext } from '../decisions/command.js';
import type { Limits } from '../domain/limits.js';
import type { Journal } from '../journal/journal.js';
import type { TransitionTable } from '../machines/transition-table.js';
import type { Projections } from '../projections/projections.js';

/** What a live context is made of. */
export interface LiveContextParts {
  readonly state: Projections;
  readonly journal: Pick<Journal, 'lastAt'>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random: RandomSource;
  readonly limits: Limits;
  readonly transitions: TransitionTable;
}

/** A decision context whose times are set by `refresh`, right before each decision. */
export class LiveContext implements DecisionContext {
  readonly state: Projections;
  readonly limits: Limits;
  readonly transitions: TransitionTable;
  at = 0;
  now = 0;
  pausing = false;
  readonly newId: () => string;
  readonly random: () => number;
  readonly #parts: LiveContextParts;

  constructor(parts: LiveContextParts) {
    this.#parts = parts;
    this.state = parts.state;
    this.limits = parts.limits;
    this.transitions = parts.transitions;
    this.newId = () => parts.ids.nextId();
    this.random = () => parts.random.nextUnit();
  }

  /** Reads the clock. The stamp of a commit never falls behind the last one. */
  refresh(): this {
    this.now = this.#parts.clock.now();
    this.at = Math.max(this.#parts.journal.lastAt, this.now);
    return this;
  }
}
