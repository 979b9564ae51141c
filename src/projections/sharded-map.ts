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

/** A map from string keys, in shards that are made when first used. */
export class ShardedMap<V> {
  readonly #shards: (Map<string, V> | undefined)[] = new Array<Map<string, V> | undefined>(SHARDS).fill(
    undefined,
  );
  #size = 0;
  #lastKey: string | undefined;
  #lastValue: V | undefined;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    // The events of one commit name one key again and again.
    if (key === this.#lastKey) return this.#lastValue;
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
    if (this.#shards[shardOf(key)]?.delete(key) !== true) return false;
    this.#size--;
    return true;
  }

  /** Keys of one shard, as they are now. */
  shardKeys(index: number): string[] {
    const shard = this.#shards[index];
    return shard === undefined ? [] : [...shard.keys()];
  }

  *values(): IterableIterator<V> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.values();
  }
}
