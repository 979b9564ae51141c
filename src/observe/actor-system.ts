// The one xstate actor system of an orchestrator: the orchestrator at its root, the journal and the live runs
// below it, found by `systemId` (`orchestrator`, `journal`, `run:<id>`), so that one inspector sees the tree.
import type { Actor, AnyActorLogic, EventFromLogic } from 'xstate';
import type { RunRecord } from '../domain/run.js';
import {
  orchestratorMachine,
  type OrchestratorEvent,
  type OrchestratorState,
} from '../machines/orchestrator-machine.js';
import type { SubscriberErrorHook } from './ports.js';
import { runActorLogic, type RunActorLogic } from './run-actor.js';
import {
  createShieldedActor,
  isolatedInspector,
  type InspectionObserver,
  type ShieldedActor,
} from './shielded-actor.js';

/** Which runs are live actors: those that were asked for, or all that have not ended, up to `maxLiveActors`. */
export type LiveActorsOption = 'observed' | 'all';

/**
 * Gets xstate's inspection events of orchestrator, journal and live runs. `runs` makes live actors of the runs it
 * returns true for; it is asked when a run is found at start, is created, or changes its state without an actor.
 */
export type InspectOption =
  InspectionObserver | { readonly observer: InspectionObserver; readonly runs?: (run: RunRecord) => boolean };

/** How an actor system is made. */
export interface ActorSystemOptions {
  readonly inspect?: InspectOption | undefined;
  readonly onSubscriberError: SubscriberErrorHook;
}

/** The actor system. */
export class ActorSystem {
  readonly #root: ShieldedActor<typeof orchestratorMachine>;
  readonly #onError: SubscriberErrorHook;
  #journal: { getSnapshot(): { readonly status: string } } | undefined;
  #closing = false;

  constructor(options: ActorSystemOptions) {
    this.#onError = options.onSubscriberError;
    const observer = observerOf(options.inspect);
    this.#root = createShieldedActor(
      orchestratorMachine,
      {
        id: 'orchestrator',
        systemId: 'orchestrator',
        ...(observer === undefined ? {} : { inspect: isolatedInspector(observer, this.#onError) }),
      },
      this.#onError,
    );
    const { system } = this.#root.actor;
    const inspect = system.inspect;
    system.inspect = (later) => inspect(isolatedInspector(later, this.#onError));
    // The end of a child reaches its parent as an event.
    this.#root.actor.subscribe(() => {
      this.#closeAfterJournal();
    });
    this.#root.actor.start();
  }

  /** The root actor. */
  get orchestrator(): Actor<typeof orchestratorMachine> {
    return this.#root.actor;
  }

  /** xstate's system. */
  get system(): Actor<typeof orchestratorMachine>['system'] {
    return this.#root.actor.system;
  }

  /** Where the orchestrator is in its life. */
  get state(): OrchestratorState {
    return this.#root.actor.getSnapshot().value;
  }

  /** Tells the orchestrator's machine what happened; nothing once it is closed. */
  sendOrchestrator(event: OrchestratorEvent): void {
    if (this.#root.actor.getSnapshot().status === 'active') this.#root.send(event);
  }

  /** Starts the journal's machine as the child `journal`; returns what it is told by. */
  startJournal<TLogic extends AnyActorLogic>(logic: TLogic): (event: EventFromLogic<TLogic>) => void {
    const { actor, send } = createShieldedActor<TLogic>(
      logic,
      { id: 'journal', systemId: 'journal', parent: this.#root.actor },
      this.#onError,
    );
    this.#journal = actor;
    actor.start();
    return send;
  }

  /** Ends the orchestrator's actor: at once, or as soon as the journal's has ended, which comes last. */
  close(): void {
    this.#closing = true;
    if (this.state !== 'draining' && this.state !== 'failed') this.sendOrchestrator({ type: 'drain' });
    this.#closeAfterJournal();
  }

  #closeAfterJournal(): void {
    if (this.#closing && this.#journal?.getSnapshot().status !== 'active')
      this.sendOrchestrator({ type: 'close' });
  }

  /** Starts the actor of a run. */
  startRun(run: RunRecord): ShieldedActor<RunActorLogic> {
    const shielded = createShieldedActor(
      runActorLogic,
      { id: `run:${run.id}`, systemId: `run:${run.id}`, parent: this.#root.actor, input: { run } },
      this.#onError,
    );
    shielded.actor.start();
    return shielded;
  }
}

/** The observer of an inspect option. */
function observerOf(inspect: InspectOption | undefined): InspectionObserver | undefined {
  return inspect !== undefined && 'observer' in inspect ? inspect.observer : inspect;
}
