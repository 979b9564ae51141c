// Looks through the bytes of a task, or of a run, of a snapshot without making a value of it. It knows only the form
// in which a task that waits, and its one run, are written; whatever is written otherwise is left to the codec, which
// also finds what is wrong with it. Positions are small integers, and −1 says that the form is another one; numbers
// that may be larger go to an array, since a field that turns out to hold one has every function that reads it
// compiled again, in the middle of a start.
import { PAIR_FIELDS } from '../domain/packed-pairs.js';
import { RUN_STATES } from '../domain/run-state.js';

const RECORD_OF_12 = 0x9c;
const RECORD_OF_11 = 0x9b;
const NIL = 0xc0;
const TWO_32 = 0x1_0000_0000;
const READY = RUN_STATES.indexOf('ready');
/** Bytes of the counts of a task that has one run, which has not ended. */
const ONE_RUN = [1, 0, 0, 0, 0, 1] as const;

const { createdSequence, stateSequence, priority, scheduledAt, createdAt } = PAIR_FIELDS;
/** Where in `numbers` those go that are only stepped over. */
const OTHER = 5;

/** The bytes that like tasks have in common: the type, and everything between the input and the task's own fields. */
export interface LikeTask {
  readonly type: Buffer;
  readonly rest: Buffer;
}

/** A record that was looked through. */
export interface FoundRecord {
  /** Where it begins. */
  readonly from: number;
  /** Where its id is, which is ASCII and not empty. */
  readonly idFrom: number;
  readonly idLength: number;
  /** What is known of a pair, by `PAIR_FIELDS`: of a task the first, of a run the others. */
  readonly numbers: Float64Array;
}

/** Steps through records. What it found last stands in its fields, which mean something only after a `true`. */
export class PackedScan implements FoundRecord {
  private bytes: Buffer = Buffer.alloc(0);
  private end = 0;
  readonly numbers = new Float64Array(OTHER + 1);
  from = 0;
  /** Where the next byte is. */
  at = 0;
  idFrom = 0;
  idLength = 0;
  /** Of a run: where the id of its task is. */
  taskIdFrom = 0;
  taskIdLength = 0;
  /** Where the parts of a task are that `LikeTask` has. */
  typeFrom = 0;
  typeEnd = 0;
  restFrom = 0;
  /** Where the text is that was stepped over last. */
  private textFrom = 0;

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
    this.from = from;
    this.typeFrom = this.id(this.byte(this.int(this.byte(from, RECORD_OF_12), OTHER), RECORD_OF_11));
    this.typeEnd = this.text(this.typeFrom);
    this.restFrom = this.payload(this.typeEnd);
    this.at = this.restFrom;
    return this.restFrom >= 0;
  }

  /** After `isLike`: true when the task is neither canceled nor advanced and has one run that has not ended; `at` is behind it then. */
  taskTail(): boolean {
    let { at } = this;
    for (let nils = 0; nils < 3; nils++) at = this.byte(at, NIL);
    at = this.uint(at, createdSequence);
    for (const count of ONE_RUN) at = this.byte(at, count);
    this.at = at;
    return at >= 0;
  }

  /** True when the record at `from` begins like that of a run: its id and that of its task are known then. */
  runHead(from: number): boolean {
    this.from = from;
    const behindId = this.id(this.int(this.byte(from, RECORD_OF_12), createdAt));
    this.at = this.text(behindId);
    this.taskIdFrom = this.textFrom;
    this.taskIdLength = this.at - this.textFrom;
    return this.at >= 0;
  }

  /** After `runHead`: true when it is the first run of its task, ready, and no more than its head; `at` is behind it then. */
  runTail(): boolean {
    const { numbers } = this;
    let at = this.int(this.byte(this.byte(this.at, 0), READY), priority);
    at = this.int(this.int(at, scheduledAt), OTHER);
    const created = numbers[createdAt] as number;
    const scheduled = created + (numbers[scheduledAt] as number);
    if (!Number.isSafeInteger(scheduled) || !Number.isSafeInteger(created + (numbers[OTHER] as number)))
      return false;
    numbers[scheduledAt] = scheduled;
    // The sequence of its creation, and that of its state.
    at = this.uint(this.uint(at, OTHER), stateSequence);
    this.at = this.byte(this.byte(at, NIL), NIL);
    return this.at >= 0;
  }

  /** Steps over one byte when it is this one. */
  private byte(at: number, wanted: number): number {
    return at >= 0 && at < this.end && this.bytes[at] === wanted ? at + 1 : -1;
  }

  private uint(at: number, into: number): number {
    const next = this.int(at, into);
    return (this.numbers[into] as number) >= 0 ? next : -1;
  }

  private int(at: number, into: number): number {
    if (at < 0 || at >= this.end) return -1;
    const bytes = this.bytes;
    const tag = bytes[at] as number;
    if (tag < 0x80 || tag >= 0xe0) {
      // Their lowest eight bits, with a sign.
      this.numbers[into] = (tag << 24) >> 24;
      return at + 1;
    }
    const next = at + 1 + (1 << (tag & 3));
    if (tag < 0xcc || tag > 0xd3 || next > this.end) return -1;
    const value = tag < 0xd0 ? unsigned(bytes, at + 1, next) : signed(bytes, at + 1, next);
    this.numbers[into] = value;
    return Number.isSafeInteger(value) ? next : -1;
  }

  /** An id: a string that is ASCII and not empty. */
  private id(at: number): number {
    const next = this.text(at);
    const bytes = this.bytes;
    let seen = 0;
    for (let place = this.textFrom; place < next; place++) seen |= bytes[place] as number;
    this.idFrom = this.textFrom;
    this.idLength = next - this.textFrom;
    return seen < 0x80 && this.idLength > 0 ? next : -1;
  }

  /** A string of up to 255 bytes. */
  private text(at: number): number {
    if (at < 0 || at + 1 >= this.end) return -1;
    const tag = this.bytes[at] as number;
    if (tag >= 0xa0 && tag < 0xc0) return this.take(at + 1, tag - 0xa0);
    return tag === 0xd9 ? this.take(at + 2, this.bytes[at + 1] as number) : -1;
  }

  private take(from: number, length: number): number {
    this.textFrom = from;
    return from + length > this.end ? -1 : from + length;
  }

  /** Nothing, or a payload, which has a byte at least. */
  private payload(at: number): number {
    const bytes = this.bytes;
    if (at < 0 || at >= this.end) return -1;
    const tag = bytes[at];
    if (tag === NIL) return at + 1;
    if (at + 5 > this.end) return -1;
    if (tag === 0xc4) return this.takeSome(at + 2, bytes[at + 1] as number);
    if (tag === 0xc5) return this.takeSome(at + 3, bytes.readUInt16BE(at + 1));
    return tag === 0xc6 ? this.takeSome(at + 5, bytes.readUInt32BE(at + 1)) : -1;
  }

  private takeSome(from: number, length: number): number {
    return length > 0 && length <= this.end - from ? from + length : -1;
  }

  private equals(wanted: Buffer, from: number): boolean {
    if (from + wanted.length > this.end) return false;
    for (let at = 0; at < wanted.length; at++) if (this.bytes[from + at] !== wanted[at]) return false;
    return true;
  }
}

/** Of up to eight bytes, the most significant first. */
function unsigned(bytes: Buffer, from: number, end: number): number {
  let value = 0;
  for (let at = from; at < end; at++) value = value * 256 + (bytes[at] as number);
  return value;
}

function signed(bytes: Buffer, from: number, end: number): number {
  if (end - from === 8) return bytes.readInt32BE(from) * TWO_32 + bytes.readUInt32BE(from + 4);
  if (end - from === 4) return bytes.readInt32BE(from);
  return end - from === 2 ? bytes.readInt16BE(from) : bytes.readInt8(from);
}
