// One writer: the kernel's lock on the file `lock`, waited for if asked. What the file says is for people.
import type { Clock } from '../clock.js';
import { PawlError } from '../errors.js';
import type { Storage, StorageLock } from './storage.js';
import { guarded } from './storage-errors.js';

const POLL_MS = 50;
const INFO_FIELDS = ['pid', 'host', 'bootId', 'startTime', 'since'];

/** Locks a data directory. Errors: `DATA_DIR_LOCKED` with what the holder wrote, `LOCK_UNAVAILABLE`. */
export async function lockDataDir(
  storage: Storage,
  path: string,
  { clock, waitMs }: { readonly clock: Clock; readonly waitMs: number },
): Promise<StorageLock> {
  const deadlineMs = clock.monotonicMs() + waitMs;
  for (;;) {
    const outcome = await guarded('lock', path, () => storage.lock(path));
    if (outcome.kind === 'held') return describeLock(storage, outcome.lock, path, clock);
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) throw locked(path, outcome.text);
    await new Promise<void>((resolve) => {
      clock.setTimer(Math.min(POLL_MS, leftMs), resolve);
    });
  }
}

async function describeLock(
  storage: Storage,
  lock: StorageLock,
  path: string,
  clock: Clock,
): Promise<StorageLock> {
  try {
    const holder = await storage.holder();
    await guarded('write', path, () =>
      lock.describe(`${JSON.stringify({ ...holder, since: clock.now() })}\n`),
    );
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function locked(path: string, text: string): PawlError {
  const info = parse(text);
  const { pid, host } = info;
  const who =
    typeof pid === 'number' && typeof host === 'string'
      ? `Process ${String(pid)} on ${host}`
      : 'Another process';
  return new PawlError(
    'DATA_DIR_LOCKED',
    `${who} has the data directory open (${path}); close it there first, or wait for it with lockWaitMs.`,
    { path, ...info },
  );
}

/** What the holder wrote; anything else than our fields is not trusted. */
function parse(text: string): { readonly pid?: unknown; readonly host?: unknown } {
  try {
    const fields = JSON.parse(text) as Record<string, unknown>;
    // Whatever else it may be has none of them.
    return Object.fromEntries(
      INFO_FIELDS.filter((name) => Object.hasOwn(fields, name)).map((name) => [name, fields[name]]),
    );
  } catch {
    return {};
  }
}
