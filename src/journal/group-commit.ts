// Group commit: one batch is being made durable while the next one gathers. A batch closes when the one before
// it is durable; the first commit of an idle writer waits a few microtasks for its neighbours. When nothing came
// for a while, the backend is told to say so on disk; when somebody wants a boundary, what is in flight is finished and
// handed out, and the segment ends there. Never two calls into the backend at a time.
import type { Clock, TimerHandle } from '../clock.js';
import { isPawlError, type PawlError } from '../errors.js';
import { GatheringBatch } from './gathering-batch.js';
import type { JournalBackend } from './journal-backend.js';

/** What the journal does when a batch has met its fate. */
export interface GroupCommitHooks {
  onDurable(batch: GatheringBatch): void;
  /** Nothing of `gathered` was written; of `failed` it depends on the error. `failed` is absent when nothing was being written. */
  onRefused(error: unknown, gathered: GatheringBatch, failed: GatheringBatch | undefined): void;
  /** The disk was full, and what was kept for that was given away: what insists is tried again. */
  onRoomMade(error: PawlError, gathered: GatheringBatch, failed: GatheringBatch): void;
  /** A batch took longer than a second. */
  onSlow(durationMs: number): void;
}

/** Idle time after which the backend marks everything as durable, milliseconds. */
const IDLE_MS = 50;
const SLOW_MS = 1_000;
/** Turns of the microtask queue that an idle writer waits while commits keep coming. */
const GATHER_TURNS = 16;
const SPARE_BATCHES = 4;

/** Moves batches to the backend, one at a time. */
export class GroupCommit {
  private current = new GatheringBatch();
  private inFlight: GatheringBatch | undefined;
  private readonly spare: GatheringBatch[] = [];
  private flushQueued = false;
  /** A call into the backend that writes no batch. */
  private marking: Promise<void> | undefined;
  /** Those who want to see the state at a boundary of the log. */
  private readonly boundaries: (() => void)[] = [];
  private idleTimer: TimerHandle | undefined;
  private activity = 0;
  private stopped = false;
  private halted = false;

  constructor(
    private readonly backend: JournalBackend,
    private readonly clock: Clock,
    private readonly hooks: GroupCommitHooks,
  ) {}

  /** The batch that commits are encoded into. */
  get gathering(): GatheringBatch {
    return this.current;
  }

  /** Commits that are gathered or in flight. */
  get pending(): number {
    return this.current.size + (this.inFlight?.size ?? 0);
  }

  /** Bytes that are gathered or in flight. */
  get pendingBytes(): number {
    return this.current.end + (this.inFlight?.end ?? 0);
  }

  /** To be called after a commit was put into the batch. */
  schedule(): void {
    if (this.flushQueued || this.busy) return;
    this.flushQueued = true;
    let seen = this.current.size;
    let turns = 0;
    const look = (): void => {
      // Callers woken in the same turn are a few microtasks behind the first: they share its fsync.
      if (this.current.size > seen && turns < GATHER_TURNS) {
        seen = this.current.size;
        turns++;
        queueMicrotask(look);
        return;
      }
      this.flushQueued = false;
      this.start();
    };
    queueMicrotask(look);
  }

  /**
   * Calls `look` when nothing is being written and what was written is handed out: at once, or behind the batch that is
   * in flight, whatever becomes of it. What is written next begins a segment, unless the backend cannot make one.
   */
  atBoundary(look: () => void): void {
    this.boundaries.push(look);
    this.endAtBoundary();
  }

  /** Resolves when everything gathered so far is durable, rejects with the error of its batch. */
  async whenDurable(): Promise<void> {
    const batch = this.current.size > 0 ? this.current : this.inFlight;
    if (batch === undefined) return;
    await new Promise<void>((resolve, reject) => batch.waiters.push({ resolve, reject }));
  }

  /** Stops marking idle times; resolves when the last mark is done. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.idleTimer?.cancel();
    await this.marking;
  }

  /** Drops what is gathered, as a crash would; resolves when nothing is in flight any more. */
  async halt(): Promise<void> {
    this.halted = true;
    this.takeGathered();
    await this.stop();
    const batch = this.inFlight;
    if (batch === undefined) return;
    await new Promise<void>((resolve) => {
      batch.waiters.push({
        resolve,
        reject: () => {
          resolve();
        },
      });
    });
  }

  /** The backend has failed while nothing was in flight: refuses what is gathered. */
  fail(error: PawlError): void {
    this.hooks.onRefused(error, this.takeGathered(), undefined);
  }

  /** Takes an emptied batch for its next turn. */
  recycle(batch: GatheringBatch): void {
    batch.reset();
    if (this.spare.length < SPARE_BATCHES) this.spare.push(batch);
  }

  private get busy(): boolean {
    return this.inFlight !== undefined || this.marking !== undefined;
  }

  private start(): void {
    if (this.busy || this.halted || this.current.size === 0) return;
    const batch = this.takeGathered();
    this.inFlight = batch;
    this.activity++;
    const began = this.clock.monotonicMs();
    this.backend.append(batch).then(
      () => {
        const tookMs = this.clock.monotonicMs() - began;
        if (tookMs > SLOW_MS) this.hooks.onSlow(tookMs);
        this.inFlight = undefined;
        const wanted = this.boundaries.length > 0;
        // The disk works on the next batch while subscribers work on this one, unless somebody wants to see it end.
        if (!wanted) this.start();
        this.finish(batch);
        if (wanted) this.goOn();
      },
      (error: unknown) => {
        if (isPawlError(error, 'STORAGE_FULL') && this.insists) void this.makeRoom(error, batch);
        else this.refused(error, batch);
      },
    );
  }

  private refused(error: unknown, batch: GatheringBatch): void {
    this.inFlight = undefined;
    this.hooks.onRefused(error, this.takeGathered(), batch);
    this.armIdle();
    this.endAtBoundary();
  }

  private get insists(): boolean {
    return [this.inFlight, this.current].some((batch) => batch?.insisting.includes(true));
  }

  /** Commits go on gathering meanwhile: they share the fate of those that were refused. */
  private async makeRoom(error: PawlError, batch: GatheringBatch): Promise<void> {
    if ((await this.backend.makeRoom?.()) !== true || this.halted) {
      this.refused(error, batch);
      return;
    }
    this.inFlight = undefined;
    this.hooks.onRoomMade(error, this.takeGathered(), batch);
    this.endAtBoundary();
  }

  private finish(batch: GatheringBatch): void {
    const { waiters } = batch;
    this.hooks.onDurable(batch);
    for (const waiter of waiters) waiter.resolve();
    this.armIdle();
  }

  private takeGathered(): GatheringBatch {
    const batch = this.current;
    this.current = this.spare.pop() ?? new GatheringBatch();
    return batch;
  }

  /** One timer at a time; when it fires it looks whether anything happened since it was set. */
  private armIdle(): void {
    if (this.idleTimer !== undefined || this.stopped || this.backend.settle === undefined) return;
    const seen = this.activity;
    this.idleTimer = this.clock.setTimer(IDLE_MS, () => {
      this.idleTimer = undefined;
      // What is in flight sets it anew when it is over, if it ever is.
      if (this.stopped || this.busy) return;
      if (this.activity !== seen) this.armIdle();
      else this.marking = this.aside(this.backend.settle?.());
    });
  }

  /** Between two calls into the backend: a boundary comes before the next batch. */
  private goOn(): void {
    this.endAtBoundary();
    this.start();
  }

  private endAtBoundary(): void {
    if (this.busy || this.boundaries.length === 0) return;
    for (const look of this.boundaries.splice(0)) look();
    if (this.stopped || this.backend.endSegment === undefined) return;
    this.activity++;
    this.marking = this.aside(this.backend.endSegment()).finally(() => {
      this.armIdle();
    });
  }

  /** Waits for a call that writes no batch. That it failed is no loss, unless it poisoned the log. */
  private async aside(call: Promise<void> | undefined): Promise<void> {
    let failure: unknown;
    try {
      await call;
    } catch (error) {
      failure = error;
    }
    this.marking = undefined;
    if (isPawlError(failure, 'JOURNAL_POISONED'))
      this.hooks.onRefused(failure, this.takeGathered(), undefined);
    this.goOn();
  }
}
