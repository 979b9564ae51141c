// What a handler is given. Everything that costs is made on first use.
import type { Logger } from '../logger.js';
import { decodePayload, encodePayload } from '../domain/payload.js';
import type { Payload, PayloadLimits } from '../domain/payload.js';
import { requireInteger, requireText } from '../domain/check.js';
import { MAX_DIMENSIONS } from '../domain/limits.js';
import { PawlError } from '../errors.js';
import type { LiveAttempt } from './live-attempt.js';

/** Returned by a handler to suspend its run; made by `context.suspend`. */
export class Suspension {
  readonly output: Payload | undefined;

  constructor(output: Payload | undefined) {
    this.output = output;
  }
}

/** What the executor does for a context. */
export interface AttemptHost {
  readonly limits: PayloadLimits;
  logger(attempt: LiveAttempt): Logger;
  progress(attempt: LiveAttempt, value: Payload): void;
  consumed(attempt: LiveAttempt): void;
  /** Resolves when everything consumed so far is durable. */
  flushConsumed(attempt: LiveAttempt): Promise<void>;
  /** Rejects with `LEASE_LOST` when the attempt is no longer open. */
  heartbeat(attempt: LiveAttempt): Promise<void>;
}

/** The context of one attempt. */
export class HandlerContext {
  readonly runId: string;
  readonly taskId: string;
  readonly attemptId: string;
  /** 1-based; suspended and lost attempts do not count, as they do not use up `maxAttempts`. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly #attempt: LiveAttempt;
  readonly #host: AttemptHost;

  constructor(attempt: LiveAttempt, host: AttemptHost) {
    const { row } = attempt;
    this.#attempt = attempt;
    this.#host = host;
    this.runId = row.id;
    this.taskId = row.task.id;
    this.attemptId = attempt.attemptId;
    this.attempt = row.failedAttempts + 1;
    this.maxAttempts = row.task.shape.constraints.maxAttempts;
  }

  /** The input, decoded afresh at each reading. */
  get input(): unknown {
    return decodeOptional(this.#attempt.input);
  }

  /** Aborted on timeout, cancellation, suspension, loss and shutdown; its reason is a `PawlError`. */
  get signal(): AbortSignal {
    return this.#attempt.signal();
  }

  /** Wall-clock moment of the timeout, milliseconds; absent without `timeoutMs`. */
  get deadlineAt(): number | undefined {
    return this.#attempt.deadlineAt;
  }

  /** A logger whose lines carry run, task and attempt. */
  get log(): Logger {
    return this.#host.logger(this.#attempt);
  }

  /** The value given to `resumeRun`, when this attempt follows a suspension. */
  get resumedWith(): unknown {
    return decodeOptional(this.#attempt.resumedWith);
  }

  /**
   * Reports progress; the newest value is written at most once a second, and with the end of the attempt.
   * Errors: `PAYLOAD_NOT_SERIALIZABLE`, `PAYLOAD_TOO_LARGE`.
   */
  progress(value: unknown): void {
    this.#host.progress(this.#attempt, encodePayload(value, this.#host.limits));
  }

  /**
   * Records use of a budget dimension (1–64 characters), a non-negative safe integer. Written with the next commit of
   * the run, at the latest after `consumeFlushMs`; awaiting the result waits until it is durable. Errors:
   * `LIMIT_EXCEEDED` for a 257th dimension before the others are written.
   */
  consume(dimension: string, amount: number): PromiseLike<void> {
    requireText(dimension, 'dimension', 64);
    requireInteger(amount, 'amount', { min: 0 });
    if (!this.#attempt.hasRoomFor(dimension)) throw tooManyDimensions(this.runId);
    this.#attempt.consume(dimension, amount);
    this.#host.consumed(this.#attempt);
    const flush = (): Promise<void> => this.#host.flushConsumed(this.#attempt);
    return { then: (onDone, onFailed) => flush().then(onDone, onFailed) };
  }

  /** `return context.suspend(output)` suspends the run until `resumeRun`; the attempt is not used up. */
  suspend(output?: unknown): never {
    const payload = output === undefined ? undefined : encodePayload(output, this.#host.limits);
    // A handler's type says what it returns when it succeeds; a suspension is told apart by its class at run time.
    return new Suspension(payload) as never;
  }

  /** Resolves while the attempt is open; rejects with `LEASE_LOST` when its result would be refused. */
  heartbeat(): Promise<void> {
    return this.#host.heartbeat(this.#attempt);
  }
}

function tooManyDimensions(runId: string): PawlError {
  return new PawlError(
    'LIMIT_EXCEEDED',
    `Run ${runId} consumed in more than ${String(MAX_DIMENSIONS)} dimensions at once; await ctx.consume() now and then, or use fewer.`,
    { limit: 'dimensions', max: MAX_DIMENSIONS, runId },
  );
}

function decodeOptional(payload: Payload | undefined): unknown {
  return payload === undefined ? undefined : decodePayload(payload);
}
