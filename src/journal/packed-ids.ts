// Ids that were not made strings: a table of open addressing from the bytes of an id, where they lie in a record that
// is kept, to the number of the record. A look-up by string compares characters with bytes.

/** Places are a power of two, of which this part, as a power of two, is free at least. */
const FREE_PART = 0.5;
/** What a hash begins with (FNV-1a). */
export const HASH_SEED = 0x811c9dc5;

/** A hash with one more byte, or one more character that is a byte. */
export function nextHash(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/** The hash when nothing more comes. */
export function finalHash(hash: number): number {
  return hash ^ (hash >>> 15);
}

/** Bytes of an id in a buffer. */
export interface IdBytes {
  bytes: Buffer;
  from: number;
  length: number;
}

/** Numbers by id. Ids are ASCII: one character a byte. */
export class PackedIds {
  /** For each place the number kept there and one more, 0 for none, and the hash of its id. */
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #added: IdBytes = { bytes: Buffer.alloc(0), from: 0, length: 0 };
  readonly #found: IdBytes = { bytes: Buffer.alloc(0), from: 0, length: 0 };

  /** For at most so many ids. `locate` says where the id of a number lies; without bytes it equals no other. */
  constructor(
    size: number,
    private readonly locate: (number: number, into: IdBytes) => void,
  ) {
    const places = 2 ** Math.ceil(Math.log2(size + 1) + FREE_PART);
    this.#table = new Int32Array(2 * places);
    this.#mask = places - 1;
  }

  /** Adds the id of a number, whose hash is known; false, and nothing is changed, when it is there already. */
  add(number: number, hash: number): boolean {
    const table = this.#table;
    let at = 2 * (hash & this.#mask);
    for (; table[at] !== 0; at = (at + 2) & (2 * this.#mask + 1)) {
      if (table[at + 1] !== hash) continue;
      this.locate(number, this.#added);
      this.locate((table[at] as number) - 1, this.#found);
      if (sameBytes(this.#found, this.#added)) return false;
    }
    table[at] = number + 1;
    table[at + 1] = hash;
    return true;
  }

  /** The number of an id, or −1. */
  numberOf(id: string): number {
    const table = this.#table;
    const hash = hashOfText(id);
    for (let at = 2 * (hash & this.#mask); table[at] !== 0; at = (at + 2) & (2 * this.#mask + 1)) {
      if (table[at + 1] !== hash) continue;
      this.locate((table[at] as number) - 1, this.#found);
      if (sameText(this.#found, id)) return (table[at] as number) - 1;
    }
    return -1;
  }
}

function hashOfText(id: string): number {
  let hash = HASH_SEED;
  for (let at = 0; at < id.length; at++) hash = nextHash(hash, id.charCodeAt(at));
  return finalHash(hash);
}

function sameBytes(found: IdBytes, wanted: IdBytes): boolean {
  const { bytes, from, length } = wanted;
  if (found.length !== length) return false;
  for (let at = 0; at < length; at++) if (found.bytes[found.from + at] !== bytes[from + at]) return false;
  return true;
}

function sameText(found: IdBytes, id: string): boolean {
  if (found.length !== id.length) return false;
  for (let at = 0; at < id.length; at++) if (found.bytes[found.from + at] !== id.charCodeAt(at)) return false;
  return true;
}
