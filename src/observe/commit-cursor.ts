// A place in the stream of durable commits that moves forward only: over the shared window while it is near
// the end, over the journal while it is behind. It never skips an event and never gives one twice.
import type { Commit } from '../domain/events.js';
import { PawlError } from '../errors.js';
import type { CommitWindow, WindowReader } from './commit-window.js';
import { lastSequenceOf, type ObservedJournal } from './ports.js';

/** A cursor over commits. */
export class CommitCursor implements WindowReader {
  readonly #window: CommitWindow;
  readonly #journal: ObservedJournal;
  #position = 0;
  #reader: AsyncIterator<Commit> | undefined;
  #readTo = 0;

  constructor(window: CommitWindow, journal: ObservedJournal) {
    this.#window = window;
    this.#journal = journal;
  }

  /** Sequence of the last event that was taken. */
  get position(): number {
    return this.#position;
  }

  /** True when everything that was emitted has been taken. */
  get atHead(): boolean {
    return this.#position >= this.#window.latest;
  }

  /** Puts the cursor after `position`, and has commits kept for it from now on. */
  open(position: number): void {
    this.#position = position;
    this.#window.add(this);
  }

  /** Gives up the place. */
  close(): void {
    this.#window.remove(this);
    this.#dropReader();
  }

  /** The next commit when it is at hand; its first events may lie before the place the cursor was opened at. */
  take(): Commit | undefined {
    const commit = this.#window.after(this.#position);
    if (commit === undefined) return undefined;
    this.#position = lastSequenceOf(commit);
    if (this.#reader !== undefined) this.#dropReader();
    return commit;
  }

  /** The next commit, read from the journal; undefined when this stretch is read and `take` may have more. */
  async fetch(): Promise<Commit | undefined> {
    if (this.#reader === undefined) {
      this.#readTo = this.#window.latest;
      const commits = this.#journal.read({ from: this.#position + 1, to: this.#readTo });
      this.#reader = commits[Symbol.asyncIterator]();
    }
    const reader = this.#reader;
    const next = await reader.next();
    // Closed, or put somewhere else, while the read was under way.
    if (reader !== this.#reader) return undefined;
    const wanted = this.#position + 1;
    if (next.done === true) {
      this.#reader = undefined;
      if (this.#position < this.#readTo) throw historyGone(wanted, this.#journal.firstSequence);
      return undefined;
    }
    const commit = next.value;
    if (commit.firstSequence > wanted) throw historyGone(wanted, commit.firstSequence);
    this.#position = lastSequenceOf(commit);
    return commit;
  }

  #dropReader(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    // The reader is left in the middle; what closing it says matters to nobody.
    reader?.return?.().catch(() => undefined);
  }
}

/** `HISTORY_GONE`, naming the first sequence that can be read. */
export function historyGone(from: number, firstAvailable: number): PawlError {
  return new PawlError(
    'HISTORY_GONE',
    `Event ${String(from)} is no longer kept; the first one that is has sequence ${String(firstAvailable)}: read from there, or start from the projections.`,
    { from, firstAvailable },
  );
}
