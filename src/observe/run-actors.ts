// The live actors: xstate actors that follow runs. One a run, at most `maxLiveActors`; made for whoever asks, or
// by themselves for the runs that the options choose; gone with the end of the run or by `stop()`.
import type { PawlEvent } from '../domain/events.js';
import { limitExceeded } from '../domain/places.js';
import type { RunRecord } from '../domain/run.js';
import { isTerminal, RUN_STATES } from '../domain/run-state.js';
import type { ActorSystem } from './actor-system.js';
import type { ObservedProjections, SubscriberErrorHook } from './ports.js';
import { closed } from './refusals.js';
import type { RunActor, RunActorEvent } from './run-actor.js';
import { createdRecord } from './run-draft.js';
import type { RunSpawner } from './run-routing.js';
import type { RunViews } from './run-views.js';
import type { RunEdge, RunFollower } from './run-watch.js';

/** What live actors are made with. */
export interface RunActorsParts {
  readonly system: ActorSystem;
  readonly views: RunViews;
  readonly projections: ObservedProjections;
  readonly maxLiveActors: number;
  /** Chooses the runs that get an actor unasked; undefined: none. */
  readonly chooses: ((run: RunRecord) => boolean) | undefined;
  readonly onSubscriberError: SubscriberErrorHook;
}

/** Keeps the live actors. */
export class RunActors implements RunSpawner {
  readonly #parts: RunActorsParts;
  readonly #live = new Map<string, LiveRun>();
  #chooses: ((run: RunRecord) => boolean) | undefined;
  #stopped = false;

  constructor(parts: RunActorsParts) {
    this.#parts = parts;
    this.#chooses = parts.chooses;
  }

  get active(): boolean {
    return this.#chooses !== undefined;
  }

  /** Number of live actors. */
  get size(): number {
    return this.#live.size;
  }

  /**
   * The actor of a run, made when there is none. That of a run which has ended is at its final state already and
   * is not kept. Errors: `LIMIT_EXCEEDED`, `RUN_UNKNOWN`, `RUN_PRUNED`, `CLOSED`.
   */
  get(runId: string): RunActor {
    const known = this.#live.get(runId);
    if (known !== undefined) return known.actor;
    if (this.#stopped) throw closed('The orchestrator is closed');
    const row = this.#parts.projections.runs.row(runId);
    const { maxLiveActors } = this.#parts;
    if (row !== undefined && !isTerminal(row.state) && this.#live.size >= maxLiveActors) {
      throw limitExceeded('maxLiveActors', maxLiveActors, 'stop an actor');
    }
    return this.#follow(runId).actor;
  }

  /** Makes the actors of the chosen runs that exist already. */
  populate(): void {
    if (!this.active) return;
    for (const state of RUN_STATES) {
      if (isTerminal(state)) continue;
      for (const row of this.#parts.projections.runs.inState(state)) {
        if (this.#live.size >= this.#parts.maxLiveActors) return;
        this.#spawnChosen(row.id);
      }
    }
  }

  consider(event: PawlEvent<'RunCreated' | 'RunStateChanged'>): void {
    if (this.#live.size >= this.#parts.maxLiveActors || this.#live.has(event.runId)) return;
    if (event.type === 'RunStateChanged') {
      if (!isTerminal(event.to)) this.#spawnChosen(event.runId);
      return;
    }
    // From its first state on, so that an inspector sees every edge.
    const record = createdRecord(event);
    if (!this.#isChosen(record)) return;
    const live = this.#start(record);
    live.leave = this.#parts.views.join(live, record, event.sequence);
  }

  /** Stops all actors. */
  stop(): void {
    this.#stopped = true;
    this.#chooses = undefined;
    for (const live of [...this.#live.values()]) live.stop();
  }

  #spawnChosen(runId: string): void {
    const record = this.#parts.projections.runs.get(runId);
    if (record !== undefined && !isTerminal(record.state) && this.#isChosen(record)) this.#follow(runId);
  }

  #isChosen(record: RunRecord): boolean {
    try {
      return this.#chooses?.(record) === true;
    } catch (error) {
      this.#chooses = undefined;
      this.#parts.onSubscriberError(error, 'inspect.runs');
      return false;
    }
  }

  #follow(runId: string): LiveRun {
    const { views, projections } = this.#parts;
    const record = views.current(runId);
    const live = this.#start(record);
    if (!isTerminal(record.state)) live.leave = views.join(live, record, projections.sequence);
    return live;
  }

  #start(record: RunRecord): LiveRun {
    const { actor, send } = this.#parts.system.startRun(record);
    const live = new LiveRun(actor, send, () => {
      this.#live.delete(record.id);
    });
    actor.stop = () => {
      live.stop();
      return actor;
    };
    if (!isTerminal(record.state)) this.#live.set(record.id, live);
    return live;
  }
}

/** An actor and its place among the followers of its run. */
class LiveRun implements RunFollower {
  readonly actor: RunActor;
  leave: (() => void) | undefined;
  readonly #send: (event: RunActorEvent) => void;
  readonly #onGone: () => void;
  #closed = false;

  constructor(actor: RunActor, send: (event: RunActorEvent) => void, onGone: () => void) {
    this.actor = actor;
    this.#send = send;
    this.#onGone = onGone;
  }

  get closed(): boolean {
    return this.#closed;
  }

  next(run: RunRecord, edge: RunEdge | undefined): void {
    this.#send(edge === undefined ? { type: 'follow', run } : { type: edge, run });
  }

  complete(): void {
    this.stop();
  }

  fail(): void {
    this.stop();
  }

  /** Lets go of the run; the actor stops unless it is at a final state. */
  stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.leave?.();
    this.#onGone();
    if (this.actor.getSnapshot().status === 'active') this.#send({ type: 'xstate.stop' });
  }
}
