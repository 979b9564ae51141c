// Snapshots whose checksums and digest are all right and that are wrong all the same: each frame is held to what it
// says, and what a lying file could do to the memory is bounded.
import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FrameHeader,
  SNAPSHOT_MAGIC,
  SNAPSHOT_MAGIC_V1,
  closeFrame,
} from '../../src/journal/frame.js';
import { crc32 } from '../../src/journal/crc.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import {
  SnapshotLoader,
  SnapshotWriter,
  loadProjectionFromStorage,
  type Snapshot,
} from '../../src/journal/index.js';
import type { ColumnGroup } from '../../src/journal/column-group.js';
import { RunGroup } from '../../src/journal/column-runs.js';
import { TaskGroup } from '../../src/journal/column-tasks.js';
import {
  fullSections,
  ofVersion1,
  sampleRun,
  sampleSnapshot,
  sampleSpec,
  sampleTask,
  smallSnapshot,
  waitingSections,
} from './snapshot-samples.js';

const PATH = '/snapshots/3.snapshot';
const MAX_PIECES = 4_096;

interface Part {
  readonly kind: number;
  readonly count: number;
  readonly payload: Buffer;
}

async function written(snapshot: Snapshot): Promise<Buffer> {
  const storage = new FaultyStorage();
  storage.place('/snapshots/.keep', Buffer.alloc(0));
  const writer = new SnapshotWriter(PATH, { storage });
  await writer.write(snapshot);
  await writer.close();
  return storage.contents(PATH);
}

/** The frames of a file, without the footer. */
function partsOf(bytes: Buffer): Part[] {
  const parts: Part[] = [];
  for (let start = 0; start < bytes.length;) {
    const header = new FrameHeader();
    expect(header.read(bytes, start)).toBe(true);
    const end = start + FRAME_HEADER_BYTES + header.length;
    const copy = Buffer.from(bytes.subarray(start, end));
    header.unmask(copy, 0);
    parts.push({ kind: header.kind, count: header.count, payload: copy.subarray(FRAME_HEADER_BYTES) });
    start = end;
  }
  return parts.slice(0, -1);
}

interface Footer {
  readonly sequence?: number;
  readonly frames?: number;
  readonly counts?: readonly (readonly [string, number])[];
  /** A frame that follows it. */
  readonly behind?: Part;
  /** Bytes of the digest, when it is not that of the file. */
  readonly digest?: Buffer;
}

/** A file of these frames, every checksum and the digest as they must be. */
function fileOf(parts: readonly Part[], footer: Footer = {}, magic = SNAPSHOT_MAGIC): Buffer {
  let bytes = Buffer.alloc(0);
  let previousCrc = 0;
  const add = ({ kind, count, payload }: Part, batch: number): void => {
    const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
    const place = { bytes: frame, start: 0, end: frame.length, fileOffset: bytes.length };
    const fields = { kind, count, batch, previousCrc, lastOfBatch: false, epoch: 0, firstSequence: 3 };
    previousCrc = closeFrame(place, { magic, ...fields });
    bytes = Buffer.concat([bytes, frame]);
  };
  for (const [index, part] of parts.entries()) add(part, index);
  const out = new RecordWriter();
  out.array(4);
  out.uint(footer.sequence ?? 3);
  out.uint(footer.frames ?? parts.length);
  const counts = footer.counts ?? [
    ['tasks', 1],
    ['runs', 1],
  ];
  out.array(counts.length);
  for (const [section, count] of counts) {
    out.array(2);
    out.str(section);
    out.uint(count);
  }
  out.bin((footer.digest ?? createHash('sha256').update(bytes).digest()).toString('latin1'));
  add({ kind: FRAME_KIND.snapshotFooter, count: 0, payload: out.written() }, parts.length);
  if (footer.behind !== undefined) add(footer.behind, parts.length + 1);
  return bytes;
}

function load(bytes: Buffer): Promise<Snapshot | undefined> {
  const storage = new FaultyStorage();
  storage.place(PATH, bytes);
  return new SnapshotLoader(PATH, { storage }).load();
}

async function expectCorrupt(bytes: Buffer, reason: string): Promise<void> {
  await expect(load(bytes)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT', data: { reason } });
}

/** Changes fields of the header of the first frame of rows, and closes it again. */
function withHeader(bytes: Buffer, change: (frame: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  const first = new FrameHeader();
  first.read(copy, 0);
  const at = FRAME_HEADER_BYTES + first.length;
  change(copy.subarray(at));
  copy.writeUInt32LE(crc32(copy, at, at + 40), at + 40);
  return copy;
}

describe('a snapshot whose checksums are right', () => {
  it('is read when it is as it must be', async () => {
    const bytes = await written(smallSnapshot());
    expect(fileOf(partsOf(bytes)).equals(bytes)).toBe(true);
    expect(await load(bytes)).toEqual(smallSnapshot());
  });

  it.each<[string, Footer]>([
    ['counts other frames', { frames: 4 }],
    ['is of another sequence', { sequence: 4 }],
    ['has another digest', { digest: Buffer.alloc(32, 7) }],
  ])('and whose footer %s is refused', async (_name, footer) => {
    const parts = partsOf(await written(smallSnapshot()));
    await expectCorrupt(fileOf(parts, footer), 'sealMismatch');
  });

  it('and that lacks a frame, or the end of one, is refused', async () => {
    const bytes = await written(smallSnapshot());
    const header = new FrameHeader();
    header.read(bytes, 0);
    const first = FRAME_HEADER_BYTES + header.length;
    header.read(bytes, first);
    const second = first + FRAME_HEADER_BYTES + header.length;
    const without = Buffer.concat([bytes.subarray(0, first), bytes.subarray(second)]);
    await expectCorrupt(without, 'sealMismatch');
    await expectCorrupt(bytes.subarray(0, second + FRAME_HEADER_BYTES - 1), 'incompleteHeader');
    await expectCorrupt(bytes.subarray(0, second + FRAME_HEADER_BYTES), 'incompletePayload');
    await expectCorrupt(bytes.subarray(0, second), 'incompleteHeader');
  });

  it('and whose rows go on behind its footer is refused', async () => {
    const parts = partsOf(await written(smallSnapshot()));
    const [, tasks] = parts as [Part, Part, Part];
    await expectCorrupt(fileOf(parts, { behind: tasks }), 'sealMismatch');
  });

  it.each<[string, readonly number[], Footer, string]>([
    [
      'a run twice',
      [0, 1, 2, 2],
      {
        counts: [
          ['tasks', 1],
          ['runs', 2],
        ],
      },
      'duplicateId',
    ],
    [
      'a task twice',
      [0, 1, 1, 2],
      {
        counts: [
          ['tasks', 2],
          ['runs', 1],
        ],
      },
      'duplicateId',
    ],
    ['a run of a task that is not there', [0, 2], { counts: [['runs', 1]] }, 'unknownReference'],
  ])('and that holds %s is passed over by recovery, by its rule', async (_name, chosen, footer, rule) => {
    const parts = partsOf(await written(smallSnapshot()));
    const bytes = fileOf(
      chosen.flatMap((index) => parts[index] ?? []),
      footer,
    );
    const storage = new FaultyStorage();
    storage.place('/data/snapshots/3.snapshot', bytes);
    const loaded = await loadProjectionFromStorage('/data', { storage });
    expect(loaded.snapshotLoaded).toBe(false);
    expect(loaded.snapshotsRejected).toMatchObject([{ code: 'SNAPSHOT_INVALID', rule }]);
    await loaded.writer?.close();
  });

  it.each<[string, readonly string[], readonly (readonly [string, string])[], string | undefined]>([
    [
      'nothing twice',
      ['a', 'b', 'c'],
      [
        ['ra', 'a'],
        ['rb', 'b'],
        ['rc', 'c'],
      ],
      undefined,
    ],
    [
      'two waiting tasks of one id',
      ['a', 'b', 'b'],
      [
        ['ra', 'a'],
        ['rb', 'b'],
        ['rc', 'b'],
      ],
      'b',
    ],
    [
      'two waiting runs of one id',
      ['a', 'b', 'c'],
      [
        ['ra', 'a'],
        ['rb', 'b'],
        ['rb', 'c'],
      ],
      'rb',
    ],
    [
      'a waiting task like one that was read',
      ['a', 'a', 'c'],
      [
        ['ra', 'a'],
        ['rb', 'a'],
        ['rc', 'c'],
      ],
      'a',
    ],
    [
      'a waiting run like one that was read',
      ['a', 'b', 'c'],
      [
        ['ra', 'a'],
        ['ra', 'b'],
        ['rc', 'c'],
      ],
      'ra',
    ],
    [
      'a second run of a waiting task with the id of another’s',
      ['a', 'b', 'c', 'd', 'e'],
      [
        ['ra', 'a'],
        ['rb', 'b'],
        ['rc', 'c'],
        ['rd', 'd'],
        ['re', 'e'],
        ['rd', 'b'],
      ],
      'rd',
    ],
  ])(
    'and that holds %s among many that wait is judged like any other',
    async (_name, taskIds, runs, twice) => {
      const columns = <R>(group: ColumnGroup<R>, records: readonly R[]): Part => {
        const out = new RecordWriter();
        for (const record of records) expect(group.add(record)).toBe(true);
        group.write(out);
        return { kind: group.kind, count: records.length, payload: out.written() };
      };
      const [header] = partsOf(await written(smallSnapshot())) as [Part];
      const tasks = taskIds.map((id, at) => ({
        ...sampleTask(),
        spec: sampleSpec(id),
        createdSequence: 10 * at + 1,
      }));
      const waiting = runs.map(([id, taskId], at) =>
        sampleRun('ready', { id, taskId, createdSequence: 10 * at + 2, stateSequence: 10 * at + 3 }),
      );
      const parts = [header, columns(new TaskGroup(), tasks), columns(new RunGroup(), waiting)];
      const bytes = fileOf(parts, {
        counts: [
          ['tasks', taskIds.length],
          ['runs', runs.length],
        ],
      });
      const storage = new FaultyStorage();
      storage.place('/data/snapshots/3.snapshot', bytes);
      const loaded = await loadProjectionFromStorage('/data', { storage });
      await loaded.writer?.close();
      if (twice === undefined) {
        expect(loaded.snapshotsRejected).toEqual([]);
        expect([loaded.projections.tasks.count, loaded.projections.runs.get('rc')?.taskId]).toEqual([3, 'c']);
        return;
      }
      expect(loaded.snapshotLoaded).toBe(false);
      expect(loaded.snapshotsRejected).toMatchObject([{ code: 'SNAPSHOT_INVALID', rule: 'duplicateId' }]);
      expect(loaded.snapshotsRejected[0]?.message).toContain(`id ${twice}`);
    },
  );

  it('and whose header names another version than its frames, or that has columns before there were any, is refused', async () => {
    const [header, ...rest] = partsOf(await written(smallSnapshot())) as [Part, Part, Part];
    const older = Buffer.from(header.payload);
    older[1] = 1;
    await expectCorrupt(fileOf([{ ...header, payload: older }, ...rest]), 'decodeFailure');
    const first = { ...header, payload: older };
    await expectCorrupt(fileOf([header, ...rest], {}, SNAPSHOT_MAGIC_V1), 'decodeFailure');
    expect(await load(fileOf([first, ...rest], {}, SNAPSHOT_MAGIC_V1))).toEqual(ofVersion1(smallSnapshot()));
    const columns = partsOf(await written(sampleSnapshot(3, waitingSections())));
    const kinds = new Set(columns.map(({ kind }) => kind));
    expect([...kinds]).toEqual([
      FRAME_KIND.snapshotHeader,
      FRAME_KIND.snapshotTasks,
      FRAME_KIND.snapshotRows,
      FRAME_KIND.snapshotRuns,
    ]);
    for (const kind of [FRAME_KIND.snapshotTasks, FRAME_KIND.snapshotRuns]) {
      const only = columns.filter((part) => part.kind === kind);
      await expectCorrupt(fileOf([first, ...only], {}, SNAPSHOT_MAGIC_V1), 'decodeFailure');
    }
  });

  it('and that names a section nobody knows is refused, in its rows and in its footer', async () => {
    const parts = partsOf(await written(smallSnapshot()));
    const counts = [
      ['tasks', 1],
      ['runs', 1],
      ['others', 1],
    ] as const;
    await expectCorrupt(fileOf(parts, { counts }), 'decodeFailure');
    const out = new RecordWriter();
    out.array(1);
    out.str('others');
    const row = { kind: FRAME_KIND.snapshotRows, count: 1, payload: out.written() };
    await expectCorrupt(fileOf([...parts, row]), 'decodeFailure');
  });

  it('and that does not begin with its header, or has another kind of frame among its rows, is refused', async () => {
    const parts = partsOf(await written(smallSnapshot()));
    const [header, tasks, runs] = parts as [Part, Part, Part];
    await expectCorrupt(fileOf([tasks, header, runs]), 'decodeFailure');
    await expectCorrupt(fileOf([header, { ...tasks, kind: FRAME_KIND.commit }, runs]), 'decodeFailure');
    await expectCorrupt(fileOf([header, header, tasks, runs]), 'decodeFailure');
  });

  it('and of which a frame holds another number of rows than it says is refused', async () => {
    const [header, tasks, runs] = partsOf(await written(smallSnapshot())) as [Part, Part, Part];
    for (const count of [0, 2])
      await expectCorrupt(fileOf([header, { ...tasks, count }, runs]), 'decodeFailure');
  });

  it('and that ends in the middle of a row of several pieces is refused', async () => {
    const parts = partsOf(await written(smallSnapshot()));
    await expectCorrupt(fileOf([...parts, piece(Buffer.from('x'), 0)]), 'sealMismatch');
  });

  it('and whose row comes in more pieces than any can have is refused', async () => {
    const parts = partsOf(await written(smallSnapshot()));
    const many = Array.from({ length: MAX_PIECES + 1 }, () => piece(Buffer.from('x'), 0));
    await expectCorrupt(fileOf([...parts, ...many]), 'decodeFailure');
  });

  it.each([0, 16_777_217])(
    'and of which a frame has %i bytes is refused before it is read',
    async (length) => {
      const bytes = withHeader(await written(smallSnapshot()), (frame) => frame.writeUInt32LE(length, 4));
      await expectCorrupt(bytes, 'decodeFailure');
    },
  );

  it('and whose flags a later release added is refused as another format', async () => {
    const bytes = withHeader(await written(smallSnapshot()), (frame) => {
      frame.writeUInt32LE(frame.readUInt32LE(12) | 0x100_0000, 12);
    });
    await expect(load(bytes)).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT' });
  });

  it('and whose payload is another one of the same length is refused by its checksum, where it stands', async () => {
    const bytes = await written(sampleSnapshot(3, fullSections()));
    const changed = withHeader(bytes, (frame) => frame.writeUInt32LE(frame.readUInt32LE(8) ^ 1, 8));
    const first = new FrameHeader();
    first.read(bytes, 0);
    await expect(load(changed)).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
      data: { reason: 'crcMismatch', offset: FRAME_HEADER_BYTES + first.length },
    });
  });
});

function piece(bytes: Buffer, count: number): Part {
  const out = new RecordWriter();
  out.array(2);
  out.str('runs');
  out.bin(bytes.toString('latin1'));
  return { kind: FRAME_KIND.snapshotRows, count, payload: out.written() };
}
