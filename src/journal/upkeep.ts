// Does one thing once a second for as long as a log is open, also while nothing is written; never two at a time, and
// no process lives longer for it.
import type { Clock, TimerHandle } from '../clock.js';

/** Repeats `work`, which must not fail. */
export class Upkeep {
  private timer: TimerHandle | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly everyMs: number,
    private readonly work: () => Promise<void>,
  ) {
    this.arm();
  }

  /** Resolves when nothing is under way, and nothing follows. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.running;
  }

  private arm(): void {
    if (this.stopped) return;
    this.timer = this.clock.setTimer(this.everyMs, () => {
      this.running = this.work().then(() => {
        this.arm();
      });
    });
    this.timer.background?.();
  }
}
