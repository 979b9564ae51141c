// A reader without the lock: it changes nothing, takes a torn end for the end, and shows a batch only when
// something behind it, or `head`, proves it durable. A damaged log is readable up to the damage, which is
// thrown when a read comes to it.
import type { Commit } from '../domain/events.js';
import type { PawlError } from '../errors.js';
import { checkSegments, runCheck } from './check-log.js';
import { CommitDecoder } from './commit-codec.js';
import { dataDirPaths, requireDataDir } from './data-dir.js';
import { readHead } from './head-file.js';
import { decodeOrRefuse } from './journal-errors.js';
import type { ReadRange } from './journal.js';
import { readLog } from './read-log.js';
import { listSegments, oldestSegment, type SegmentInfo } from './segment-list.js';
import { lookSteadily } from './steady-look.js';
import type { Storage } from './storage.js';

/** What a reader needs. */
export interface WalReaderParts {
  readonly storage: Storage;
  readonly maxFrameBytes: number;
  /** Show the last batch also when nothing proves it durable: for tools that look at a log nobody writes. Default false. */
  readonly unproven?: boolean;
}

interface Seen {
  readonly segments: readonly SegmentInfo[];
  readonly isEmpty: boolean;
  readonly damage: PawlError | undefined;
}

/** Reads a log as it was when the reader was opened. */
export class WalReader {
  private constructor(
    private readonly parts: WalReaderParts,
    private readonly wal: string,
    private readonly seen: Seen,
    /** Last sequence that is proven durable. */
    readonly currentSequence: number,
  ) {}

  /** Looks at the log under `root`. Errors: `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`. Creates nothing. */
  static async open(root: string, parts: WalReaderParts): Promise<WalReader> {
    const { storage, maxFrameBytes, unproven = false } = parts;
    const paths = dataDirPaths(root);
    await requireDataDir(storage, paths);
    const {
      found: { head, segments, state },
      damage,
    } = await lookSteadily(
      async () => {
        const head = await readHead(storage, paths.head);
        const segments = await listSegments(storage, paths.wal);
        const request = { storage, segments, head, maxFrameBytes } as const;
        const state = checkSegments({ ...request, repair: 'truncate-partial', decode: 'none' });
        const damage = await runCheck(state);
        return { found: { head, segments, state }, damage, segments: segments.map(({ name }) => name) };
      },
      async () => (await oldestSegment(storage, paths.wal))?.name,
    );
    const proven =
      damage === undefined && !unproven
        ? state.provenSequence(head?.durableSequence ?? 0)
        : state.cursor.lastSequence;
    const { isEmpty } = state;
    return new WalReader(parts, paths.wal, { segments, damage, isEmpty }, isEmpty ? 0 : proven);
  }

  /** First sequence that is kept; 1 for an empty log. */
  get firstSequence(): number {
    return this.seen.segments[0]?.firstSequence ?? 1;
  }

  /** True when no event is kept and none was ever removed. */
  get isEmpty(): boolean {
    return this.seen.isEmpty;
  }

  /** What is wrong behind `currentSequence`; undefined for a log that is whole. */
  get damage(): PawlError | undefined {
    return this.seen.damage;
  }

  /**
   * Commits with an event of the range, in order. Errors: `HISTORY_GONE`, also when a segment was removed since the reader
   * was opened; the damage, when the range reaches it.
   */
  async *read({ from, to }: ReadRange): AsyncGenerator<Commit, void, undefined> {
    const { segments, damage } = this.seen;
    const { parts, wal, currentSequence: lastSequence } = this;
    const firstKept = async (): Promise<number | undefined> =>
      (await oldestSegment(parts.storage, wal))?.firstSequence;
    const decoder = new CommitDecoder();
    const last = Math.min(to ?? lastSequence, lastSequence);
    for await (const frames of readLog({ ...parts, segments, from, to: last, firstKept })) {
      yield* frames.map((frame) => decodeOrRefuse(decoder, frame));
    }
    if (damage !== undefined && (to === undefined || to > lastSequence)) throw damage;
  }
}
