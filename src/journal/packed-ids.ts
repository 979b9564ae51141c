// Ids that were not made strings, to the number of the record in which their bytes lie. Two ways to find them: by
// order, when they came in a few stretches that ascend, as the ids that Pawl makes do; by hash, whatever they are. A
// look-up by string compares characters with bytes: ids are ASCII.
import { compareIds, compareWithText, noId, type IdBytes } from './id-bytes.js';

/** Places are a power of two, of which this part, as a power of two, is free at least. */
const FREE_PART = 0.5;
/** FNV-1a. */
const HASH_SEED = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** Says where the id of a number lies; its length is 0 when it has none, or none any more. */
export type LocateId = (number: number, into: IdBytes) => void;

/** Finds records by their ids. */
export interface IdIndex {
  /** The number of an id, or −1. */
  numberOf(id: string): number;
}

/** A table of open addressing. */
export class HashedIds implements IdIndex {
  /** For each place the number kept there and one more, 0 for none, and the hash of its id. */
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #added = noId();
  readonly #found = noId();

  /** For at most so many ids. */
  constructor(
    size: number,
    private readonly locate: LocateId,
  ) {
    const places = 2 ** Math.ceil(Math.log2(size + 1) + FREE_PART);
    this.#table = new Int32Array(2 * places);
    this.#mask = places - 1;
  }

  /** Adds the id of a number; false, and nothing is changed, when it is there already. */
  add(number: number): boolean {
    const table = this.#table;
    this.locate(number, this.#added);
    const hash = hashOfBytes(this.#added);
    let at = 2 * (hash & this.#mask);
    for (; table[at] !== 0; at = (at + 2) & (2 * this.#mask + 1)) {
      if (table[at + 1] !== hash) continue;
      this.locate((table[at] as number) - 1, this.#found);
      if (compareIds(this.#found, this.#added) === 0) return false;
    }
    table[at] = number + 1;
    table[at + 1] = hash;
    return true;
  }

  numberOf(id: string): number {
    const table = this.#table;
    const hash = hashOfText(id);
    for (let at = 2 * (hash & this.#mask); table[at] !== 0; at = (at + 2) & (2 * this.#mask + 1)) {
      if (table[at + 1] !== hash) continue;
      this.locate((table[at] as number) - 1, this.#found);
      if (compareWithText(this.#found, id) === 0) return (table[at] as number) - 1;
    }
    return -1;
  }
}

/** Numbers in the ascending order of their ids. */
export class SortedIds implements IdIndex {
  readonly #found = noId();
  /** Those before the first, and those from the end on, have no id any more. */
  #first = 0;
  #end: number;

  /** `numbers`: in that order, or how many there are when that is 0, 1, 2 …. */
  constructor(
    private readonly numbers: Uint32Array | number,
    private readonly locate: LocateId,
  ) {
    this.#end = typeof numbers === 'number' ? numbers : numbers.length;
  }

  numberOf(id: string): number {
    while (this.#first < this.#end && this.#isGone(this.#first)) this.#first++;
    if (this.#first === this.#end) return -1;
    while (this.#isGone(this.#end - 1)) this.#end--;
    // Most ids that are asked for are new, and new ones come behind all others.
    const order = compareWithText(this.#found, id);
    if (order === 0) return this.#number(this.#end - 1);
    return order < 0 ? -1 : this.#between(id, this.#first, this.#end - 2);
  }

  #between(id: string, first: number, last: number): number {
    let low = first;
    let high = last;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      let at = middle;
      while (at > low && this.#isGone(at)) at--;
      if (this.#isGone(at)) {
        low = middle + 1;
        continue;
      }
      const order = compareWithText(this.#found, id);
      if (order === 0) return this.#number(at);
      if (order < 0) low = middle + 1;
      else high = at - 1;
    }
    return -1;
  }

  #number(at: number): number {
    return typeof this.numbers === 'number' ? at : (this.numbers[at] as number);
  }

  #isGone(at: number): boolean {
    this.locate(this.#number(at), this.#found);
    return this.#found.length === 0;
  }
}

function hashOfBytes({ bytes, from, length }: IdBytes): number {
  let hash = HASH_SEED;
  for (let at = from; at < from + length; at++) hash = Math.imul(hash ^ bytes.getUint8(at), HASH_PRIME);
  return hash ^ (hash >>> 15);
}

function hashOfText(id: string): number {
  let hash = HASH_SEED;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), HASH_PRIME);
  return hash ^ (hash >>> 15);
}
