// A reader without the lock shows a batch once something proves that it was made durable. The commits of the last batch
// that was seen wait here, as copies, until a frame behind them does; of a batch too large to copy the rest is read
// again then, so that memory is bounded whatever wrote the log.
import type { LogCursor } from './log-cursor.js';
import type { ScannedCommit } from './scan.js';

/** Bytes of payloads that are held at most: more than a batch has, unless its writer was far ahead of its disk. */
const HELD_BYTES = 16_777_216;

/** Commits from one sequence to another. */
export interface HeldRange {
  readonly from: number;
  readonly to: number;
}

/** Reads commits again that were seen before. */
export type ReadAgain = (range: HeldRange) => AsyncIterable<readonly ScannedCommit[]>;

/** Holds back what is not proven durable. */
export class HeldCommits {
  /** All of one batch, in order. */
  private held: ScannedCommit[] = [];
  private heldBytes = 0;
  /** What follows them in their batch and was not copied. */
  private left: HeldRange | undefined;

  constructor(
    /** Up to here everything is known to be durable. */
    private readonly provenTo: number,
    private readonly give: (commits: readonly ScannedCommit[]) => void,
    private readonly maxBytes = HELD_BYTES,
  ) {}

  /** Takes the commits of the frames up to `cursor`, which follow those it took before, and hands on what they prove. */
  async take(commits: readonly ScannedCommit[], cursor: LogCursor, readAgain: ReadAgain): Promise<void> {
    const { provenTo } = this;
    const open = ({ batch, firstSequence }: ScannedCommit): boolean =>
      batch === cursor.batch && firstSequence > provenTo;
    const first = cursor.endsInCommit ? commits.findIndex(open) : -1;
    const proven = first < 0 ? commits : commits.slice(0, first);
    if (first !== 0 || this.held[0]?.batch !== cursor.batch) await this.release(readAgain);
    if (proven.length > 0) this.give(proven);
    if (first >= 0) this.hold(commits.slice(first));
  }

  private hold(commits: readonly ScannedCommit[]): void {
    for (const commit of commits) {
      const { bytes, from, end, firstSequence, count } = commit;
      const length = end - from;
      // One is held in any case, and says which batch it is.
      if (this.held.length > 0 && (this.left !== undefined || this.heldBytes + length > this.maxBytes)) {
        this.left = { from: this.left?.from ?? firstSequence, to: firstSequence + count - 1 };
        continue;
      }
      this.held.push({ ...commit, bytes: Buffer.from(bytes.subarray(from, end)), from: 0, end: length });
      this.heldBytes += length;
    }
  }

  private async release(readAgain: ReadAgain): Promise<void> {
    const { held, left } = this;
    this.held = [];
    this.heldBytes = 0;
    this.left = undefined;
    if (held.length > 0) this.give(held);
    if (left === undefined) return;
    for await (const commits of readAgain(left)) this.give(commits);
  }
}
