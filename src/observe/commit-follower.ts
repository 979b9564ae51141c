// Brings commits to a delivery, one at a time and in order, in slices. While the delivery is not wanted it
// costs one comparison a commit; when it is more than the window behind, it goes on from the journal.
import type { Commit } from '../domain/events.js';
import { PawlError } from '../errors.js';
import { CommitCursor } from './commit-cursor.js';
import type { CommitWindow } from './commit-window.js';
import type { ObservedJournal } from './ports.js';
import type { SliceJob, Slicer } from './slicer.js';

/** Who gets the commits. */
export interface CommitDelivery {
  /** False while nobody is there to deliver to. */
  readonly wanted: boolean;
  /** Takes the next commit; calls no observer yet. */
  begin(commit: Commit): void;
  /** Delivers one unit of it; false when it is done. */
  step(): boolean;
  /** Everything that was emitted has been delivered. */
  caughtUp(): void;
  /** The journal could not be read; nothing more comes. */
  failed(error: PawlError): void;
}

/** What a follower works with. */
export interface FollowerParts {
  readonly window: CommitWindow;
  readonly journal: ObservedJournal;
  readonly slicer: Slicer;
}

/** Follows the stream of commits for one delivery. */
export class CommitFollower implements SliceJob {
  readonly #slicer: Slicer;
  readonly #window: CommitWindow;
  readonly #cursor: CommitCursor;
  readonly #delivery: CommitDelivery;
  #open = false;
  #delivering = false;
  #fetching = false;
  /** Tells a read that was begun before a stop from the present one. */
  #generation = 0;

  constructor(parts: FollowerParts, delivery: CommitDelivery) {
    this.#slicer = parts.slicer;
    this.#window = parts.window;
    this.#cursor = new CommitCursor(parts.window, parts.journal);
    this.#delivery = delivery;
  }

  /** Begins to follow after `position`; nothing when it follows already. */
  start(position: number): void {
    if (this.#open) return;
    this.#open = true;
    this.#generation++;
    this.#cursor.open(position);
  }

  /** Ends at once, also in the middle of a commit. */
  stop(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#delivering = false;
    this.#fetching = false;
    this.#generation++;
    this.#cursor.close();
  }

  /** True when everything that was emitted has been delivered, or nobody wants it. */
  get settled(): boolean {
    return (
      !this.#open || (!this.#delivering && !this.#fetching && this.#cursor.position >= this.#window.latest)
    );
  }

  /** There may be something to deliver. */
  wake(): void {
    if (this.#open) this.#slicer.run(this);
  }

  step(): boolean {
    if (this.#delivering) {
      if (!this.#delivery.step()) this.#delivering = false;
      return true;
    }
    if (!this.#open || this.#fetching) return false;
    if (!this.#delivery.wanted) {
      this.stop();
      return false;
    }
    const commit = this.#cursor.take();
    if (commit !== undefined) {
      this.#begin(commit);
      return true;
    }
    if (this.#cursor.atHead) this.#delivery.caughtUp();
    else this.#fetch();
    return false;
  }

  #begin(commit: Commit): void {
    this.#delivering = true;
    this.#delivery.begin(commit);
  }

  #fetch(): void {
    const generation = this.#generation;
    this.#fetching = true;
    this.#cursor.fetch().then(
      (commit) => {
        if (generation !== this.#generation) return;
        this.#fetching = false;
        if (commit !== undefined) this.#begin(commit);
        this.wake();
      },
      (error: unknown) => {
        if (generation !== this.#generation) return;
        this.stop();
        this.#delivery.failed(readFailure(error));
      },
    );
  }
}

/** The error of a read as a Pawl error. */
export function readFailure(error: unknown): PawlError {
  if (error instanceof PawlError) return error;
  return new PawlError(
    'STORAGE_FAILED',
    'The journal could not be read for a subscriber; subscribe again.',
    {},
    error,
  );
}
