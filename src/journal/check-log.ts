// Checks a log from its first segment to its end and says what is there. Opening, verifying and the readers without a
// lock share it; what it finds wrong is thrown with segment and offset. Each byte is read once: whoever opens gets
// the commits, and has the newest segment copied, as they are found good. It writes nothing itself.
import { isPawlError, type PawlError } from '../errors.js';
import { requireKnown, requireNext, tornTail } from './check-log-refusals.js';
import { CommitDecoder } from './commit-codec.js';
import type { Head } from './head-file.js';
import { HeldCommits } from './held-commits.js';
import type { LogConsumer } from './journal-backend.js';
import { decodeOrRefuse } from './journal-errors.js';
import { LogCursor } from './log-cursor.js';
import { readLog } from './read-log.js';
import type { RepairPolicy } from './repair-policy.js';
import { scanSegment, type ScannedChunk, type ScannedCommit, type SegmentEnd } from './scan.js';
import { sealAtEnd, stepOver } from './segment-ends.js';
import { MARK_EVERY_BYTES, addMark, type SegmentInfo } from './segment-list.js';
import type { SegmentSource } from './segment-source.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** What is checked, and how strictly. */
export interface CheckRequest {
  readonly storage: Storage;
  readonly segments: readonly SegmentInfo[];
  readonly head: Head | undefined;
  readonly maxFrameBytes: number;
  readonly repair: RepairPolicy;
  /** Which commits are decoded: all, the last of each chunk (for its time), or none. */
  readonly decode: 'all' | 'last' | 'none';
  /** Gets the commits with an event at `from` or behind it; with `provenTo`, those behind it once they are proven durable. */
  readonly consumer?: {
    readonly from: number;
    readonly apply: LogConsumer['apply'];
    readonly provenTo?: number;
  };
  /**
   * Of segments that end before this sequence only header, seal, length and place in the chain are checked. Default 0:
   * every byte of every segment is.
   */
  readonly wholeFrom?: number;
  /** Called for a newest segment without a seal that is known to be durable: what it returns gets the good frames. */
  readonly copyNewest?: (newest: SegmentInfo) => Promise<FrameSink>;
}

/** Takes good frames that stand next to each other, as they lie in the file. */
export interface FrameSink {
  take(frames: Pick<ScannedChunk, 'bytes' | 'from' | 'end' | 'offset'>): Promise<void>;
}

/** What was found. */
export interface CheckedLog {
  /** Stands behind the last good frame. */
  readonly cursor: LogCursor;
  /** How the newest segment ends; undefined when there is none. */
  readonly end: SegmentEnd | undefined;
  /** `at` of the last commit that was decoded; 0 when none was. */
  readonly lastAt: number;
  readonly commits: number;
  readonly coverage: Coverage;
  /** True when no event is kept and none was ever removed. */
  readonly isEmpty: boolean;
}

/** A segment of which only the ends were read. */
export interface UnreadSegment {
  readonly info: SegmentInfo;
  /** headerCRC of its seal. */
  readonly sealCrc: number;
}

/** How much was checked. */
export interface Coverage {
  /** Segments of which every byte was checked, and those bytes. */
  readonly segments: number;
  readonly bytes: number;
  /** The others, oldest first. */
  readonly unread: readonly UnreadSegment[];
}

/** Reads every byte of every segment, from `wholeFrom` on. Errors: the typed errors of contract §9; when the log is whole, what the consumer threw. */
export async function checkLog(request: CheckRequest): Promise<CheckedLog> {
  const { segments } = request;
  const state = checkSegments(request);
  await state.run();
  requireKnown(request.head, state);
  const newest = segments[segments.length - 1];
  if (state.end?.kind === 'torn' && request.repair === 'strict' && newest !== undefined) {
    throw tornTail(newest, state.end, state.cursor);
  }
  if (state.refusal !== undefined) throw state.refusal.error;
  return state;
}

/** Begins a check that the caller runs and may look into when it throws. */
export function checkSegments(request: CheckRequest): SegmentsState {
  return new SegmentsState(request);
}

/** Runs a check; what it found wrong, or undefined. Errors: those that are no own ones. */
export async function runCheck(state: SegmentsState): Promise<PawlError | undefined> {
  try {
    await state.run();
    return undefined;
  } catch (error) {
    if (isPawlError(error)) return error;
    throw error;
  }
}

/** Where a check stands. */
export class SegmentsState implements CheckedLog {
  cursor = new LogCursor();
  end: SegmentEnd | undefined;
  lastAt = 0;
  commits = 0;
  readonly coverage = { segments: 0, bytes: 0, unread: [] as UnreadSegment[] };
  /** The newest batch that holds commits. */
  lastBatch = { batch: -1, firstSequence: 0 };
  /** What the consumer threw: it gets nothing more, and the check goes on. */
  refusal: { readonly error: unknown } | undefined;
  /** Name of the last segment that was looked at. */
  newestName = '';
  private readonly decoder = new CommitDecoder();
  private readonly held: HeldCommits | undefined;

  constructor(private readonly request: CheckRequest) {
    const { provenTo } = request.consumer ?? {};
    if (provenTo === undefined) return;
    this.held = new HeldCommits(provenTo, (commits) => {
      this.handOver(commits);
    });
  }

  get isEmpty(): boolean {
    return this.cursor.firstSequence === 0 && !this.cursor.continues;
  }

  /** Last sequence that is proven durable: that of the last batch when a frame that is none of its commits follows, or when it is `known`. */
  provenSequence(known: number): number {
    const { cursor, lastBatch } = this;
    if (!cursor.endsInCommit) return cursor.lastSequence;
    return Math.min(cursor.lastSequence, Math.max(known, lastBatch.firstSequence - 1));
  }

  /** Reads every segment. Errors: the damage that is found first. */
  async run(): Promise<void> {
    const { segments } = this.request;
    for (const [index, info] of segments.entries()) {
      requireNext(this.cursor, info);
      this.newestName = info.name;
      await this.checkSegment(info, index + 1 === segments.length);
    }
  }

  private async checkSegment(info: SegmentInfo, newest: boolean): Promise<void> {
    const { storage, copyNewest } = this.request;
    const file = await guarded('open', info.path, () => storage.open(info.path, 'read'));
    try {
      const { sizeBytes } = await guarded('look at', info.path, () => file.stat());
      const source = { name: info.name, file, sizeBytes, newest };
      if (await this.steppedOver(info, source)) return;
      if (!newest || copyNewest === undefined) this.end = await this.scan(info, source);
      else this.end = await this.scanNewest(info, source, copyNewest);
      info.sizeBytes = this.end.offset;
      info.sealed = this.end.kind === 'sealed';
      this.coverage.segments++;
      this.coverage.bytes += this.end.offset;
    } finally {
      await guarded('close', info.path, () => file.close());
    }
  }

  /** Leaves what lies between the ends of a segment for later, when nothing behind `wholeFrom` is in it. */
  private async steppedOver(info: SegmentInfo, source: SegmentSource): Promise<boolean> {
    const { wholeFrom = 0 } = this.request;
    if (info.firstSequence >= wholeFrom) return false;
    if (source.newest && !(await this.endsInDurableSeal(info, source))) return false;
    const behind = await stepOver(source, this.cursor);
    if (behind === undefined || behind.nextSequence > wholeFrom) return false;
    this.cursor = behind;
    this.end = { kind: 'sealed', offset: source.sizeBytes };
    info.sizeBytes = source.sizeBytes;
    info.sealed = true;
    this.coverage.unread.push({ info, sealCrc: behind.previousCrc });
    return true;
  }

  /** Copies while it checks, unless the segment ends in a seal that is known to be durable. */
  private async scanNewest(
    info: SegmentInfo,
    source: SegmentSource,
    copyNewest: (newest: SegmentInfo) => Promise<FrameSink>,
  ): Promise<SegmentEnd> {
    if (!(await this.endsInDurableSeal(info, source)))
      return await this.scan(info, source, await copyNewest(info));
    const before = this.cursor.copy();
    const end = await this.scan(info, source);
    if (end.kind === 'sealed') return end;
    // It only looked like a seal: a batch that was torn may hold anything. What is good is read again for the copy.
    this.cursor = before;
    const sink = await copyNewest(info);
    const options = { maxFrameBytes: this.request.maxFrameBytes, unmask: false };
    const again = scanSegment(source, this.cursor, options);
    let step = await again.next();
    for (; step.done !== true; step = await again.next()) await sink.take(step.value);
    return step.value;
  }

  /**
   * A seal that was written and whose fsync failed, or was cut off by the end of its process, is in the cache and perhaps
   * nowhere else. `head` names its batch only after that fsync returned.
   */
  private async endsInDurableSeal(info: SegmentInfo, source: SegmentSource): Promise<boolean> {
    const { head } = this.request;
    const found = await sealAtEnd(source);
    if (found === undefined || head === undefined) return false;
    const { epoch, batch } = found.header;
    return head.segment === info.firstSequence && head.epoch === epoch && head.batch === batch;
  }

  private async scan(info: SegmentInfo, source: SegmentSource, sink?: FrameSink): Promise<SegmentEnd> {
    const { maxFrameBytes } = this.request;
    const scan = scanSegment(source, this.cursor, { maxFrameBytes, unmask: true });
    let step = await scan.next();
    for (; step.done !== true; step = await scan.next()) {
      const chunk = step.value;
      // The disk may write while the commits are taken in.
      const copied = sink?.take(chunk);
      try {
        await this.checkChunk(info, chunk);
      } finally {
        await copied;
      }
      info.sizeBytes = chunk.offset + chunk.end - chunk.from;
    }
    return step.value;
  }

  private async checkChunk(info: SegmentInfo, { commits }: ScannedChunk): Promise<void> {
    this.commits += commits.length;
    for (const { batch, firstSequence } of commits) {
      if (batch !== this.lastBatch.batch) this.lastBatch = { batch, firstSequence };
    }
    const first = commits[0];
    if (first !== undefined) {
      addMark(info, { sequence: first.firstSequence, offset: first.offset }, MARK_EVERY_BYTES);
      this.decode(commits);
    }
    if (this.held === undefined) this.handOver(commits);
    else await this.held.take(commits, this.cursor, (range) => this.readAgain(info, range));
  }

  /** Commits that were checked and lie in the part of the segment that was read. */
  private readAgain(
    info: SegmentInfo,
    range: { readonly from: number; readonly to: number },
  ): AsyncIterable<readonly ScannedCommit[]> {
    const { storage, maxFrameBytes } = this.request;
    // Whether retention took it away meanwhile is for the caller to find out.
    return readLog({ storage, maxFrameBytes, segments: [info], ...range, firstKept: () => undefined });
  }

  private decode(commits: readonly ScannedCommit[]): void {
    const { decode } = this.request;
    const chosen = decode === 'all' ? commits : decode === 'last' ? commits.slice(-1) : [];
    for (const commit of chosen) this.lastAt = decodeOrRefuse(this.decoder, commit).header.at;
  }

  private handOver(commits: readonly ScannedCommit[]): void {
    const { consumer } = this.request;
    if (consumer === undefined || this.refusal !== undefined) return;
    const { from, apply } = consumer;
    const first = commits[0];
    const all = first === undefined || first.firstSequence >= from;
    const wanted = all ? commits : commits.filter((one) => one.firstSequence + one.count > from);
    if (wanted.length === 0) return;
    try {
      apply(wanted);
    } catch (error) {
      this.refusal = { error };
    }
  }
}
