// The journal: one writer with group commit. A commit is acknowledged and emitted only after the fsync of its
// batch returned, in order. An error of unknown outcome poisons it for good; any other refuses what was
// queued and leaves no trace. It does not judge events: it stores whatever the codec can carry.
import type { Observable } from 'rxjs';
import type { Commit } from '../domain/events.js';
import { isPawlError, type PawlError } from '../errors.js';
import { silentLogger, withFields, type Logger } from '../logger.js';
import { requireAdmissible } from './commit-admission.js';
import { Emission } from './emission.js';
import type { Acknowledge, GatheringBatch } from './gathering-batch.js';
import { GroupCommit } from './group-commit.js';
import type { CheckedLogReport } from './journal-backend.js';
import { commitTooLarge, journalClosed, journalPoisoned, refusalOf } from './journal-errors.js';
import type { CommitDraft, JournalParts, ReadRange } from './journal-parts.js';
import { JournalStamps } from './journal-stamps.js';
import { readCommits } from './read-commits.js';
import { carryOver, refuseAll, refuseOthers } from './refused-batch.js';
import type { JournalRepair } from './repair-policy.js';

export type { CommitDraft, JournalLimits, JournalParts, ReadRange } from './journal-parts.js';

/** An open journal. */
export class Journal {
  /** Durable commits, in order. The first subscriber sees each one first. */
  readonly commits: Observable<Commit>;
  readonly epoch: number;
  /** Identity of this opening. */
  readonly instance: string;
  /** What opening cut. */
  readonly repaired: JournalRepair | undefined;
  /** How much opening checked; absent when there was nothing to check. */
  readonly checked: CheckedLogReport | undefined;
  private readonly stamps: JournalStamps;
  private readonly emission: Emission;
  private readonly group: GroupCommit;
  private readonly poisonListeners: ((error: PawlError) => void)[] = [];
  private readonly logger: Logger;
  private unemitted = 0;
  private bytes = 0;
  private poison: PawlError | undefined;
  /** Found in an older segment after the opening. */
  private damage: PawlError | undefined;
  /** Set while what is kept for a full disk is in use: only what insists is taken then. */
  private full: PawlError | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: JournalParts) {
    const { opened, backend, clock } = parts;
    this.logger = withFields(parts.logger, { component: 'journal' });
    this.epoch = opened.epoch;
    this.instance = parts.instance;
    this.repaired = opened.repaired;
    this.checked = opened.checked;
    this.stamps = new JournalStamps(opened);
    this.group = new GroupCommit(backend, clock, {
      onDurable: this.batchDurable.bind(this),
      onRefused: this.batchRefused.bind(this),
      onRoomMade: this.roomMade.bind(this),
      onSlow: (durationMs) => {
        this.logger.warn({ durationMs }, 'fsync slower than 1 s');
      },
    });
    this.emission = new Emission(
      (batch) => {
        this.unemitted -= batch.size;
        this.group.recycle(batch);
      },
      (error) => {
        this.logger.error({ err: error }, 'a subscriber of the journal threw');
      },
    );
    this.commits = this.emission.commits;
    parts.onLifecycle({ type: 'opened', epoch: opened.epoch, sequence: opened.lastSequence });
  }

  /** First sequence that is kept; 1 while nothing was ever written or removed. */
  get firstSequence(): number {
    return this.stamps.firstSequence;
  }

  /** Last sequence that was handed out. */
  get currentSequence(): number {
    return this.stamps.current;
  }

  /** Last sequence that is durable. */
  get durableSequence(): number {
    return this.stamps.durable;
  }

  /** Bytes that became durable since the journal was opened. */
  get durableBytes(): number {
    return this.bytes;
  }

  /** `at` of the last commit that was queued. */
  get lastAt(): number {
    return this.stamps.lastAt;
  }

  /** True while no event is kept or queued and no snapshot fixed the beginning: the first may carry any sequence. */
  get isFree(): boolean {
    return this.stamps.free;
  }

  /** True while no event is kept or queued, and none was ever removed. */
  get isEmpty(): boolean {
    return this.stamps.empty;
  }

  /** Commits that are not acknowledged yet. */
  get pendingCommits(): number {
    return this.group.pending + this.unemitted;
  }

  /** The error that poisoned the journal. */
  get poisonedBy(): PawlError | undefined {
    return this.poison;
  }

  /** Says that recovery is done: the lifecycle goes on to `ready`. */
  markReady(): void {
    this.parts.onLifecycle({ type: 'recovered' });
  }

  /**
   * Lets an empty log begin behind `sequence` and not before `at`: what a snapshot stands for.
   * Errors: `ACKNOWLEDGED_DATA_MISSING` when `head` knows more, `SNAPSHOT_AHEAD` when the log is not empty.
   */
  beginAt(sequence: number, at = 0): void {
    this.stamps.beginAt(sequence, at);
  }

  /** Says that retention has removed what is older. */
  keptFrom(sequence: number): void {
    this.stamps.keptFrom(sequence);
  }

  /** Throws `CLOSED`, `JOURNAL_POISONED` or `JOURNAL_CORRUPT` when nothing can be appended any more. */
  assertUsable(): void {
    if (this.closing !== undefined) throw journalClosed();
    if (this.poison !== undefined) throw journalPoisoned(this.poison);
    if (this.damage !== undefined) throw this.damage;
  }

  /**
   * Checks, at a low rate, what opening left unchecked; resolves when that is done or the journal is closed. Damage is
   * thrown, and nothing can be appended behind it; reading goes on. Errors: `JOURNAL_CORRUPT`.
   */
  async checkRest(): Promise<void> {
    try {
      await this.parts.backend.checkRest?.();
    } catch (error) {
      const { segment, offset } = isPawlError(error) ? error.data : {};
      this.logger.error({ err: error, segment, offset }, 'older segment is damaged');
      if (isPawlError(error)) this.damage ??= error;
      throw error;
    }
  }

  /**
   * Stamps the events, encodes the commit into the gathering batch and returns it. `ack` is called once: after the
   * commit is durable and was emitted, or with the error. Throws `CLOSED`, `JOURNAL_POISONED`, `OVERLOADED`,
   * `COMMIT_TOO_LARGE`, `INVALID_INPUT`; nothing was queued then.
   */
  append(draft: CommitDraft, ack: Acknowledge): Commit {
    this.assertUsable();
    const { limits } = this.parts;
    const { gathering: batch, pendingBytes } = this.group;
    requireAdmissible(draft, { commits: this.pendingCommits, bytes: pendingBytes, full: this.full }, limits);
    this.stamps.assertComplete();
    const bytes = batch.encode(draft);
    if (bytes > limits.maxFrameBytes) {
      batch.drop();
      throw commitTooLarge({ events: draft.events.length, bytes, limits });
    }
    return this.enqueue(batch, draft, ack);
  }

  private enqueue(batch: GatheringBatch, draft: CommitDraft, ack: Acknowledge): Commit {
    const { events, header } = draft;
    const firstSequence = this.stamps.stamp(events, header.at, draft.firstSequence);
    const commit = { header, firstSequence, events };
    batch.keep(commit, ack, draft.insists === true);
    this.group.schedule();
    return commit;
  }

  /** Resolves when everything appended before is durable; at once when nothing waits. Errors: `CLOSED`, and those of the batch. */
  async flush(): Promise<void> {
    this.assertUsable();
    await this.group.whenDurable();
  }

  /**
   * Calls `look` where the log ends and everything before was handed out: at once, or behind the batch in flight. What is
   * written next begins a segment, so that a start from what was seen there reads none of this one.
   */
  atBoundary(look: () => void): void {
    // Without segments one place is as good as another.
    if (this.parts.backend.endSegment === undefined) look();
    else this.emission.between(this.group.atBoundary.bind(this.group, look));
  }

  /** Makes everything durable, seals the log and lets go of it. A second call is a no-op. Writes nothing when poisoned. */
  close(): Promise<void> {
    this.closing ??= this.drainAndClose();
    return this.closing;
  }

  /** Lets go of the log as a crash would: nothing is written, nothing more is emitted. */
  abandon(): Promise<void> {
    this.emission.hold();
    this.closing ??= this.group.halt().then(() => this.parts.backend.close({ abandon: true }));
    return this.closing;
  }

  /** The backend found, while nothing was being written, that nothing may be written any more. */
  backendLost(error: PawlError): void {
    this.group.fail(error);
  }

  /** The backend closes a segment, and begins the next one. */
  backendRotated(phase: 'began' | 'ended'): void {
    const type = phase === 'began' ? 'rotationBegan' : 'rotationEnded';
    this.parts.onLifecycle({ type, sequence: this.durableSequence });
  }

  /** What is kept for a full disk is there again. */
  backendHasRoom(): void {
    this.full = undefined;
  }

  /** Calls `listener` once, when the journal is poisoned. */
  onPoisoned(listener: (error: PawlError) => void): void {
    if (this.poison === undefined) this.poisonListeners.push(listener);
    else listener(this.poison);
  }

  /** Durable commits with an event of the range, in order, from storage. Errors: `HISTORY_GONE`, `JOURNAL_CORRUPT`. */
  read(range: ReadRange): AsyncGenerator<Commit, void, undefined> {
    return readCommits(this.parts.backend, range.from, this.lastOf(range));
  }

  /** Test hook: durable commits wait until the returned function is called. */
  holdEmission(): () => void {
    return this.emission.hold();
  }

  private lastOf({ to = Infinity }: ReadRange): number {
    return Math.min(to, this.durableSequence);
  }

  private async drainAndClose(): Promise<void> {
    this.parts.onLifecycle({ type: 'draining' });
    // A failed batch told its own callers; closing goes on without it.
    await this.group.whenDurable().catch(() => undefined);
    await this.group.stop();
    await this.emission.drained();
    try {
      await this.parts.backend.close({ abandon: this.poison !== undefined });
    } finally {
      this.emission.complete();
      this.parts.onLifecycle({ type: 'closed', sequence: this.durableSequence });
    }
  }

  private batchDurable(batch: GatheringBatch): void {
    this.stamps.durableUpTo(batch);
    const told = this.logger === silentLogger ? [] : batch.commits;
    for (const { firstSequence: sequence, events } of told)
      this.logger.debug({ sequence, events: events.length }, 'commit appended');
    this.unemitted += batch.size;
    this.bytes += batch.end;
    this.emission.push(batch);
  }

  private batchRefused(cause: unknown, gathered: GatheringBatch, failed: GatheringBatch | undefined): void {
    this.stamps.rewind();
    if (isPawlError(cause, 'JOURNAL_POISONED')) this.becomePoisoned(cause);
    if (failed !== undefined) this.refuse(failed, refusalOf(cause, 'indeterminate'));
    this.refuse(gathered, refusalOf(cause, 'notDone'));
  }

  /** What insists goes into the next batch, in order; everything else is refused until the room is there again. */
  private roomMade(cause: PawlError, gathered: GatheringBatch, failed: GatheringBatch): void {
    this.stamps.rewind();
    this.full = cause;
    this.logger.warn({ err: cause }, 'disk full: the reserve is in use');
    const next = this.group.gathering;
    const enqueue = this.enqueue.bind(this, next);
    for (const batch of [failed, gathered]) carryOver(batch, next, enqueue);
    for (const batch of [failed, gathered]) {
      refuseOthers(batch, refusalOf(cause, 'notDone'), this.onCallerThrew);
      this.group.recycle(batch);
    }
  }

  private readonly onCallerThrew = (thrown: unknown): void => {
    this.logger.error({ err: thrown }, 'a caller of the journal threw');
  };

  private refuse(batch: GatheringBatch, error: PawlError): void {
    refuseAll(batch, error, this.onCallerThrew);
    this.group.recycle(batch);
  }

  private becomePoisoned(error: PawlError): void {
    if (this.poison !== undefined) return;
    this.poison = error;
    const { segment, offset, truncateOk, cause } = error.data;
    this.logger.error({ err: error, segment, offset, truncateOk, cause }, 'writer poisoned');
    this.parts.onLifecycle({ type: 'poisoned', error });
    for (const listener of this.poisonListeners.splice(0)) listener(error);
  }
}
