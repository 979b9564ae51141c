// A buffer that grows, and MessagePack values in their shortest form written to it. Nothing is allocated
// per value: the buffer is reused from batch to batch, and strings are copied character by character
// while they are short. What MessagePack cannot carry unchanged is refused with INVALID_INPUT.
import { PawlError } from '../errors.js';

const TWO_32 = 0x1_0000_0000;
/** Up to this many characters a loop beats the call into the runtime. */
const SHORT_CHARS = 64;

/** Grows by doubling; `position` is where the next byte goes, and may be set back to undo. */
export class ByteWriter {
  bytes: Buffer;
  position = 0;

  constructor(initialBytes = 65_536) {
    this.bytes = Buffer.allocUnsafe(initialBytes);
  }

  /** What was written so far; a view, valid until the next write. */
  written(): Buffer {
    return this.bytes.subarray(0, this.position);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.position + count;
    if (needed > this.bytes.length) this.grow(needed);
  }

  /** Leaves a gap to be filled later. */
  skip(count: number): void {
    this.reserve(count);
    this.position += count;
  }

  nil(): void {
    this.reserve(1);
    this.bytes[this.position++] = 0xc0;
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') throw unwritable(value, 'a boolean');
    this.reserve(1);
    this.bytes[this.position++] = value ? 0xc3 : 0xc2;
  }

  /** A non-negative safe integer. */
  uint(value: number): void {
    this.reserve(9);
    const { bytes } = this;
    if (value >= 0 && value < 0x80 && Number.isInteger(value)) {
      bytes[this.position++] = value;
      return;
    }
    if (!Number.isSafeInteger(value) || value < 0) throw unwritable(value, 'a non-negative safe integer');
    let at = this.position;
    if (value < 0x100) {
      bytes[at++] = 0xcc;
      bytes[at++] = value;
    } else if (value < 0x1_0000) {
      bytes[at++] = 0xcd;
      bytes[at++] = value >>> 8;
      bytes[at++] = value;
    } else if (value < TWO_32) {
      bytes[at++] = 0xce;
      at = putU32(bytes, at, value);
    } else {
      bytes[at++] = 0xcf;
      at = putU32(bytes, at, Math.floor(value / TWO_32));
      at = putU32(bytes, at, value >>> 0);
    }
    this.position = at;
  }

  /** A safe integer. */
  int(value: number): void {
    if (value >= 0) {
      this.uint(value);
      return;
    }
    if (!Number.isSafeInteger(value)) throw unwritable(value, 'a safe integer');
    this.reserve(9);
    const { bytes } = this;
    let at = this.position;
    if (value >= -32) {
      bytes[at++] = value & 0xff;
    } else if (value >= -0x80) {
      bytes[at++] = 0xd0;
      bytes[at++] = value & 0xff;
    } else if (value >= -0x8000) {
      bytes[at++] = 0xd1;
      bytes[at++] = (value >> 8) & 0xff;
      bytes[at++] = value & 0xff;
    } else if (value >= -0x8000_0000) {
      bytes[at++] = 0xd2;
      at = putU32(bytes, at, value >>> 0);
    } else {
      const high = Math.floor(value / TWO_32);
      bytes[at++] = 0xd3;
      at = putU32(bytes, at, high >>> 0);
      at = putU32(bytes, at, value - high * TWO_32);
    }
    this.position = at;
  }

  /** Any finite number: an integer if it is one, else eight bytes. */
  num(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.int(value);
      return;
    }
    if (!Number.isFinite(value)) throw unwritable(value, 'a finite number');
    this.reserve(9);
    this.bytes[this.position] = 0xcb;
    this.bytes.writeDoubleBE(value, this.position + 1);
    this.position += 9;
  }

  /** Begins an array of `count` values. */
  array(count: number): void {
    this.reserve(5);
    const { bytes } = this;
    let at = this.position;
    if (count < 16) {
      bytes[at++] = 0x90 | count;
    } else if (count < 0x1_0000) {
      bytes[at++] = 0xdc;
      bytes[at++] = count >>> 8;
      bytes[at++] = count;
    } else {
      bytes[at++] = 0xdd;
      at = putU32(bytes, at, count);
    }
    this.position = at;
  }

  /** A well-formed string, as UTF-8. */
  str(value: string): void {
    if (typeof value !== 'string') throw unwritable(value, 'a string');
    const { length } = value;
    if (length > SHORT_CHARS) {
      this.longStr(value);
      return;
    }
    this.reserve(length + 2);
    const { bytes } = this;
    let at = this.position;
    if (length < 32) {
      bytes[at++] = 0xa0 | length;
    } else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.longStr(value);
        return;
      }
      bytes[at++] = code;
    }
    this.position = at;
  }

  /** Bytes given as a string of one character a byte, as bin. */
  bin(value: string): void {
    if (typeof value !== 'string') throw unwritable(value, 'encoded bytes');
    const { length } = value;
    this.reserve(length + 5);
    const { bytes } = this;
    let at = this.position;
    if (length < 0x100) {
      bytes[at++] = 0xc4;
      bytes[at++] = length;
    } else if (length < 0x1_0000) {
      bytes[at++] = 0xc5;
      bytes[at++] = length >>> 8;
      bytes[at++] = length;
    } else {
      bytes[at++] = 0xc6;
      at = putU32(bytes, at, length);
    }
    if (length > SHORT_CHARS) {
      this.position = at + bytes.write(value, at, length, 'latin1');
      return;
    }
    for (let index = 0; index < length; index++) bytes[at++] = value.charCodeAt(index);
    this.position = at;
  }

  private longStr(value: string): void {
    if (!value.isWellFormed()) throw unwritable(value, 'a well-formed string');
    const length = Buffer.byteLength(value, 'utf8');
    this.reserve(length + 5);
    const { bytes } = this;
    let at = this.position;
    if (length < 32) {
      bytes[at++] = 0xa0 | length;
    } else if (length < 0x100) {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    } else if (length < 0x1_0000) {
      bytes[at++] = 0xda;
      bytes[at++] = length >>> 8;
      bytes[at++] = length;
    } else {
      bytes[at++] = 0xdb;
      at = putU32(bytes, at, length);
    }
    this.position = at + bytes.write(value, at, length, 'utf8');
  }

  private grow(needed: number): void {
    let size = this.bytes.length * 2;
    while (size < needed) size *= 2;
    const larger = Buffer.allocUnsafe(size);
    this.bytes.copy(larger, 0, 0, this.position);
    this.bytes = larger;
  }
}

function putU32(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  return at + 4;
}

function unwritable(value: unknown, wanted: string): PawlError {
  const shown =
    typeof value === 'string'
      ? JSON.stringify(value.slice(0, 40))
      : typeof value === 'number'
        ? String(value)
        : typeof value;
  return new PawlError(
    'INVALID_INPUT',
    `A field of an event is ${shown} where the log needs ${wanted}; nothing was written.`,
    {
      path: 'event',
      rule: wanted,
    },
  );
}
