// Frames: the header's fields and checksums, the mask that leaves no zero piece, the bytes of the format page.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { serialize } from 'node:v8';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { crc32 } from '../../src/journal/crc.js';
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FrameHeader,
  LOG_MAGIC,
  closeFrame,
  getU64,
  judgeMagic,
  putU64,
  showsTear,
} from '../../src/journal/frame.js';
import { MASKS, applyMask, hasZeroPiece } from '../../src/journal/mask.js';

function framed(payload: Uint8Array, fileOffset: number): { bytes: Buffer; header: FrameHeader } {
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
  closeFrame(
    { bytes, start: 0, end: bytes.length, fileOffset },
    {
      magic: LOG_MAGIC,
      kind: FRAME_KIND.commit,
      lastOfBatch: true,
      epoch: 7,
      batch: 0xffff_ffff,
      firstSequence: Number.MAX_SAFE_INTEGER,
      count: 3,
      previousCrc: 0xdead_beef,
    },
  );
  const header = new FrameHeader();
  expect(header.read(bytes, 0)).toBe(true);
  return { bytes, header };
}

const sparse = fc
  .array(fc.tuple(fc.nat(6_000), fc.integer({ min: 1, max: 255 })), { maxLength: 4 })
  .chain((set) =>
    fc.integer({ min: 1, max: 6_000 }).map((size) => {
      const bytes = Buffer.alloc(size);
      for (const [at, value] of set) if (at < size) bytes[at] = value;
      return bytes;
    }),
  );

describe('a frame', () => {
  it('gives back its fields and its payload, and says so by two checksums', () => {
    const payload = Buffer.from('payload');
    const { bytes, header } = framed(payload, 0);
    expect(header).toMatchObject({
      length: 7,
      epoch: 7,
      batch: 0xffff_ffff,
      firstSequence: Number.MAX_SAFE_INTEGER,
      count: 3,
      previousCrc: 0xdead_beef,
    });
    expect([header.kind, header.mask, header.lastOfBatch, header.zeroPieces, header.flagsKnown]).toEqual([
      0,
      0,
      true,
      false,
      true,
    ]);
    expect(header.headerCrc).toBe(zlibCrc32(bytes.subarray(0, 40)));
    expect(header.payloadIsWhole(bytes, 0)).toBe(true);
    expect(bytes.subarray(FRAME_HEADER_BYTES)).toEqual(payload);
  });

  it('tells every flipped bit', () => {
    const { bytes } = framed(Buffer.from('some payload'), 100);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const header = new FrameHeader();
      const good =
        judgeMagic(flipped, 0, LOG_MAGIC) === 'ours' &&
        header.read(flipped, 0) &&
        header.payloadIsWhole(flipped, 0);
      expect(good).toBe(false);
    }
  });

  it('has no all-zero piece, wherever it lies and whatever it holds, and gives the payload back', () => {
    fc.assert(
      fc.property(sparse, fc.nat(2_000), (payload, fileOffset) => {
        const { bytes, header } = framed(payload, fileOffset);
        expect(showsTear(bytes, 0, bytes.length, fileOffset)).toBe(false);
        expect(header.payloadIsWhole(bytes, 0)).toBe(true);
        header.unmask(bytes, 0);
        expect(bytes.subarray(FRAME_HEADER_BYTES).equals(payload)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('takes the lowest mask that will do, and none when none is needed', () => {
    expect(framed(Buffer.alloc(600, 1), 0).header.mask).toBe(0);
    expect(framed(Buffer.alloc(2_000), 0).header.mask).toBe(1);
    const made = Buffer.alloc(2_000);
    applyMask(made, 468, 980, 1);
    // The second piece is sequence 1 itself, the third is zero: 0 and 1 both leave a zero piece.
    const likeFirst = Buffer.alloc(2_000);
    applyMask(likeFirst, 0, 2_000, 1);
    const payload = Buffer.concat([likeFirst.subarray(0, 980), Buffer.alloc(1_020)]);
    expect(framed(payload, 0).header.mask).toBe(2);
  });

  it('says that zero pieces prove nothing when a payload was made to defeat every mask', () => {
    const pieces = MASKS;
    const payload = Buffer.alloc(468 + pieces * 512);
    for (let mask = 0; mask < pieces; mask++) {
      const from = 468 + mask * 512;
      const sequence = Buffer.alloc(from + 512);
      applyMask(sequence, 0, sequence.length, mask);
      sequence.copy(payload, from, from);
    }
    const { bytes, header } = framed(payload, 0);
    expect([header.mask, header.zeroPieces]).toEqual([0, true]);
    expect(bytes.subarray(FRAME_HEADER_BYTES).equals(payload)).toBe(true);
    expect(header.payloadIsWhole(bytes, 0)).toBe(true);
  });

  it('masks by the sequences of the format page', () => {
    const bytes = Buffer.alloc(10);
    applyMask(bytes, 0, 10, 3);
    let state = (3 * 0x9e3779b1) % 2 ** 32;
    const expected: number[] = [];
    while (expected.length < 10) {
      state = Number((BigInt(state) ^ (BigInt(state) << 13n)) & 0xffff_ffffn);
      state = Number(BigInt(state) ^ (BigInt(state) >> 17n));
      state = Number((BigInt(state) ^ (BigInt(state) << 5n)) & 0xffff_ffffn);
      expected.push(state & 0xff, (state >>> 8) & 0xff, (state >>> 16) & 0xff, state >>> 24);
    }
    expect([...bytes]).toEqual(expected.slice(0, 10));
  });

  it('is of another version, foreign or ours by its first four bytes', () => {
    const verdict = (hex: string): string => judgeMagic(Buffer.from(hex, 'hex'), 0, LOG_MAGIC);
    expect(['50574c01', '50574c02', '50574cff', '50574c00', '51574c01', '00000000'].map(verdict)).toEqual([
      'ours',
      'otherVersion',
      'otherVersion',
      'foreign',
      'foreign',
      'foreign',
    ]);
  });
});

describe('a 64-bit number', () => {
  it.each([0, 1, 300_001, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER])(
    'is read as it was written: %d',
    (value) => {
      const bytes = Buffer.alloc(10);
      putU64(bytes, value, 1);
      expect(getU64(bytes, 1)).toBe(value);
    },
  );

  // V8 writes a small integer as `I`, a float as `N`. One sequence that is a float in memory made every row of the
  // state be rewritten, half of what a start from a snapshot cost.
  it('is no float in memory while it is small', () => {
    const bytes = Buffer.alloc(8);
    for (const value of [0, 1, 300_001, 2 ** 30]) {
      putU64(bytes, value, 0);
      expect(String.fromCharCode(serialize(getU64(bytes, 0))[2] ?? 0)).toBe('I');
    }
    expect(String.fromCharCode(serialize(0.5)[2] ?? 0)).toBe('N');
  });
});

describe('pieces', () => {
  it('are cut at multiples of 512 of the file, and the ends count', () => {
    const zero = (fill: (bytes: Buffer) => void, fileOffset: number): boolean => {
      const bytes = Buffer.alloc(1_024);
      fill(bytes);
      return hasZeroPiece({ bytes, from: 0, end: bytes.length, fileOffset });
    };
    const set =
      (...places: number[]) =>
      (bytes: Buffer) => {
        for (const place of places) bytes[place] = 1;
      };
    expect(zero(set(0, 600), 0)).toBe(false);
    expect(zero(set(0, 511), 0)).toBe(true);
    expect(zero(set(0, 412, 1_023), 100)).toBe(false);
    expect(zero(set(0, 412), 100)).toBe(true);
    expect(hasZeroPiece({ bytes: Buffer.alloc(0), from: 0, end: 0, fileOffset: 5 })).toBe(false);
  });
});

describe('the checksum', () => {
  it('is that of zlib for every length, and can be continued', () => {
    const bytes = Buffer.from(Array.from({ length: 1_500 }, (_, index) => (index * 7) & 0xff));
    for (const length of [0, 1, 40, 511, 512, 513, 1_500]) {
      expect(crc32(bytes, 0, length)).toBe(zlibCrc32(bytes.subarray(0, length)));
      expect(crc32(bytes, length >> 1, length, crc32(bytes, 0, length >> 1))).toBe(crc32(bytes, 0, length));
    }
  });
});
