// Waits for the end of everything that a canceled task takes along: its own runs and those of its descendants.
import { Places } from '../domain/places.js';
import type { PawlError } from '../errors.js';
import type { TaskRow } from '../projections/rows.js';

interface CancelWait {
  readonly task: TaskRow;
  resolve(): void;
  reject(error: PawlError): void;
}

/** The waits of `cancelTask({ wait: true })`. */
export class CancelWaits {
  readonly #waits = new Set<CancelWait>();
  readonly #places: Places;
  #failed: PawlError | undefined;

  constructor(maxWaiting: number) {
    this.#places = new Places('maxWaitingCalls', maxWaiting, 'let one cancelTask end first');
  }

  /** Takes a place for a wait before its task is canceled; what is returned gives it back. Errors: `LIMIT_EXCEEDED`. */
  enter(): () => void {
    return this.#places.take();
  }

  /** Resolves when no run of the task or of a descendant is open. */
  wait(task: TaskRow): Promise<void> {
    if (isTreeEnded(task)) return Promise.resolve();
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    return new Promise((resolve, reject) => {
      this.#waits.add({ task, resolve, reject });
    });
  }

  /** Answers the waits whose tree has ended. */
  check(): void {
    for (const wait of this.#waits) {
      if (!isTreeEnded(wait.task)) continue;
      this.#waits.delete(wait);
      wait.resolve();
    }
  }

  /** Ends every wait with an error, also those that are yet to come. */
  fail(error: PawlError): void {
    this.#failed ??= error;
    for (const wait of this.#waits) wait.reject(error);
    this.#waits.clear();
  }
}

function isTreeEnded(task: TaskRow): boolean {
  const level = [task];
  for (let next = level.pop(); next !== undefined; next = level.pop()) {
    if (next.openRuns > 0) return false;
    for (const child of next.extra?.children ?? []) level.push(child);
  }
  return true;
}
