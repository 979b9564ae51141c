// Reads the pieces of a frame of columns: numbers, ids and lengths, each of which is checked as it is read. A start goes
// through hundreds of thousands of them with code that is not compiled yet, so that what the runtime does for a whole
// column is left to it, and the loops that remain are short.
import { isAscii } from 'node:buffer';
import { DecodeError } from './byte-reader.js';
import { MAX_COLUMN_ROWS, MAX_ID_BYTES, MAX_TIME_MS } from './columns.js';
import { viewOf } from './id-bytes.js';
import { IdColumn } from './id-column.js';

/** Rows as columns, which end at `end`. */
export interface ColumnFrame {
  readonly bytes: Buffer;
  readonly end: number;
  readonly count: number;
}

/** Numbers of eight bytes: that of a row is `step` bytes behind that of the row before. */
export interface NumberColumn {
  readonly view: DataView;
  readonly from: number;
  readonly step: number;
}

/** The number of a row. */
export function numberAt({ view, from, step }: NumberColumn, row: number): number {
  return view.getFloat64(from + step * row, true);
}

/** A column of which every row has the same number. */
export function sameNumber(value: number): NumberColumn {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  return { view, from: 0, step: 0 };
}

/** Steps through the columns of a frame. */
export class ColumnReader {
  /** Where the next column begins. */
  position = 0;
  readonly #view: DataView;

  readonly bytes: Buffer;
  readonly end: number;
  readonly count: number;

  constructor({ bytes, end, count }: ColumnFrame) {
    this.bytes = bytes;
    this.end = end;
    this.count = count;
    if (count === 0 || count > MAX_COLUMN_ROWS)
      throw new DecodeError(`${String(count)} rows where 1 to ${String(MAX_COLUMN_ROWS)} may be`);
    this.#view = viewOf(bytes);
  }

  /** Safe integers. */
  integers(): NumberColumn {
    const column = { view: this.#view, from: this.#take(8 * this.count), step: 8 };
    for (let row = 0, at = column.from; row < this.count; row++, at += 8) {
      if (!Number.isSafeInteger(column.view.getFloat64(at, true)))
        throw new DecodeError('a number outside the safe integers');
    }
    return column;
  }

  /** Moments. */
  times(): NumberColumn {
    const column = this.integers();
    for (let row = 0; row < this.count; row++)
      if (Math.abs(numberAt(column, row)) > MAX_TIME_MS)
        throw new DecodeError('a time further away than one may be');
    return column;
  }

  /** Safe integers that are not negative. */
  sequences(): NumberColumn {
    const column = this.integers();
    for (let row = 0; row < this.count; row++)
      if (numberAt(column, row) < 0) throw new DecodeError('a negative number where none may be');
    return column;
  }

  /** Ids of so many bytes each; without that, their lengths stand before them. */
  ids(bytesEach: number | undefined): IdColumn {
    const ends = bytesEach === undefined ? this.ends(1, MAX_ID_BYTES) : undefined;
    const width = bytesEach ?? 0;
    if (ends === undefined && (width === 0 || width > MAX_ID_BYTES))
      throw new DecodeError('an id of a length that none may have');
    const from = this.#take(ends?.at(-1) ?? width * this.count);
    if (!isAscii(this.bytes.subarray(from, this.position)))
      throw new DecodeError('an id that is not ASCII among columns');
    return new IdColumn({ buffer: this.bytes, view: this.#view, from, count: this.count, width, ends });
  }

  /** Where values of a column end whose lengths, each from `min` to `max`, stand here: as distances from its beginning. */
  ends(min: number, max: number): Uint32Array {
    const from = this.#take(4 * this.count);
    const ends = new Uint32Array(this.count);
    let end = 0;
    for (let row = 0; row < ends.length; row++) {
      const length = this.#view.getUint32(from + 4 * row, true);
      if (length < min || length > max) throw new DecodeError('a length outside its limits');
      end += length;
      ends[row] = end;
    }
    return ends;
  }

  /** The end: nothing follows `bytes` more. */
  close(bytes: number): void {
    this.#take(bytes);
    if (this.position !== this.end) throw new DecodeError('bytes behind the last column');
  }

  #take(bytes: number): number {
    const from = this.position;
    if (bytes > this.end - from) throw new DecodeError('columns that end early');
    this.position = from + bytes;
    return from;
  }
}
