// The log in a directory: batches go to the newest segment, which is sealed and followed by the next one when it is
// full. Writes are serial, whoever calls; `head` is written behind the log, off the path of acknowledgements.
import { isPawlError } from '../errors.js';
import { BackgroundCheck } from './background-check.js';
import type { Coverage } from './check-log.js';
import type { CommitFrame } from './commit-codec.js';
import type {
  BackendOpenRequest,
  CheckedLogReport,
  EncodedBatch,
  JournalBackend,
  OpenedLog,
} from './journal-backend.js';
import { journalClosed } from './journal-errors.js';
import { HeadKeeper } from './head-keeper.js';
import type { LogCursor } from './log-cursor.js';
import { FileLogSegments } from './log-segments.js';
import { openLog, type WritableLog } from './open-log.js';
import { readLog } from './read-log.js';
import { createSegment } from './rewrite-segment.js';
import { MARK_EVERY_BYTES, addMark, segmentInfo, type SegmentInfo } from './segment-list.js';
import type { SegmentWriter } from './segment-writer.js';
import { FileSnapshots } from './snapshot-store-files.js';
import { dataDirPaths } from './data-dir.js';
import type { Storage } from './storage.js';

/** How often it is looked whether the segment is still the file that its name means, milliseconds. */
const IDENTITY_EVERY_MS = 1_000;

/** Keeps a log in a directory. One opening an instance. */
export class FileBackend implements JournalBackend {
  private log: WritableLog | undefined;
  private request: BackendOpenRequest | undefined;
  private writer: SegmentWriter | undefined;
  private head: HeadKeeper | undefined;
  private rest: BackgroundCheck | undefined;
  private poisoned = false;
  private closed = false;
  /** True while commits were written that nothing behind them proves durable. */
  private unmarked = false;
  private identityCheckedMs = 0;
  /** Stands behind the seal of the last segment that was sealed here. */
  private lastCursor: LogCursor | undefined;

  readonly snapshots: FileSnapshots;
  readonly segments: FileLogSegments;

  constructor(
    private readonly storage: Storage,
    private readonly root: string,
  ) {
    this.segments = new FileLogSegments(storage, () => ({ ...this.opened(), ...this.position() }));
    this.snapshots = new FileSnapshots(storage, dataDirPaths(root).snapshots);
  }

  async open(request: BackendOpenRequest): Promise<OpenedLog> {
    const log = await openLog(this.storage, this.root, request);
    this.log = log;
    this.request = request;
    this.writer = log.writer;
    this.head = new HeadKeeper(this.storage, log.paths, log.head?.generation ?? 0, request);
    const { cursor } = log;
    const empty = log.segments.length === 0;
    const lastSequence = empty ? 0 : cursor.lastSequence;
    return {
      epoch: log.epoch,
      firstSequence: empty ? 0 : (log.segments[0]?.firstSequence ?? 0),
      lastSequence,
      lastAt: log.lastAt,
      knownSequence: Math.max(lastSequence, log.head?.durableSequence ?? 0),
      ...(log.repaired === undefined ? {} : { repaired: log.repaired }),
      checked: reportOf(log.coverage),
    };
  }

  async append(batch: EncodedBatch): Promise<void> {
    if (this.closed) throw journalClosed();
    await this.writing(async () => {
      await this.checkIdentity();
      if (this.isFull(batch)) await this.rotate();
      this.writer ??= await this.createNext(batch.firstSequence);
      const offset = this.writer.sizeBytes;
      await this.writer.append(batch);
      this.unmarked = true;
      this.noteEnd(this.writer, { sequence: batch.firstSequence, offset });
    });
    this.head?.after(this.position());
  }

  async settle(): Promise<void> {
    const { writer } = this;
    if (writer === undefined || !this.unmarked || this.closed) return;
    await this.writing(() => writer.mark());
    this.unmarked = false;
    this.noteEnd(writer, undefined);
    await this.head?.now(this.position());
  }

  read(from: number, to: number): AsyncIterable<readonly CommitFrame[]> {
    const { segments } = this.opened();
    const { maxFrameBytes } = this.request ?? { maxFrameBytes: 0 };
    // Sizes as they are now: what is written meanwhile is not ours to read.
    const seen = segments.map((info) => ({ ...info }));
    const firstKept = (): number => segments[0]?.firstSequence ?? 0;
    return readLog({ storage: this.storage, maxFrameBytes, segments: seen, from, to, firstKept });
  }

  checkRest(): Promise<void> {
    const { coverage, segments } = this.opened();
    const { storage, request } = this;
    if (request === undefined || this.closed) return Promise.resolve();
    const { clock, maxFrameBytes } = request;
    const isKept = (info: SegmentInfo): boolean => segments.includes(info);
    this.rest ??= new BackgroundCheck({ storage, clock, maxFrameBytes, isKept }, coverage.unread);
    return this.rest.run();
  }

  async close({ abandon }: { readonly abandon: boolean }): Promise<void> {
    const { log } = this;
    if (log === undefined || this.closed) return;
    this.closed = true;
    await this.rest?.stop();
    try {
      if (!abandon && !this.poisoned) await this.seal();
    } finally {
      await this.head?.close();
      await this.writer?.file.close().catch(() => undefined);
      // After an fsync of unknown outcome this process must not open the directory again: the lock ends with it.
      if (!this.poisoned) await log.lock.release();
    }
  }

  /** Ends the newest segment; one without events stays as it is. */
  private async seal(): Promise<void> {
    const { writer } = this;
    if (writer === undefined || writer.cursor.segmentEvents === 0) return;
    await this.writing(() => writer.seal());
    await this.head?.now(this.position());
  }

  private opened(): WritableLog {
    if (this.log === undefined) throw journalClosed();
    return this.log;
  }

  private isFull(batch: EncodedBatch): boolean {
    const { writer, request } = this;
    if (writer === undefined || request === undefined || writer.cursor.segmentEvents === 0) return false;
    return writer.sizeBytes + batch.end > request.segmentBytes;
  }

  /** Seal, sync; the next segment is made by whoever writes next. The order is that of reliability §2.5. */
  private async rotate(): Promise<void> {
    const { writer, request } = this;
    if (writer === undefined || request === undefined) return;
    request.onRotation('began');
    await writer.seal();
    this.noteEnd(writer, undefined);
    const info = this.newest();
    if (info !== undefined) info.sealed = true;
    this.writer = undefined;
    this.lastCursor = writer.cursor;
    await writer.file.close().catch(() => undefined);
    this.head?.after(this.position());
    request.onRotation('ended');
  }

  private async createNext(firstSequence: number): Promise<SegmentWriter> {
    const { paths, epoch, logId, segments, cursor } = this.opened();
    const info = segmentInfo(paths.wal, firstSequence);
    const writer = await createSegment({
      storage: this.storage,
      paths,
      info,
      cursor: this.lastCursor ?? cursor,
      epoch,
      logId,
      instance: this.request?.instance ?? '',
    });
    segments.push(info);
    return writer;
  }

  private newest(): SegmentInfo | undefined {
    const segments = this.log?.segments;
    return segments?.[segments.length - 1];
  }

  private noteEnd(writer: SegmentWriter, mark: { sequence: number; offset: number } | undefined): void {
    const info = this.newest();
    if (info === undefined) return;
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
    const { epoch, logId, cursor } = this.opened();
    const end = this.writer?.cursor ?? this.lastCursor ?? cursor;
    return {
      epoch,
      logId,
      durableSequence: end.lastSequence,
      segment: this.newest()?.firstSequence ?? 0,
      batch: end.batch,
    };
  }

  /** A file that was removed takes writes and fsyncs without a word, so its name is looked up now and then. */
  private async checkIdentity(): Promise<void> {
    const { writer, request } = this;
    if (writer === undefined || request === undefined) return;
    const nowMs = request.clock.monotonicMs();
    if (nowMs - this.identityCheckedMs < IDENTITY_EVERY_MS) return;
    this.identityCheckedMs = nowMs;
    const open = await writer.file.stat();
    const named = await this.storage.stat(writer.path);
    if (open.links > 0 && named?.inode === open.inode && named.device === open.device) return;
    throw writer.poisoned(
      'directory',
      new Error('the segment was removed or replaced while it was open'),
      false,
    );
  }

  private async writing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isPawlError(error, 'JOURNAL_POISONED')) this.poisoned = true;
      throw error;
    }
  }
}

function reportOf({ segments, bytes, unread }: Coverage): CheckedLogReport {
  const laterBytes = unread.reduce((sum, { info }) => sum + info.sizeBytes, 0);
  return { segments, bytes, laterSegments: unread.length, laterBytes };
}
