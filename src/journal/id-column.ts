// Ids of the rows of a frame, one behind the other, and where each of them lies.
import { compareIds, noId, type IdBytes } from './id-bytes.js';

/** Where ids lie. */
export interface IdPlaces {
  readonly buffer: Buffer;
  /** The same bytes. */
  readonly view: DataView;
  /** Where the first begins. */
  readonly from: number;
  readonly count: number;
  /** Bytes of each of them, when they have the same number. */
  readonly width: number;
  /** When they have not: where each ends, as a distance from `from`. */
  readonly ends: Uint32Array | undefined;
}

/** Ids, of which the first may be left out. */
export class IdColumn {
  readonly #one = noId();
  readonly #other = noId();
  readonly count: number;

  constructor(
    private readonly places: IdPlaces,
    private readonly first = 0,
  ) {
    this.count = places.count - first;
  }

  /** Puts where the id of a row lies into `into`. */
  locate(row: number, into: IdBytes): void {
    const { view, from, width, ends } = this.places;
    const at = this.first + row;
    into.bytes = view;
    if (ends === undefined) {
      into.from = from + at * width;
      into.length = width;
      return;
    }
    const start = at === 0 ? 0 : (ends[at - 1] as number);
    into.from = from + start;
    into.length = (ends[at] as number) - start;
  }

  /** The id of a row, as a string of its own. */
  text(row: number): string {
    const id = this.#one;
    this.locate(row, id);
    return this.places.buffer.toString('latin1', id.from, id.from + id.length);
  }

  /** The same without the first `rows` of them. */
  behind(rows: number): IdColumn {
    return new IdColumn(this.places, this.first + rows);
  }

  /** How many of the first of them are the same as those of another column. */
  sameAs(other: IdColumn): number {
    const count = Math.min(this.count, other.count);
    if (this.#isSame(other, count)) return count;
    const [one, another] = [this.#one, this.#other];
    for (let row = 0; row < count; row++) {
      this.locate(row, one);
      other.locate(row, another);
      if (compareIds(one, another) !== 0) return row;
    }
    return count;
  }

  /** One look at all of them, when that can show it. */
  #isSame(other: IdColumn, count: number): boolean {
    const { buffer, width } = this.places;
    if (width === 0 || width !== other.places.width) return false;
    const from = this.places.from + this.first * width;
    const otherFrom = other.places.from + other.first * width;
    const bytes = count * width;
    return buffer.compare(other.places.buffer, otherFrom, otherFrom + bytes, from, from + bytes) === 0;
  }
}
