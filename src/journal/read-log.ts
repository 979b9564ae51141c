// Reads commits of a range from the segments of a log, a chunk at a time. A read far inside begins at the nearest
// mark, so that fetching one commit does not cost a segment.
import { PawlError } from '../errors.js';
import { LogCursor } from './log-cursor.js';
import { scanSegment, type ScannedCommit } from './scan.js';
import { offsetFor, type SegmentInfo } from './segment-list.js';
import type { Storage, StorageFile } from './storage.js';
import { guarded } from './storage-errors.js';

/** What is read. */
export interface ReadRequest {
  readonly storage: Storage;
  readonly maxFrameBytes: number;
  /** Segments as they are while reading; the last may grow behind its `sizeBytes`. */
  readonly segments: readonly SegmentInfo[];
  readonly from: number;
  readonly to: number;
  /** Where the log begins now: retention may have removed a segment since `segments` were looked at. */
  readonly firstKept: () => number | undefined | Promise<number | undefined>;
}

/** Commits with an event of `[from, to]`. Errors: `HISTORY_GONE`, `JOURNAL_CORRUPT`. */
export async function* readLog(
  request: ReadRequest,
): AsyncGenerator<readonly ScannedCommit[], void, undefined> {
  const { segments, from, to } = request;
  const first = segments[0];
  if (first === undefined || to < from) return;
  if (from < first.firstSequence) throw historyGone(from, first.firstSequence);
  for (const [index, info] of segments.entries()) {
    const next = segments[index + 1];
    if (next !== undefined && next.firstSequence <= from) continue;
    if (info.firstSequence > to) return;
    yield* readSegment(request, info, next === undefined);
  }
}

async function openSegment(
  { storage, from, firstKept }: ReadRequest,
  info: SegmentInfo,
): Promise<StorageFile> {
  try {
    return await guarded('open', info.path, () => storage.open(info.path, 'read'));
  } catch (error) {
    // Where that cannot be told either, the first error says more.
    const first = await Promise.resolve(firstKept()).catch(() => undefined);
    if (first !== undefined && info.firstSequence < first)
      throw historyGone(Math.max(from, info.firstSequence), first);
    throw error;
  }
}

async function* readSegment(
  request: ReadRequest,
  info: SegmentInfo,
  last: boolean,
): AsyncGenerator<readonly ScannedCommit[], void, undefined> {
  const { maxFrameBytes, from, to } = request;
  const { sizeBytes, sealed } = info;
  const fromOffset = offsetFor(info, from);
  const file = await openSegment(request, info);
  try {
    const source = { name: info.name, file, sizeBytes, newest: last || !sealed };
    const options = { maxFrameBytes, unmask: true, ...(fromOffset === 0 ? {} : { fromOffset }) };
    for await (const { commits } of scanSegment(source, new LogCursor(), options)) {
      const wanted = commits.filter(
        ({ firstSequence, count }) => firstSequence <= to && firstSequence + count > from,
      );
      if (wanted.length > 0) yield wanted;
      const lastCommit = commits[commits.length - 1];
      if (lastCommit !== undefined && lastCommit.firstSequence + lastCommit.count > to) return;
    }
  } finally {
    await guarded('close', info.path, () => file.close());
  }
}

function historyGone(from: number, firstAvailable: number): PawlError {
  return new PawlError(
    'HISTORY_GONE',
    `Event ${String(from)} is no longer kept; the first that is has sequence ${String(firstAvailable)}. Read from there.`,
    { from, firstAvailable },
  );
}
