// A segment as large as a test wants it, that nobody keeps: the disk makes its bytes up as they are asked for. It is
// checked, copied and read in pieces; what that takes in memory is measured.
import { expect } from '@jest/globals';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { encodeCommit } from '../../src/journal/commit-codec.js';
import { crc32 } from '../../src/journal/crc.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, LOG_MAGIC, closeFrame, putU64 } from '../../src/journal/frame.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { openWalWriter } from '../../src/journal/open-journal.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import type { FileStat, Storage, StorageFile } from '../../src/journal/storage.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { event, framesOf } from './wal-fixtures.js';

const MIB = 2 ** 20;
const SEGMENT = '/data/wal/00000000000000000001.wal';
const ids = uuidV7(hostClock, hostRandom());

/** A file of equal commits behind a short beginning, with zeros behind them; nothing of it is in memory. */
class MadeUpSegment {
  readonly frameBytes: number;
  readonly endOfFrames: number;
  readonly sizeBytes: number;
  private readonly headers: Buffer[] = [];

  constructor(
    private readonly beginning: Buffer,
    private readonly payload: Buffer,
    atLeastBytes: number,
    zeros: number,
  ) {
    this.frameBytes = FRAME_HEADER_BYTES + payload.length;
    const last = framesOf(beginning).at(-1)?.header;
    if (last === undefined) throw new Error('no frame to follow');
    const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
    closeFrame(
      { bytes: frame, start: 0, end: frame.length, fileOffset: beginning.length },
      {
        magic: LOG_MAGIC,
        kind: FRAME_KIND.commit,
        lastOfBatch: true,
        epoch: last.epoch,
        batch: 0,
        firstSequence: 0,
        count: 1,
        previousCrc: 0,
      },
    );
    let { headerCrc } = last;
    let { batch } = last;
    let sequence = last.firstSequence + last.count;
    while (this.headers.length * this.frameBytes < atLeastBytes) {
      const header = Buffer.from(frame.subarray(0, FRAME_HEADER_BYTES));
      header.writeUInt32LE(++batch, 20);
      putU64(header, sequence++, 24);
      header.writeUInt32LE(headerCrc, 36);
      headerCrc = crc32(header, 0, 40);
      header.writeUInt32LE(headerCrc, 40);
      this.headers.push(header);
    }
    this.endOfFrames = beginning.length + this.headers.length * this.frameBytes;
    this.sizeBytes = this.endOfFrames + zeros;
  }

  get commits(): number {
    return this.headers.length;
  }

  read(into: Buffer, from: number, length: number, position: number): number {
    const end = Math.min(position + length, this.sizeBytes);
    for (let at = position; at < end;) {
      const [source, start] = this.pieceAt(at);
      const count = Math.min(end - at, source === undefined ? end - at : source.length - start);
      if (source === undefined) into.fill(0, from + at - position, from + at - position + count);
      else source.copy(into, from + at - position, start, start + count);
      at += count;
    }
    return Math.max(0, end - position);
  }

  private pieceAt(position: number): [Buffer | undefined, number] {
    if (position < this.beginning.length) return [this.beginning, position];
    if (position >= this.endOfFrames) return [undefined, 0];
    const behind = position - this.beginning.length;
    const within = behind % this.frameBytes;
    if (within >= FRAME_HEADER_BYTES) return [this.payload, within - FRAME_HEADER_BYTES];
    return [this.headers[Math.floor(behind / this.frameBytes)], within];
  }
}

/** Serves the made up segment under its name; what is written beside it is counted and forgotten. */
function serving(disk: FaultyStorage, segment: MadeUpSegment) {
  const seen = { copied: 0, peakBytes: 0, largestRead: 0 };
  const stat = async (): Promise<FileStat> => {
    const real = await disk.stat(SEGMENT);
    if (real === undefined) throw new Error('no segment');
    return { ...real, sizeBytes: segment.sizeBytes };
  };
  const file: StorageFile = {
    read: (into, from, length, position) => {
      seen.largestRead = Math.max(seen.largestRead, length);
      seen.peakBytes = Math.max(seen.peakBytes, process.memoryUsage().arrayBuffers);
      return Promise.resolve(segment.read(into, from, length, position));
    },
    write: (_bytes, _from, length, position) => {
      if (position !== seen.copied) return Promise.reject(new Error(`a hole at ${String(seen.copied)}`));
      seen.copied += length;
      return Promise.resolve();
    },
    truncate: () => Promise.resolve(),
    datasync: () => Promise.resolve(),
    stat,
    close: () => Promise.resolve(),
  };
  const more: Partial<Storage> = {
    open: (path, mode) => (path.startsWith(SEGMENT) ? Promise.resolve(file) : disk.open(path, mode)),
    rename: (from, to) => (to === SEGMENT ? Promise.resolve() : disk.rename(from, to)),
    unlink: (path) => (path.startsWith(SEGMENT) ? Promise.resolve() : disk.unlink(path)),
    stat: (path) => (path === SEGMENT ? stat() : disk.stat(path)),
  };
  return { seen, storage: Object.assign(Object.create(disk) as Storage, more) };
}

/** A log that begins with one small commit. */
async function beginning(): Promise<{ disk: FaultyStorage; bytes: Buffer }> {
  const disk = new FaultyStorage();
  const writer = await openWalWriter('/data', { storage: disk });
  await writer.append(event(1));
  disk.kill();
  return { disk, bytes: disk.contents(SEGMENT) };
}

function payloadOf(bytes: number): Buffer {
  const out = new RecordWriter(bytes + 100);
  const payload = `b${'x'.repeat(bytes)}` as never;
  encodeCommit(
    {
      header: { at: 1_000 },
      events: [{ type: 'CustomEventFired', sequence: 0, at: 0, key: 'k', payload }],
    },
    out,
  );
  return Buffer.from(out.bytes.subarray(0, out.position));
}

/**
 * Opens a log whose newest segment holds at least `atLeastBytes` of commits, no seal, and zeros behind them, and reads
 * its end: every byte is checked and copied, at most `roomBytes` of buffers are in use meanwhile.
 */
export async function openLarge(atLeastBytes: number, roomBytes: number): Promise<void> {
  const { disk, bytes } = await beginning();
  const segment = new MadeUpSegment(bytes, payloadOf(MIB), atLeastBytes, 64 * MIB);
  const { seen, storage } = serving(disk, segment);
  const before = process.memoryUsage().arrayBuffers;
  const backend = new FileBackend(storage, '/data');
  const journal = await openJournalOn(backend, { clock: hostClock, ids, repair: 'truncate-partial' });
  expect(segment.endOfFrames).toBeGreaterThan(atLeastBytes);
  expect(journal.currentSequence).toBe(1 + segment.commits);
  // The zeros behind the frames are a clean end and are not copied.
  expect([seen.copied, journal.repaired]).toEqual([segment.endOfFrames, undefined]);
  const found: number[] = [];
  for await (const commit of journal.read({ from: segment.commits })) found.push(commit.firstSequence);
  expect(found).toEqual([segment.commits, segment.commits + 1]);
  expect(seen.largestRead).toBeLessThanOrEqual(MIB + 4_096);
  expect(seen.peakBytes - before).toBeLessThan(roomBytes);
  await journal.abandon();
}
