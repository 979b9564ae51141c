// Acceptance rows 6, 9, 11 and 13: torn, corrupt and foreign bytes, under both policies, on the real disk.
import { afterEach, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPawlError } from '../../src/errors.js';
import { crc32 } from '../../src/journal/crc.js';
import { FRAME_KIND } from '../../src/journal/frame.js';
import { openJournal, openWalWriter, verify } from '../../src/journal/open-journal.js';
import type { LogFields } from '../../src/logger.js';
import {
  actorsOf,
  dropSeal,
  event,
  frameBehind,
  framesOf,
  heartbeatPayload,
  newDir,
  newestSegment,
  removeDirs,
  segmentFiles,
  tree,
} from './wal-fixtures.js';

afterEach(removeDirs);

const POLICIES = ['strict', 'truncate-partial'] as const;

/** A log of commits of one event each, dropped without close, without the witness outside. */
async function droppedLog(events: number): Promise<{ dir: string; segment: string; bytes: Buffer }> {
  const dir = newDir();
  const writer = await openWalWriter(dir);
  for (let sequence = 1; sequence <= events; sequence++)
    await writer.append(event(sequence, `a${String(sequence)}`));
  await writer.close();
  const segment = newestSegment(dir);
  dropSeal(segment);
  rmSync(join(dir, 'head'));
  return { dir, segment, bytes: readFileSync(segment) };
}

async function readOnlyActors(dir: string): Promise<string[]> {
  const seen: string[] = [];
  const reader = await openJournal(dir, { readOnly: true });
  try {
    for await (const commit of reader.read({ from: 1 })) {
      for (const one of commit.events) seen.push(one.type === 'ActorHeartbeat' ? one.actorId : one.type);
    }
  } catch (error) {
    if (!isPawlError(error)) throw error;
    seen.push(error.code);
  }
  return seen;
}

describe('row 6: a partial record at the end', () => {
  it.each([
    ['6 bytes of a header', 6, 'incompleteHeader'],
    ['43 bytes of a header', 43, 'incompleteHeader'],
    ['3 bytes of the magic', 3, 'incompleteHeader'],
    ['a header alone', 44, 'incompletePayload'],
    ['a frame without its last byte', 51, 'incompletePayload'],
  ])('%s: strict refuses with the exact offset and changes nothing', async (_what, length, reason) => {
    const { dir, segment, bytes } = await droppedLog(2);
    writeFileSync(
      segment,
      Buffer.concat([bytes, frameBehind(bytes, heartbeatPayload()).subarray(0, length)]),
    );
    const before = tree(dir);
    const place = { segment: '00000000000000000001.wal', offset: bytes.length, reason };
    await expect(openJournal(dir)).rejects.toMatchObject({
      code: 'TORN_TAIL',
      data: { ...place, lastSeq: 2 },
    });
    await expect(verify(dir)).rejects.toMatchObject({ code: 'TORN_TAIL', data: place });
    expect(tree(dir)).toEqual(before);
    expect(await verify(dir, { repair: 'truncate-partial' })).toMatchObject({ lastSequence: 2, torn: true });
  });

  it('a frame with a sector that was never written is torn: crcMismatch', async () => {
    const { dir, segment, bytes } = await droppedLog(1);
    const payload = Buffer.concat([Buffer.from('92cd03e89226da0800', 'hex'), Buffer.alloc(2_048, 97)]);
    const frame = frameBehind(bytes, payload);
    const whole = Buffer.concat([bytes, frame]);
    whole.fill(0, 1_024, 1_536);
    writeFileSync(segment, whole);
    await expect(openJournal(dir)).rejects.toMatchObject({
      code: 'TORN_TAIL',
      data: { offset: bytes.length, reason: 'crcMismatch' },
    });
  });

  it('zeros to the end are a clean end under both policies', async () => {
    for (const repair of POLICIES) {
      const { dir, segment, bytes } = await droppedLog(2);
      writeFileSync(segment, Buffer.concat([bytes, Buffer.alloc(5_000)]));
      const journal = await openJournal(dir, { repair });
      expect([journal.currentSequence, journal.repaired]).toEqual([2, undefined]);
      await journal.append(event(3));
      await journal.close();
      expect(await verify(dir)).toMatchObject({ lastSequence: 3, sealed: true });
    }
  });

  it('garbage behind the last frame is corrupt, not torn', async () => {
    const { dir, segment, bytes } = await droppedLog(2);
    writeFileSync(
      segment,
      Buffer.concat([bytes, Buffer.from('no frame of ours, but long enough to be one of a log')]),
    );
    for (const repair of POLICIES) {
      await expect(openJournal(dir, { repair })).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        data: { offset: bytes.length, reason: 'crcMismatch' },
      });
    }
  });
});

describe('row 9: two events and a torn third', () => {
  it('truncate-partial opens at 2, keeps the cut bytes, says so, and the next append is 3', async () => {
    const { dir, segment, bytes } = await droppedLog(2);
    const cut = frameBehind(bytes, heartbeatPayload()).subarray(0, 48);
    writeFileSync(segment, Buffer.concat([bytes, cut]));
    const lines: [LogFields, string][] = [];
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (fields: LogFields, message: string) => {
        lines.push([fields, message]);
      },
      error: () => undefined,
    };
    const journal = await openJournal(dir, { repair: 'truncate-partial', logger });
    const { repaired } = journal;
    expect(journal.currentSequence).toBe(2);
    expect(repaired).toMatchObject({ segment: '00000000000000000001.wal', offset: bytes.length, bytes: 48 });
    expect(readFileSync(join(dir, repaired?.quarantine ?? '')).equals(cut)).toBe(true);
    expect(lines).toEqual([[{ component: 'journal', ...repaired }, 'log repaired']]);
    expect((await journal.append(event(3, 'a3'))).firstSequence).toBe(3);
    await journal.close();
    const again = await openJournal(dir);
    expect([again.currentSequence, await actorsOf(again), again.repaired]).toEqual([
      3,
      ['a1', 'a2', 'a3'],
      undefined,
    ]);
    await again.close();
  });

  it('opening twice after a torn batch of which some commits are whole keeps those, and tells later batches apart', async () => {
    const { dir, segment, bytes } = await droppedLog(1);
    const second = frameBehind(bytes, heartbeatPayload(), { lastOfBatch: false });
    const behind = Buffer.concat([bytes, second]);
    const sameBatch = framesOf(behind).at(-1)?.header.batch ?? 0;
    const third = frameBehind(behind, heartbeatPayload(), { batch: sameBatch });
    writeFileSync(segment, Buffer.concat([behind, third.subarray(0, 46)]));
    await (await openJournal(dir, { repair: 'truncate-partial' })).close();
    const journal = await openJournal(dir);
    expect([journal.currentSequence, await actorsOf(journal)]).toEqual([2, ['a1', 'a']]);
    await journal.close();
  });
});

describe('row 11: damage that is not an incomplete last batch', () => {
  it('any flipped bit of a log is refused by both policies with place and reason, and what stands before is readable', async () => {
    const { dir, segment, bytes } = await droppedLog(4);
    const frames = framesOf(bytes).filter(({ header }) => header.kind === FRAME_KIND.commit);
    const expected = ['a1', 'a2', 'a3', 'a4'];
    for (let bit = 0; bit < bytes.length * 8; bit += 101) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(segment, flipped);
      const before = frames.filter(({ end }) => end <= bit >> 3).length;
      const start = frames[before]?.offset ?? 0;
      for (const repair of POLICIES) {
        const refusal: unknown = await openJournal(dir, { repair }).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (!isPawlError(refusal)) throw new Error(`bit ${String(bit)} was not refused`);
        expect(['JOURNAL_CORRUPT', 'UNSUPPORTED_FORMAT']).toContain(refusal.code);
        expect(refusal.data).toMatchObject({
          segment: '00000000000000000001.wal',
          offset: bit >> 3 < (frames[0]?.offset ?? 0) ? 0 : start,
        });
      }
      expect((await readOnlyActors(dir)).slice(0, before)).toEqual(expected.slice(0, before));
      expect(readFileSync(segment).equals(flipped)).toBe(true);
    }
    expect(readdirSync(join(dir, 'quarantine'))).toEqual([]);
  }, 600_000);

  it('a sector of an earlier batch that reads as zeros is corrupt, since a later batch follows', async () => {
    const dir = newDir();
    const writer = await openWalWriter(dir);
    for (let sequence = 1; sequence <= 40; sequence++) await writer.append(event(sequence, 'x'.repeat(100)));
    await writer.close();
    const segment = newestSegment(dir);
    dropSeal(segment);
    const bytes = readFileSync(segment);
    bytes.fill(0, 1_024, 1_536);
    writeFileSync(segment, bytes);
    for (const repair of POLICIES) {
      await expect(openJournal(dir, { repair })).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        data: { reason: 'crcMismatch', expectedSeq: expect.any(Number), laterValidSeq: expect.any(Number) },
      });
    }
  });

  it('a cut that loses acknowledged events is told by the witness outside the log', async () => {
    const { dir, segment } = await droppedLog(3);
    const writer = await openWalWriter(dir);
    await writer.append(event(4));
    await writer.close();
    const frames = framesOf(readFileSync(segment));
    truncateSync(segment, frames[2]?.end ?? 0);
    for (const repair of POLICIES) {
      await expect(openJournal(dir, { repair })).rejects.toMatchObject({
        code: 'ACKNOWLEDGED_DATA_MISSING',
        data: { watermark: 4, found: 2 },
      });
    }
    rmSync(join(dir, 'wal'), { recursive: true });
    await expect(openJournal(dir)).rejects.toMatchObject({
      code: 'ACKNOWLEDGED_DATA_MISSING',
      data: { watermark: 4, found: 0 },
    });
  });

  it('names a missing segment, a swapped one, and one that was cut', async () => {
    const make = async (): Promise<{ dir: string; files: string[] }> => {
      const dir = newDir();
      for (const from of [1, 3, 5]) {
        const writer = await openWalWriter(dir);
        await writer.append(event(from));
        await writer.append(event(from + 1));
        await writer.close();
      }
      return { dir, files: segmentFiles(dir) };
    };
    const missing = await make();
    rmSync(missing.files[1] ?? '');
    await expect(openJournal(missing.dir)).rejects.toMatchObject({
      code: 'SEGMENT_MISSING',
      data: { expectedSeq: 3, found: 5 },
    });
    const swapped = await make();
    const other = await make();
    writeFileSync(swapped.files[1] ?? '', readFileSync(other.files[1] ?? ''));
    await expect(openJournal(swapped.dir)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { reason: 'sealMismatch', offset: 0 },
    });
    const cut = await make();
    dropSeal(cut.files[1] ?? '');
    await expect(openJournal(cut.dir)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { reason: 'sealMismatch' },
    });
    const grown = await make();
    const last = grown.files[2] ?? '';
    writeFileSync(last, Buffer.concat([readFileSync(last), Buffer.from('x')]));
    await expect(openJournal(grown.dir)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { reason: 'sealMismatch' },
    });
    const emptied = await make();
    truncateSync(emptied.files[2] ?? '', 0);
    await expect(openJournal(emptied.dir, { repair: 'truncate-partial' })).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { offset: 0 },
    });
  });

  it('refuses a frame with right checksums that does not follow: a gap, a copy, another chain', async () => {
    const cases = [
      [{ firstSequence: 9 }, 'sequenceGap'],
      [{ firstSequence: 1 }, 'sequenceGap'],
      [{ previousCrc: 1 }, 'sealMismatch'],
      [{ batch: 77 }, 'sealMismatch'],
      [{ epoch: 0 }, 'sealMismatch'],
      [{ count: 0 }, 'decodeFailure'],
    ] as const;
    for (const [change, reason] of cases) {
      const { dir, segment, bytes } = await droppedLog(2);
      writeFileSync(segment, Buffer.concat([bytes, frameBehind(bytes, heartbeatPayload(), change)]));
      await expect(openJournal(dir, { repair: 'truncate-partial' })).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        data: { offset: bytes.length, reason },
      });
    }
  });

  it('refuses a payload that is whole and no commit', async () => {
    const { dir, segment, bytes } = await droppedLog(2);
    writeFileSync(segment, Buffer.concat([bytes, frameBehind(bytes, Buffer.from('c0', 'hex'))]));
    await expect(openJournal(dir)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { offset: bytes.length, reason: 'decodeFailure', expectedSeq: 3 },
    });
    expect(await readOnlyActors(dir)).toEqual(['a1', 'a2']);
  });

  it('is not fooled by whole frames inside a torn payload', async () => {
    const { dir, segment, bytes } = await droppedLog(2);
    // A payload that holds a frame of a far later batch, and lost its end.
    const inner = frameBehind(bytes, heartbeatPayload(), { batch: 6, firstSequence: 50 });
    const frame = frameBehind(bytes, Buffer.concat([inner, Buffer.alloc(600, 1)]));
    writeFileSync(segment, Buffer.concat([bytes, frame.subarray(0, 300)]));
    const journal = await openJournal(dir, { repair: 'truncate-partial' });
    expect(journal.currentSequence).toBe(2);
    await journal.close();
  });
});

describe('row 13: versions and lengths', () => {
  it('another version is refused as such, and left alone', async () => {
    const { dir, segment, bytes } = await droppedLog(2);
    const frame = frameBehind(bytes, heartbeatPayload());
    frame[3] = 2;
    for (const whole of [Buffer.concat([bytes, frame]), withVersion(bytes, 9)]) {
      writeFileSync(segment, whole);
      for (const repair of POLICIES) {
        await expect(openJournal(dir, { repair })).rejects.toMatchObject({
          code: 'UNSUPPORTED_FORMAT',
          data: { reason: 'unsupportedVersion', offset: whole.length === bytes.length ? 0 : bytes.length },
        });
      }
      expect(readFileSync(segment).equals(whole)).toBe(true);
    }
  });

  it('flags that this release does not know are refused as another format', async () => {
    const { dir, segment, bytes } = await droppedLog(1);
    const frame = frameBehind(bytes, heartbeatPayload());
    frame.writeUInt32LE(frame.readUInt32LE(12) | 0x4_0000, 12);
    frame.writeUInt32LE(crc32(frame, 0, 40), 40);
    writeFileSync(segment, Buffer.concat([bytes, frame]));
    await expect(openJournal(dir)).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT' });
  });

  it('a length above maxFrameBytes with a header otherwise right is decodeFailure and allocates next to nothing', async () => {
    for (const length of [0, 16_777_217, 0x8000_0000, 0xffff_ffff]) {
      const { dir, segment, bytes } = await droppedLog(1);
      const frame = frameBehind(bytes, heartbeatPayload());
      frame.writeUInt32LE(length, 4);
      frame.writeUInt32LE(crc32(frame, 0, 40), 40);
      writeFileSync(segment, Buffer.concat([bytes, frame]));
      const before = process.memoryUsage().arrayBuffers;
      // Without the lock, whose helper process has buffers of its own.
      await expect(verify(dir, { repair: 'truncate-partial' })).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        data: { offset: bytes.length, reason: 'decodeFailure', length },
      });
      // The smallest of the lengths above the limit says 16 MiB; a pipe of the earlier round's helper process may have read into 64 KiB meanwhile.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1_048_576);
      await expect(openJournal(dir, { repair: 'truncate-partial' })).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
      });
    }
  });

  it('a commit at the limit is written and read; one above it is refused before anything is written', async () => {
    const dir = newDir();
    const limits = { maxFrameBytes: 1_000 };
    const writer = await openWalWriter(dir, { limits });
    // 92 cd 03e8 92 26 da <2 bytes of length>: nine bytes around the id.
    const sized = (bytes: number, sequence: number): ReturnType<typeof event> =>
      event(sequence, 'x'.repeat(bytes - 9));
    await writer.append(sized(999, 1));
    await writer.append(sized(1_000, 2));
    const before = readFileSync(newestSegment(dir));
    await expect(writer.append(sized(1_001, 3))).rejects.toMatchObject({
      code: 'COMMIT_TOO_LARGE',
      data: { bytes: 1_001 },
    });
    expect(readFileSync(newestSegment(dir)).equals(before)).toBe(true);
    await writer.append(sized(100, 3));
    await writer.close();
    const again = await openJournal(dir, { limits });
    expect((await actorsOf(again)).map((id) => id.length)).toEqual([990, 991, 91]);
    await again.close();
    await expect(openJournal(dir, { limits: { maxFrameBytes: 999 } })).rejects.toMatchObject({
      data: { reason: 'decodeFailure' },
    });
  });

  it('a frame larger than a chunk of the reader is read whole', async () => {
    const dir = newDir();
    const writer = await openWalWriter(dir);
    await writer.append(event(1, 'small'));
    await writer.append(event(2, 'y'.repeat(3_000_000)));
    await writer.append(event(3, 'last'));
    await writer.close();
    const again = await openJournal(dir);
    expect((await actorsOf(again)).map((id) => id.length)).toEqual([5, 3_000_000, 4]);
    await again.close();
    expect(existsSync(join(dir, 'head'))).toBe(true);
  });
});

function withVersion(bytes: Buffer, version: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[3] = version;
  return changed;
}
