// Verifies a log without the lock and without changing anything: every byte of every segment, every event decoded.
import { isPawlError, type PawlError } from '../errors.js';
import { checkLog, type CheckedLog } from './check-log.js';
import { dataDirPaths, requireDataDir } from './data-dir.js';
import { readHead } from './head-file.js';
import type { RepairPolicy } from './repair-policy.js';
import { listSegments, oldestSegment } from './segment-list.js';
import { lookSteadily, type Look } from './steady-look.js';
import type { Storage } from './storage.js';

/** What was verified. */
export interface VerifiedLog {
  readonly segments: number;
  readonly commits: number;
  /** 0 for an empty log. */
  readonly firstSequence: number;
  /** 0 for an empty log. */
  readonly lastSequence: number;
  /** True when the log was closed: its newest segment is sealed. */
  readonly sealed: boolean;
  /** True when it ends in an incomplete batch; only without `strict`. */
  readonly torn: boolean;
}

interface FoundLog {
  readonly checked: CheckedLog;
  readonly segments: number;
}

/** Reads the whole log under `root`. Errors: the first thing that is wrong, as opening would say it. */
export async function verifyLog(
  root: string,
  parts: { readonly storage: Storage; readonly maxFrameBytes: number; readonly repair: RepairPolicy },
): Promise<VerifiedLog> {
  const { storage } = parts;
  const paths = dataDirPaths(root);
  await requireDataDir(storage, paths);
  const look = async (): Promise<Look<FoundLog | PawlError>> => {
    const head = await readHead(storage, paths.head);
    const segments = await listSegments(storage, paths.wal);
    const names = segments.map(({ name }) => name);
    try {
      const checked = await checkLog({ ...parts, segments, head, decode: 'all' });
      return { found: { checked, segments: segments.length }, damage: undefined, segments: names };
    } catch (error) {
      if (!isPawlError(error)) throw error;
      return { found: error, damage: error, segments: names };
    }
  };
  const { found } = await lookSteadily(look, async () => (await oldestSegment(storage, paths.wal))?.name);
  if (isPawlError(found)) throw found;
  const { cursor, end, commits } = found.checked;
  const { firstSequence, lastSequence } = cursor;
  return {
    segments: found.segments,
    commits,
    firstSequence,
    lastSequence: firstSequence === 0 ? 0 : lastSequence,
    sealed: end?.kind === 'sealed',
    torn: end?.kind === 'torn',
  };
}
