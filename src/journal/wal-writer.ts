// The log as a plain writer: events with the sequences their author gave them, one commit a call, durable when the
// promise resolves. A sequence that does not follow is refused, and the writer stays usable.
import type { Commit, CommitHeader, PawlEvent } from '../domain/events.js';
import { PawlError } from '../errors.js';
import type { Journal } from './journal.js';

/** Header fields of a commit; `at` is that of its events. */
export type WalCommitHeader = Omit<CommitHeader, 'at'>;

/** What appends to a log. */
export interface WalAppender {
  readonly currentSequence: number;
  append(events: PawlEvent | readonly PawlEvent[], header?: WalCommitHeader): Promise<Commit>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Appends to an open journal. `openWalWriter` makes one, wrapped in an `InstrumentedWalWriter`. */
export class WalWriter implements WalAppender {
  constructor(private readonly journal: Journal) {}

  /** Last sequence that was handed out; 0 for an empty log. */
  get currentSequence(): number {
    return this.journal.currentSequence;
  }

  /**
   * Appends one commit; resolves when it is durable. The events carry their sequences, each the one before plus 1; the
   * first of an empty log may be any from 1 on. Errors, in this order: `CLOSED`, `JOURNAL_POISONED`,
   * `SEQUENCE_VIOLATION{expected, provided}`, `INVALID_INPUT`, `COMMIT_TOO_LARGE`; then those of storage.
   */
  async append(events: PawlEvent | readonly PawlEvent[], header: WalCommitHeader = {}): Promise<Commit> {
    const { journal } = this;
    journal.assertUsable();
    // Copies: the journal stamps what it is given, and the caller's objects may be frozen.
    const list = (isList(events) ? events : [events]).map((event) => ({ ...event }));
    const first = list[0];
    requireSequences(list, journal.isFree ? undefined : journal.currentSequence + 1);
    requireOneTime(list);
    return new Promise((resolve, reject) => {
      const draft = { header: { ...header, at: first?.at ?? 0 }, events: list };
      const begin = first === undefined ? {} : { firstSequence: first.sequence };
      journal.append({ ...draft, ...begin }, (error, commit) => {
        if (error === undefined) resolve(commit);
        else reject(error);
      });
    });
  }

  /** Resolves when everything appended before is durable; at once when nothing waits. Errors: `CLOSED`, `JOURNAL_POISONED`. */
  async flush(): Promise<void> {
    await this.journal.flush();
  }

  /** Flushes, seals the log and lets go of it. A second call is a no-op. */
  async close(): Promise<void> {
    await this.journal.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Counts of an instrumented writer. */
export interface AppendCounts {
  /** Appends that were acknowledged. */
  readonly appendSuccessTotal: number;
  /** Appends that were refused. */
  readonly appendFailureTotal: number;
}

/** Counts appends: one more for each that was acknowledged or refused; flushes are not counted. */
export class AppendTelemetry {
  private succeeded = 0;
  private failed = 0;

  /** The counts now. */
  snapshot(): AppendCounts {
    return { appendSuccessTotal: this.succeeded, appendFailureTotal: this.failed };
  }

  /** Called by the writer. */
  noteSuccess(): void {
    this.succeeded++;
  }

  /** Called by the writer. */
  noteFailure(): void {
    this.failed++;
  }
}

/** A writer whose appends are counted; errors pass through as the same object. */
export class InstrumentedWalWriter implements WalAppender {
  constructor(
    private readonly writer: WalAppender,
    readonly telemetry: AppendTelemetry = new AppendTelemetry(),
  ) {}

  get currentSequence(): number {
    return this.writer.currentSequence;
  }

  /** See `WalWriter.append`. */
  async append(events: PawlEvent | readonly PawlEvent[], header?: WalCommitHeader): Promise<Commit> {
    try {
      const commit = await this.writer.append(events, header);
      this.telemetry.noteSuccess();
      return commit;
    } catch (error) {
      this.telemetry.noteFailure();
      throw error;
    }
  }

  async flush(): Promise<void> {
    await this.writer.flush();
  }

  async close(): Promise<void> {
    await this.writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function isList(events: PawlEvent | readonly PawlEvent[]): events is readonly PawlEvent[] {
  return Array.isArray(events);
}

function requireSequences(events: readonly PawlEvent[], next: number | undefined): void {
  let expected = next;
  for (const { sequence: provided } of events) {
    expected ??= Math.max(1, provided);
    if (provided !== expected || !Number.isSafeInteger(provided)) {
      throw new PawlError(
        'SEQUENCE_VIOLATION',
        `The event has sequence ${String(provided)}, but ${String(expected)} follows; nothing was written. Append with the sequence that follows currentSequence.`,
        { expected, provided },
      );
    }
    expected++;
  }
}

function requireOneTime(events: readonly PawlEvent[]): void {
  const at = events[0]?.at;
  if (events.every((event) => event.at === at)) return;
  throw new PawlError(
    'INVALID_INPUT',
    'The events of one commit have different times; give them the same `at`.',
    {
      path: 'events.at',
      rule: 'equal in a commit',
    },
  );
}
