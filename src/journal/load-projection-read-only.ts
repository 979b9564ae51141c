// A load without the lock: the newest snapshot, then the log behind it, folded while it is checked, so that it is read
// once. A writer and retention may go on meanwhile: what looks wrong because of them is looked at again, from the
// beginning. Damage is told before anything that recovery refuses; nothing is created or changed.
import type { PawlError } from '../errors.js';
import { checkSegments, runCheck } from './check-log.js';
import { requireKnown } from './check-log-refusals.js';
import { dataDirPaths, requireDataDir } from './data-dir.js';
import { readHead } from './head-file.js';
import type { LogReach } from './journal-backend.js';
import { inDirectory } from './journal-errors.js';
import { atStage, staged, type Recovered, type Recovery } from './recovery.js';
import { listSegments, oldestSegment } from './segment-list.js';
import { lookSteadily, type Look } from './steady-look.js';
import type { Storage } from './storage.js';

/** Loads at most, each from the beginning, while a writer goes on. */
const MAX_LOADS = 10;

/** What is loaded. */
export interface ReadOnlyLoad {
  readonly dataDir: string;
  readonly storage: Storage;
  readonly maxFrameBytes: number;
  /** A recovery that has not begun: one for each load. */
  readonly recovery: () => Recovery;
}

interface Seen {
  readonly recovery: Recovery;
  readonly reach: LogReach;
  /** Why recovery refuses a log that is whole. */
  readonly refusal: PawlError | undefined;
}

/**
 * Loads what the directory holds. Every error carries `data.stage`. Errors: `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`, `JOURNAL_CORRUPT`, `UNSUPPORTED_FORMAT`,
 * `SEGMENT_MISSING`, `ACKNOWLEDGED_DATA_MISSING`, `SNAPSHOT_AHEAD`, `REPLAY_REFUSED`, those of the storage.
 */
export async function loadReadOnly(load: ReadOnlyLoad): Promise<Recovered> {
  const { dataDir, storage } = load;
  await staged('open', () => requireDataDir(storage, dataDirPaths(dataDir)));
  try {
    let seen = await loadSteadily(load);
    // A snapshot may have become newer than the one that was found, and the log behind that one be gone.
    for (let loads = 1; loads < MAX_LOADS && seen.refusal !== undefined; loads++) {
      const before = seen;
      seen = await loadSteadily(load);
      if (!hasMovedOn(before.reach, seen.reach)) break;
    }
    const { recovery, reach, refusal } = seen;
    if (refusal !== undefined) throw refusal;
    // Nothing will be appended to it.
    return await recovery.finish({ isEmpty: reach.firstSequence === 0, beginAt: () => undefined });
  } catch (error) {
    throw inDirectory(error, dataDir);
  }
}

function hasMovedOn(before: LogReach, now: LogReach): boolean {
  return (['firstSequence', 'lastSequence', 'knownSequence'] as const).some(
    (key) => before[key] !== now[key],
  );
}

async function loadSteadily(load: ReadOnlyLoad): Promise<Seen> {
  const { wal } = dataDirPaths(load.dataDir);
  const { found, damage } = await lookSteadily(
    () => look(load),
    async () => (await oldestSegment(load.storage, wal))?.name,
  );
  if (damage !== undefined) throw atStage(damage, 'read');
  return found;
}

/** `head` first, then the snapshots, then the log: what the one knows of is in those that are looked at later. */
async function look({ dataDir, storage, ...load }: ReadOnlyLoad): Promise<Look<Seen>> {
  const paths = dataDirPaths(dataDir);
  const head = await staged('open', () => readHead(storage, paths.head));
  const knownSequence = head?.durableSequence ?? 0;
  const recovery = load.recovery();
  const from = await recovery.from();
  const segments = await staged('open', () => listSegments(storage, paths.wal));
  const provenTo = Math.max(knownSequence, from - 1);
  const state = checkSegments({
    storage,
    segments,
    head,
    maxFrameBytes: load.maxFrameBytes,
    repair: 'truncate-partial',
    decode: 'none',
    consumer: { from, apply: recovery.apply.bind(recovery), provenTo },
  });
  const damage = await runCheck(state);
  const [first] = segments;
  const reach = {
    firstSequence: first === undefined || state.isEmpty ? 0 : first.firstSequence,
    lastSequence: state.isEmpty ? 0 : state.provenSequence(provenTo),
    knownSequence,
  };
  const refusal = refusalOf(() => {
    requireKnown(head, state);
    if (state.refusal !== undefined) throw state.refusal.error;
    recovery.end(reach);
  });
  return { found: { recovery, reach, refusal }, damage, segments: segments.map(({ name }) => name) };
}

function refusalOf(judge: () => void): PawlError | undefined {
  try {
    judge();
    return undefined;
  } catch (error) {
    return atStage(error, 'read');
  }
}
