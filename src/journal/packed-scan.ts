// Looks through the bytes of a task, or of a run, of a snapshot without making a value of it. It knows only the form
// in which a task that waits, and its one run, are written; whatever is written otherwise is left to the codec, which
// also finds what is wrong with it.
import { RUN_STATES } from '../domain/run-state.js';
import { finalHash, HASH_SEED, nextHash } from './packed-ids.js';

const RECORD_OF_12 = 0x9c;
const RECORD_OF_11 = 0x9b;
const NIL = 0xc0;
const TWO_32 = 0x1_0000_0000;
const READY = RUN_STATES.indexOf('ready');
/** Bytes of the counts of a task that has one run, which has not ended. */
const ONE_RUN = [1, 0, 0, 0, 0, 1] as const;

/** The bytes that like tasks have in common: the type, and everything between the input and the task's own fields. */
export interface LikeTask {
  readonly type: Buffer;
  readonly rest: Buffer;
}

/** Steps through records. What it found last stands in its fields, which mean something only after a `true`. */
export class PackedScan {
  private bytes: Buffer = Buffer.alloc(0);
  private end = 0;
  /** Where the next byte is. */
  at = 0;
  /** Where the id of the record is: for a run its own. */
  idFrom = 0;
  idLength = 0;
  /** Its hash, as `hashOfText` has it. */
  idHash = 0;
  taskIdFrom = 0;
  taskIdLength = 0;
  createdAt = 0;
  createdSequence = 0;
  stateSequence = 0;
  priority = 0;
  scheduledAt = 0;
  /** Where the parts of a task are that `LikeTask` has. */
  typeFrom = 0;
  typeEnd = 0;
  restFrom = 0;
  private value = 0;

  /** Points it at the records of a frame. */
  reset(bytes: Buffer, end: number): void {
    this.bytes = bytes;
    this.end = end;
  }

  /** True when the record at `from` is a task like another; `at` is behind its specification then. */
  isLike(from: number, { type, rest }: LikeTask): boolean {
    if (!this.taskHead(from)) return false;
    if (this.typeEnd - this.typeFrom !== type.length || !this.equals(type, this.typeFrom)) return false;
    if (!this.equals(rest, this.restFrom)) return false;
    this.at = this.restFrom + rest.length;
    return true;
  }

  /** Reads as far as the input of a task, which it steps over. */
  taskHead(from: number): boolean {
    this.at = from;
    if (!this.byte(RECORD_OF_12) || !this.int() || !this.byte(RECORD_OF_11) || !this.asciiText())
      return false;
    this.idFrom = this.textFrom;
    this.idLength = this.textLength;
    this.idHash = this.textHash;
    this.typeFrom = this.at;
    if (!this.text()) return false;
    this.typeEnd = this.at;
    if (!this.byte(NIL) && !this.bin()) return false;
    this.restFrom = this.at;
    return true;
  }

  /** After `isLike`: true when the task is neither canceled nor advanced and has one run that has not ended; `at` is behind it then. */
  taskTail(): boolean {
    for (let nils = 0; nils < 3; nils++) if (!this.byte(NIL)) return false;
    if (!this.uint()) return false;
    this.createdSequence = this.value;
    for (const count of ONE_RUN) if (!this.byte(count)) return false;
    return true;
  }

  /** True when the record at `from` begins like that of a run: its id and that of its task are known then. */
  runHead(from: number): boolean {
    this.at = from;
    if (!this.byte(RECORD_OF_12) || !this.int()) return false;
    this.createdAt = this.value;
    if (!this.asciiText()) return false;
    this.idFrom = this.textFrom;
    this.idLength = this.textLength;
    this.idHash = this.textHash;
    if (!this.text()) return false;
    this.taskIdFrom = this.textFrom;
    this.taskIdLength = this.textLength;
    return true;
  }

  /** After `runHead`: true when it is the first run of its task, ready, and no more than its head; `at` is behind it then. */
  runTail(): boolean {
    if (!this.byte(0) || !this.byte(READY) || !this.int()) return false;
    this.priority = this.value;
    if (!this.int()) return false;
    this.scheduledAt = this.createdAt + this.value;
    if (!this.int() || !Number.isSafeInteger(this.createdAt + this.value)) return false;
    // The sequence of its creation.
    if (!Number.isSafeInteger(this.scheduledAt) || !this.uint() || !this.uint()) return false;
    this.stateSequence = this.value;
    return this.byte(NIL) && this.byte(NIL);
  }

  private textFrom = 0;
  private textLength = 0;
  private textHash = 0;

  /** Steps over one byte when it is this one. */
  private byte(wanted: number): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== wanted) return false;
    this.at++;
    return true;
  }

  private uint(): boolean {
    return this.int() && this.value >= 0;
  }

  private int(): boolean {
    const { at } = this;
    const bytes = this.bytes;
    if (at >= this.end) return false;
    const tag = bytes[at] as number;
    if (tag < 0x80 || tag >= 0xe0) {
      this.value = tag < 0x80 ? tag : tag - 0x100;
      this.at = at + 1;
      return true;
    }
    if (tag < 0xcc || tag > 0xd3) return false;
    const width = 1 << (tag & 3);
    if (at + width >= this.end) return false;
    this.at = at + 1 + width;
    this.value = tag < 0xd0 ? unsigned(bytes, at + 1, width) : signed(bytes, at + 1, width);
    return Number.isSafeInteger(this.value);
  }

  /** A string that is ASCII, and its hash. */
  private asciiText(): boolean {
    if (!this.text()) return false;
    const bytes = this.bytes;
    let seen = 0;
    let hash = HASH_SEED;
    for (let at = this.textFrom; at < this.at; at++) {
      const byte = bytes[at] as number;
      seen |= byte;
      hash = nextHash(hash, byte);
    }
    this.textHash = finalHash(hash);
    return seen < 0x80;
  }

  /** A string of up to 255 bytes. */
  private text(): boolean {
    const { at } = this;
    if (at + 1 >= this.end) return false;
    const tag = this.bytes[at] as number;
    if (tag >= 0xa0 && tag < 0xc0) return this.take(at + 1, tag - 0xa0);
    return tag === 0xd9 && this.take(at + 2, this.bytes[at + 1] as number);
  }

  private take(from: number, length: number): boolean {
    if (from + length > this.end) return false;
    this.textFrom = from;
    this.textLength = length;
    this.at = from + length;
    return true;
  }

  /** A payload: it has a byte at least. */
  private bin(): boolean {
    const { at } = this;
    const bytes = this.bytes;
    if (at + 5 > this.end) return false;
    const tag = bytes[at];
    if (tag === 0xc4) return bytes[at + 1] !== 0 && this.take(at + 2, bytes[at + 1] as number);
    if (tag === 0xc5) return this.takeLong(at + 3, bytes.readUInt16BE(at + 1));
    return tag === 0xc6 && this.takeLong(at + 5, bytes.readUInt32BE(at + 1));
  }

  private takeLong(from: number, length: number): boolean {
    return length > 0 && this.take(from, length);
  }

  private equals(wanted: Buffer, from: number): boolean {
    if (from + wanted.length > this.end) return false;
    for (let at = 0; at < wanted.length; at++) if (this.bytes[from + at] !== wanted[at]) return false;
    return true;
  }
}

function unsigned(bytes: Buffer, at: number, width: number): number {
  if (width === 8) return bytes.readUInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);
  if (width === 4) return bytes.readUInt32BE(at);
  return width === 2 ? bytes.readUInt16BE(at) : (bytes[at] as number);
}

function signed(bytes: Buffer, at: number, width: number): number {
  if (width === 8) return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);
  if (width === 4) return bytes.readInt32BE(at);
  return width === 2 ? bytes.readInt16BE(at) : bytes.readInt8(at);
}
