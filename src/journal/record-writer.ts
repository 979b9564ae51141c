// Field kinds of the journal's records on top of MessagePack: ids with back-references within a record,
// times as differences, absent fields as nil. Snapshots write their rows with it too.
import { PawlError } from '../errors.js';
import type { Payload } from '../domain/payload.js';
import { ByteWriter } from './byte-writer.js';

/** Ids in a record up to which a scan of the list beats a map. */
const SMALL_TABLE = 16;

/** Writes fields. `begin` starts a record: it sets the time that times are relative to and empties the table of ids. */
export class RecordWriter extends ByteWriter {
  private baseAt = 0;
  private readonly ids: string[] = [];
  private idCount = 0;
  private readonly places = new Map<string, number>();

  /** Starts a record whose times are relative to `at`. */
  begin(at: number): void {
    this.baseAt = at;
    this.idCount = 0;
    if (this.places.size > 0) this.places.clear();
  }

  /** An id: text the first time, its number from then on. */
  id(value: string): void {
    const place = this.idCount <= SMALL_TABLE ? this.placeInList(value) : this.placeInMap(value);
    if (place >= 0) {
      this.uint(place);
      return;
    }
    this.str(value);
    if (this.idCount < SMALL_TABLE) this.ids[this.idCount] = value;
    else this.addToMap(value);
    this.idCount++;
  }

  /** A moment. */
  time(value: number): void {
    this.int(value - this.baseAt);
  }

  /** The place of `value` in `names`: how closed sets of words are written. */
  code(names: readonly string[], value: string): void {
    const place = names.indexOf(value);
    if (place < 0) {
      throw new PawlError(
        'INVALID_INPUT',
        `A field of an event is ${JSON.stringify(value)}, not one of ${names.join(', ')}.`,
        {
          path: 'event',
          rule: names.join('|'),
        },
      );
    }
    this.uint(place);
  }

  payload(value: Payload): void {
    this.bin(value);
  }

  optId(value: string | undefined): void {
    if (value === undefined) this.nil();
    else this.id(value);
  }

  optStr(value: string | undefined): void {
    if (value === undefined) this.nil();
    else this.str(value);
  }

  optUint(value: number | undefined): void {
    if (value === undefined) this.nil();
    else this.uint(value);
  }

  optTime(value: number | undefined): void {
    if (value === undefined) this.nil();
    else this.time(value);
  }

  optBool(value: boolean | undefined): void {
    if (value === undefined) this.nil();
    else this.bool(value);
  }

  optPayload(value: Payload | undefined): void {
    if (value === undefined) this.nil();
    else this.bin(value);
  }

  idList(values: readonly string[]): void {
    this.array(values.length);
    for (const value of values) this.id(value);
  }

  strList(values: readonly string[]): void {
    this.array(values.length);
    for (const value of values) this.str(value);
  }

  optStrList(values: readonly string[] | undefined): void {
    if (values === undefined) this.nil();
    else this.strList(values);
  }

  private placeInList(value: string): number {
    for (let place = 0; place < this.idCount; place++) {
      if (this.ids[place] === value) return place;
    }
    return -1;
  }

  private placeInMap(value: string): number {
    return this.places.get(value) ?? -1;
  }

  private addToMap(value: string): void {
    if (this.places.size === 0) {
      for (let place = 0; place < SMALL_TABLE; place++) this.places.set(this.ids[place] as string, place);
    }
    this.places.set(value, this.idCount);
  }
}
