// Decides when a snapshot is taken: after so many events or bytes of log, on close, or when asked. Never two at a
// time; one that failed is tried again later and later, and whatever becomes of it, the log goes on.
import type { PawlError } from '../errors.js';
import type { SnapshotInfo, SnapshotPolicy } from '../journal/snapshot-store.js';
import type { Deadline, Deadlines } from '../scheduling/deadlines.js';

/** How long after a failure the next try comes, milliseconds; twice as long after each further one. */
export const SNAPSHOT_RETRY_MS = 1_000;
/** The longest such wait, milliseconds. */
export const SNAPSHOT_RETRY_MAX_MS = 300_000;

/** How much log there is behind a snapshot. */
export interface LogSince {
  readonly events: number;
  readonly bytes: number;
}

/** What a keeper works with. */
export interface SnapshotKeeperParts {
  readonly policy: SnapshotPolicy;
  readonly deadlines: Pick<Deadlines, 'after'>;
  readonly journal: { readonly durableBytes: number };
  /** What the start found behind the snapshot it used. */
  readonly found: LogSince;
  /** Writes one of the state as it is when it calls `captured`; is given up as soon as `refusal` answers. */
  readonly write: (refusal: () => PawlError | undefined, captured: () => void) => Promise<SnapshotInfo>;
  /** One was written. */
  readonly onWritten: () => void;
}

/** Takes the snapshots of a running engine. */
export class SnapshotKeeper {
  readonly #parts: SnapshotKeeperParts;
  #events: number;
  /** Bytes of log there were at the last snapshot, counted from this opening: negative for what was there before. */
  #bytesThen: number;
  #running: Promise<SnapshotInfo> | undefined;
  #failures = 0;
  #retry: Deadline | undefined;
  #stopped: PawlError | undefined;

  constructor(parts: SnapshotKeeperParts) {
    this.#parts = parts;
    this.#events = parts.found.events;
    this.#bytesThen = parts.journal.durableBytes - parts.found.bytes;
  }

  /** True while one is being written. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** A commit of so many events is durable, and applied to the state; `mayTake` while the engine is open. */
  onCommit(events: number, mayTake: boolean): void {
    this.#events += events;
    if (mayTake) this.#takeIfDue();
  }

  /** Takes one now; calls that overlap share one. Errors: those of the storage, and what stopped it. */
  take(): Promise<SnapshotInfo> {
    this.#running ??= this.#write();
    return this.#running;
  }

  /** Waits for the one that is being written; takes a last one if the policy wants it. A failure costs only that. */
  async atClose(): Promise<void> {
    await this.settled();
    const { onCloseEvents } = this.#parts.policy;
    if (this.#stopped !== undefined || onCloseEvents === 0 || this.#events < onCloseEvents) return;
    await this.take().catch(() => undefined);
  }

  /** Gives up what is being written and takes no more. */
  stop(reason: PawlError): void {
    this.#stopped ??= reason;
    this.#retry?.cancel();
  }

  /** Resolves when none is being written. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  #takeIfDue(): void {
    const { policy, journal } = this.#parts;
    if (this.#running !== undefined || this.#retry !== undefined || this.#stopped !== undefined) return;
    const due =
      (policy.everyEvents > 0 && this.#events >= policy.everyEvents) ||
      (policy.everyBytes > 0 && journal.durableBytes - this.#bytesThen >= policy.everyBytes);
    // Its failure is logged where it happens.
    if (due) this.take().catch(() => undefined);
  }

  async #write(): Promise<SnapshotInfo> {
    const { write, journal, onWritten } = this.#parts;
    let events = 0;
    let bytes = 0;
    this.#retry?.cancel();
    this.#retry = undefined;
    try {
      const info = await write(
        () => this.#stopped,
        () => {
          events = this.#events;
          bytes = journal.durableBytes;
        },
      );
      this.#failures = 0;
      this.#events -= events;
      this.#bytesThen = bytes;
      onWritten();
      return info;
    } catch (error) {
      this.#retryLater();
      throw error;
    } finally {
      this.#running = undefined;
    }
  }

  #retryLater(): void {
    if (this.#stopped !== undefined) return;
    const waitMs = Math.min(SNAPSHOT_RETRY_MS * 2 ** this.#failures++, SNAPSHOT_RETRY_MAX_MS);
    this.#retry = this.#parts.deadlines.after(waitMs, () => {
      this.#retry = undefined;
      this.#takeIfDue();
    });
  }
}
