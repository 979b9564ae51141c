// The map behind every section of a snapshot: it can be read as it was at one moment while its entries go on
// changing, provided that whoever is about to change, add or remove an entry says so first.
import type { KeptImage } from '../domain/snapshot-records.js';
import type { SectionCapture } from './snapshot-section.js';
import { ShardCapture } from './shard-capture.js';
import { ShardedMap } from './sharded-map.js';

/** A sharded map with captures; see `willChange`. */
export class CapturableMap<V, R> extends ShardedMap<V> {
  #capture: ShardCapture<V, R> | undefined;

  /** `toRecord` makes the saved form of an entry. */
  constructor(readonly toRecord: (value: V) => R) {
    super();
  }

  /** To be called before each change; `value` is `undefined` for a key that is about to be added. */
  willChange(key: string, value: V | undefined): void {
    this.#capture?.save(key, value);
  }

  /** Begins to keep the entries as they are now, those that change with `keep`. One capture at a time. */
  capture(keep: (record: R) => KeptImage<R> = asItIs): SectionCapture<R> {
    const onRelease = (): void => {
      if (this.#capture === capture) this.#capture = undefined;
    };
    const capture = new ShardCapture<V, R>(this, { toRecord: this.toRecord, keep, onRelease });
    this.#capture?.release();
    this.#capture = capture;
    return capture;
  }

  /** The records as they are now. */
  *records(): IterableIterator<R> {
    for (const value of this.values()) yield this.toRecord(value);
  }
}

function asItIs<R>(record: R): KeptImage<R> {
  return { read: () => record };
}
