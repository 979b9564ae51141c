// A journal in memory whose commits the test makes, with reads that take turns of the event loop as a disk does;
// and a clock whose turns are real and whose time the test moves.
import { Subject } from 'rxjs';
import type { Clock } from '../../../src/clock.js';
import type { Commit, PawlEvent } from '../../../src/domain/events.js';
import { Places } from '../../../src/domain/places.js';
import { CommitWindow } from '../../../src/observe/commit-window.js';
import { EventFeed } from '../../../src/observe/event-feed.js';
import { Slicer } from '../../../src/observe/slicer.js';

/** A turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Turns until `condition` holds; fails after many. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 10_000) throw new Error('the condition never held');
    await turn();
  }
}

/** A clock that the test moves; `stepMs` passes with every look at it. */
export class TestClock implements Clock {
  nowMs = 1_700_000_000_000;
  monoMs = 0;
  stepMs = 0;
  turns = 0;

  now(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    this.monoMs += this.stepMs;
    return this.monoMs;
  }

  setTimer(): { cancel(): void } {
    return { cancel: () => undefined };
  }

  yieldTurn(task: () => void): void {
    setImmediate(() => {
      this.turns++;
      task();
    });
  }
}

/** A journal whose commits are made by the test. */
export class FakeJournal {
  readonly commits = new Subject<Commit>();
  readonly kept: Commit[] = [];
  firstSequence = 1;
  /** Commits that were read back. */
  reads = 0;
  failReads: Error | undefined;
  /** Called before each commit that is read is handed out. */
  onRead: () => void = () => undefined;
  #next = 1;

  /** Emits one durable commit of `count` events. */
  emit(count = 1): Commit {
    return this.emitEvents(Array.from({ length: count }, () => custom(`k${String(this.#next)}`)));
  }

  emitEvents(drafts: readonly PawlEvent[]): Commit {
    const firstSequence = this.#next;
    const events = drafts.map((draft, index) => ({
      ...draft,
      sequence: firstSequence + index,
      at: 1_000 + firstSequence,
    }));
    this.#next += events.length;
    const commit: Commit = { header: { at: 1_000 + firstSequence }, firstSequence, events };
    this.kept.push(commit);
    this.commits.next(commit);
    return commit;
  }

  get latest(): number {
    return this.#next - 1;
  }

  async *read({
    from,
    to,
  }: {
    readonly from: number;
    readonly to?: number;
  }): AsyncGenerator<Commit, void, undefined> {
    await turn();
    if (this.failReads !== undefined) throw this.failReads;
    const last = Math.min(to ?? this.latest, this.latest);
    for (const commit of this.kept) {
      if (commit.firstSequence + commit.events.length - 1 < from || commit.firstSequence > last) continue;
      if (this.reads % 7 === 3) await turn();
      this.reads++;
      this.onRead();
      yield { ...commit, events: commit.events.map((event) => ({ ...event })) };
    }
  }
}

function custom(key: string): PawlEvent<'CustomEventFired'> {
  return { type: 'CustomEventFired', sequence: 0, at: 0, key, payload: undefined };
}

/** An event feed over a fake journal. */
export interface FeedFixture {
  readonly clock: TestClock;
  readonly journal: FakeJournal;
  readonly window: CommitWindow;
  readonly feed: EventFeed;
  /** What subscribers threw. */
  readonly thrown: unknown[];
}

/** Makes a feed; events that were emitted before are history. */
export function feedFixture(
  options: { history?: number; emitBacklog?: number; maxCursors?: number; maxSubscribers?: number } = {},
): FeedFixture {
  const clock = new TestClock();
  const journal = new FakeJournal();
  for (let index = 0; index < (options.history ?? 0); index++) journal.emit();
  const window = new CommitWindow(journal.latest, options.emitBacklog ?? 10_000);
  const thrown: unknown[] = [];
  const slicer = new Slicer(clock, (fault) => {
    throw fault;
  });
  const feed = new EventFeed({
    window,
    journal,
    slicer,
    maxCursors: options.maxCursors ?? 100,
    subscribers: new Places('maxSubscribers', options.maxSubscribers ?? 1_000, 'end one'),
    onSubscriberError: (error) => {
      thrown.push(error);
    },
  });
  journal.commits.subscribe((commit) => {
    window.push(commit);
    feed.wake();
  });
  return { clock, journal, window, feed, thrown };
}

/** 1 … n. */
export function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
