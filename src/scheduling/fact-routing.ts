// From a durable fact to the parts that it concerns: the ready queue, the reactor, the handlers in flight, the leases of
// others. Only tells them; each decides for itself when its turn comes.
import type { PawlEvent } from '../domain/events.js';
import { isTerminal } from '../domain/run-state.js';
import type { Executor } from '../execution/executor.js';
import type { Projections } from '../projections/projections.js';
import type { Dispatcher } from './dispatcher.js';
import type { Reactor } from './reactor.js';
import type { RemoteLeases } from './remote-leases.js';

/** Where facts go. */
export interface FactReceivers {
  readonly executor: Executor;
  readonly dispatcher: Dispatcher;
  readonly reactor: Reactor;
  readonly remoteLeases: RemoteLeases;
}

/** Routes events that are durable and applied to the state. */
export class FactRouting {
  readonly #state: Projections;
  /** Owner of the leases of this process. */
  readonly #owner: string;
  readonly #parts: FactReceivers;

  constructor(state: Projections, owner: string, parts: FactReceivers) {
    this.#state = state;
    this.#owner = owner;
    this.#parts = parts;
  }

  /** To be called for every event, in order. */
  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'RunStateChanged':
        this.#onStateChanged(event);
        return;
      case 'AttemptFinished':
        this.#parts.executor.attemptEnded(event);
        return;
      case 'RunPriorityChanged': {
        const row = this.#state.runs.row(event.runId);
        if (row?.state === 'ready') this.#parts.dispatcher.ready.reorder(row);
        return;
      }
      case 'TaskCanceled':
        this.#mark(event.taskId);
        return;
      case 'TaskCreated':
        if (event.spec.policy.kind !== 'once' || event.spec.parentId !== undefined)
          this.#markTree(event.spec.id);
        return;
      case 'RunCreated':
        // A task that had ended goes on; whether one above it was canceled meanwhile is judged from the state.
        if (event.retryOf !== undefined) this.#markTree(event.taskId);
        return;
      case 'LeaseAcquired':
      case 'LeaseHeartbeat': {
        const row = event.owner === this.#owner ? undefined : this.#state.runs.row(event.runId);
        if (row !== undefined) this.#parts.remoteLeases.watch(row);
        return;
      }
      default:
        return;
    }
  }

  #onStateChanged(event: PawlEvent<'RunStateChanged'>): void {
    const row = this.#state.runs.row(event.runId);
    if (row === undefined) return;
    if (event.from === 'ready') this.#parts.dispatcher.ready.remove(row);
    if (event.to === 'ready') this.#parts.dispatcher.offer(row);
    const { task } = row;
    if (isTerminal(event.to) && (task.shape.policy.kind !== 'once' || task.extra !== undefined))
      this.#parts.reactor.mark(task);
    if (task.shape.constraints.concurrencyKey === undefined) return;
    const key = this.#state.keys.keyOf(row);
    if (key !== undefined && this.#state.keys.holder(key) === undefined)
      this.#parts.dispatcher.keyReleased(key);
  }

  #mark(taskId: string): void {
    const task = this.#state.tasks.row(taskId);
    if (task !== undefined) this.#parts.reactor.mark(task);
  }

  /** A new task under a canceled one is the business of the one above. */
  #markTree(taskId: string): void {
    const task = this.#state.tasks.row(taskId);
    for (let level = task; level !== undefined; level = level.extra?.parent) this.#parts.reactor.mark(level);
  }
}
