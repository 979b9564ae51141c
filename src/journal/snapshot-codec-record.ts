// The shape of every record of a snapshot: an array whose first field is a time, from which the other times of the
// record are differences. Records stand alone, so one can be encoded before its place in the file is known.
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

/** Writes and reads the records of one section. */
export interface RecordCodec<R> {
  write(out: RecordWriter, record: R): void;
  read(input: RecordReader): R;
}

/** What a record has beside its time. */
export interface RecordFields<R> {
  /** Number of values after the time. */
  readonly count: number;
  /** The time that the others are relative to. */
  at(record: R): number;
  write(out: RecordWriter, record: R): void;
  read(input: RecordReader, at: number): R;
}

/** The codec of an array whose first field is a time. */
export function recordCodec<R>(fields: RecordFields<R>): RecordCodec<R> {
  return {
    write(out, record) {
      const at = fields.at(record);
      out.array(fields.count + 1);
      out.int(at);
      out.begin(at);
      fields.write(out, record);
    },
    read(input) {
      const extra = input.open(fields.count + 1);
      const at = input.int();
      input.begin(at);
      const record = fields.read(input, at);
      input.close(extra);
      return record;
    },
  };
}
