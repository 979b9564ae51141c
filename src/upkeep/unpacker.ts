// Makes rows, in the background, of what a start took over packed from its snapshot: a part each turn of the event
// loop, so that memory is given back and nobody who asks for a run has to wait for all those before it.
import type { Clock } from '../clock.js';

/** What is unpacked. */
export interface Packed {
  /** Number of pairs that are left. */
  readonly size: number;
  /** Makes rows of the next of them: about a millisecond of work. */
  bringSome(): void;
}

/** Unpacks until nothing is left. */
export class Unpacker {
  readonly #packed: Packed | undefined;
  readonly #clock: Pick<Clock, 'yieldTurn'>;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(packed: Packed | undefined, clock: Pick<Clock, 'yieldTurn'>) {
    this.#packed = packed;
    this.#clock = clock;
  }

  /** True while something is left and it goes on. */
  get busy(): boolean {
    return !this.#stopped && this.#packed !== undefined && this.#packed.size > 0;
  }

  /** Begins; resolves when nothing is left, or it was stopped. Idempotent. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Stops; what is left is unpacked when someone asks for it. */
  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    while (this.busy) {
      await new Promise<void>((resolve) => {
        this.#clock.yieldTurn(resolve);
      });
      if (!this.#stopped) this.#packed?.bringSome();
    }
  }
}
