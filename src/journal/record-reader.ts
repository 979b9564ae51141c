// The reading side of the field kinds: see `record-writer.ts`. Absent fields come back as `undefined`.
import { payloadFromLatin1, type Payload } from '../domain/payload.js';
import { ByteReader, DecodeError } from './byte-reader.js';

/** Reads fields. `begin` starts a record. */
export class RecordReader extends ByteReader {
  private baseAt = 0;
  private readonly ids: string[] = [];
  private idCount = 0;

  /** Starts a record whose times are relative to `at`. */
  begin(at: number): void {
    this.baseAt = at;
    this.idCount = 0;
  }

  /** An id as a string of its own: for what becomes a key. */
  id(): string {
    return this.isReference() ? this.reference() : this.remember(this.str());
  }

  /** An id that many records share: an owner, an instance. */
  sharedId(): string {
    return this.isReference() ? this.reference() : this.remember(this.word());
  }

  time(): number {
    const value = this.int() + this.baseAt;
    if (!Number.isSafeInteger(value)) throw new DecodeError('a time outside the safe integers');
    return value;
  }

  /** One of a closed set of words. */
  code<T extends string>(names: readonly T[]): T {
    const place = this.uint();
    const name = names[place];
    if (name === undefined) throw new DecodeError(`no meaning has the number ${String(place)}`);
    return name;
  }

  payload(): Payload {
    const bytes = this.bin();
    if (bytes.length === 0) throw new DecodeError('a payload without a kind');
    return payloadFromLatin1(bytes);
  }

  optId(): string | undefined {
    return this.nil() ? undefined : this.id();
  }

  optStr(): string | undefined {
    return this.nil() ? undefined : this.str();
  }

  optWord(): string | undefined {
    return this.nil() ? undefined : this.word();
  }

  optUint(): number | undefined {
    return this.nil() ? undefined : this.uint();
  }

  optTime(): number | undefined {
    return this.nil() ? undefined : this.time();
  }

  optBool(): boolean | undefined {
    return this.nil() ? undefined : this.bool();
  }

  optPayload(): Payload | undefined {
    return this.nil() ? undefined : this.payload();
  }

  idList(): string[] {
    const list: string[] = [];
    for (let left = this.array(); left > 0; left--) list.push(this.id());
    return list;
  }

  wordList(): string[] {
    const list: string[] = [];
    for (let left = this.array(); left > 0; left--) list.push(this.word());
    return list;
  }

  optWordList(): string[] | undefined {
    return this.nil() ? undefined : this.wordList();
  }

  /** Opens an array of at least `known` fields and returns how many more it holds, to be given to `close`. */
  open(known: number): number {
    const extra = this.array() - known;
    if (extra < 0) throw new DecodeError('a record with too few fields');
    return extra;
  }

  /** Steps over fields that a later release added. */
  close(extra: number): void {
    for (let left = extra; left > 0; left--) this.skipValue();
  }

  private isReference(): boolean {
    const tag = this.peek();
    return tag < 0x80 || (tag >= 0xcc && tag <= 0xcf);
  }

  private reference(): string {
    const place = this.uint();
    const id = place < this.idCount ? this.ids[place] : undefined;
    if (id === undefined) throw new DecodeError(`no id of the record has the number ${String(place)}`);
    return id;
  }

  private remember(id: string): string {
    this.ids[this.idCount++] = id;
    return id;
  }
}
