// The time limits of an attempt: the timeout, the grace after it, and the grace after any other abort, all on the
// monotonic clock. A handler that goes on after its grace is told to the log, once.
import { PawlError } from '../errors.js';
import type { Outcome } from '../decisions/attempts.js';
import type { Logger } from '../logger.js';
import type { EngineParts } from './engine-parts.js';
import type { LiveAttempt } from './live-attempt.js';
import { timeoutOutcome } from './outcomes.js';

/** Gives the logger of an attempt. */
interface LoggerOfAttempt {
  logger(live: LiveAttempt): Logger;
}

/** Watches how long attempts take. */
export class AttemptTimes {
  readonly #parts: EngineParts;
  readonly #host: LoggerOfAttempt;

  constructor(parts: EngineParts, host: LoggerOfAttempt) {
    this.#parts = parts;
    this.#host = host;
  }

  /** Aborts the handler at its timeout, and ends the attempt with `end` when the grace after that is over. */
  armTimeout(live: LiveAttempt, end: (outcome: Outcome) => void): void {
    const { timeoutMs } = live.row.task.shape.constraints;
    if (timeoutMs === undefined) return;
    const { clock, deadlines } = this.#parts;
    live.deadlineAt = clock.now() + timeoutMs;
    live.deadlines.push(
      deadlines.after(timeoutMs, () => {
        live.abort(
          new PawlError('HANDLER_TIMEOUT', `Run ${live.row.id} ran longer than ${String(timeoutMs)} ms.`, {
            runId: live.row.id,
            timeoutMs,
          }),
        );
        this.watchAbort(live, () => {
          end(timeoutOutcome(timeoutMs));
        });
      }),
    );
  }

  /** To be called after an abort: the log is told if the handler has not settled when the grace ends; then `onGraceEnd` is called. */
  watchAbort(live: LiveAttempt, onGraceEnd?: () => void): void {
    const { deadlines, settings } = this.#parts;
    const { timeoutGraceMs } = settings;
    live.deadlines.push(
      deadlines.after(timeoutGraceMs, () => {
        if (!live.settled && !live.abortIgnored) {
          live.abortIgnored = true;
          const reason = live.abortReason?.code;
          this.#host.logger(live).warn({ reason, timeoutGraceMs }, 'handler ignored its abort');
        }
        onGraceEnd?.();
      }),
    );
  }

  /** A result that came after the grace, or an error after the timeout, is a timeout: also when the loop was blocked. */
  judge(live: LiveAttempt, outcome: Outcome): Outcome {
    const { timeoutMs } = live.row.task.shape.constraints;
    if (timeoutMs === undefined) return outcome;
    const elapsedMs = this.#parts.clock.monotonicMs() - live.startedMonoMs;
    const late = elapsedMs > timeoutMs + this.#parts.settings.timeoutGraceMs;
    const failedLate = outcome.kind === 'failure' && elapsedMs >= timeoutMs && outcome.error.retryable;
    return late || failedLate ? timeoutOutcome(timeoutMs) : outcome;
  }
}
