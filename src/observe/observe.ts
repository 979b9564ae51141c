// Everything that can be watched, behind one door: the events, the runs, the tasks, the actor system. It is told
// of each commit after the projections, calls observers from one queue, and costs next to nothing unobserved.
import type { Observable, Subscription } from 'rxjs';
import type { Clock } from '../clock.js';
import type { Commit } from '../domain/events.js';
import type { Limits } from '../domain/limits.js';
import { Places } from '../domain/places.js';
import type { RunRecord } from '../domain/run.js';
import { PawlError } from '../errors.js';
import type { Logger } from '../logger.js';
import { transitionTable } from '../machines/transition-table.js';
import { ActorSystem, type InspectOption, type LiveActorsOption } from './actor-system.js';
import { CommitWindow, type WindowReader } from './commit-window.js';
import { EventFeed } from './event-feed.js';
import type { EventsOptions, EventStream } from './event-stream.js';
import type { ObservedJournal, ObservedProjections } from './ports.js';
import { RunActors } from './run-actors.js';
import { RunView } from './run-view.js';
import { RunViews } from './run-views.js';
import { Slicer } from './slicer.js';
import { TaskView } from './task-view.js';
import { TaskViews } from './task-views.js';

/** What observing is made with, before anything is read from disk. */
export interface ObserveOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly liveActors?: LiveActorsOption | undefined;
  readonly inspect?: InspectOption | undefined;
}

/** What is observed, once the state is recovered. */
export interface ObservedParts {
  readonly journal: ObservedJournal & { readonly commits: Observable<Commit> };
  readonly projections: ObservedProjections;
}

interface Attached {
  readonly window: CommitWindow;
  readonly feed: EventFeed;
  readonly runs: RunViews;
  readonly tasks: TaskViews;
  readonly actors: RunActors;
  readonly subscription: Subscription;
}

/** How long `close()` waits for plain observers that are behind, milliseconds. */
export const OBSERVER_DRAIN_MS = 1_000;

/** Observes an orchestrator. */
export class Observe {
  readonly actorSystem: ActorSystem;
  readonly #options: ObserveOptions;
  #attached: Attached | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ObserveOptions) {
    this.#options = options;
    this.actorSystem = new ActorSystem({
      inspect: options.inspect,
      onSubscriberError: this.#onSubscriberError,
    });
  }

  /** Begins to observe; to be called after the projections have subscribed to the commits, once. */
  attach(parts: ObservedParts): void {
    const { journal, projections } = parts;
    const { clock, limits, logger } = this.#options;
    const window = new CommitWindow(projections.sequence, limits.emitBacklog);
    const slicer = new Slicer(clock, (error) => {
      logger.error({ component: 'observe', err: error }, 'observing failed');
    });
    const onSubscriberError = this.#onSubscriberError;
    const subscribers = new Places('maxSubscribers', limits.maxSubscribers, 'end a subscription');
    const shared = { window, journal, slicer, projections, subscribers, onSubscriberError };
    const feed = new EventFeed({ ...shared, maxCursors: limits.maxCursors });
    const runs = new RunViews({
      ...shared,
      transitions: transitionTable,
      maxWaitingResults: limits.maxWaitingResults,
    });
    const tasks = new TaskViews(shared);
    const actors = new RunActors({
      ...shared,
      system: this.actorSystem,
      views: runs,
      maxLiveActors: limits.maxLiveActors,
      chooses: chooserOf(this.#options),
    });
    const followPause = (): void => {
      const { state } = this.actorSystem;
      if (state === 'live' && projections.engine.paused) this.actorSystem.sendOrchestrator({ type: 'pause' });
      else if (state === 'paused' && !projections.engine.paused)
        this.actorSystem.sendOrchestrator({ type: 'resume' });
    };
    this.actorSystem.orchestrator.subscribe(followPause);
    const subscription = journal.commits.subscribe((commit) => {
      window.push(commit);
      followPause();
      runs.wake();
      tasks.wake();
      feed.wake();
    });
    this.#attached = { window, feed, runs, tasks, actors, subscription };
    runs.use(actors);
    actors.populate();
  }

  /** The events; see `EventStream`. */
  events(options: EventsOptions = {}): EventStream {
    return this.#parts().feed.events(options);
  }

  /** A run. */
  run<O = unknown>(runId: string): RunView<O> {
    const { runs, actors } = this.#parts();
    return new RunView<O>(runId, runs, actors);
  }

  /** A task. */
  task(taskId: string): TaskView {
    return new TaskView(taskId, this.#parts().tasks);
  }

  /** Cursors over the events that are open. */
  get cursors(): number {
    return this.#attached?.feed.cursors ?? 0;
  }

  /** Those who read the events, with the place each has come to. */
  get readers(): Iterable<WindowReader> {
    return this.#attached?.window.readers ?? [];
  }

  /** Number of actors that follow runs. */
  get liveActors(): number {
    return this.#attached?.actors.size ?? 0;
  }

  /** The journal can write no more: every view gets what is durable, then the error. History can still be read. */
  fail(error: PawlError): void {
    this.actorSystem.sendOrchestrator({ type: 'fail', code: error.code });
    this.#end(error);
  }

  /**
   * Ends every view once it has what is durable: streams complete, waits are refused with `CLOSED`. An observer
   * that is still behind after a second is ended with `CLOSED{resumeFrom}`. To be called while the journal can
   * still be read. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const attached = this.#attached;
    if (attached !== undefined) {
      this.#end(undefined);
      await this.#drained(attached);
      attached.feed.cutOff();
      attached.runs.cutOff();
      attached.tasks.cutOff();
      attached.actors.stop();
      attached.subscription.unsubscribe();
    }
    this.actorSystem.close();
  }

  #end(error: PawlError | undefined): void {
    const attached = this.#attached;
    if (attached === undefined) return;
    attached.runs.end(error);
    attached.tasks.end(error);
    attached.feed.end(error);
  }

  /** Lets observers have what is durable, turn by turn, until none is behind or the time is up. */
  async #drained({ feed, runs, tasks }: Attached): Promise<void> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    while (!(feed.drained && runs.settled && tasks.settled)) {
      if (clock.monotonicMs() - startMs >= OBSERVER_DRAIN_MS) return;
      await new Promise<void>((resolve) => {
        clock.yieldTurn(resolve);
      });
    }
  }

  #parts(): Attached {
    if (this.#attached === undefined) {
      throw new PawlError(
        'INTERNAL',
        'Nothing can be observed before recovery is over; this is a defect in Pawl.',
      );
    }
    return this.#attached;
  }

  readonly #onSubscriberError = (error: unknown, where: string): void => {
    this.#options.logger.warn(
      { component: 'observe', err: error, where },
      'a subscriber threw and was ended',
    );
  };
}

function chooserOf(options: ObserveOptions): ((run: RunRecord) => boolean) | undefined {
  if (options.liveActors === 'all') return () => true;
  const { inspect } = options;
  return inspect !== undefined && 'observer' in inspect ? inspect.runs : undefined;
}
