// The segment that follows the newest one, from its making until its name is durable: a try that got stuck in between
// is taken up again where it stood, so that no segment is made twice and none is used before its name is sure.
import { createSegment, removeNamed, syncName, type NamedSegment } from './create-segment.js';
import type { LogCursor } from './log-cursor.js';
import type { WritableLog } from './open-log.js';
import { segmentInfo } from './segment-list.js';
import type { Storage } from './storage.js';

/** Makes the segments of one open log, one at a time. */
export class NextSegment {
  /** A segment whose name is not durable yet. */
  private named: NamedSegment | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly log: Pick<WritableLog, 'paths' | 'epoch' | 'logId'>,
    private readonly instance: string,
  ) {}

  /** Makes the one that begins with `firstSequence` behind `cursor`. Errors: as `createSegment` and `syncName`. */
  async make(firstSequence: number, cursor: LogCursor): Promise<NamedSegment> {
    const { storage, instance } = this;
    const { paths, epoch, logId } = this.log;
    if (this.named !== undefined && this.named.info.firstSequence !== firstSequence)
      await this.drop(this.named);
    const info = segmentInfo(paths.wal, firstSequence);
    this.named ??= await createSegment({ storage, paths, info, cursor, epoch, logId, instance });
    const made = this.named;
    await syncName({ storage, paths }, made.info);
    this.named = undefined;
    return made;
  }

  /** The batch for which it was made was refused, and the next one begins elsewhere: only an empty log lets it. */
  private async drop(named: NamedSegment): Promise<void> {
    await removeNamed({ storage: this.storage, paths: this.log.paths }, named);
    this.named = undefined;
  }
}
