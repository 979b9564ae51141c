// Verifies a log without the lock and without changing anything: every byte of every segment, every event decoded.
import { PawlError, isPawlError } from '../errors.js';
import { checkLog } from './check-log.js';
import { dataDirPaths, requireDataDir } from './data-dir.js';
import { readHead } from './head-file.js';
import type { RepairPolicy } from './repair-policy.js';
import { listSegments } from './segment-list.js';
import { lookSteadily } from './steady-look.js';
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

/** Reads the whole log under `root`. Errors: the first thing that is wrong, as opening would say it. */
export async function verifyLog(
  root: string,
  parts: { readonly storage: Storage; readonly maxFrameBytes: number; readonly repair: RepairPolicy },
): Promise<VerifiedLog> {
  const { storage } = parts;
  const paths = dataDirPaths(root);
  await requireDataDir(storage, paths);
  const { found, damage } = await lookSteadily(async () => {
    const head = await readHead(storage, paths.head);
    const segments = await listSegments(storage, paths.wal);
    const newest = segments.at(-1)?.name;
    try {
      const checked = await checkLog({ ...parts, segments, head, decode: 'all' });
      return { found: { checked, segments: segments.length }, damage: undefined, newest };
    } catch (error) {
      if (!isPawlError(error)) throw error;
      return { found: undefined, damage: error, newest };
    }
  });
  if (damage !== undefined) throw damage;
  if (found === undefined) throw new PawlError('INTERNAL', 'A check found neither a log nor damage.');
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
