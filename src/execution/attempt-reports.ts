// What an attempt reports while it runs: progress, at most one commit a second, and consumption, durable at the
// latest after `consumeFlushMs`. The end of the attempt takes along what was not written yet.
import { PawlError } from '../errors.js';
import { consumedEvents, type Consumption } from '../decisions/attempts.js';
import type { PawlEvent } from '../domain/events.js';
import type { Payload } from '../domain/payload.js';
import { commitHeld, type EngineParts } from './engine-parts.js';
import type { LiveAttempt } from './live-attempt.js';

/** Progress is written at most once in this time. */
export const PROGRESS_INTERVAL_MS = 1_000;

/** Writes the reports of attempts. */
export class AttemptReports {
  readonly #parts: EngineParts;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** Keeps the newest progress; the first of a second is written at once. */
  progress(live: LiveAttempt, value: Payload): void {
    if (live.phase !== 'open') return;
    live.progress = value;
    if (live.progressTimer !== undefined) return;
    const write = (): void => {
      live.progressTimer = undefined;
      if (live.progress === undefined || live.phase !== 'open') return;
      live.progressTimer = this.#parts.deadlines.after(PROGRESS_INTERVAL_MS, write);
      const { progress } = live;
      // What a full disk refused goes with the next report; any other refusal is told by the attempt's own end.
      this.#commit(live, () => this.takeProgress(live)).catch(() => (live.progress ??= progress));
    };
    write();
  }

  /** The event of the newest progress, which counts as written from now on. */
  takeProgress(live: LiveAttempt): PawlEvent[] {
    const value = live.progress;
    if (value === undefined) return [];
    live.progress = undefined;
    return [
      { type: 'ProgressReported', sequence: 0, at: 0, runId: live.row.id, attemptId: live.attemptId, value },
    ];
  }

  /** Something was consumed: it is written after `consumeFlushMs` at the latest. */
  consumed(live: LiveAttempt): void {
    if (live.phase !== 'open') return;
    live.consumeTimer ??= this.#parts.deadlines.after(this.#parts.settings.consumeFlushMs, () => {
      live.consumeTimer = undefined;
      this.flush(live).catch(() => undefined);
    });
  }

  /** Writes what was consumed; resolves when it is durable. Errors: `LEASE_LOST` after the end of the attempt. */
  flush(live: LiveAttempt): Promise<void> {
    let taken: readonly Consumption[] = [];
    return this.#commit(live, () => {
      taken = live.takeConsumed();
      return taken.flatMap((used) => consumedEvents(this.#parts.context, live.row, used));
    }).catch((error: unknown) => {
      live.giveBack(taken);
      this.consumed(live);
      throw error;
    });
  }

  /** Writes what was consumed before the attempt was ended from outside: by a cancellation, say. */
  flushEnded(live: LiveAttempt): void {
    const taken = live.takeConsumed();
    if (taken.length === 0) return;
    const { locks, context, state } = this.#parts;
    const { row } = live;
    void locks.acquire([row.id]).then(() => {
      if (state.runs.row(row.id) !== row) {
        locks.releaseOne(row.id);
        return;
      }
      context.refresh();
      const events = taken.flatMap((used) => consumedEvents(context, row, used));
      commitHeld(this.#parts, [row.id], events, undefined, { insists: true });
    });
  }

  async #commit(live: LiveAttempt, make: () => PawlEvent[]): Promise<void> {
    const { locks, context } = this.#parts;
    const { id } = live.row;
    await locks.acquire([id]);
    if (live.row.detail?.open?.id !== live.attemptId || live.phase === 'ended') {
      locks.releaseOne(id);
      throw new PawlError('LEASE_LOST', `Attempt ${live.attemptId} of run ${id} is no longer open.`, {
        runId: id,
        attemptId: live.attemptId,
      });
    }
    context.refresh();
    const events = make();
    if (events.length === 0) {
      locks.releaseOne(id);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const done = (error: PawlError | undefined): void => {
        if (error === undefined) resolve();
        else reject(error);
      };
      commitHeld(this.#parts, [id], events, done, { insists: true });
    });
  }
}
