// Sets of ids for the rules of a snapshot: in shards, because one big set stalls the process for tens of
// milliseconds when it grows past a million entries.

const SHARDS = 64;

/** A set of ids, or of pairs of words. */
export class IdSet {
  readonly #shards: Set<string>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an id; false when it was there already. */
  add(id: string): boolean {
    const index = shardOf(id);
    const shard = (this.#shards[index] ??= new Set<string>());
    const before = shard.size;
    shard.add(id);
    if (shard.size === before) return false;
    this.#size++;
    return true;
  }

  has(id: string): boolean {
    return this.#shards[shardOf(id)]?.has(id) ?? false;
  }
}

// The end of an id is what differs most: random digits, or a number.
function shardOf(id: string): number {
  const last = id.length - 1;
  return (id.charCodeAt(last) + 5 * id.charCodeAt(last - 1) + 11 * id.charCodeAt(last - 2)) & (SHARDS - 1);
}
