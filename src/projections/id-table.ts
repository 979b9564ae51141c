// Rows by their id, with nothing kept an entry but the row and a hash: a table of open addressing, in shards so that
// none of them stalls the process when it grows.
import { SHARDS } from './sharded-map.js';

/** Bits of a hash that choose the shard. */
const SHARD_BITS = 8;
/** Entries a shard has room for when it is made; a power of two. */
const FIRST_CAPACITY = 16;

class Shard<V> {
  rows: (V | undefined)[] = new Array<V | undefined>(FIRST_CAPACITY).fill(undefined);
  hashes = new Int32Array(FIRST_CAPACITY);
  size = 0;
}

/** A table of rows that have an id. */
export class IdTable<V extends { readonly id: string }> {
  /** Made for the first row: a table that never had one is next to nothing. */
  #shards: (Shard<V> | undefined)[] = [];
  #size = 0;
  #last: V | undefined;

  get size(): number {
    return this.#size;
  }

  get(id: string): V | undefined {
    // The events of one commit name one row again and again.
    if (this.#last?.id === id) return this.#last;
    if (this.#size === 0) return undefined;
    const hash = hashOf(id);
    const shard = this.#shards[hash & (SHARDS - 1)];
    const row = shard?.rows[placeOf(shard, id, hash)];
    if (row !== undefined) this.#last = row;
    return row;
  }

  /** Adds a row, in place of another with the same id. */
  set(row: V): void {
    const hash = hashOf(row.id);
    if (this.#shards.length === 0) this.#shards = new Array<undefined>(SHARDS).fill(undefined);
    const shard = (this.#shards[hash & (SHARDS - 1)] ??= new Shard<V>());
    let place = placeOf(shard, row.id, hash);
    if (shard.rows[place] === undefined) {
      if (4 * (shard.size + 1) > 3 * shard.rows.length) {
        grow(shard);
        place = placeOf(shard, row.id, hash);
      }
      shard.size++;
      this.#size++;
    }
    shard.rows[place] = row;
    shard.hashes[place] = hash;
    this.#last = row;
  }

  delete(id: string): boolean {
    if (this.#size === 0) return false;
    const hash = hashOf(id);
    const shard = this.#shards[hash & (SHARDS - 1)];
    if (shard === undefined) return false;
    const place = placeOf(shard, id, hash);
    if (shard.rows[place] === undefined) return false;
    if (this.#last?.id === id) this.#last = undefined;
    closeGap(shard, place);
    shard.size--;
    this.#size--;
    return true;
  }

  /** The rows, in no order; none may be added or removed meanwhile. */
  *values(): IterableIterator<V> {
    for (const shard of this.#shards) {
      for (const row of shard?.rows ?? []) if (row !== undefined) yield row;
    }
  }
}

function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}

/** Where a row is, or the free place where it would be put. */
function placeOf<V extends { readonly id: string }>(shard: Shard<V>, id: string, hash: number): number {
  const { rows, hashes } = shard;
  const mask = rows.length - 1;
  let place = (hash >>> SHARD_BITS) & mask;
  for (let row = rows[place]; row !== undefined; row = rows[place]) {
    if (hashes[place] === hash && row.id === id) return place;
    place = (place + 1) & mask;
  }
  return place;
}

function grow<V>(shard: Shard<V>): void {
  const { rows, hashes } = shard;
  const capacity = 2 * rows.length;
  shard.rows = new Array<V | undefined>(capacity).fill(undefined);
  shard.hashes = new Int32Array(capacity);
  for (let from = 0; from < rows.length; from++) {
    const row = rows[from];
    if (row === undefined) continue;
    const hash = hashes[from] ?? 0;
    let place = (hash >>> SHARD_BITS) & (capacity - 1);
    while (shard.rows[place] !== undefined) place = (place + 1) & (capacity - 1);
    shard.rows[place] = row;
    shard.hashes[place] = hash;
  }
}

/** Empties a place; what was pushed behind it moves up, so that a search may stop at the first free place. */
function closeGap<V>({ rows, hashes }: Shard<V>, place: number): void {
  const mask = rows.length - 1;
  let gap = place;
  for (let at = (gap + 1) & mask; rows[at] !== undefined; at = (at + 1) & mask) {
    const hash = hashes[at] ?? 0;
    const home = (hash >>> SHARD_BITS) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    rows[gap] = rows[at];
    hashes[gap] = hash;
    gap = at;
  }
  rows[gap] = undefined;
}
