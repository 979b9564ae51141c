// The scan loop, written once: opening, reading, verifying and repairing all read a segment through it. It yields
// the good frames a chunk at a time and returns how the segment ends; damage is thrown. Reading is chunked:
// memory is one chunk, or one frame when that is larger, and a length is believed only after its checksum.
import type { CommitFrame } from './commit-codec.js';
import { checkSeal, checkSegmentHeader, checkWatermark, plainPayload } from './control-check.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, FrameHeader, LOG_MAGIC, judgeMagic } from './frame.js';
import type { LogCursor } from './log-cursor.js';
import type { CorruptionReason } from './repair-policy.js';
import {
  corrupt,
  isZeroFrom,
  readRange,
  unknownKind,
  unsupported,
  type SegmentSource,
} from './segment-source.js';
import { judgeTail } from './tail.js';

/** A commit that was found whole. */
export interface ScannedCommit extends CommitFrame {
  readonly batch: number;
  readonly segment: string;
  readonly offset: number;
}

/** Good frames that stand next to each other; valid until the next are asked for. */
export interface ScannedChunk {
  readonly bytes: Buffer;
  /** The frames are `bytes[from, end)`, as they lie in the file. */
  readonly from: number;
  readonly end: number;
  /** Offset of `bytes[from]` in the segment. */
  readonly offset: number;
  readonly commits: readonly ScannedCommit[];
}

/** How a segment ends. `offset` is one past its last good frame. */
export type SegmentEnd =
  | { readonly kind: 'sealed'; readonly offset: number }
  | { readonly kind: 'clean'; readonly offset: number }
  | { readonly kind: 'torn'; readonly offset: number; readonly reason: CorruptionReason };

/** What a scan is told. */
export interface ScanOptions {
  readonly maxFrameBytes: number;
  /** Hand out payloads that can be decoded: one that is masked is copied. */
  readonly unmask: boolean;
  /** Begin here, at a frame that is known to begin here; default 0. */
  readonly fromOffset?: number;
  /** Bytes read at a time; default 1 MiB. */
  readonly chunkBytes?: number;
}

const CHUNK_BYTES = 1_048_576;
const KINDS: ReadonlySet<number> = new Set([
  FRAME_KIND.commit,
  FRAME_KIND.segmentHeader,
  FRAME_KIND.seal,
  FRAME_KIND.watermark,
]);

/** Scans one segment behind `cursor`, which is moved along. Errors: `JOURNAL_CORRUPT`, `UNSUPPORTED_FORMAT`. */
export async function* scanSegment(
  source: SegmentSource,
  cursor: LogCursor,
  options: ScanOptions,
): AsyncGenerator<ScannedChunk, SegmentEnd, undefined> {
  const scan = new SegmentScan(source, cursor, options);
  cursor.beginSegment();
  for (;;) {
    const chunk = await scan.nextChunk();
    if (chunk.end > chunk.from) yield chunk;
    if (scan.failure !== undefined) throw scan.failure;
    if (scan.end !== undefined) return scan.end;
  }
}

interface BadPlace {
  readonly reason: CorruptionReason;
  readonly headerIsRight: boolean;
}

class SegmentScan {
  end: SegmentEnd | undefined;
  failure: Error | undefined;
  private bad: BadPlace | undefined;
  private bytes: Buffer;
  /** Offset in the segment of `bytes[0]`, and how much of `bytes` is filled. */
  private base: number;
  private filled = 0;
  private at = 0;
  private sealed = false;
  private readonly header = new FrameHeader();

  constructor(
    private readonly source: SegmentSource,
    private readonly cursor: LogCursor,
    private readonly options: ScanOptions,
  ) {
    this.base = options.fromOffset ?? 0;
    const { chunkBytes = CHUNK_BYTES } = options;
    this.bytes = Buffer.allocUnsafe(
      Math.max(FRAME_HEADER_BYTES, Math.min(chunkBytes, source.sizeBytes - this.base)),
    );
  }

  /** Reads on and takes every whole frame that is in memory then. */
  async nextChunk(): Promise<ScannedChunk> {
    await this.fill();
    const from = this.at;
    const commits: ScannedCommit[] = [];
    try {
      while (this.takeFrame(commits));
      if (this.bad !== undefined) await this.judge(this.bad);
    } catch (error) {
      // What stands before the damage is handed out first.
      this.failure = error as Error;
    }
    return { bytes: this.bytes, from, end: this.at, offset: this.base + from, commits };
  }

  private get offset(): number {
    return this.base + this.at;
  }

  private get remaining(): number {
    return this.source.sizeBytes - this.offset;
  }

  /** Moves the rest to the front and reads behind it. */
  private async fill(): Promise<void> {
    this.bytes.copyWithin(0, this.at, this.filled);
    this.filled -= this.at;
    this.base += this.at;
    this.at = 0;
    const length = Math.min(this.bytes.length - this.filled, this.source.sizeBytes - this.base - this.filled);
    if (length === 0) return;
    await readRange(this.source, this.bytes, this.filled, length, this.base + this.filled);
    this.filled += length;
  }

  /** Takes the next frame; false when more has to be read, or the segment ends. */
  private takeFrame(commits: ScannedCommit[]): boolean {
    const { bytes, at, header, source } = this;
    const inMemory = this.filled - at;
    if (this.remaining === 0) return this.finish();
    if (this.sealed) throw corrupt(source.name, this.offset, 'sealMismatch', 'something follows the seal');
    if (this.remaining < FRAME_HEADER_BYTES) return this.badPlace('incompleteHeader', false);
    if (inMemory < FRAME_HEADER_BYTES) return false;
    const magic = judgeMagic(bytes, at, LOG_MAGIC);
    if (magic === 'otherVersion') throw unsupported(source.name, this.offset, bytes.readUInt8(at + 3));
    if (magic === 'foreign' || !header.read(bytes, at)) return this.badPlace('crcMismatch', false);
    this.checkHeader();
    const frameBytes = FRAME_HEADER_BYTES + header.length;
    if (frameBytes > this.remaining) return this.badPlace('incompletePayload', true);
    if (frameBytes > inMemory) {
      this.makeRoom(frameBytes);
      return false;
    }
    if (!header.payloadIsWhole(bytes, at)) return this.badPlace('crcMismatch', true);
    this.accept(commits, frameBytes);
    return true;
  }

  /** A header whose checksum is right, and that is wrong all the same, was never torn. */
  private checkHeader(): void {
    const { header, source, cursor, offset } = this;
    const { length } = header;
    if (length === 0 || length > this.options.maxFrameBytes) {
      throw corrupt(source.name, offset, 'decodeFailure', `a frame of ${String(length)} bytes`, { length });
    }
    if (!header.flagsKnown || !KINDS.has(header.kind)) {
      throw unknownKind(source.name, offset, header.flags);
    }
    const first = offset === 0;
    if ((header.kind === FRAME_KIND.segmentHeader) !== first) {
      throw corrupt(
        source.name,
        offset,
        'sealMismatch',
        first ? 'it does not begin with a segment header' : 'a segment header inside a segment',
      );
    }
    const objection = cursor.objection(header);
    if (objection === undefined) return;
    throw corrupt(
      source.name,
      offset,
      objection,
      `its sequence is ${String(header.firstSequence)}, after ${String(cursor.lastSequence)}`,
      {
        expectedSeq: cursor.nextSequence,
        found: header.firstSequence,
      },
    );
  }

  private accept(commits: ScannedCommit[], frameBytes: number): void {
    const { header, bytes, at, cursor, source } = this;
    const from = at + FRAME_HEADER_BYTES;
    if (header.kind !== FRAME_KIND.commit) this.checkControl();
    cursor.take(header, header.headerCrc, bytes, at);
    if (header.kind === FRAME_KIND.commit) {
      const { firstSequence, count, batch, length } = header;
      const masked = this.options.unmask && header.mask !== 0;
      commits.push({
        bytes: masked ? plainPayload(bytes, at, header) : bytes,
        from: masked ? 0 : from,
        end: masked ? length : at + frameBytes,
        firstSequence,
        count,
        batch,
        segment: source.name,
        offset: this.offset,
      });
    }
    this.at += frameBytes;
  }

  private checkControl(): void {
    const { header, bytes, at, source, offset, cursor } = this;
    const payload = plainPayload(bytes, at, header);
    const place = { segment: source.name, offset, cursor };
    if (header.kind === FRAME_KIND.segmentHeader) checkSegmentHeader(payload, header, place);
    if (header.kind === FRAME_KIND.watermark) checkWatermark(payload, header, place);
    if (header.kind !== FRAME_KIND.seal) return;
    // A scan that began inside the segment has not counted what the seal counts.
    if (this.options.fromOffset === undefined) checkSeal(payload, place);
    this.sealed = true;
  }

  private finish(): false {
    const { source, offset } = this;
    if (offset === 0) throw corrupt(source.name, 0, 'sealMismatch', 'it is empty');
    if (!this.sealed && !source.newest) {
      throw corrupt(
        source.name,
        offset,
        'sealMismatch',
        'it ends without a seal, and a later segment follows',
      );
    }
    this.end = { kind: this.sealed ? 'sealed' : 'clean', offset };
    return false;
  }

  private badPlace(reason: CorruptionReason, headerIsRight: boolean): false {
    this.bad = { reason, headerIsRight };
    return false;
  }

  private async judge({ reason, headerIsRight }: BadPlace): Promise<void> {
    const { source, offset, cursor } = this;
    // A segment gets its name only after its header was synced: damage there is never a tear.
    if (offset === 0) throw corrupt(source.name, 0, 'sealMismatch', 'it has no whole segment header');
    if (!headerIsRight && source.newest && (await isZeroFrom(source, offset))) {
      this.end = { kind: 'clean', offset };
      return;
    }
    const header = headerIsRight ? this.header : undefined;
    await judgeTail({ source, offset, cursor, header, reason, maxFrameBytes: this.options.maxFrameBytes });
    this.end = { kind: 'torn', offset, reason };
  }

  private makeRoom(frameBytes: number): void {
    if (frameBytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(frameBytes);
    this.bytes.copy(larger, 0, 0, this.filled);
    this.bytes = larger;
  }
}
