// Hands durable commits to the stream and then to their callers, in order, from one loop: what a subscriber or
// a caller does in turn never reorders or nests an emission, and what one of them throws stops nobody else.
import type { Subscriber } from 'rxjs';
// Not from 'rxjs': loading all of its operators is a sixth of a start. It is the same class.
import { Observable } from 'rxjs/internal/Observable';
import type { Commit } from '../domain/events.js';
import type { GatheringBatch } from './gathering-batch.js';

/** The queue between durability and the world. */
export class Emission {
  readonly commits: Observable<Commit>;
  /** Replaced, never changed: one that comes or goes during an emission leaves that emission alone. */
  private subscribers: readonly Subscriber<Commit>[] = [];
  private ended = false;
  private readonly batches: GatheringBatch[] = [];
  private holds = 0;
  private running = false;
  private waiting: (() => void)[] = [];
  private readonly behind: (() => void)[] = [];

  /** `release` gets each batch back when its last commit was emitted; `onThrow` gets what a caller threw. */
  constructor(
    private readonly release: (batch: GatheringBatch) => void,
    private readonly onThrow: (error: unknown) => void,
  ) {
    this.commits = new Observable<Commit>((subscriber) => {
      if (this.ended) {
        subscriber.complete();
        return undefined;
      }
      this.subscribers = [...this.subscribers, subscriber];
      return () => {
        this.subscribers = this.subscribers.filter((one) => one !== subscriber);
      };
    });
  }

  /** True when nothing waits to be emitted. */
  get idle(): boolean {
    return this.batches.length === 0;
  }

  /** Takes a durable batch. */
  push(batch: GatheringBatch): void {
    this.batches.push(batch);
    this.run();
  }

  /** Keeps durable commits back until every function it returned was called. */
  hold(): () => void {
    this.holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.holds--;
      this.run();
    };
  }

  /** Resolves when everything pushed so far was emitted. */
  async drained(): Promise<void> {
    if (this.idle) return;
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Calls `step` between two batches: at once, or when the loop that runs now has handed out what is not held back. */
  between(step: () => void): void {
    if (this.running) this.behind.push(step);
    else step();
  }

  /** Ends the stream. */
  complete(): void {
    this.ended = true;
    for (const subscriber of this.subscribers) subscriber.complete();
  }

  private run(): void {
    if (this.running) return;
    this.running = true;
    while (this.holds === 0) {
      const batch = this.batches[0];
      if (batch === undefined) break;
      this.emit(batch);
      this.batches.shift();
      this.release(batch);
    }
    this.running = false;
    for (const step of this.behind.splice(0)) step();
    if (this.idle && this.waiting.length > 0) {
      const { waiting } = this;
      this.waiting = [];
      for (const resolve of waiting) resolve();
    }
  }

  private emit(batch: GatheringBatch): void {
    for (const [index, commit] of batch.commits.entries()) {
      this.guarded(() => {
        for (const subscriber of this.subscribers) subscriber.next(commit);
      });
      this.guarded(() => {
        batch.acks[index]?.(undefined, commit);
      });
    }
  }

  private guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.onThrow(error);
    }
  }
}
