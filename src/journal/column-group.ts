// What gathers rows that may stand as columns and writes them as one frame. What it is given is copied out, for a
// snapshot is written from one record that is filled anew for each row; nothing is allocated for a row.
import { MAX_COLUMN_ROWS } from './columns.js';
import type { RecordWriter } from './record-writer.js';

/** Bytes from which a frame of columns is full. */
const FULL_BYTES = 131_072;
/** Bytes of a length. */
const LENGTH_BYTES = 4;

/** Rows of one section on their way to be columns. */
export interface ColumnGroup<R> {
  /** Kind of their frame. */
  readonly kind: number;
  readonly count: number;
  /** Bytes that they will take, about. */
  readonly bytes: number;
  /** Takes a record in; false when it has to be a row, or does not go with those before it. */
  add(record: R): boolean;
  /** One of those that were taken in. */
  at(row: number): R;
  /** Writes them as the payload of a frame. */
  write(out: RecordWriter): void;
  clear(): void;
}

/** True when no more may go into the frame of these. */
export function isFull({ count, bytes }: Pick<ColumnGroup<never>, 'count' | 'bytes'>): boolean {
  return count === MAX_COLUMN_ROWS || bytes >= FULL_BYTES;
}

/** Numbers of rows, column by column. */
export class ColumnNumbers {
  readonly #columns: readonly Float64Array[];

  constructor(columns: number) {
    this.#columns = Array.from({ length: columns }, () => new Float64Array(MAX_COLUMN_ROWS));
  }

  set(column: number, row: number, value: number): void {
    // Adding 0 makes 0 of −0, which rows do not know either.
    (this.#columns[column] as Float64Array)[row] = value + 0;
  }

  at(column: number, row: number): number {
    return (this.#columns[column] as Float64Array)[row] as number;
  }

  write(out: RecordWriter, rows: number): void {
    for (const column of this.#columns) {
      out.reserve(8 * rows);
      for (let row = 0; row < rows; row++)
        out.position = out.bytes.writeDoubleLE(column[row] as number, out.position);
    }
  }
}

/** Writes how many bytes each of these texts has, or nil when they have different lengths; says whether they are the same. */
export function writeCommonLength(out: RecordWriter, texts: readonly string[]): boolean {
  const length = common(texts.length, (row) => (texts[row] as string).length);
  if (length === undefined) out.nil();
  else out.uint(length);
  return length !== undefined;
}

/** Writes texts of one byte a character, one behind the other; before them their lengths, unless these are the same. */
export function writeTexts(out: RecordWriter, texts: readonly string[], sameLength: boolean): void {
  if (!sameLength) {
    out.reserve(LENGTH_BYTES * texts.length);
    for (const { length } of texts) out.position = out.bytes.writeUInt32LE(length, out.position);
  }
  for (const text of texts) {
    out.reserve(text.length);
    out.position += out.bytes.write(text, out.position, 'latin1');
  }
}

/** What all of them are; `undefined` when they differ. */
export function common(rows: number, valueOf: (row: number) => number): number | undefined {
  const first = valueOf(0);
  for (let row = 1; row < rows; row++) if (valueOf(row) !== first) return undefined;
  return first;
}
