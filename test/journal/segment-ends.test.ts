// A segment that is passed over by its two ends alone: only when header, seal and length fit to each other and to what
// stands before. Whatever does not fit, with every checksum right, is read whole, so that the damage gets its place.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readSeal, writeSeal, type Seal } from '../../src/journal/control-frames.js';
import { FRAME_HEADER_BYTES, FRAME_KIND, type FrameFields } from '../../src/journal/frame.js';
import { openJournal } from '../../src/journal/index.js';
import { LogCursor } from '../../src/journal/log-cursor.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { sealAtEnd, stepOver } from '../../src/journal/segment-ends.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { DIR, countedIds } from './damage-fixture.js';
import { event, frameBehind, framesOf, heartbeatPayload } from './wal-fixtures.js';

const NAME = '00000000000000000001.wal';
const PATH = `${DIR}/wal/${NAME}`;
const EVENTS = 4;
/** A segment of two epochs that was closed, the same without its seal, and what the seal says. */
let sealed: Buffer;
let open: Buffer;
let seal: Seal;

beforeAll(async () => {
  const storage = new FaultyStorage();
  const ids = countedIds();
  for (const first of [1, 3]) {
    const journal = await openJournal(DIR, { storage, ids });
    await journal.append(event(first));
    await journal.append(event(first + 1));
    if (first === 3) await journal.close();
    else storage.forgetProcess();
  }
  sealed = storage.contents(PATH);
  const last = framesOf(sealed).at(-1);
  if (last === undefined) throw new Error('no seal');
  open = sealed.subarray(0, last.offset);
  const frame = Buffer.from(sealed.subarray(last.offset, last.end));
  last.header.unmask(frame, 0);
  seal = readSeal(frame.subarray(FRAME_HEADER_BYTES));
});

/** The segment with another seal, whose checksums are right. */
function sealedWith(change: Partial<Seal>, frame: Partial<FrameFields> = {}, body = open): Buffer {
  const out = new RecordWriter();
  writeSeal(out, { ...seal, bytes: body.length, ...change });
  const fields = { kind: FRAME_KIND.seal, count: 0, ...frame };
  return Buffer.concat([body, frameBehind(body, out.written(), fields)]);
}

async function steppedOver(bytes: Buffer, cursor = new LogCursor()): Promise<LogCursor | undefined> {
  return await stepOver(await sourceOf(bytes), cursor);
}

async function sourceOf(bytes: Buffer): Promise<Parameters<typeof stepOver>[0]> {
  const storage = new FaultyStorage();
  storage.place(PATH, bytes);
  const file = await storage.open(PATH, 'read');
  return { name: NAME, file, sizeBytes: bytes.length, newest: false };
}

describe('a segment whose ends fit', () => {
  it('is passed over, and the cursor stands behind its seal', async () => {
    expect(sealedWith({}).equals(sealed)).toBe(true);
    const behind = await steppedOver(sealed);
    const last = framesOf(sealed).at(-1)?.header;
    expect(behind).toMatchObject({
      firstSequence: 1,
      nextSequence: EVENTS + 1,
      epoch: last?.epoch,
      batch: last?.batch,
      batchEnded: true,
      previousCrc: last?.headerCrc,
    });
  });

  it('behind others keeps the sequence at which the log begins', async () => {
    const before = Object.assign(new LogCursor(), { firstSequence: 7 });
    expect((await steppedOver(sealed, before))?.firstSequence).toBe(7);
    // What was passed in stays where it was.
    expect(before.begun).toBe(false);
  });
});

describe('a segment is read whole', () => {
  it.each<[string, () => Buffer]>([
    ['when its seal counts other events', () => sealedWith({ events: EVENTS + 1 })],
    ['when its seal names another last sequence', () => sealedWith({ lastSequence: EVENTS - 1 })],
    ['when its seal lies elsewhere than it says', () => sealedWith({ bytes: open.length + 1 })],
    ['when its seal is of an earlier epoch', () => sealedWith({}, { epoch: 0 })],
    ['when its seal stands before its first event', () => sealedWith({ events: 0 }, { firstSequence: 1 })],
    [
      'when it holds no event',
      () => {
        const header = open.subarray(0, framesOf(open)[0]?.end);
        return sealedWith({ events: 0, lastSequence: 0, frames: 1 }, {}, header);
      },
    ],
    ['when it does not end in a seal', () => open],
    ['when its end is another frame', () => Buffer.concat([open, frameBehind(open, heartbeatPayload())])],
    ['when its last frame is no seal inside', () => notASeal()],
    ['when its first frame is no header', () => sealed.subarray(framesOf(sealed)[0]?.end)],
    ['when it is shorter than a header', () => sealed.subarray(0, 20)],
    ['when it is empty', () => Buffer.alloc(0)],
  ])('%s', async (_name, bytes) => {
    expect(await steppedOver(bytes())).toBeUndefined();
  });

  it('when it does not follow what stands before it', async () => {
    const before = Object.assign(new LogCursor(), { begun: true, nextSequence: 9 });
    expect(await steppedOver(sealed, before)).toBeUndefined();
  });

  function notASeal(): Buffer {
    return Buffer.concat([open, frameBehind(open, Buffer.from([1]), { kind: FRAME_KIND.seal, count: 0 })]);
  }
});

describe('a segment of another log', () => {
  it('is damage that its ends show', async () => {
    const before = Object.assign(new LogCursor(), { logId: '01890000-0000-7000-8000-999999999999' });
    await expect(steppedOver(sealed, before)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { reason: 'sealMismatch', segment: NAME, offset: 0 },
    });
  });
});

describe('the seal at the end', () => {
  it('is found whatever stands before it, and not when a byte follows', async () => {
    expect((await sealAtEnd(await sourceOf(sealed)))?.seal).toEqual(seal);
    expect(await sealAtEnd(await sourceOf(Buffer.concat([sealed, Buffer.from([0])])))).toBeUndefined();
  });

  it('is none when any of its bits is another', async () => {
    for (let bit = open.length * 8; bit < sealed.length * 8; bit++) {
      const bytes = Buffer.from(sealed);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await sealAtEnd(await sourceOf(bytes))).toBeUndefined();
    }
  });
});
