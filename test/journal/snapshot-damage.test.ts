// Faults D4 and D19: no damaged snapshot is ever taken for a good one, wherever the damage is; and the file reads
// as its format page says, in any MessagePack library.
import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Unpackr } from 'msgpackr';
import { isPawlError } from '../../src/errors.js';
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FrameHeader,
  SNAPSHOT_MAGIC,
  closeFrame,
} from '../../src/journal/frame.js';
import { collectSnapshot } from '../../src/journal/snapshot-loader.js';
import { pourSnapshot, type Snapshot } from '../../src/journal/snapshot-model.js';
import { SnapshotEncoder } from '../../src/journal/snapshot-writer-encoder.js';
import {
  fullSections,
  ofVersion1,
  sampleSnapshot,
  smallSnapshot,
  payload,
  waitingSections,
  waitingTask,
} from './snapshot-samples.js';

function encode(snapshot: Snapshot, epoch = 7): Buffer {
  const encoder = new SnapshotEncoder(epoch);
  pourSnapshot(snapshot, encoder);
  return Buffer.from(encoder.take());
}

async function load(bytes: Buffer): Promise<Snapshot> {
  return await collectSnapshot({
    path: 'a.snapshot',
    read: async (into, from, position) => bytes.copy(into, from, Math.min(position, bytes.length)),
    close: async () => undefined,
  });
}

async function codeOf(bytes: Buffer): Promise<string> {
  try {
    await load(bytes);
  } catch (error) {
    if (!isPawlError(error)) throw error;
    return error.code;
  }
  return 'accepted';
}

/** The frames of a file: header fields and the payload with its mask taken off. */
function framesOf(bytes: Buffer): { header: FrameHeader; payload: Buffer; start: number }[] {
  const frames = [];
  for (let start = 0; start < bytes.length;) {
    const header = new FrameHeader();
    expect(header.read(bytes, start)).toBe(true);
    const copy = Buffer.from(bytes.subarray(start, start + FRAME_HEADER_BYTES + header.length));
    header.unmask(copy, 0);
    frames.push({ header, payload: copy.subarray(FRAME_HEADER_BYTES), start });
    start += copy.length;
  }
  return frames;
}

describe('a damaged snapshot', () => {
  const good = encode(smallSnapshot());

  it('is refused for every single bit that is flipped', async () => {
    const codes = new Map<string, number>();
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good);
      bad[bit >>> 3] = (bad[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const code = await codeOf(bad);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect([...codes.keys()].sort()).toEqual(['SNAPSHOT_CORRUPT', 'UNSUPPORTED_FORMAT']);
  });

  it('is refused for a flipped bit of any byte of its columns', async () => {
    const columns = encode(sampleSnapshot(9, waitingSections()));
    const kinds = framesOf(columns).map(({ header }) => header.kind);
    expect(kinds).toEqual(expect.arrayContaining([FRAME_KIND.snapshotTasks, FRAME_KIND.snapshotRuns]));
    for (let at = 0; at < columns.length; at++) {
      const bad = Buffer.from(columns);
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      expect(['SNAPSHOT_CORRUPT', 'UNSUPPORTED_FORMAT']).toContain(await codeOf(bad));
    }
  });

  it('is refused when it is cut at any byte', async () => {
    for (let length = 0; length < good.length; length++) {
      expect(await codeOf(good.subarray(0, length))).toBe('SNAPSHOT_CORRUPT');
    }
    expect(await codeOf(good)).toBe('accepted');
  });

  it('is refused when anything follows its footer', async () => {
    expect(await codeOf(Buffer.concat([good, Buffer.alloc(1)]))).toBe('SNAPSHOT_CORRUPT');
    expect(await codeOf(Buffer.concat([good, good]))).toBe('SNAPSHOT_CORRUPT');
    expect(await codeOf(Buffer.concat([good, Buffer.alloc(4_096)]))).toBe('SNAPSHOT_CORRUPT');
  });

  it('is refused when a frame is missing, doubled or another file’s', async () => {
    const frames = framesOf(good).map(({ start }, index, all) =>
      good.subarray(start, all[index + 1]?.start ?? good.length),
    );
    const [header, tasks, runs, footer] = frames as [Buffer, Buffer, Buffer, Buffer];
    const other = framesOf(encode(sampleSnapshot(3, fullSections())));
    expect(frames).toHaveLength(4);
    expect(other.length).toBeGreaterThan(4);
    for (const parts of [
      [header, runs, footer],
      [header, tasks, tasks, runs, footer],
      [header, runs, tasks, footer],
      [tasks, runs, footer],
      [header, footer],
      [header, tasks, runs],
    ]) {
      expect(await codeOf(Buffer.concat(parts))).toBe('SNAPSHOT_CORRUPT');
    }
  });

  it('names the file, the place and the reason', async () => {
    const bad = Buffer.from(good);
    const second = framesOf(good)[1]?.start ?? 0;
    bad[second + FRAME_HEADER_BYTES + 3] = 0xff;
    await expect(load(bad)).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
      data: { path: 'a.snapshot', offset: second, reason: 'crcMismatch' },
    });
  });

  it('whose checksums are all right is refused when its digest is not', async () => {
    const footer = framesOf(good).at(-1);
    if (footer === undefined) throw new Error('no footer');
    const { header, payload: contents, start } = footer;
    const bytes = Buffer.concat([good.subarray(0, start), Buffer.alloc(FRAME_HEADER_BYTES), contents]);
    bytes[bytes.length - 1] = (contents.at(-1) ?? 0) ^ 1;
    const { epoch, batch, firstSequence, count, previousCrc, kind, lastOfBatch } = header;
    closeFrame(
      { bytes, start, end: bytes.length, fileOffset: start },
      { magic: SNAPSHOT_MAGIC, kind, lastOfBatch, epoch, batch, firstSequence, count, previousCrc },
    );
    await expect(load(bytes)).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
      data: { reason: 'sealMismatch' },
    });
  });

  it('of another version is refused as unsupported', async () => {
    const bad = Buffer.from(good);
    bad[3] = 3;
    await expect(load(bad)).rejects.toMatchObject({
      code: 'UNSUPPORTED_FORMAT',
      data: { reason: 'unsupportedVersion', found: 3, supported: 2 },
    });
  });

  it('that is whole and breaks a rule is refused by that rule', async () => {
    const { counts, ...rest } = smallSnapshot();
    await expect(load(encode({ ...rest, counts: { ...counts, tasks: 99 } }))).rejects.toMatchObject({
      code: 'SNAPSHOT_INVALID',
      data: { rule: 'countMismatch', section: 'tasks', declared: 99, actual: 1 },
    });
    await expect(
      load(encode({ ...rest, counts, header: { ...rest.header, schemaVersion: 2 } })),
    ).rejects.toMatchObject({
      code: 'SNAPSHOT_INVALID',
      data: { rule: 'schemaVersion' },
    });
  });
});

describe('the format of a snapshot', () => {
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' });

  it('is read by any MessagePack library', () => {
    const bytes = encode(smallSnapshot());
    const frames = framesOf(bytes);
    const values = frames.map(({ payload }) => unpackr.unpack(payload) as unknown[]);
    expect(values[0]).toEqual([2, 1, 1_234, 3]);
    const task = ['task-1', 'send-email', null, null, null, null, null, null, null, null, null];
    expect(values[1]).toEqual(['tasks', [10, task, null, null, null, null, 1, 0, 0, 0, 0, 1]]);
    expect(values[2]).toEqual(['runs', [10, 'run-1', 'task-1', 0, 0, 0, 0, 0, null, null, null, null]]);
    const beforeFooter = bytes.subarray(0, frames[3]?.start);
    const digest = createHash('sha256').update(beforeFooter).digest();
    expect(values[3]?.slice(0, 3)).toEqual([
      3,
      3,
      [
        ['tasks', 1],
        ['runs', 1],
      ],
    ]);
    expect(digest.equals(values[3]?.[3] as Buffer)).toBe(true);
  });

  it('numbers its frames and chains them', () => {
    const frames = framesOf(encode(sampleSnapshot(9, fullSections()), 7));
    let previous = 0;
    for (const [index, { header }] of frames.entries()) {
      expect(header).toMatchObject({ epoch: 7, batch: index, firstSequence: 9, previousCrc: previous });
      previous = header.headerCrc;
    }
    expect(frames.map(({ header }) => header.kind)).toEqual([
      16,
      ...Array<number>(frames.length - 2).fill(17),
      18,
    ]);
  });

  // Golden files are never written again; a new version gets files of its own.
  it('of version 1 is read as it was written, and says its version', async () => {
    const golden = readFileSync('test/journal/golden/full-v1.snapshot');
    expect(await load(golden)).toEqual(ofVersion1(sampleSnapshot(9, fullSections())));
  });

  it.each([
    ['full', fullSections()],
    ['waiting', waitingSections()],
  ])('of version 2 stays as it was released: %s', async (name, sections) => {
    const golden = readFileSync(`test/journal/golden/${name}-v2.snapshot`);
    const snapshot = sampleSnapshot(9, sections);
    expect(await load(golden)).toEqual(snapshot);
    expect(encode(snapshot).equals(golden)).toBe(true);
  });

  it('is that of version 2, whatever version was read', () => {
    const snapshot = sampleSnapshot(9, fullSections());
    expect(encode(ofVersion1(snapshot)).equals(encode(snapshot))).toBe(true);
  });

  it('keeps the order of its rows, whichever of them are columns', async () => {
    const { tasks = [], runs = [] } = waitingSections();
    const odd = (at: number): boolean => at % 11 === 5 || at === 42;
    const mixed = {
      tasks: tasks.map((task, at) => (odd(at) ? { ...task, counts: { ...task.counts, skipped: 1 } } : task)),
      runs: runs.map((run, at) => (odd(at + 3) ? { ...run, reason: 'asked for' } : run)),
    };
    const bytes = encode(sampleSnapshot(9, mixed));
    expect(
      framesOf(bytes).filter(({ header }) => header.kind === FRAME_KIND.snapshotTasks).length,
    ).toBeGreaterThan(3);
    expect(
      framesOf(bytes).filter(({ header }) => header.kind === FRAME_KIND.snapshotRuns).length,
    ).toBeGreaterThan(2);
    expect(await load(bytes)).toEqual(sampleSnapshot(9, mixed));
  });

  it('has as many rows in a frame of columns as may be, and begins another then', async () => {
    const tasks = Array.from({ length: 2_100 }, (_value, at) => waitingTask(`task-${String(at)}`));
    const large = Array.from({ length: 9 }, (_value, at) =>
      waitingTask(`large-${String(at)}`, { type: 'large', input: payload('x'.repeat(60_000)) }),
    );
    const snapshot = sampleSnapshot(9, { tasks: [...tasks, ...large] });
    const bytes = encode(snapshot);
    const counts = framesOf(bytes).map(({ header }) => [header.kind, header.count]);
    expect(counts).toEqual([
      [FRAME_KIND.snapshotHeader, 0],
      [FRAME_KIND.snapshotTasks, 1_024],
      [FRAME_KIND.snapshotTasks, 1_024],
      [FRAME_KIND.snapshotTasks, 52],
      // Three of the large ones are more than a frame should have, and fewer than are written as columns.
      [FRAME_KIND.snapshotRows, 2],
      [FRAME_KIND.snapshotRows, 2],
      [FRAME_KIND.snapshotRows, 2],
      [FRAME_KIND.snapshotRows, 2],
      [FRAME_KIND.snapshotRows, 1],
      [FRAME_KIND.snapshotFooter, 0],
    ]);
    expect(await load(bytes)).toEqual(snapshot);
  });

  it('encodes the same state to the same bytes', () => {
    const snapshot = sampleSnapshot(9, fullSections());
    expect(encode(snapshot).equals(encode(snapshot))).toBe(true);
  });
});
