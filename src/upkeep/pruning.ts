// The pruning policy of a running engine: every so often one walk over what has ended, in bounded commits between
// which everything else has its turn. What it cannot do now it does the next time.
import type { Pruner } from '../commands/pruner.js';
import type { PrunePolicy } from '../decisions/prune.js';
import { isPawlError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Deadline, Deadlines } from '../scheduling/deadlines.js';

/** What the policy works with. */
export interface PruningParts {
  readonly policy: Required<PrunePolicy>;
  readonly pruner: Pruner;
  readonly deadlines: Pick<Deadlines, 'after'>;
  readonly logger: Logger;
}

/** Prunes in the background. */
export class Pruning {
  readonly #parts: PruningParts;
  #next: Deadline | undefined;
  #walk: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: PruningParts) {
    this.#parts = parts;
  }

  /** True while a walk is under way. */
  get busy(): boolean {
    return this.#walk !== undefined;
  }

  /** Begins: the first walk comes after `everyMs`. */
  start(): void {
    this.#arm();
  }

  /** Begins nothing more; resolves when the commit that is under way has met its fate. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#next?.cancel();
    await this.#walk;
  }

  #arm(): void {
    const { policy, deadlines } = this.#parts;
    if (this.#stopped) return;
    this.#next = deadlines.after(policy.everyMs, () => {
      this.#walk = this.#look().finally(() => {
        this.#walk = undefined;
        this.#arm();
      });
    });
  }

  async #look(): Promise<void> {
    const { policy, pruner, logger } = this.#parts;
    const { olderThanMs, keepNewest } = policy;
    try {
      await pruner.sweep({ olderThanMs, keepNewest }, () => this.#stopped);
    } catch (error) {
      if (isPawlError(error, 'CLOSED') || isPawlError(error, 'JOURNAL_POISONED')) return;
      logger.warn({ component: 'pruning', err: error }, 'pruning was refused, it is tried again');
    }
  }
}
