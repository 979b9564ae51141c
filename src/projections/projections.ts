// The read models, registered in one set and fed by durable commits only. `apply` is a pure fold: the same
// commits make the same state, whole or from a snapshot on. An event that the state refuses is a defect of the
// log or of ours, so nothing is applied after it.
import { PawlError } from '../errors.js';
import type { Commit, EventType, PawlEvent } from '../domain/events.js';
import { DEFAULT_LIMITS } from '../domain/limits.js';
import type { ImageKeeper } from '../domain/snapshot-records.js';
import { transitionTable, type TransitionTable } from '../machines/transition-table.js';
import { Actors } from './actors.js';
import { Attempts } from './attempts.js';
import { Budgets } from './budgets.js';
import { Commands, type CommandWindow } from './commands.js';
import { Dependencies } from './dependencies.js';
import { Engine } from './engine.js';
import { Epochs } from './epochs.js';
import type { Fold } from './fold.js';
import { Keys } from './keys.js';
import { Leases } from './leases.js';
import { Ledger } from './ledger.js';
import { Pruned } from './pruned.js';
import { refusal, REPLAY_RULES, type ReplayRule } from './refusal.js';
import { Runs } from './runs.js';
import type { LoadHeader, SnapshotSection, StateCapture } from './snapshot-section.js';
import { captureSections } from './state-capture.js';
import { stateHash } from './state-hash.js';
import { Subscriptions } from './subscriptions.js';
import { Tasks } from './tasks.js';
import { Tenants } from './tenants.js';
import { Timers } from './timers.js';
import { Waits } from './waits.js';

/** What the projections are built with. */
export interface ProjectionsOptions {
  /** Edges that replay accepts; default: those of the run machine. */
  readonly transitions?: TransitionTable;
  readonly limits?: CommandWindow & { readonly prunedWindow: number };
}

/** All read models. */
export class Projections {
  readonly tasks: Tasks;
  readonly runs: Runs;
  readonly leases: Leases;
  readonly timers = new Timers();
  readonly keys = new Keys();
  readonly engine = new Engine();
  readonly dependencies: Dependencies;
  readonly budgets: Budgets;
  readonly subscriptions: Subscriptions;
  readonly actors = new Actors();
  readonly tenants = new Tenants();
  readonly ledger = new Ledger();
  readonly commands: Commands;
  readonly pruned: Pruned;
  /** Sections of a snapshot. */
  readonly sections: readonly SnapshotSection[];
  readonly #epochs = new Epochs();
  readonly #folds: readonly Fold[];
  readonly #foldsByType = new Map<EventType, readonly Fold[]>();
  #sequence = 0;
  #refused: PawlError | undefined;
  #capture: StateCapture | undefined;

  constructor(options: ProjectionsOptions = {}) {
    const limits = options.limits ?? DEFAULT_LIMITS;
    const { timers, keys } = this;
    this.pruned = new Pruned(limits.prunedWindow);
    this.tasks = new Tasks(this.pruned);
    this.runs = new Runs({
      tasks: this.tasks,
      timers,
      keys,
      transitions: options.transitions ?? transitionTable,
      pruned: this.pruned,
    });
    this.leases = new Leases(this.runs);
    this.dependencies = new Dependencies(this.tasks, this.pruned);
    this.budgets = new Budgets(this.tasks);
    this.subscriptions = new Subscriptions(this.tasks);
    this.commands = new Commands(limits);
    // The set: a noun is one line here. When several take an event they get it in this order.
    this.#folds = [
      this.#epochs,
      this.engine,
      this.runs,
      this.tasks,
      new Attempts(this.runs),
      new Waits(this.runs, timers),
      this.leases,
      this.dependencies,
      this.budgets,
      this.subscriptions,
      this.actors,
      this.tenants,
      this.ledger,
      this.pruned,
    ];
    for (const fold of this.#folds) {
      for (const type of fold.handles)
        this.#foldsByType.set(type, [...(this.#foldsByType.get(type) ?? []), fold]);
    }
    this.sections = [...this.#folds.flatMap((fold) => fold.sections), ...this.commands.sections];
  }

  /** Sequence of the last event applied, or that the snapshot stands for. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Time of the last commit. */
  get lastAt(): number {
    return this.#epochs.lastAt;
  }

  /** Epoch of the latest start of an orchestrator; 0 before the first. */
  get epoch(): number {
    return this.#epochs.epoch;
  }

  /** Instance of the latest start: the owner of its executor's leases. */
  get instance(): string {
    return this.#epochs.instance;
  }

  /** The refusal after which nothing can be applied any more. */
  get refused(): PawlError | undefined {
    return this.#refused;
  }

  /** Applies a durable commit. Errors: `REPLAY_REFUSED{sequence, type, rule}`, and again for each later call. */
  apply(commit: Commit): void {
    if (this.#refused !== undefined) throw this.#refusedBefore(commit, this.#refused);
    try {
      this.#check(commit);
      this.leases.commitStart = commit.firstSequence;
      const { events } = commit;
      for (let index = 0; index < events.length; index++) {
        const event = events[index];
        if (event !== undefined) this.#applyEvent(event, commit, commit.firstSequence + index);
      }
      this.runs.commitRules.check();
    } catch (error) {
      this.#refused =
        error instanceof PawlError
          ? error
          : new PawlError('INTERNAL', 'Applying a commit failed; see the cause.', {}, error);
      throw this.#refused;
    }
    this.#epochs.lastAt = commit.header.at;
    this.#sequence += commit.events.length;
    this.commands.note(commit);
  }

  /** Resolves what the loaded sections refer to. To be called once, after the last `load`. */
  finishLoad(header: LoadHeader): void {
    for (const fold of this.#folds) fold.finishLoad?.(header);
    this.#sequence = header.sequence;
  }

  /** Keeps the state as it is now for a snapshot, what changes with `images`; see `StateCapture`. Errors: `INTERNAL` while one is open. */
  capture(images?: ImageKeeper): StateCapture {
    if (this.#capture !== undefined) {
      throw new PawlError('INTERNAL', 'A capture of the state is open; release it first.', {
        sequence: this.#capture.sequence,
      });
    }
    const { sequence, lastAt } = this;
    const onRelease = (): void => {
      this.#capture = undefined;
    };
    const capture = captureSections(this.sections, { sequence, lastAt }, onRelease, images);
    this.#capture = capture;
    return capture;
  }

  /** Digest of the whole state: equal states have equal ones, however they came to be. For tests and audits. */
  stateHash(): string {
    return stateHash(this);
  }

  #applyEvent(event: PawlEvent, commit: Commit, sequence: number): void {
    if (event.sequence !== sequence) throw refusal(event, 'sequenceGap', { expected: sequence });
    if (event.at !== commit.header.at) throw refusal(event, 'timeMismatch', { at: event.at });
    const folds = this.#foldsByType.get(event.type);
    if (folds === undefined) return;
    for (const fold of folds) fold.apply(event);
  }

  #check(commit: Commit): void {
    const { header, firstSequence } = commit;
    const expected = this.#sequence + 1;
    if (firstSequence !== expected) throw commitRefusal(commit, 'sequenceGap', { expected });
    if (header.at < this.lastAt)
      throw commitRefusal(commit, 'timeBackwards', { at: header.at, lastAt: this.lastAt });
  }

  #refusedBefore(commit: Commit, cause: PawlError): PawlError {
    return new PawlError(
      'REPLAY_REFUSED',
      `Commit ${String(commit.firstSequence)} is refused: ${REPLAY_RULES.broken}.`,
      {
        sequence: commit.firstSequence,
        type: commit.events[0]?.type,
        rule: 'broken',
        refused: cause.data,
      },
      cause,
    );
  }
}

function commitRefusal(commit: Commit, rule: ReplayRule, data: Readonly<Record<string, unknown>>): PawlError {
  const { firstSequence, events } = commit;
  return new PawlError(
    'REPLAY_REFUSED',
    `Commit ${String(firstSequence)} is refused: ${REPLAY_RULES[rule]}; the log is unchanged, read it with openJournal(dir, { readOnly: true }).`,
    {
      sequence: firstSequence,
      type: events[0]?.type,
      rule,
      ...data,
    },
  );
}
