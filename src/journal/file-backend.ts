// The log in a directory: batches go to the newest segment, which is sealed and followed by the next one when it is
// full. Writes are serial, whoever calls; `head` is written behind the log. Once a second it is looked whether the
// directory is still ours and whether the reserve for a full disk is there, also while nothing is written.
import { isPawlError, type PawlError } from '../errors.js';
import { BackgroundCheck } from './background-check.js';
import type { CommitFrame } from './commit-codec.js';
import { notDone } from './create-segment.js';
import { dataDirPaths } from './data-dir.js';
import { describeOpened } from './describe-opened.js';
import { DirectoryWatch, fencedBy, type LostDirectory } from './directory-watch.js';
import { HeadKeeper } from './head-keeper.js';
import type { BackendOpenRequest, EncodedBatch, JournalBackend, OpenedLog } from './journal-backend.js';
import { journalClosed } from './journal-errors.js';
import type { LogCursor } from './log-cursor.js';
import { FileLogSegments } from './log-segments.js';
import { warnOfNetwork } from './network-file-systems.js';
import { NextSegment } from './next-segment.js';
import { openLog, type WritableLog } from './open-log.js';
import { readLog } from './read-log.js';
import { ReserveFile } from './reserve-file.js';
import { MARK_EVERY_BYTES, addMark, type SegmentInfo } from './segment-list.js';
import { poisonedAt, type SegmentWriter } from './segment-writer.js';
import { FileSnapshots } from './snapshot-store-files.js';
import type { Storage } from './storage.js';
import { storageFailure } from './storage-errors.js';
import { Upkeep } from './upkeep.js';

/** How often the directory is looked after, milliseconds. */
const UPKEEP_MS = 1_000;
/** A batch looks for itself when the upkeep did not for so long, because the event loop was held. */
const STALE_LOOK_MS = 2 * UPKEEP_MS;

/** What is there from opening to closing. */
interface OpenBackend {
  readonly log: WritableLog;
  readonly request: BackendOpenRequest;
  readonly head: HeadKeeper;
  readonly watch: DirectoryWatch;
  readonly reserve: ReserveFile;
  readonly upkeep: Upkeep;
  readonly next: NextSegment;
}

/** Keeps a log in a directory. One opening an instance. */
export class FileBackend implements JournalBackend {
  private live: OpenBackend | undefined;
  private writer: SegmentWriter | undefined;
  private rest: BackgroundCheck | undefined;
  private busy = false;
  private poisoned = false;
  private closed = false;
  /** Why nothing may be written any more, once the upkeep has seen it. */
  private lost: PawlError | undefined;
  /** True while the reserve was given away. */
  private gaveReserve = false;
  /** True while commits were written that nothing behind them proves durable. */
  private unmarked = false;
  /** Stands behind the seal of the last segment that was sealed here. */
  private lastCursor: LogCursor | undefined;
  private lookedMs = 0;

  readonly snapshots: FileSnapshots;
  readonly segments: FileLogSegments;

  constructor(
    private readonly storage: Storage,
    private readonly root: string,
  ) {
    this.segments = new FileLogSegments(storage, () => ({ ...this.opened().log, ...this.position() }));
    this.snapshots = new FileSnapshots(storage, dataDirPaths(root).snapshots);
  }

  async open(request: BackendOpenRequest): Promise<OpenedLog> {
    const { storage, root } = this;
    const log = await openLog(storage, root, request);
    try {
      const watch = await DirectoryWatch.begin(storage, log.paths, log.epoch);
      const reserve = new ReserveFile(storage, log.paths, request.reserveBytes);
      await reserve.look();
      await warnOfNetwork(storage, root, request.logger);
      const head = new HeadKeeper(storage, log.paths, log.head?.generation ?? 0, request, (found) => {
        this.lose(fencedBy(found, log.epoch));
      });
      const upkeep = new Upkeep(request.clock, UPKEEP_MS, () => this.lookAfter());
      const next = new NextSegment(storage, log, request.instance);
      this.live = { log, request, head, watch, reserve, upkeep, next };
    } catch (error) {
      await log.writer?.file.close().catch(() => undefined);
      await log.lock.release();
      throw error;
    }
    this.writer = log.writer;
    this.lookedMs = request.clock.monotonicMs();
    this.writeAhead();
    return describeOpened(log);
  }

  async append(batch: EncodedBatch): Promise<void> {
    if (this.closed) throw journalClosed();
    const { head, request } = this.opened();
    await this.writing(async () => {
      if (request.clock.monotonicMs() - this.lookedMs >= STALE_LOOK_MS) await this.requireOurs();
      const { writer } = this;
      if (writer !== undefined && this.isFull(writer, batch)) await this.rotate(writer);
      this.writer ??= await this.createNext(batch.firstSequence);
      const offset = this.writer.sizeBytes;
      await this.writer.append(batch);
      this.unmarked = true;
      this.noteEnd(this.writer, { sequence: batch.firstSequence, offset });
      await head.after(this.position());
    });
  }

  async settle(): Promise<void> {
    const { writer } = this;
    if (writer === undefined || !this.unmarked || this.closed || this.poisoned) return;
    await this.writing(() => writer.mark());
    this.unmarked = false;
    this.noteEnd(writer, undefined);
    await this.opened().head.now(this.position());
  }

  async endSegment(): Promise<void> {
    const { writer } = this;
    if (writer === undefined || writer.cursor.segmentEvents === 0 || this.closed || this.poisoned) return;
    await this.writing(() => this.rotate(writer));
    await this.opened().head.now(this.position());
  }

  async makeRoom(): Promise<boolean> {
    const given = await this.opened().reserve.give();
    if (given) this.gaveReserve = true;
    return given;
  }

  read(from: number, to: number): AsyncIterable<readonly CommitFrame[]> {
    const { log, request } = this.opened();
    // Sizes as they are now: what is written meanwhile is not ours to read.
    const { segments } = log;
    const seen = segments.map((info) => ({ ...info }));
    const firstKept = (): number | undefined => segments[0]?.firstSequence;
    const { maxFrameBytes } = request;
    return readLog({ storage: this.storage, maxFrameBytes, segments: seen, from, to, firstKept });
  }

  checkRest(): Promise<void> {
    const { log, request } = this.opened();
    if (this.closed) return Promise.resolve();
    const { clock, maxFrameBytes } = request;
    const isKept = (info: SegmentInfo): boolean => log.segments.includes(info);
    const parts = { storage: this.storage, clock, maxFrameBytes, isKept };
    this.rest ??= new BackgroundCheck(parts, log.coverage.unread);
    return this.rest.run();
  }

  async close({ abandon }: { readonly abandon: boolean }): Promise<void> {
    if (this.live === undefined || this.closed) return;
    const { log, head, reserve, upkeep } = this.live;
    this.closed = true;
    await this.rest?.stop();
    try {
      await upkeep.stop();
      if (!abandon && !this.poisoned) await this.seal();
    } finally {
      await head.close();
      await reserve.settled();
      await this.writer?.file.close().catch(() => undefined);
      // After an fsync of unknown outcome this process must not open the directory again: the lock ends with it.
      if (!this.poisoned) await log.lock.release();
    }
  }

  /** Ends the newest segment; one without events stays as it is. On a full disk the reserve makes room for that. */
  private async seal(): Promise<void> {
    const { writer } = this;
    if (writer === undefined || writer.cursor.segmentEvents === 0) return;
    await this.writing(async () => {
      try {
        await writer.seal();
      } catch (error) {
        if (!isPawlError(error, 'STORAGE_FULL') || !(await this.makeRoom())) throw error;
        await writer.seal();
      }
    });
    await this.opened().head.now(this.position());
  }

  private opened(): OpenBackend {
    if (this.live === undefined) throw journalClosed();
    return this.live;
  }

  private isFull(writer: SegmentWriter, batch: EncodedBatch): boolean {
    if (writer.cursor.segmentEvents === 0) return false;
    return writer.sizeBytes + batch.end > this.opened().request.segmentBytes;
  }

  /** Seal, sync; the next segment is made by whoever writes next. */
  private async rotate(writer: SegmentWriter): Promise<void> {
    const { request, head } = this.opened();
    await this.requireOurs();
    request.onRotation('began');
    try {
      await writer.seal();
    } finally {
      request.onRotation('ended');
    }
    this.noteEnd(writer, undefined);
    writer.info.sealed = true;
    this.writer = undefined;
    this.lastCursor = writer.cursor;
    await writer.file.close().catch(() => undefined);
    await head.after(this.position());
  }

  private async createNext(firstSequence: number): Promise<SegmentWriter> {
    const { log, next } = this.opened();
    await this.requireOurs();
    const { info, writer } = await next.make(firstSequence, this.lastCursor ?? log.cursor);
    log.segments.push(info);
    this.writer = writer;
    this.writeAhead();
    return writer;
  }

  private writeAhead(): void {
    const { preallocateBytes, segmentBytes } = this.opened().request;
    this.writer?.writeAhead(preallocateBytes, segmentBytes);
  }

  private newest(): SegmentInfo | undefined {
    return this.live?.log.segments.at(-1);
  }

  private noteEnd(writer: SegmentWriter, mark: { sequence: number; offset: number } | undefined): void {
    const { info } = writer;
    info.sizeBytes = writer.sizeBytes;
    if (mark !== undefined) addMark(info, mark, MARK_EVERY_BYTES);
  }

  private position(): {
    epoch: number;
    durableSequence: number;
    segment: number;
    batch: number;
    logId: string;
  } {
    const { epoch, logId, cursor } = this.opened().log;
    const end = this.writer?.cursor ?? this.lastCursor ?? cursor;
    const segment = this.newest()?.firstSequence ?? 0;
    return { epoch, logId, durableSequence: end.lastSequence, segment, batch: end.batch };
  }

  /** Refuses when the directory is not ours any more; what cannot be looked at is refused too, and may be tried again. */
  private async requireOurs(): Promise<void> {
    const found = await this.look();
    if (found !== undefined) throw this.poisonOf(found);
  }

  private async look(): Promise<LostDirectory | undefined> {
    const { watch, request } = this.opened();
    this.lookedMs = request.clock.monotonicMs();
    return watch.look(this.writer);
  }

  /** The upkeep of every second; who has written nothing has nothing to end, and gets no reserve. Never fails. */
  private async lookAfter(): Promise<void> {
    const { reserve, request } = this.opened();
    const { writer } = this;
    // What could not be looked at proves nothing, and a rotation meanwhile makes what was seen stale.
    const found = await this.look().catch(() => undefined);
    if (found !== undefined && writer === this.writer) this.lose(found);
    if (this.poisoned || (this.writer ?? this.lastCursor) === undefined) return;
    if (!(await reserve.keep()) || !this.gaveReserve) return;
    this.gaveReserve = false;
    request.onRoom();
  }

  private lose(found: LostDirectory): void {
    if (this.poisoned || this.closed) return;
    this.poisoned = true;
    this.lost = this.poisonOf(found);
    // What is being written is refused with it when it is over.
    if (!this.busy) this.opened().request.onLost(this.lost);
  }

  private poisonOf({ cause, error }: LostDirectory): PawlError {
    const { name: segment = '', sizeBytes: offset = 0 } = this.newest() ?? {};
    return poisonedAt({ segment, offset, path: this.root, cause, truncateOk: false }, error);
  }

  private async writing(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    try {
      await work();
      if (this.lost !== undefined) throw this.lost;
    } catch (error) {
      if (isPawlError(error, 'JOURNAL_POISONED')) this.poisoned = true;
      throw notDone(storageFailure(error, 'write to', this.root));
    } finally {
      this.busy = false;
    }
  }
}
