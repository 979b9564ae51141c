// Which segments may go: those whose every event the second newest verified snapshot stands for, oldest first, none
// that somebody reads. Nothing goes while log, `head` and snapshots disagree, so that what is kept always recovers,
// also from the older snapshot.
import type { Clock } from '../clock.js';
import { PawlError } from '../errors.js';
import { withFields, type Logger } from '../logger.js';
import type { KeptSegment, LogSegments } from './journal-backend.js';
import { SnapshotDecoder } from './snapshot-loader-decoder.js';
import { readSnapshot } from './snapshot-loader-read.js';
import type { SnapshotEntry, SnapshotInput, SnapshotStore } from './snapshot-store-port.js';

/** What becomes of segments that snapshots cover. */
export type RetentionPolicy = 'keep' | 'archive' | 'delete';

/** Verified snapshots that must cover a segment before it goes. */
const COVERED_BY = 2;
/** The header of a snapshot and its first frame fit into this. */
const HEAD_BYTES = 128;

/** What retention works with. */
export interface RetainParts {
  readonly how: Exclude<RetentionPolicy, 'keep'>;
  readonly segments: LogSegments;
  readonly snapshots: SnapshotStore;
  readonly journal: {
    readonly durableSequence: number;
    readonly poisonedBy: PawlError | undefined;
    /** The log begins at this sequence from now on. */
    keptFrom(sequence: number): void;
  };
  readonly clock: Pick<Clock, 'yieldTurn'>;
  readonly logger: Logger;
  /** True when nothing more is to be removed. */
  readonly isStopped: () => boolean;
  /** The first sequence that a reader wants kept. */
  readonly wantedFrom: (segments: readonly KeptSegment[]) => number;
}

/** What was done. */
export interface Retained {
  /** Segments that went. */
  readonly removed: number;
  /** True when a reader held back what could have gone. */
  readonly heldBack: boolean;
}

/** Removes what may go, one segment at a time. Errors: those of the storage; what was removed until then stays removed. */
export async function retain(parts: RetainParts): Promise<Retained> {
  const { segments, journal, how } = parts;
  const logger = withFields(parts.logger, { component: 'retention' });
  let removed = 0;
  for (;;) {
    const next = await nextToGo(parts, logger);
    if (next === undefined || parts.isStopped()) return { removed, heldBack: false };
    if (next.from <= parts.wantedFrom(segments.list())) {
      try {
        await segments.removeOldest(how);
      } finally {
        // Also when it failed half-way: what is not listed any more is not there for readers.
        const [first] = segments.list();
        if (first !== undefined) journal.keptFrom(first.firstSequence);
      }
      removed++;
      logger.info({ segment: next.name, how, firstSequence: next.from }, 'segment removed');
      await turn(parts.clock);
      continue;
    }
    return { removed, heldBack: true };
  }
}

/** The oldest segment when it may go, and where the log begins without it. Looks at everything anew. */
async function nextToGo(
  { segments, snapshots, journal }: RetainParts,
  logger: Logger,
): Promise<{ name: string; from: number } | undefined> {
  const [oldest, following] = segments.list();
  if (oldest === undefined || following === undefined || journal.poisonedBy !== undefined) return undefined;
  const covered = await verifiedSnapshots(snapshots, logger);
  const [newest, older] = covered;
  if (newest === undefined || older === undefined || older.sequence < following.firstSequence - 1)
    return undefined;
  const why =
    newest.sequence > journal.durableSequence
      ? `${newest.path} is ahead of the log, which ends at ${String(journal.durableSequence)}`
      : ((await snapshots.namesInDoubt()) ?? (await segments.disagreement()));
  if (why === undefined) return { name: oldest.name, from: following.firstSequence };
  logger.warn({ why }, 'segments are kept, for log, head and snapshots disagree');
  return undefined;
}

/** The newest snapshots that are whole, as many as count. One that nobody has read yet is read. */
async function verifiedSnapshots(store: SnapshotStore, logger: Logger): Promise<SnapshotEntry[]> {
  const verified: SnapshotEntry[] = [];
  for (const entry of await store.list()) {
    if (verified.length === COVERED_BY) break;
    if (store.rejected.has(entry.path)) continue;
    if (store.verified.has(entry.path) || (await isWhole(store, entry, logger))) verified.push(entry);
  }
  return verified;
}

async function isWhole(store: SnapshotStore, entry: SnapshotEntry, logger: Logger): Promise<boolean> {
  try {
    const input = await store.read(entry);
    try {
      await requireName(input, entry);
      await readSnapshot(input);
    } finally {
      await input.close();
    }
    store.verified.add(entry.path);
    return true;
  } catch (error) {
    store.rejected.add(entry.path);
    logger.warn({ err: error, path: entry.path }, 'snapshot does not count, it is not whole');
    return false;
  }
}

/** A file under another name would cover what it does not hold. Its frames and its digest are read after this. */
async function requireName(input: SnapshotInput, entry: SnapshotEntry): Promise<void> {
  const bytes = Buffer.alloc(HEAD_BYTES);
  const length = await input.read(bytes, 0, 0);
  let sequence = -1;
  const decoder = new SnapshotDecoder(entry.path, {
    header: (header) => {
      sequence = header.sequence;
    },
    record: ignore,
    footer: ignore,
  });
  decoder.feed(bytes, 0, length);
  if (sequence === entry.sequence) return;
  throw new PawlError(
    'SNAPSHOT_CORRUPT',
    `${entry.path} does not hold the snapshot that its name says; give it the name it had.`,
    { path: entry.path, offset: 0, reason: 'sequenceGap', declared: entry.sequence, actual: sequence },
  );
}

function ignore(): void {
  // Only the name is asked for here.
}

function turn(clock: Pick<Clock, 'yieldTurn'>): Promise<void> {
  return new Promise((resolve) => {
    clock.yieldTurn(resolve);
  });
}
