// Sets of ids for the rules of a snapshot: tables of open addressing, in shards, because one big set stalls the process
// for tens of milliseconds when it grows. A `Set` a shard took half of the time of a snapshot: it looks at each id
// again whenever it grows. Hashes are in plain arrays: typed ones lie outside of the heap, and some tens of megabytes
// there make V8 collect all of it.

/** Bits of a hash that choose the shard. */
const SHARD_BITS = 10;
const SHARDS = 1 << SHARD_BITS;
/** Entries a shard has room for when it is made; a power of two. Room for all at once would stall the process, too. */
const FIRST_CAPACITY = 16;
/** How full a shard is when it grows: each at another moment, for they all have the same number of ids. */
const LEAST_FILL = 0.4;
const MOST_FILL = 0.8;

class Shard {
  ids = emptyIds(FIRST_CAPACITY);
  hashes = zeros(FIRST_CAPACITY);
  size = 0;
  readonly #fill: number;

  constructor(index: number) {
    this.#fill = LEAST_FILL + ((MOST_FILL - LEAST_FILL) * index) / SHARDS;
  }

  get isFull(): boolean {
    return this.size >= this.#fill * this.ids.length;
  }
}

/** A set of ids, or of pairs of words. */
export class IdSet {
  readonly #shards: (Shard | undefined)[] = new Array<undefined>(SHARDS).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an id; false when it was there already. */
  add(id: string): boolean {
    const hash = hashOf(id);
    const index = hash & (SHARDS - 1);
    const shard = (this.#shards[index] ??= new Shard(index));
    let place = placeOf(shard, id, hash);
    if (shard.ids[place] !== undefined) return false;
    if (shard.isFull) {
      grow(shard);
      place = placeOf(shard, id, hash);
    }
    shard.ids[place] = id;
    shard.hashes[place] = hash;
    shard.size++;
    this.#size++;
    return true;
  }

  has(id: string): boolean {
    const hash = hashOf(id);
    const shard = this.#shards[hash & (SHARDS - 1)];
    return shard?.ids[placeOf(shard, id, hash)] !== undefined;
  }
}

function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  // A small integer on every platform.
  return (hash ^ (hash >>> 15)) & 0x3fff_ffff;
}

function zeros(capacity: number): number[] {
  return new Array<number>(capacity).fill(0);
}

function emptyIds(capacity: number): (string | undefined)[] {
  return new Array<string | undefined>(capacity).fill(undefined);
}

/** Where an id is, or the free place where it would be put. */
function placeOf({ ids, hashes }: Shard, id: string, hash: number): number {
  const mask = ids.length - 1;
  let place = (hash >>> SHARD_BITS) & mask;
  for (let other = ids[place]; other !== undefined; other = ids[place]) {
    if (hashes[place] === hash && other === id) return place;
    place = (place + 1) & mask;
  }
  return place;
}

function grow(shard: Shard): void {
  const { ids, hashes } = shard;
  const capacity = 2 * ids.length;
  shard.ids = emptyIds(capacity);
  shard.hashes = zeros(capacity);
  for (let from = 0; from < ids.length; from++) {
    const id = ids[from];
    if (id === undefined) continue;
    const hash = hashes[from] as number;
    let place = (hash >>> SHARD_BITS) & (capacity - 1);
    while (shard.ids[place] !== undefined) place = (place + 1) & (capacity - 1);
    shard.ids[place] = id;
    shard.hashes[place] = hash;
  }
}
