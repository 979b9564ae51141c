// Events pulled one by one: nothing is read or kept for a consumer before it asks. One that is slow reads from
// the journal, so it costs a cursor and no memory.
import type { Commit, PawlEvent } from '../domain/events.js';
import type { PawlError } from '../errors.js';
import type { CommitCursor } from './commit-cursor.js';
import { readFailure } from './commit-follower.js';
import { freezeDeep } from '../projections/freeze.js';

/** The stream as an iterator sees it. */
export interface PulledStream {
  /** Why the stream has ended; `done` after a close, an error after a failure. */
  readonly ended: 'done' | PawlError | undefined;
  /** Calls `wake` once, when a commit was emitted or the stream ended. */
  onNext(wake: () => void): void;
  offNext(wake: () => void): void;
}

/** How an iterator begins. */
export interface IteratorStart {
  /** Events up to this sequence are not wanted. */
  readonly after: number;
  /** Refuses the start. */
  readonly refusal?: PawlError;
  /** Called once when the cursor is given back. */
  onReturn(): void;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** One `for await` over the events. */
export class EventIterator implements AsyncIterator<PawlEvent, undefined> {
  readonly #stream: PulledStream;
  readonly #cursor: CommitCursor;
  readonly #start: IteratorStart;
  #after: number;
  #commit: Commit | undefined;
  #event = 0;
  #closed = false;
  #failure: PawlError | undefined;
  #wake: (() => void) | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(stream: PulledStream, cursor: CommitCursor, start: IteratorStart) {
    this.#stream = stream;
    this.#cursor = cursor;
    this.#start = start;
    this.#after = start.after;
    this.#failure = start.refusal;
    if (start.refusal === undefined) cursor.open(start.after);
    else this.#closed = true;
  }

  /** The next event, as soon as there is one. Calls that overlap are answered in order. */
  next(): Promise<IteratorResult<PawlEvent, undefined>> {
    const pulled = this.#tail.then(() => this.#pull());
    this.#tail = pulled.catch(() => undefined);
    return pulled;
  }

  /** Gives the cursor back; a `next` that waits ends as done. */
  return(): Promise<IteratorResult<PawlEvent, undefined>> {
    this.#close();
    return Promise.resolve(DONE);
  }

  /** Ends with an error at the next pull, when it has not ended yet. */
  abort(error: PawlError): void {
    if (this.#closed) return;
    this.#failure = error;
    this.#close();
  }

  async #pull(): Promise<IteratorResult<PawlEvent, undefined>> {
    for (;;) {
      if (this.#closed) return this.#end();
      const event = this.#nextOfCommit();
      if (event !== undefined) return { done: false, value: freezeDeep(event) };
      await this.#advance();
    }
  }

  #end(): IteratorResult<PawlEvent, undefined> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return DONE;
  }

  #nextOfCommit(): PawlEvent | undefined {
    for (;;) {
      const event = this.#commit?.events[this.#event++];
      if (event === undefined) {
        this.#commit = this.#cursor.take();
        this.#event = 0;
        if (this.#commit === undefined) return undefined;
      } else if (event.sequence > this.#after) {
        this.#after = event.sequence;
        return event;
      }
    }
  }

  /** Waits for the next commit, or reads it from the journal. */
  async #advance(): Promise<void> {
    if (!this.#cursor.atHead) {
      try {
        this.#commit = await this.#cursor.fetch();
        this.#event = 0;
      } catch (error) {
        this.abort(readFailure(error));
      }
      return;
    }
    const { ended } = this.#stream;
    if (ended === 'done') this.#close();
    else if (ended !== undefined) this.abort(ended);
    else await this.#emitted();
  }

  #emitted(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#stream.onNext(resolve);
    });
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#commit = undefined;
    this.#cursor.close();
    this.#start.onReturn();
    if (this.#wake === undefined) return;
    this.#stream.offNext(this.#wake);
    this.#wake();
  }
}
