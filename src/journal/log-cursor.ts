// Where a reader of the log stands: what the next frame must say to follow the last one. The same cursor is
// carried from segment to segment, so that a hole or a foreign piece anywhere shows.
import { crc32 } from './crc.js';
import { FRAME_KIND, type FrameFields, type FrameHeader } from './frame.js';
import type { CorruptionReason } from './repair-policy.js';

const WRAP = 0x1_0000_0000;

type TakenFrame = Pick<FrameFields, 'epoch' | 'batch' | 'lastOfBatch' | 'firstSequence' | 'count'>;

/** Position behind the last good frame of a log. */
export class LogCursor {
  /** False until the first frame was taken: it may then begin anywhere. */
  begun = false;
  logId = '';
  /** True when the first segment that was seen follows one that is no longer there. */
  continues = false;
  epoch = 0;
  batch = 0;
  /** True when the last frame was the last of its batch. */
  batchEnded = true;
  /** True when the last frame was a commit: nothing behind its batch shows that the batch was made durable. */
  endsInCommit = false;
  /** headerCRC of the last frame. */
  previousCrc = 0;
  /** Sequence the next event must have. */
  nextSequence = 0;
  /** First event that was seen; 0: none. */
  firstSequence = 0;
  // Of the segment that is being read, for its seal.
  segmentFrames = 0;
  segmentEvents = 0;
  runningCrc = 0;

  /** Last event that was seen, or the one before the first that would follow. */
  get lastSequence(): number {
    return this.nextSequence === 0 ? 0 : this.nextSequence - 1;
  }

  /** Starts on the next segment. */
  beginSegment(): void {
    this.segmentFrames = 0;
    this.segmentEvents = 0;
    this.runningCrc = 0;
  }

  /** Why the frame does not follow, or undefined when it does. */
  objection(header: FrameHeader): CorruptionReason | undefined {
    if ((header.kind === FRAME_KIND.commit) !== header.count > 0) return 'decodeFailure';
    if (!this.begun) return undefined;
    if (header.firstSequence !== this.nextSequence) return 'sequenceGap';
    if (header.previousCrc !== this.previousCrc || header.epoch < this.epoch) return 'sealMismatch';
    const newEpoch = header.epoch > this.epoch;
    if (header.batch === this.batch && !this.batchEnded && !newEpoch) return undefined;
    if (header.batch === this.nextBatch && (this.batchEnded || newEpoch)) return undefined;
    return 'sealMismatch';
  }

  /** Steps over a good frame; `bytes[at]` is its first byte. */
  take(header: TakenFrame, headerCrc: number, bytes: Buffer, at: number): void {
    this.begun = true;
    this.epoch = header.epoch;
    this.batch = header.batch;
    this.batchEnded = header.lastOfBatch;
    this.endsInCommit = header.count > 0;
    this.previousCrc = headerCrc;
    this.nextSequence = header.firstSequence + header.count;
    if (header.count > 0 && this.firstSequence === 0) this.firstSequence = header.firstSequence;
    this.segmentFrames++;
    this.segmentEvents += header.count;
    this.runningCrc = crc32(bytes, at + 40, at + 44, this.runningCrc);
  }

  /** A cursor that stands where this one stands. */
  copy(): LogCursor {
    return Object.assign(new LogCursor(), this);
  }

  /** The batch that follows the last one. */
  get nextBatch(): number {
    return (this.batch + 1) % WRAP;
  }

  /** The batch a bad frame behind the last good one belongs to. */
  get batchOfNext(): number {
    return this.batchEnded ? this.nextBatch : this.batch;
  }
}
