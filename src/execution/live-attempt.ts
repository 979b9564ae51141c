// An attempt that this process executes: what is known of it only in memory, from the durable start to the end.
import type { PawlError } from '../errors.js';
import type { Consumption, Outcome } from '../decisions/attempts.js';
import { MAX_DIMENSIONS } from '../domain/limits.js';
import type { Payload } from '../domain/payload.js';
import type { RunRow } from '../projections/rows.js';
import type { Deadline } from '../scheduling/deadlines.js';
import { isolateSignal } from './isolated-signal.js';

/** Where an attempt stands in this process. */
export type LivePhase = 'open' | 'finishing' | 'ended';

/** An attempt in flight. */
export class LiveAttempt {
  /** `finishing` from the decision of its end until that is durable; `ended` once its end was decided elsewhere. */
  phase: LivePhase = 'open';
  /** True once the handler has settled. */
  settled = false;
  /** True once it was told that the handler went on after its grace. */
  abortIgnored = false;
  /** Marked by a test: the handler waits for something the test will do. */
  parked = false;
  deadlineAt: number | undefined = undefined;
  readonly deadlines: Deadline[] = [];
  progress: Payload | undefined = undefined;
  progressTimer: Deadline | undefined = undefined;
  consumeTimer: Deadline | undefined = undefined;
  /** The end that was refused, by a full disk for one, and is tried again. */
  kept: Outcome | undefined = undefined;
  retryTimer: Deadline | undefined = undefined;
  readonly input: Payload | undefined;
  readonly resumedWith: Payload | undefined;
  #controller: AbortController | undefined;
  #abortReason: PawlError | undefined;
  #consumed: Map<string, number> | undefined;

  constructor(
    readonly row: RunRow,
    readonly attemptId: string,
    readonly startedMonoMs: number,
    readonly onListenerError: (error: unknown) => void,
  ) {
    this.input = row.detail?.input ?? row.task.input;
    this.resumedWith = row.detail?.resumedWith;
  }

  /** Why the signal was aborted, if it was. */
  get abortReason(): PawlError | undefined {
    return this.#abortReason;
  }

  /** The signal of the handler, made on first use. */
  signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      isolateSignal(this.#controller.signal, this.onListenerError);
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Aborts the signal; only the first reason counts. */
  abort(reason: PawlError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** False when a further dimension would be one too many for a commit. */
  hasRoomFor(dimension: string): boolean {
    const consumed = this.#consumed;
    return consumed === undefined || consumed.size < MAX_DIMENSIONS || consumed.has(dimension);
  }

  /** Adds to what was consumed since the last commit. */
  consume(dimension: string, amount: number): void {
    this.#consumed ??= new Map();
    const sum = (this.#consumed.get(dimension) ?? 0) + amount;
    this.#consumed.set(dimension, Math.min(sum, Number.MAX_SAFE_INTEGER));
  }

  /** What was consumed since the last commit, handed over to be committed now. */
  takeConsumed(): Consumption[] {
    if (this.#consumed === undefined) return [];
    const taken = [...this.#consumed].map(([dimension, amount]) => ({ dimension, amount }));
    this.#consumed = undefined;
    return taken;
  }

  /** Puts back what could not be committed. */
  giveBack(consumed: readonly Consumption[]): void {
    for (const { dimension, amount } of consumed) this.consume(dimension, amount);
  }

  /** Drops every timer of the attempt. */
  clearTimers(): void {
    for (const deadline of this.deadlines) deadline.cancel();
    this.progressTimer?.cancel();
    this.consumeTimer?.cancel();
    this.retryTimer?.cancel();
  }
}
