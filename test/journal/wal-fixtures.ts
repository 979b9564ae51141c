// What the tests of the log share: temporary directories, small events, raw bytes of segments.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Commit, PawlEvent } from '../../src/domain/events.js';
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FrameHeader,
  LOG_MAGIC,
  closeFrame,
  type FrameFields,
} from '../../src/journal/frame.js';
import type { JournalHandle } from '../../src/journal/open-journal.js';

const made: string[] = [];

/** A directory that does not exist yet, in one that does. */
export function newDir(): string {
  const parent = mkdtempSync(join(tmpdir(), 'pawl-log-'));
  made.push(parent);
  return join(parent, 'data');
}

/** Removes what `newDir` made. */
export function removeDirs(): void {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
}

/** A small event with the sequence given. */
export function event(sequence: number, actorId = 'a', at = 1_000): PawlEvent {
  return { type: 'ActorHeartbeat', sequence, at, actorId };
}

/** The segment files of a directory, oldest first. */
export function segmentFiles(dir: string): string[] {
  return readdirSync(join(dir, 'wal'))
    .sort()
    .map((name) => join(dir, 'wal', name));
}

/** The newest segment's path. */
export function newestSegment(dir: string): string {
  const newest = segmentFiles(dir).at(-1);
  if (newest === undefined) throw new Error(`no segment in ${dir}`);
  return newest;
}

/** Every file under a directory with its bytes, for "nothing changed"; the text of the lock is information. */
export function tree(dir: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.name === 'lock') continue;
    files[path] = entry.isFile() ? readFileSync(path).toString('hex') : 'directory';
  }
  return files;
}

/** One frame as it lies in a segment. */
export interface RawFrame {
  readonly offset: number;
  readonly end: number;
  readonly header: FrameHeader;
}

/** The frames of a segment, by their headers. */
export function framesOf(bytes: Buffer): RawFrame[] {
  const frames: RawFrame[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const header = new FrameHeader();
    if (!header.read(bytes, offset)) throw new Error(`no frame at ${String(offset)}`);
    const end = offset + FRAME_HEADER_BYTES + header.length;
    frames.push({ offset, end, header });
    offset = end;
  }
  return frames;
}

/** Cuts the seal and whatever follows the last commit: a log that was dropped without close. */
export function dropSeal(path: string): void {
  const bytes = readFileSync(path);
  const commits = framesOf(bytes).filter(
    ({ header }) => header.kind === FRAME_KIND.commit || header.kind === FRAME_KIND.segmentHeader,
  );
  writeFileSync(path, bytes.subarray(0, commits.at(-1)?.end ?? 0));
}

/** A frame that follows `bytes`, with the payload given; `change` alters what its header says. */
export function frameBehind(bytes: Buffer, payload: Buffer, change: Partial<FrameFields> = {}): Buffer {
  const last = framesOf(bytes).at(-1);
  if (last === undefined) throw new Error('no frame to follow');
  const { header } = last;
  const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
  closeFrame(
    { bytes: frame, start: 0, end: frame.length, fileOffset: bytes.length },
    {
      magic: LOG_MAGIC,
      kind: FRAME_KIND.commit,
      lastOfBatch: true,
      epoch: header.epoch,
      batch: header.batch + 1,
      firstSequence: header.firstSequence + header.count,
      count: 1,
      previousCrc: header.headerCrc,
      ...change,
    },
  );
  return frame;
}

/** The payload of a commit with one heartbeat. */
export function heartbeatPayload(): Buffer {
  return Buffer.from('92cd03e89226a161', 'hex');
}

/** The actor ids of the commits a log holds. */
export async function actorsOf(log: Pick<JournalHandle, 'read'>, from = 1): Promise<string[]> {
  const actors: string[] = [];
  for await (const commit of log.read({ from })) actors.push(...actorIds(commit));
  return actors;
}

function actorIds(commit: Commit): string[] {
  return commit.events.map((one) => (one.type === 'ActorHeartbeat' ? one.actorId : one.type));
}
