// Checks, behind a start, what the start left unread: every byte of older segments, one after the other, in small
// pieces with pauses between them, so that nobody notices. It ends with the first damage, or when it is stopped; a
// segment that was removed meanwhile is passed over. It changes nothing.
import type { Clock } from '../clock.js';
import { PawlError, isPawlError } from '../errors.js';
import type { UnreadSegment } from './check-log.js';
import { LogCursor } from './log-cursor.js';
import { scanSegment } from './scan.js';
import { MARK_EVERY_BYTES, addMark, type SegmentInfo } from './segment-list.js';
import { corrupt } from './segment-source.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** Bytes checked at a time: a millisecond or two of work. */
const PIECE_BYTES = 262_144;
/** Pause behind each piece, milliseconds: 8 MiB a second at most, a few hundredths of a core. */
const PAUSE_MS = 30;
/** Pause before a segment that could not be opened is tried again, milliseconds. */
const RETRY_MS = 1_000;

/** What the check works with. */
export interface BackgroundCheckParts {
  readonly storage: Storage;
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly maxFrameBytes: number;
  /** False once a segment was removed on purpose. */
  readonly isKept: (info: SegmentInfo) => boolean;
}

/** The check. */
export class BackgroundCheck {
  private running: Promise<void> | undefined;
  private stopped = false;
  private endPause: () => void = () => undefined;

  constructor(
    private readonly parts: BackgroundCheckParts,
    private readonly segments: readonly UnreadSegment[],
  ) {}

  /** Resolves when all is checked or the check is stopped; the same promise for every call. Errors: `JOURNAL_CORRUPT`. */
  run(): Promise<void> {
    this.running ??= this.checkAll();
    return this.running;
  }

  /** Ends the check; resolves when it reads nothing any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.endPause();
    await this.running?.catch(() => undefined);
  }

  private async checkAll(): Promise<void> {
    for (const segment of this.segments) {
      while (!this.stopped && !(await this.checked(segment))) await this.pause(RETRY_MS);
    }
  }

  /** True when nothing is left to do for the segment; false when it has to be tried again. */
  private async checked(segment: UnreadSegment): Promise<boolean> {
    const { info } = segment;
    const { isKept, storage } = this.parts;
    if (!isKept(info)) return true;
    try {
      await this.check(segment);
      return true;
    } catch (error) {
      if (!isKept(info)) return true;
      if (isPawlError(error, 'JOURNAL_CORRUPT')) throw error;
      if (isPawlError(error, 'UNSUPPORTED_FORMAT')) throw notUnderstood(error);
      if ((await storage.stat(info.path).catch(() => info)) !== undefined) return false;
      throw corrupt(info.name, 0, 'io', 'it is gone', {}, error);
    }
  }

  private async check({ info, sealCrc }: UnreadSegment): Promise<void> {
    const { storage, maxFrameBytes } = this.parts;
    const file = await guarded('open', info.path, () => storage.open(info.path, 'read'));
    try {
      const { sizeBytes } = await guarded('look at', info.path, () => file.stat());
      const source = { name: info.name, file, sizeBytes, newest: false };
      // How it follows the segment before, and the next follows it, was checked at the start.
      const cursor = new LogCursor();
      const options = { maxFrameBytes, unmask: false, chunkBytes: PIECE_BYTES };
      for await (const { commits } of scanSegment(source, cursor, options)) {
        const [first] = commits;
        if (first !== undefined) {
          const mark = { sequence: first.firstSequence, offset: first.offset };
          addMark(info, mark, MARK_EVERY_BYTES);
        }
        await this.pause(PAUSE_MS);
        if (this.stopped) return;
      }
      if (cursor.previousCrc !== sealCrc)
        throw corrupt(info.name, 0, 'sealMismatch', 'it is not the segment that was there at the start');
    } finally {
      await guarded('close', info.path, () => file.close());
    }
  }

  private async pause(ms: number): Promise<void> {
    if (this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = this.parts.clock.setTimer(ms, resolve);
      this.endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/** Frames of this version stood there when the segment was sealed. */
function notUnderstood(error: PawlError): PawlError {
  return new PawlError('JOURNAL_CORRUPT', error.message, error.data, error);
}
