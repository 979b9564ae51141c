// The shape of an event's codec: a pair of functions per type, checked by the compiler against the union.
// The reader makes one object literal per type, so that events of a type share one shape in memory.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

/** Writes and reads the fields of one event type, in the order of `docs/journal-format.md`. */
export interface EventCodec<T extends EventType = EventType> {
  /** Number of fields that are written. */
  readonly fields: number;
  write(out: RecordWriter, event: PawlEvent<T>): void;
  /** Reads the first `fields` fields; absent ones are `undefined`. */
  read(input: RecordReader, sequence: number, at: number): PawlEvent<T>;
}

/** A codec for each of the types `T`. */
export type EventCodecs<T extends EventType> = { readonly [K in T]: EventCodec<K> };
