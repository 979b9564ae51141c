// The segments of a log, and places in them where a frame begins, so that a read far inside need not start at
// the beginning. One list is kept by whoever has the log open.
import { join } from 'node:path';
import { segmentName, sequenceOfName } from './segment-source.js';
import type { Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** A place where a commit begins. */
export interface Mark {
  readonly sequence: number;
  readonly offset: number;
}

/** One segment. */
export interface SegmentInfo {
  readonly name: string;
  readonly path: string;
  readonly firstSequence: number;
  /** Bytes that are durable and whole. */
  sizeBytes: number;
  sealed: boolean;
  /** In order; the first commit of a chunk, about one a megabyte. */
  readonly marks: Mark[];
}

/** Distance of marks in a segment that is being written. */
export const MARK_EVERY_BYTES = 262_144;

/** A segment that nothing is known of but its name. */
export function segmentInfo(wal: string, firstSequence: number): SegmentInfo {
  const name = segmentName(firstSequence);
  return { name, path: join(wal, name), firstSequence, sizeBytes: 0, sealed: false, marks: [] };
}

/** The segments in a folder, in order. Other names are not looked at. */
export async function listSegments(storage: Storage, wal: string): Promise<SegmentInfo[]> {
  const names = await guarded('list', wal, () => storage.readdir(wal));
  return names
    .map((name) => sequenceOfName(name))
    .filter((sequence) => sequence !== undefined)
    .sort((a, b) => a - b)
    .map((sequence) => segmentInfo(wal, sequence));
}

/** The oldest segment in a folder now; undefined when there is none. */
export async function oldestSegment(storage: Storage, wal: string): Promise<SegmentInfo | undefined> {
  const [oldest] = await listSegments(storage, wal);
  return oldest;
}

/** Remembers where a commit begins, if the last such place is far enough behind. */
export function addMark(info: SegmentInfo, mark: Mark, everyBytes: number): void {
  const last = info.marks[info.marks.length - 1];
  if (last === undefined || mark.offset - last.offset >= everyBytes) info.marks.push(mark);
}

/** Where to begin reading for a sequence: the last mark at or before it, 0 when there is none. */
export function offsetFor(info: SegmentInfo, sequence: number): number {
  let offset = 0;
  for (const mark of info.marks) {
    if (mark.sequence > sequence) break;
    offset = mark.offset;
  }
  return offset;
}
