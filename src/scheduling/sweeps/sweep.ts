// What a start-up sweep works with. Sweeps run one after the other before the engine opens for commands, so they
// take no locks; each is idempotent, and says what it found.
import type { DecisionContext } from '../../decisions/command.js';
import type { PawlEvent } from '../../domain/events.js';
import type { Limits } from '../../domain/limits.js';
import type { Logger } from '../../logger.js';
import type { Projections } from '../../projections/projections.js';

/** Ports of a sweep. */
export interface SweepContext {
  readonly state: Projections;
  readonly limits: Limits;
  readonly logger: Logger;
  /** The decision context, its clock read anew. */
  refresh(): DecisionContext;
  /** Commits events; resolves when they are durable and applied. */
  commit(events: readonly PawlEvent[]): Promise<void>;
}

/** What a sweep found. */
export interface SweepReport {
  readonly name: string;
  /** Records it had to settle. */
  readonly settled: number;
  readonly durationMs: number;
}
