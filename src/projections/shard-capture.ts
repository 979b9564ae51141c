// A map as it was at one moment, read in steps while it goes on changing. The first change of an entry that was
// not read yet saves its record (the before-image); shards that were read need nothing saved any more.
import type { KeptImage } from '../domain/snapshot-records.js';
import { SHARDS, shardOf, type ShardedMap } from './sharded-map.js';
import type { SectionCapture } from './snapshot-section.js';

/** Stands for a key that did not exist when the capture was taken. */
const ABSENT = Symbol('absent');

/** What a capture is taken with. */
export interface CaptureHow<V, R> {
  /** The saved form of an entry. */
  readonly toRecord: (value: V) => R;
  /** Keeps it until it is read. May release the capture. */
  readonly keep: (record: R) => KeptImage<R>;
  readonly onRelease: () => void;
}

/** See `CapturableMap.capture`. */
export class ShardCapture<V, R> implements SectionCapture<R> {
  readonly count: number;
  readonly #images: (Map<string, KeptImage<R> | typeof ABSENT> | undefined)[] = [];
  #reading = 0;
  #saved = 0;
  #released = false;

  constructor(
    private readonly map: ShardedMap<V>,
    private readonly how: CaptureHow<V, R>,
  ) {
    this.count = map.size;
  }

  get savedRecords(): number {
    return this.#saved;
  }

  /** Saves what an entry is, before its first change. */
  save(key: string, value: V | undefined): void {
    const index = shardOf(key);
    if (index < this.#reading) return;
    const images = (this.#images[index] ??= new Map<string, KeptImage<R> | typeof ABSENT>());
    if (images.has(key)) return;
    images.set(key, value === undefined ? ABSENT : this.how.keep(this.how.toRecord(value)));
    if (value !== undefined) this.#saved++;
  }

  *records(): IterableIterator<R> {
    for (; this.#reading < SHARDS; this.#reading++) {
      const index = this.#reading;
      const keys = this.#keysThen(index);
      if (keys.length === 0) continue;
      for (const key of keys) {
        if (this.#released) return;
        const image = this.#images[index]?.get(key);
        if (image === ABSENT) continue;
        if (image !== undefined) {
          yield image.read();
          continue;
        }
        const value = this.map.get(key);
        if (value !== undefined) yield this.how.toRecord(value);
      }
      if (this.#images[index] !== undefined) this.#images[index] = undefined;
    }
  }

  release(): void {
    this.#released = true;
    this.#reading = SHARDS;
    this.#images.length = 0;
    this.how.onRelease();
  }

  /** Keys of a shard when the capture was taken, and perhaps later ones, which are known to be absent. */
  #keysThen(index: number): readonly string[] {
    const now = this.map.shardKeys(index);
    const images = this.#images[index];
    if (images === undefined) return now;
    const keys = [...now];
    for (const [key, image] of images) {
      if (image !== ABSENT && !this.map.has(key)) keys.push(key);
    }
    return keys;
  }
}
