// Counts what a data directory holds: segments, events by type, commits, epochs, snapshots. It needs no lock, changes
// nothing, and reads the log once, in chunks; damage is counted up to and then told.
import { isPawlError } from '../errors.js';
import { requireFields } from '../domain/check.js';
import { CommitDecoder } from './commit-codec.js';
import { LogCursor } from './log-cursor.js';
import { dataDirPaths, requireDataDir } from './data-dir.js';
import { hostStorage } from './host-storage.js';
import { checkJournalOptions } from './journal-options.js';
import type { JournalOptions } from './open-journal.js';
import { decodeOrRefuse } from './journal-errors.js';
import { readHead } from './head-file.js';
import { scanSegment } from './scan.js';
import { listSegments, type SegmentInfo } from './segment-list.js';
import { checkSnapshots, type CheckedSnapshot } from './offline-snapshots.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** A segment, counted. */
export interface SegmentStats {
  readonly name: string;
  readonly bytes: number;
  /** As its name says. */
  readonly firstSequence: number;
  /** Last event that is whole; one less than `firstSequence` when it has none. */
  readonly lastSequence: number;
  readonly commits: number;
  readonly sealed: boolean;
}

/** What a data directory holds. */
export interface LogStats {
  readonly bytes: number;
  /** 0 for an empty log. */
  readonly firstSequence: number;
  /** 0 for an empty log. */
  readonly lastSequence: number;
  readonly commits: number;
  readonly events: number;
  /** Events by type, most frequent first. */
  readonly byType: Readonly<Record<string, number>>;
  /** `at` of the first and the last commit, milliseconds since the Unix epoch; absent for an empty log. */
  readonly firstAt?: number;
  readonly lastAt?: number;
  /** Epoch of the last writer; 0 before the first. */
  readonly epoch: number;
  readonly segments: readonly SegmentStats[];
  readonly snapshots: readonly CheckedSnapshot[];
  /** Where counting ended, when the log is damaged. */
  readonly damage?: { readonly code: string; readonly message: string };
}

/** Counts what `dir` holds. Errors: `INVALID_INPUT`, `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`, those of the storage. */
export async function stats(
  dir: string,
  options: Pick<JournalOptions, 'storage' | 'limits'> = {},
): Promise<LogStats> {
  requireFields(options, 'options', ['storage', 'limits']);
  const { maxFrameBytes } = checkJournalOptions(dir, options);
  const { storage = hostStorage } = options;
  const paths = dataDirPaths(dir);
  await requireDataDir(storage, paths);
  const head = await readHead(storage, paths.head);
  const segments = await listSegments(storage, paths.wal);
  const count = new LogCount(storage, maxFrameBytes, head?.epoch ?? 0);
  for (const [index, info] of segments.entries()) {
    if (!(await count.segment(info, index + 1 === segments.length))) break;
  }
  return count.stats(await checkSnapshots(storage, paths.snapshots));
}

class LogCount {
  readonly #segments: SegmentStats[] = [];
  readonly #byType = new Map<string, number>();
  readonly #cursor = new LogCursor();
  readonly #decoder = new CommitDecoder();
  #commits = 0;
  #firstAt: number | undefined;
  #lastAt: number | undefined;
  #damage: { readonly code: string; readonly message: string } | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly maxFrameBytes: number,
    private readonly knownEpoch: number,
  ) {}

  /** Counts a segment; false when it is damaged and what follows has no meaning. */
  async segment(info: SegmentInfo, newest: boolean): Promise<boolean> {
    const file = await guarded('open', info.path, () => this.storage.open(info.path, 'read'));
    const before = this.#commits;
    let sizeBytes = 0;
    let sealed = false;
    try {
      sizeBytes = (await guarded('look at', info.path, () => file.stat())).sizeBytes;
      const source = { name: info.name, file, sizeBytes, newest };
      const options = { maxFrameBytes: this.maxFrameBytes, unmask: true };
      const scan = scanSegment(source, this.#cursor, options);
      let step = await scan.next();
      for (; step.done !== true; step = await scan.next()) {
        for (const frame of step.value.commits) this.#commit(frame);
      }
      sealed = step.value.kind === 'sealed';
    } catch (error) {
      if (!isPawlError(error)) throw error;
      this.#damage = { code: error.code, message: error.message };
    } finally {
      await file.close();
    }
    const { name, firstSequence } = info;
    const lastSequence = Math.max(firstSequence - 1, this.#cursor.lastSequence);
    const commits = this.#commits - before;
    this.#segments.push({ name, bytes: sizeBytes, firstSequence, lastSequence, commits, sealed });
    return this.#damage === undefined;
  }

  stats(snapshots: readonly CheckedSnapshot[]): LogStats {
    const { firstSequence, lastSequence, epoch } = this.#cursor;
    const byType = [...this.#byType].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    return {
      bytes: this.#segments.reduce((sum, { bytes }) => sum + bytes, 0),
      firstSequence,
      lastSequence: firstSequence === 0 ? 0 : lastSequence,
      commits: this.#commits,
      events: byType.reduce((sum, [, events]) => sum + events, 0),
      byType: Object.fromEntries(byType),
      ...(this.#firstAt === undefined ? {} : { firstAt: this.#firstAt }),
      ...(this.#lastAt === undefined ? {} : { lastAt: this.#lastAt }),
      epoch: Math.max(epoch, this.knownEpoch),
      segments: this.#segments,
      snapshots,
      ...(this.#damage === undefined ? {} : { damage: this.#damage }),
    };
  }

  #commit(frame: Parameters<typeof decodeOrRefuse>[1]): void {
    const { header, events } = decodeOrRefuse(this.#decoder, frame);
    this.#commits++;
    this.#firstAt ??= header.at;
    this.#lastAt = header.at;
    for (const { type } of events) this.#byType.set(type, (this.#byType.get(type) ?? 0) + 1);
  }
}
