// Reads MessagePack values from a buffer it does not own: every string it returns is flat and copied out,
// so the buffer may be reused. What is not what was asked for, or lies outside, throws a `DecodeError`.
import { isUtf8 } from 'node:buffer';

const TWO_32 = 0x1_0000_0000;
const WORDS = 1_024;
const MAX_WORD_CHARS = 128;
const NOTHING = Buffer.alloc(0);

/** Bytes that are not a record; callers turn it into the typed error with segment and offset. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Reads between `position` and `end`. One reader serves many records: `reset` points it at the next. */
export class ByteReader {
  protected bytes: Buffer = NOTHING;
  position = 0;
  end = 0;
  /** Words met lately, by a hash of their bytes: equal ones become one string in memory. Made for the first. */
  private words: string[] | undefined;

  /** Points the reader at a record. */
  reset(bytes: Buffer, from: number, end: number): void {
    this.bytes = bytes;
    this.position = from;
    this.end = end;
  }

  /** True, and steps over it, when a nil comes next. */
  nil(): boolean {
    if (this.bytes[this.position] !== 0xc0 || this.position >= this.end) return false;
    this.position++;
    return true;
  }

  /** The next byte without taking it. */
  peek(): number {
    if (this.position >= this.end) throw new DecodeError('the record ends early');
    return this.bytes[this.position] as number;
  }

  bool(): boolean {
    const tag = this.u8();
    if (tag === 0xc3) return true;
    if (tag === 0xc2) return false;
    throw unexpected(tag, 'a boolean');
  }

  uint(): number {
    const value = this.int();
    if (value < 0) throw new DecodeError('a negative number where none may be');
    return value;
  }

  int(): number {
    const tag = this.u8();
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case 0xcc:
        return this.u8();
      case 0xcd:
        return this.u16();
      case 0xce:
        return this.u32();
      case 0xcf:
        return safe(this.u32() * TWO_32 + this.u32());
      case 0xd0:
        return (this.u8() << 24) >> 24;
      case 0xd1:
        return (this.u16() << 16) >> 16;
      case 0xd2:
        return this.u32() | 0;
      case 0xd3:
        return safe((this.u32() | 0) * TWO_32 + this.u32());
      default:
        throw unexpected(tag, 'an integer');
    }
  }

  num(): number {
    if (this.peek() !== 0xcb) return this.int();
    this.take(9);
    return this.bytes.readDoubleBE(this.position - 8);
  }

  array(): number {
    const tag = this.u8();
    if (tag >= 0x90 && tag < 0xa0) return tag - 0x90;
    if (tag === 0xdc) return this.counted(this.u16());
    if (tag === 0xdd) return this.counted(this.u32());
    throw unexpected(tag, 'an array');
  }

  /** A string of its own. */
  str(): string {
    const length = this.strLength();
    return this.text(this.take(length), length);
  }

  /** A string that many records share: a name, a reason, an owner. */
  word(): string {
    const length = this.strLength();
    const from = this.take(length);
    return length > MAX_WORD_CHARS ? this.text(from, length) : this.shared(from, length);
  }

  /** Bytes, as a string of one character a byte. */
  bin(): string {
    const tag = this.u8();
    if (tag < 0xc4 || tag > 0xc6) throw unexpected(tag, 'bytes');
    const length = tag === 0xc4 ? this.u8() : tag === 0xc5 ? this.u16() : this.u32();
    const from = this.take(length);
    return this.bytes.toString('latin1', from, from + length);
  }

  /** Steps over one value of any type. */
  skipValue(): void {
    for (let left = 1; left > 0; left--) left += this.skipOne();
  }

  /** Steps over one value's own bytes and returns how many values it holds. */
  private skipOne(): number {
    const tag = this.u8();
    if (tag < 0x80 || tag >= 0xe0) return 0;
    if (tag < 0x90) return (tag & 15) * 2;
    if (tag < 0xa0) return tag & 15;
    if (tag < 0xc0) return this.skipBytes(tag & 31);
    switch (tag) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return 0;
      case 0xc4:
      case 0xd9:
        return this.skipBytes(this.u8());
      case 0xc5:
      case 0xda:
        return this.skipBytes(this.u16());
      case 0xc6:
      case 0xdb:
        return this.skipBytes(this.u32());
      case 0xca:
        return this.skipBytes(4);
      case 0xcb:
        return this.skipBytes(8);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.skipBytes(1 << (tag - 0xcc));
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.skipBytes(1 << (tag - 0xd0));
      case 0xdc:
        return this.counted(this.u16());
      case 0xdd:
        return this.counted(this.u32());
      default:
        throw unexpected(tag, 'a value of this format');
    }
  }

  private skipBytes(count: number): number {
    this.take(count);
    return 0;
  }

  protected strLength(): number {
    const tag = this.u8();
    if (tag >= 0xa0 && tag < 0xc0) return tag - 0xa0;
    if (tag === 0xd9) return this.u8();
    if (tag === 0xda) return this.u16();
    if (tag === 0xdb) return this.u32();
    throw unexpected(tag, 'a string');
  }

  /** Steps over `count` bytes and returns where they begin. */
  protected take(count: number): number {
    const from = this.position;
    if (count > this.end - from) throw new DecodeError('the record ends early');
    this.position = from + count;
    return from;
  }

  private text(from: number, length: number): string {
    const end = from + length;
    const { bytes } = this;
    let seen = 0;
    for (let at = from; at < end; at++) seen |= bytes[at] as number;
    if (seen < 0x80) return bytes.toString('latin1', from, end);
    if (!isUtf8(bytes.subarray(from, end))) throw new DecodeError('a string that is not UTF-8');
    return bytes.toString('utf8', from, end);
  }

  private shared(from: number, length: number): string {
    const { bytes } = this;
    let hash = length;
    for (let at = from; at < from + length; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const slot = (hash ^ (hash >>> 10)) & (WORDS - 1);
    const words = (this.words ??= new Array<string>(WORDS).fill(''));
    const known = words[slot] as string;
    if (known.length === length) {
      let index = 0;
      while (index < length && known.charCodeAt(index) === bytes[from + index]) index++;
      if (index === length) return known;
    }
    const text = this.text(from, length);
    if (text.length === length) words[slot] = text;
    return text;
  }

  /** A count that the rest of the record can hold; every value takes a byte at least. */
  private counted(count: number): number {
    if (count > this.end - this.position) throw new DecodeError('an array longer than its record');
    return count;
  }

  private u8(): number {
    if (this.position >= this.end) throw new DecodeError('the record ends early');
    return this.bytes[this.position++] as number;
  }

  private u16(): number {
    const at = this.take(2);
    return this.bytes.readUInt16BE(at);
  }

  private u32(): number {
    const at = this.take(4);
    return this.bytes.readUInt32BE(at);
  }
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new DecodeError('a number outside the safe integers');
  return value;
}

function unexpected(tag: number, wanted: string): DecodeError {
  return new DecodeError(`byte 0x${tag.toString(16)} where ${wanted} should be`);
}
