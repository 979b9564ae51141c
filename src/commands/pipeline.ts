// The way of every command: admission, `commandId`, locks, decision on durable state, one commit, the answer.
// A refusal at any point writes nothing and gives every lock back.
import { isPawlError, PawlError } from '../errors.js';
import type { Command } from '../decisions/command.js';
import type { Commit } from '../domain/events.js';
import { requireId } from '../domain/ids.js';
import type { CommandOptions } from '../domain/submission.js';
import type { Journal } from '../journal/journal.js';
import { argumentDigest } from './digest.js';
import type { LiveContext } from './live-context.js';
import type { LockTable } from './lock-table.js';

/** Part of the command queue that admissions leave to the commands that keep the engine going. */
const RESERVED_SHARE = 0.1;
const NOTHING_KEPT: readonly string[] = Object.freeze([]);

/** What a pipeline works with. */
export interface PipelineParts {
  readonly context: LiveContext;
  readonly journal: Journal;
  readonly locks: LockTable;
  /** Called whenever locks were given back: what waited for them may go on. */
  readonly onReleased: () => void;
}

/** How a command is run. */
export interface ExecuteOptions extends CommandOptions {
  /** What the digest of a `commandId` is taken over: the arguments as they were passed. */
  readonly digestOf?: unknown;
}

/** What admission looks at. */
type Admitted = Pick<Command<unknown, unknown>, 'name' | 'admission'>;

/** A command under a `commandId`. */
export interface OnceRequest<R> {
  readonly commandId: string;
  readonly command: string;
  readonly digest: string;
  /** Does it; nothing of that id is known. */
  run(): Promise<R>;
  /** Answers a repeat from the first commit. */
  repeat(sequence: number): Promise<R>;
}

interface InFlight {
  readonly command: string;
  readonly digest: string;
  readonly answer: Promise<unknown>;
}

/** Runs commands. */
export class CommandPipeline {
  readonly #parts: PipelineParts;
  readonly #inFlight = new Map<string, InFlight>();
  #queued = 0;
  #closed: PawlError | undefined;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Commands that have not been answered. */
  get queued(): number {
    return this.#queued;
  }

  /** Refuses every command from now on with `reason`. */
  close(reason: PawlError): void {
    this.#closed ??= reason;
  }

  /** Throws why commands are refused, once they are. */
  assertOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** Runs a command. Errors: those of the command, and the codes common to all (contract §6). */
  execute<A, R>(command: Command<A, R>, args: A, options: ExecuteOptions = {}): Promise<R> {
    const refusal = this.#admissionRefusal(command);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { commandId } = options;
    if (commandId === undefined) return this.#run(command, args, options, undefined);
    const digest = argumentDigest(options.digestOf ?? args);
    return this.once({
      commandId,
      command: command.name,
      digest,
      run: () => this.#run(command, args, options, digest),
      repeat: async (sequence) => command.result(await this.commitOf(sequence), args, this.#parts.context),
    });
  }

  /** Does what has a `commandId` once; a repeat waits for the first or gets its answer. Errors: `COMMAND_CONFLICT`, `HISTORY_GONE`. */
  async once<R>(request: OnceRequest<R>): Promise<R> {
    const commandId = requireId(request.commandId, 'commandId');
    const { command, digest } = request;
    const running = this.#inFlight.get(commandId);
    const known = running ?? this.#parts.context.state.commands.get(commandId);
    if (known !== undefined && (known.command !== command || known.digest !== digest))
      throw commandConflict(commandId, known.command);
    if (running !== undefined) return (await this.#counted(running.answer)) as R;
    if (known !== undefined && 'sequence' in known)
      return await this.#counted(request.repeat(known.sequence));
    const answer = request.run();
    this.#inFlight.set(commandId, { command, digest, answer });
    try {
      return await answer;
    } finally {
      this.#inFlight.delete(commandId);
    }
  }

  /** The commit of a command that is remembered. Errors: `HISTORY_GONE` when retention has removed it. */
  async commitOf(sequence: number): Promise<Commit> {
    try {
      for await (const commit of this.#parts.journal.read({ from: sequence, to: sequence })) return commit;
    } catch (error) {
      if (!isPawlError(error, 'HISTORY_GONE')) throw error;
    }
    throw new PawlError(
      'HISTORY_GONE',
      `The command was done in the commit of sequence ${String(sequence)}, which is no longer kept, so its answer cannot be rebuilt.`,
      { sequence, firstAvailable: this.#parts.journal.firstSequence },
    );
  }

  /** Does what a command has to wait for before it can be run; meanwhile it counts as queued. Errors: as `execute`. */
  async before<T>(command: Admitted, wait: () => Promise<T>): Promise<T> {
    const refusal = this.#admissionRefusal(command);
    if (refusal !== undefined) throw refusal;
    return await this.#counted(wait());
  }

  async #counted<T>(waiting: Promise<T>): Promise<T> {
    this.#queued++;
    try {
      return await waiting;
    } finally {
      this.#queued--;
    }
  }

  #admissionRefusal(command: Admitted): PawlError | undefined {
    if (this.#closed !== undefined) return this.#closed;
    const { maxQueuedCommands } = this.#parts.context.limits;
    const limit = command.admission ? maxQueuedCommands : maxQueuedCommands * (1 + RESERVED_SHARE);
    if (this.#queued < limit) return undefined;
    return new PawlError(
      'OVERLOADED',
      `${String(this.#queued)} commands wait already; try ${command.name} again later.`,
      {
        limit: 'maxQueuedCommands',
        queued: this.#queued,
        retryAfterMs: 100,
      },
    );
  }

  #run<A, R>(
    command: Command<A, R>,
    args: A,
    options: CommandOptions,
    digest: string | undefined,
  ): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const keys = command.locks(args, this.#parts.context.state);
      const kept = command.keeps?.(args) ?? NOTHING_KEPT;
      this.#parts.locks.keep(kept);
      this.#queued++;
      const settle = (): void => {
        this.#queued--;
        this.#parts.locks.letGo(kept);
        this.#parts.locks.release(keys);
        this.#parts.onReleased();
      };
      const decide = (): void => {
        try {
          if (this.#closed !== undefined) throw this.#closed;
          const context = this.#parts.context.refresh();
          const decision = command.decide(context, args);
          if ('answer' in decision) {
            settle();
            resolve(decision.answer);
            return;
          }
          const header = {
            at: context.at,
            commandId: options.commandId,
            command: command.name,
            digest,
            by: options.by,
            trace: options.trace,
          };
          this.#parts.journal.append(
            { header, events: decision.events, urgent: !command.admission, insists: !command.admission },
            (error, commit) => {
              settle();
              if (error !== undefined) {
                reject(error);
                return;
              }
              try {
                resolve(command.result(commit, args, this.#parts.context));
              } catch (thrown) {
                reject(asError(thrown));
              }
            },
          );
        } catch (error) {
          settle();
          reject(asError(error));
        }
      };
      if (this.#parts.locks.tryAcquire(keys)) decide();
      else void this.#parts.locks.acquire(keys).then(decide);
    });
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new PawlError('INTERNAL', String(thrown));
}

function commandConflict(commandId: string, command: string): PawlError {
  return new PawlError(
    'COMMAND_CONFLICT',
    `The commandId ${commandId} was used for ${command} with other arguments; use a new one.`,
    { commandId, command },
  );
}
