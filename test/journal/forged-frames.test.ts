// Frames whose checksums are all right and that are wrong all the same: of another place, batch, epoch or log, seals
// that count what is not there; and what stands behind a tear without proving anything. Each is judged by its own rule.
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  readSeal,
  readSegmentHeader,
  writeSeal,
  writeSegmentHeader,
  writeWatermark,
} from '../../src/journal/control-frames.js';
import type { Seal, SegmentHeader } from '../../src/journal/control-frames.js';
import { crc32 } from '../../src/journal/crc.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, type FrameFields } from '../../src/journal/frame.js';
import { openJournal, verify } from '../../src/journal/index.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { DIR, countedIds, usedFrames } from './damage-fixture.js';
import { event, frameBehind, framesOf, heartbeatPayload } from './wal-fixtures.js';

const FIRST = `${DIR}/wal/00000000000000000001.wal`;
const WINDOW = 1_048_576;
/** A log of two epochs with two commits of one event in each, dropped without a seal; the last is the last of its batch. */
let log: Buffer;
/** The same, closed. */
let sealed: Buffer;

beforeAll(async () => {
  const storage = new FaultyStorage();
  const ids = countedIds();
  for (const first of [1, 3]) {
    const journal = await openJournal(DIR, { storage, ids });
    await journal.append(event(first));
    await journal.append(event(first + 1));
    if (first === 3) {
      log = Buffer.from(storage.contents(FIRST));
      log = log.subarray(0, usedFrames(log).at(-1)?.end);
      await journal.close();
      sealed = storage.contents(FIRST);
    }
    storage.forgetProcess();
  }
});

function diskWith(files: Readonly<Record<string, Buffer>>): FaultyStorage {
  const storage = new FaultyStorage();
  for (const [path, bytes] of Object.entries(files)) storage.place(path, bytes);
  return storage;
}

async function expectRefused(bytes: Buffer, data: object, code = 'JOURNAL_CORRUPT'): Promise<void> {
  const storage = diskWith({ [FIRST]: bytes });
  const repair = 'truncate-partial';
  await expect(verify(DIR, { storage, repair })).rejects.toMatchObject({ code, data });
  await expect(openJournal(DIR, { storage, repair })).rejects.toMatchObject({ code, data });
}

async function expectTorn(bytes: Buffer): Promise<void> {
  const found = await verify(DIR, { storage: diskWith({ [FIRST]: bytes }), repair: 'truncate-partial' });
  expect(found).toMatchObject({ torn: true, lastSequence: 4 });
}

function lastHeader(bytes: Buffer): { epoch: number; batch: number } {
  const { header } = framesOf(bytes).at(-1) ?? {};
  return { epoch: header?.epoch ?? 0, batch: header?.batch ?? 0 };
}

function append(bytes: Buffer, payload: Buffer, change: Partial<FrameFields> = {}): Buffer {
  return Buffer.concat([bytes, frameBehind(bytes, payload, change)]);
}

describe('a frame whose checksums are right', () => {
  it('follows when it says what it must', async () => {
    const storage = diskWith({ [FIRST]: append(log, heartbeatPayload()) });
    expect(await verify(DIR, { storage })).toMatchObject({ lastSequence: 5, torn: false });
  });

  it.each<[string, (at: { epoch: number; batch: number }) => Partial<FrameFields>, string]>([
    ['of a later sequence', () => ({ firstSequence: 6 }), 'sequenceGap'],
    ['of an earlier sequence', () => ({ firstSequence: 4 }), 'sequenceGap'],
    ['behind another frame', () => ({ previousCrc: 1 }), 'sealMismatch'],
    ['of an earlier epoch', ({ epoch }) => ({ epoch: epoch - 1 }), 'sealMismatch'],
    ['of a batch that is over', ({ batch }) => ({ batch }), 'sealMismatch'],
    ['of the batch after the next', ({ batch }) => ({ batch: batch + 2 }), 'sealMismatch'],
    ['of an earlier batch', ({ batch }) => ({ batch: batch - 1 }), 'sealMismatch'],
    ['of a commit without events', () => ({ count: 0 }), 'decodeFailure'],
    ['of a mark with an event', () => ({ kind: FRAME_KIND.watermark }), 'decodeFailure'],
    ['of a segment header inside', () => ({ kind: FRAME_KIND.segmentHeader, count: 0 }), 'sealMismatch'],
  ])('%s is refused', async (_name, change, reason) => {
    await expectRefused(append(log, heartbeatPayload(), change(lastHeader(log))), {
      offset: log.length,
      reason,
    });
  });

  it('of the next batch is refused while the one before has not ended', async () => {
    const open = append(log, heartbeatPayload(), { lastOfBatch: false });
    await expectRefused(append(open, heartbeatPayload()), { offset: open.length, reason: 'sealMismatch' });
    const { batch } = lastHeader(open);
    const storage = diskWith({ [FIRST]: append(open, heartbeatPayload(), { batch }) });
    expect(await verify(DIR, { storage })).toMatchObject({ lastSequence: 6 });
  });

  it('without a payload is refused', async () => {
    await expectRefused(append(log, Buffer.alloc(0)), { offset: log.length, reason: 'decodeFailure' });
  });

  it('of a kind that is unknown is of a later release', async () => {
    const later = append(log, heartbeatPayload(), { kind: 9 });
    await expectRefused(later, { offset: log.length, reason: 'unsupportedVersion' }, 'UNSUPPORTED_FORMAT');
  });

  it('first in a segment must be its header', async () => {
    const [header] = framesOf(log);
    await expectRefused(log.subarray(header?.end), { offset: 0, reason: 'sealMismatch' });
  });

  it('behind a seal is refused', async () => {
    const { epoch, batch } = lastHeader(sealed);
    const more = append(sealed, heartbeatPayload(), { epoch, batch: batch + 1 });
    await expectRefused(more, { offset: sealed.length, reason: 'sealMismatch' });
  });
});

/** Payload of a frame without its mask. */
function payloadOf(bytes: Buffer, index: number): { payload: Buffer; start: number } {
  const frame = framesOf(bytes).at(index);
  if (frame === undefined) throw new Error('no such frame');
  const copy = Buffer.from(bytes.subarray(frame.offset, frame.end));
  frame.header.unmask(copy, 0);
  return { payload: copy.subarray(FRAME_HEADER_BYTES), start: frame.offset };
}

function encoded(write: (out: RecordWriter) => void, more = Buffer.alloc(0)): Buffer {
  const out = new RecordWriter();
  write(out);
  return Buffer.concat([out.written(), more]);
}

describe('a seal that counts otherwise', () => {
  const wrong: [keyof Seal, number][] = [
    ['events', 1],
    ['lastSequence', 1],
    ['runningCrc', 1],
    ['frames', 1],
    ['bytes', 1],
  ];

  it.each(wrong)('in %s is refused', async (field, by) => {
    const { payload, start } = payloadOf(sealed, -1);
    const seal = readSeal(payload);
    const before = sealed.subarray(0, start);
    const change = { kind: FRAME_KIND.seal, count: 0 };
    const same = append(
      before,
      encoded((out) => writeSeal(out, seal)),
      change,
    );
    expect(same.equals(sealed)).toBe(true);
    const other = encoded((out) => writeSeal(out, { ...seal, [field]: seal[field] + by }));
    await expectRefused(append(before, other, change), { offset: start, reason: 'sealMismatch' });
  });

  it('or has bytes behind it is refused', async () => {
    const { payload, start } = payloadOf(sealed, -1);
    const longer = Buffer.concat([payload, Buffer.from([1])]);
    const bytes = append(sealed.subarray(0, start), longer, { kind: FRAME_KIND.seal, count: 0 });
    await expectRefused(bytes, { offset: start, reason: 'decodeFailure' });
  });
});

describe('a mark', () => {
  const mark = { kind: FRAME_KIND.watermark, count: 0 };

  it('names the sequence it stands behind', async () => {
    const right = encoded((out) => writeWatermark(out, 4));
    const found = await verify(DIR, { storage: diskWith({ [FIRST]: append(log, right, mark) }) });
    expect(found).toMatchObject({ lastSequence: 4, torn: false });
  });

  it.each([3, 5])('that names %i instead is refused', async (sequence) => {
    const wrong = encoded((out) => writeWatermark(out, sequence));
    await expectRefused(append(log, wrong, mark), { offset: log.length, reason: 'sealMismatch' });
  });

  it('that is no mark is refused', async () => {
    await expectRefused(append(log, Buffer.from([1]), mark), {
      offset: log.length,
      reason: 'decodeFailure',
    });
  });
});

describe('a seal that is damaged', () => {
  it('is none, and the damage is told with its place', async () => {
    const { start } = payloadOf(sealed, -1);
    const bytes = Buffer.from(sealed);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await expectRefused(bytes, { offset: start, reason: 'crcMismatch' });
  });
});

describe('a segment whose header is of another place', () => {
  const SECOND = `${DIR}/wal/00000000000000000005.wal`;

  /** A second segment that begins with the header given. */
  function second(change: Partial<SegmentHeader>, frame: Partial<FrameFields> = {}): Buffer {
    const { payload } = payloadOf(sealed, 0);
    const seal = framesOf(sealed).at(-1)?.header;
    const header = {
      ...readSegmentHeader(payload),
      firstSequence: 5,
      previousSealCrc: seal?.headerCrc,
      ...change,
    };
    // Made behind the first segment, where it takes its place in the chain from.
    const change2 = { kind: FRAME_KIND.segmentHeader, count: 0, ...frame };
    return frameBehind(
      sealed,
      encoded((out) => writeSegmentHeader(out, header)),
      change2,
    );
  }

  async function judged(bytes: Buffer, name = SECOND): Promise<unknown> {
    const storage = diskWith({ [FIRST]: sealed, [name]: bytes });
    return verify(DIR, { storage, repair: 'truncate-partial' }).catch((error: unknown) => error);
  }

  it('is not refused when it is right', async () => {
    expect(await judged(second({}))).toMatchObject({ segments: 2, lastSequence: 4 });
  });

  it.each<[string, Partial<SegmentHeader>]>([
    ['of another log', { logId: '01890000-0000-7000-8000-999999999999' }],
    ['of another sequence', { firstSequence: 6 }],
    ['behind another seal', { previousSealCrc: 1 }],
    ['behind no seal', { previousSealCrc: undefined }],
  ])('%s is refused', async (_name, change) => {
    expect(await judged(second(change))).toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { reason: 'sealMismatch', segment: '00000000000000000005.wal' },
    });
  });

  it('under another name is refused', async () => {
    const bytes = second({ firstSequence: 4 }, { firstSequence: 4 });
    const storage = diskWith({ [SECOND]: bytes });
    await expect(verify(DIR, { storage })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });
});

describe('a segment that is not the newest', () => {
  /** The first segment with what is given behind its commits, and a second one that goes on behind its last good frame. */
  async function judged(behind: Buffer): Promise<unknown> {
    const { payload } = payloadOf(log, 0);
    const last = framesOf(log).at(-1)?.header;
    const header = { ...readSegmentHeader(payload), firstSequence: 5, previousSealCrc: last?.headerCrc };
    const next = frameBehind(
      log,
      encoded((out) => writeSegmentHeader(out, header)),
      { kind: FRAME_KIND.segmentHeader, count: 0 },
    );
    const second = `${DIR}/wal/00000000000000000005.wal`;
    const storage = diskWith({ [FIRST]: Buffer.concat([log, behind]), [second]: next });
    return verify(DIR, { storage, repair: 'truncate-partial' }).catch((error: unknown) => error);
  }

  it.each<[string, () => Buffer]>([
    ['without a seal', () => Buffer.alloc(0)],
    ['with zeros for a seal', () => Buffer.alloc(700)],
    ['with the beginning of one', () => Buffer.from('PW')],
    ['with a torn end', () => Buffer.concat([Buffer.from('PWL'), Buffer.alloc(700), Buffer.from('x')])],
  ])('%s is refused, though the next one goes on behind it', async (_name, behind) => {
    expect(await judged(behind())).toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { segment: '00000000000000000001.wal', offset: log.length },
    });
  });
});

describe('an end that is short', () => {
  it('of a header, is torn when it begins like one, and damage when it does not', async () => {
    await expectTorn(Buffer.concat([log, Buffer.from('PW')]));
    await expectTorn(Buffer.concat([log, Buffer.from([0x50, 0x57, 0x4c, 1, 9, 9])]));
    await expectRefused(Buffer.concat([log, Buffer.from('PX')]), { offset: log.length });
    await expectRefused(Buffer.concat([log, Buffer.from('garbage')]), { offset: log.length });
  });

  it('of the header of the segment, is damage: it was synced before the segment got its name', async () => {
    for (const length of [1, 20, 43, 60]) {
      await expectRefused(log.subarray(0, length), { offset: 0, reason: 'sealMismatch' });
    }
  });
});

describe('behind a tear', () => {
  /** The log and a batch of which a sector was never written. */
  function torn(change: Partial<FrameFields> = {}): Buffer {
    const payload = Buffer.alloc(2_000, 0x61);
    const bytes = append(log, payload, change);
    const sector = Math.ceil((log.length + FRAME_HEADER_BYTES) / 512) * 512;
    bytes.fill(0, sector, sector + 512);
    return bytes;
  }

  /** A frame behind the whole of what is torn, as if that were good. */
  function behind(change: (at: { epoch: number; batch: number }) => Partial<FrameFields>): Buffer {
    const bytes = torn();
    return Buffer.concat([bytes, frameBehind(bytes, heartbeatPayload(), change(lastHeader(bytes)))]);
  }

  it('nothing is needed for it to be one', async () => {
    await expectTorn(torn());
  });

  it('a later batch proves that it was durable', async () => {
    await expectRefused(
      behind(() => ({})),
      { offset: log.length, laterValidSeq: 6 },
    );
  });

  it.each<[string, (at: { epoch: number; batch: number }) => Partial<FrameFields>]>([
    ['of the same batch', ({ batch }) => ({ batch })],
    ['of a batch that cannot have begun', ({ batch }) => ({ batch: batch + 5_000 })],
    ['of an earlier epoch', ({ epoch }) => ({ epoch: epoch - 1 })],
    ['of an earlier sequence', () => ({ firstSequence: 3 })],
  ])('a frame %s proves nothing', async (_name, change) => {
    await expectTorn(behind(change));
  });

  it('a frame of a later batch with a broken payload proves nothing', async () => {
    const bytes = behind(() => ({}));
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await expectTorn(bytes);
  });

  it('what only begins like a frame proves nothing', async () => {
    const later = behind(() => ({}));
    const whole = torn().length;
    await expectTorn(later.subarray(0, -1));
    await expectTorn(later.subarray(0, whole + 30));
    // Too near to the end for a frame.
    const magic = Buffer.from([0x50, 0x57, 0x4c, 1]);
    await expectTorn(Buffer.concat([torn(), Buffer.alloc(40, 0x61), magic, Buffer.alloc(10, 0x61)]));
    const header = Buffer.from(later);
    header.writeUInt32LE(1, whole + 40);
    await expectTorn(header);
  });

  it('a whole frame of a later batch inside of it proves nothing', async () => {
    const { batch } = lastHeader(log);
    const inside = frameBehind(log, heartbeatPayload(), { batch: batch + 2, firstSequence: 6 });
    const payload = Buffer.concat([Buffer.alloc(1_200, 0x61), inside, Buffer.alloc(100, 0x61)]);
    const bytes = append(log, payload);
    expect(bytes.includes(inside)).toBe(true);
    const sector = Math.ceil((log.length + FRAME_HEADER_BYTES) / 512) * 512;
    bytes.fill(0, sector, sector + 512);
    await expectTorn(bytes);
  });

  it('in the middle of a batch what follows of the same batch proves nothing, and the next batch does', async () => {
    const open = append(log, heartbeatPayload(), { lastOfBatch: false });
    const { batch } = lastHeader(open);
    const gap = Buffer.concat([open, Buffer.alloc(1_100)]);
    const behind = (of: number): Buffer =>
      Buffer.concat([gap, frameBehind(open, heartbeatPayload(), { batch: of, firstSequence: 7 })]);
    const found = await verify(DIR, {
      storage: diskWith({ [FIRST]: behind(batch) }),
      repair: 'truncate-partial',
    });
    expect(found).toMatchObject({ torn: true, lastSequence: 5 });
    await expectRefused(behind(batch + 1), { offset: open.length, laterValidSeq: 7 });
  });

  it('a later batch is found also where two windows of the search meet', async () => {
    for (const early of [1, 2, 3]) {
      const at = log.length + 1 + WINDOW - early;
      const filled = Buffer.concat([log, Buffer.alloc(at - log.length, 0x61)]);
      filled.fill(0, log.length, log.length + 1_024);
      const later = frameBehind(log, heartbeatPayload(), {
        batch: lastHeader(log).batch + 2,
        firstSequence: 6,
      });
      await expectRefused(Buffer.concat([filled, later]), { offset: log.length, laterValidSeq: 6 });
      await expectTorn(filled);
    }
  });

  it('zeros that fill no sector are no evidence, wherever the windows of the search end', async () => {
    const bytes = append(log, Buffer.alloc(WINDOW + 4_096, 0x61));
    const end = log.length + WINDOW;
    // From the beginning of the sector in which the first window would end, and not to the end of that sector.
    const sector = Math.floor((end - 1) / 512) * 512;
    bytes.fill(0, sector, sector + 511);
    await expectRefused(bytes, { offset: log.length, reason: 'crcMismatch' });
    bytes.fill(0, sector, sector + 512);
    await expectTorn(bytes);
  });

  it('zeros are no evidence in a frame that says so', async () => {
    const bytes = torn();
    const flags = bytes.readUInt32LE(log.length + 12);
    bytes.writeUInt32LE(flags | 0x2_0000, log.length + 12);
    bytes.writeUInt32LE(crc32(bytes, log.length, log.length + 40), log.length + 40);
    await expectRefused(bytes, { offset: log.length, reason: 'crcMismatch' });
  });
});
