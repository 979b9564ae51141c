// A map for collections with an entry a run: many small maps, because one big one stalls the process for tens
// of milliseconds when it grows past a million entries, and holds no more than 16.7 million.

/** Number of shards; with ids spread evenly 16 million entries make 64 k a shard. */
export const SHARDS = 256;

/** Shard of a key. */
export function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) & (SHARDS - 1);
}

/** No keys. */
const NO_KEYS: readonly string[] = Object.freeze([]);

/** A map from string keys, in shards that are made when first used; one that never had an entry is next to nothing. */
export class ShardedMap<V> {
  #shards: (Map<string, V> | undefined)[] = [];
  #size = 0;
  #lastKey: string | undefined;
  #lastValue: V | undefined;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    // The events of one commit name one key again and again.
    if (key === this.#lastKey) return this.#lastValue;
    if (this.#size === 0) return undefined;
    const value = this.#shards[shardOf(key)]?.get(key);
    if (value !== undefined) {
      this.#lastKey = key;
      this.#lastValue = value;
    }
    return value;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: V): void {
    const index = shardOf(key);
    if (this.#shards.length === 0) this.#shards = new Array<undefined>(SHARDS).fill(undefined);
    const shard = this.#shards[index];
    this.#lastKey = key;
    this.#lastValue = value;
    if (shard === undefined) {
      this.#shards[index] = new Map([[key, value]]);
      this.#size++;
      return;
    }
    const before = shard.size;
    shard.set(key, value);
    this.#size += shard.size - before;
  }

  delete(key: string): boolean {
    if (key === this.#lastKey) {
      this.#lastKey = undefined;
      this.#lastValue = undefined;
    }
    if (this.#size === 0 || this.#shards[shardOf(key)]?.delete(key) !== true) return false;
    this.#size--;
    return true;
  }

  /** Keys of one shard, as they are now. */
  shardKeys(index: number): readonly string[] {
    if (this.#size === 0) return NO_KEYS;
    const shard = this.#shards[index];
    return shard === undefined || shard.size === 0 ? NO_KEYS : [...shard.keys()];
  }

  *values(): IterableIterator<V> {
    if (this.#size === 0) return;
    for (let index = 0; index < SHARDS; index++) {
      const shard = this.#shards[index];
      if (shard !== undefined && shard.size > 0) yield* shard.values();
    }
  }
}
