// Carries out pruning: what is chosen is locked before it is decided on, so that no other command builds on a
// record that is about to go. One walk at a time, one commit at a time, and the event loop has its turn in between.
import { choosePrunable, prunedBy, pruneEvents, type Prunable } from '../decisions/prune.js';
import type { PruneArgs, Pruned } from '../decisions/prune.js';
import { PruneWalk } from '../decisions/prune-walk.js';
import type { CommitHeader } from '../domain/events.js';
import type { CommandOptions } from '../domain/submission.js';
import type { EngineParts } from '../execution/engine-parts.js';
import { argumentDigest } from './digest.js';
import type { CommandPipeline } from './pipeline.js';

const COMMAND = 'prune';
const ADMITTED = { name: COMMAND, admission: false };

interface Choice extends Prunable {
  /** Locks that are held. */
  readonly keys: readonly string[];
}

type Header = Omit<CommitHeader, 'at'>;

/** Prunes by age and count; see `Orchestrator.prune`. */
export class Pruner {
  readonly #parts: EngineParts;
  readonly #pipeline: CommandPipeline;
  #tail: Promise<unknown> = Promise.resolve();
  /** Locks that are held by what is about to be pruned. */
  readonly #own = new Set<string>();
  /** Commands that wait for their turn. */
  #waiting = 0;

  constructor(parts: EngineParts, pipeline: CommandPipeline) {
    this.#parts = parts;
    this.#pipeline = pipeline;
  }

  /** Prunes all that may go. With a `commandId` a repeat gets the first answer, and finishes what a crash cut short. */
  prune(args: PruneArgs, options: CommandOptions = {}): Promise<Pruned> {
    return this.#pipeline.before(ADMITTED, () => this.#prune(args, options));
  }

  #prune(args: PruneArgs, options: CommandOptions): Promise<Pruned> {
    const { commandId } = options;
    if (commandId === undefined) return this.#inTurn(() => this.#pruneAll(args, options));
    const digest = argumentDigest(args);
    return this.#pipeline.once({
      commandId,
      command: COMMAND,
      digest,
      run: () => this.#inTurn(() => this.#pruneAll(args, { ...options, digest })),
      repeat: async (sequence) => {
        const earlier = await this.#batchesOf(commandId);
        return sum([...earlier.answers, prunedBy((await this.#pipeline.commitOf(sequence)).events)]);
      },
    });
  }

  /** Prunes what may go, a bounded part at a time, until `isStopped` answers true or a command wants its turn. */
  sweep(args: PruneArgs, isStopped: () => boolean): Promise<Pruned> {
    return this.#exclusive(async () => {
      const walk = new PruneWalk(this.#parts.state);
      const answers: Pruned[] = [];
      while (!isStopped() && this.#waiting === 0) {
        const choice = this.#choose(args, walk);
        answers.push(await this.#commit(choice, walk, { header: {}, urgent: false }));
        if (choice.last) break;
        await this.#yieldTurn();
      }
      return sum(answers);
    });
  }

  /**
   * One commit after the other. The last one carries the `commandId`, those before it ids that are derived from it: so
   * the id is known when the command is done, and what was done is known when it is not.
   */
  async #pruneAll(args: PruneArgs, options: Header): Promise<Pruned> {
    const { commandId } = options;
    const walk = new PruneWalk(this.#parts.state);
    const { answers, next } = await this.#batchesOf(commandId);
    let batch = next;
    let choice = await this.#nextChoice(args, walk);
    while (choice !== undefined) {
      const following = choice.last ? undefined : await this.#nextChoice(args, walk);
      const derived = following === undefined ? commandId : batchId(commandId, batch++);
      try {
        answers.push(
          await this.#commit(choice, walk, {
            header: { ...options, command: COMMAND, commandId: derived },
            urgent: true,
          }),
        );
      } catch (error) {
        this.#release(following?.keys ?? []);
        throw error;
      }
      choice = following;
    }
    return sum(answers);
  }

  /** What the batches before the last did, as far as they are remembered, and the number of the next one. */
  async #batchesOf(commandId: string | undefined): Promise<{ answers: Pruned[]; next: number }> {
    const answers: Pruned[] = [];
    for (let next = 0; ; next++) {
      const id = batchId(commandId, next);
      const known = id === undefined ? undefined : this.#parts.state.commands.get(id);
      if (known === undefined) return { answers, next };
      answers.push(prunedBy((await this.#pipeline.commitOf(known.sequence)).events));
    }
  }

  /** The next choice that is not empty; undefined when the walk is over. */
  async #nextChoice(args: PruneArgs, walk: PruneWalk): Promise<Choice | undefined> {
    for (;;) {
      this.#pipeline.assertOpen();
      const choice = this.#choose(args, walk);
      if (choice.keys.length > 0) return choice;
      if (choice.last) return undefined;
      await this.#yieldTurn();
    }
  }

  #choose(args: PruneArgs, walk: PruneWalk): Choice {
    const { context, locks } = this.#parts;
    const keys: string[] = [];
    const chosen = choosePrunable(context.refresh(), args, walk, {
      take: (ids) => {
        if (!locks.tryAcquire(ids)) return false;
        for (const id of ids) {
          keys.push(id);
          this.#own.add(id);
        }
        return true;
      },
      // What is about to be pruned itself is needed by nobody.
      isNeeded: (taskId) => locks.isNeeded(taskId) && !this.#own.has(taskId),
    });
    return { ...chosen, keys };
  }

  async #commit(
    choice: Choice,
    walk: PruneWalk,
    how: { readonly header: Header; readonly urgent: boolean },
  ): Promise<Pruned> {
    const { context, journal } = this.#parts;
    const events = pruneEvents(choice);
    if (events.length === 0) return prunedBy(events);
    try {
      await new Promise<void>((resolve, reject) => {
        const draft = { header: { ...how.header, at: context.refresh().at }, events, urgent: how.urgent };
        journal.append(draft, (error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      });
    } finally {
      this.#release(choice.keys);
    }
    walk.gone(choice.runs);
    return prunedBy(events);
  }

  #release(keys: readonly string[]): void {
    for (const key of keys) this.#own.delete(key);
    this.#parts.locks.release(keys);
  }

  async #inTurn<R>(work: () => Promise<R>): Promise<R> {
    this.#waiting++;
    return await this.#exclusive(() => {
      this.#waiting--;
      return work();
    });
  }

  #exclusive<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  #yieldTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.clock.yieldTurn(resolve);
    });
  }
}

function batchId(commandId: string | undefined, batch: number): string | undefined {
  return commandId === undefined ? undefined : argumentDigest([COMMAND, commandId, batch]);
}

function sum(answers: readonly Pruned[]): Pruned {
  let tasks = 0;
  let runs = 0;
  for (const answer of answers) {
    tasks += answer.tasks;
    runs += answer.runs;
  }
  return { tasks, runs };
}
