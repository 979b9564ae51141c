// Puts the background work of an engine together from what it was opened with and what its start found.
import type { Pruner } from '../commands/pruner.js';
import { PawlError } from '../errors.js';
import type { EngineParts } from '../execution/engine-parts.js';
import type { JournalBackend, LogSegments } from '../journal/journal-backend.js';
import type { Recovered } from '../journal/recovery.js';
import { snapshotStoreOf, takeSnapshot } from '../journal/snapshot-store.js';
import type { Observe } from '../observe/observe.js';
import type { ResolvedOptions } from '../options.js';
import { Pruning } from './pruning.js';
import { RetentionKeeper } from './retention-keeper.js';
import { SnapshotKeeper, type SnapshotKeeperParts } from './snapshot-keeper.js';
import { Unpacker } from './unpacker.js';
import { Upkeep } from './upkeep.js';

/** What it is made of. */
export interface UpkeepSources {
  readonly engine: EngineParts;
  readonly observe: Observe;
  readonly backend: JournalBackend;
  readonly recovered: Recovered;
  readonly resolved: Pick<ResolvedOptions, 'snapshots' | 'retention' | 'prune'>;
}

/** Refuses options that the backend cannot act on, before anything is opened. Errors: `NOT_SUPPORTED`. */
export function requireUpkeep(
  { retention }: Pick<ResolvedOptions, 'retention'>,
  { segments, snapshots }: JournalBackend,
): void {
  if (retention === 'keep' || (segments !== undefined && snapshots !== undefined)) return;
  throw new PawlError(
    'NOT_SUPPORTED',
    `options.retention is ${retention}, and this backend has no segments to let go of; leave it at 'keep'.`,
    { path: 'options.retention' },
  );
}

/** Makes it. */
export function makeUpkeep(sources: UpkeepSources, pruner: Pruner): Upkeep {
  const { engine, resolved } = sources;
  const unpacker = new Unpacker(engine.state.runs.intake, engine.clock);
  const snapshots: SnapshotKeeper = snapshotKeeper(sources, unpacker, () => retention?.soon());
  const retention = retentionKeeper(sources, snapshots);
  const { deadlines, logger } = engine;
  const pruning =
    resolved.prune === undefined
      ? undefined
      : new Pruning({ policy: resolved.prune, pruner, deadlines, logger });
  return new Upkeep({ snapshots, retention, pruning, unpacker });
}

function snapshotKeeper(
  { engine, backend, recovered, resolved }: UpkeepSources,
  unpacker: Unpacker,
  onWritten: () => void,
): SnapshotKeeper {
  const { state, clock, logger, limits, journal, deadlines } = engine;
  const { observations, snapshotSequence } = recovered;
  const write: SnapshotKeeperParts['write'] = (refusal, onCapture) =>
    takeSnapshot(state, snapshotStoreOf(backend), {
      takenAt: clock.now(),
      logger,
      clock,
      beforeImageBytes: limits.snapshotBeforeImageBytes,
      refusal,
      atBoundary: (look) => {
        journal.atBoundary(() => {
          look();
          onCapture();
        });
      },
    });
  return new SnapshotKeeper({
    policy: resolved.snapshots,
    deadlines,
    journal,
    found: {
      events: observations.walReplayEventsApplied,
      bytes: bytesBehind(backend.segments, snapshotSequence, journal.durableSequence),
    },
    // A snapshot needs a row of everything; what is packed yet becomes that in slices, not in one stretch.
    write: (...how) => (unpacker.busy ? unpacker.run().then(() => write(...how)) : write(...how)),
    onWritten,
  });
}

function retentionKeeper(
  { engine, observe, backend, resolved }: UpkeepSources,
  keeper: SnapshotKeeper,
): RetentionKeeper | undefined {
  const { segments, snapshots } = backend;
  const { retention } = resolved;
  if (retention === 'keep' || segments === undefined || snapshots === undefined) return undefined;
  const { clock, deadlines, journal, logger } = engine;
  return new RetentionKeeper({
    how: retention,
    segments,
    snapshots,
    journal,
    clock,
    deadlines,
    logger,
    readers: () => observe.readers,
    isSnapshotting: () => keeper.busy,
  });
}

/** Bytes of log behind a sequence, about: of the segment that holds it, as large a part as it has events behind it. */
export function bytesBehind(
  segments: Pick<LogSegments, 'list'> | undefined,
  sequence: number,
  durableSequence: number,
): number {
  let bytes = 0;
  let after = durableSequence + 1;
  for (const { firstSequence, sizeBytes } of [...(segments?.list() ?? [])].reverse()) {
    if (after <= sequence + 1) break;
    const share = (after - Math.max(firstSequence, sequence + 1)) / Math.max(1, after - firstSequence);
    bytes += sizeBytes * share;
    after = firstSequence;
  }
  return Math.round(bytes);
}
