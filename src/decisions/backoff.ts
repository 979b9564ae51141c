// How long the next attempt waits. Chance is drawn here once, and the moment it gives is written into the
// event: a replay never draws again.
import type { Backoff } from '../domain/task.js';

/** Milliseconds before the attempt that follows the n-th failure (n ≥ 1), jitter included. */
export function backoffDelayMs(backoff: Backoff, failures: number, random: () => number): number {
  const full = fullDelayMs(backoff, failures);
  return backoff.jitter === 'full' ? Math.floor(random() * (full + 1)) : full;
}

function fullDelayMs(backoff: Backoff, failures: number): number {
  switch (backoff.kind) {
    case 'fixed':
      return backoff.delayMs;
    case 'linear':
      return Math.min(backoff.maxMs, backoff.stepMs * failures);
    case 'exponential':
      // The power may overflow to Infinity; the cap then decides, unless there is nothing to grow.
      if (backoff.baseMs === 0) return 0;
      return Math.min(backoff.maxMs, Math.floor(backoff.baseMs * backoff.factor ** (failures - 1)));
  }
}
