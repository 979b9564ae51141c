// When garbage was collected, so that a stretch of time can be told with and without it.
import { PerformanceObserver } from 'node:perf_hooks';

/** A stretch of `performance.now()`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Remembers collections from when it is made until `stop`. */
export class Collections {
  readonly #found: Stretch[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      this.#found.push({ from: startTime, to: startTime + duration });
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Ends it, when what happened so far has been told. */
  async stop(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 50));
    this.#observer.disconnect();
  }

  /** Milliseconds of a stretch that were none of collections. */
  without({ from, to }: Stretch): number {
    let left = to - from;
    for (const found of this.#found) left -= Math.max(0, Math.min(to, found.to) - Math.max(from, found.from));
    return left;
  }
}
