// Notes, as ids go by, in how many stretches they ascend. While these are few they are put in order by merging them,
// which takes a few comparisons an id and shows an id that is there twice; of many, a hash of each is quicker.
import { compareIds, noId, type IdBytes } from './id-bytes.js';
import type { IdColumn } from './id-column.js';
import { HashedIds, SortedIds, type IdIndex, type LocateId } from './packed-ids.js';

/** Stretches that are merged; of more than these the ids are hashed. */
const MAX_STRETCHES = 16;
const NONE = new Uint32Array(0);

/** An index of ids, and whether each of them is there once. */
export interface IndexedIds {
  readonly index: IdIndex;
  readonly isUnique: boolean;
}

/** Ids as they go by, in the order of their numbers. */
export class IdStretches {
  readonly #last: IdBytes = noId();
  readonly #next: IdBytes = noId();
  /** Numbers with which a stretch begins; only so many are kept. */
  readonly #starts: number[] = [];

  constructor(private readonly locate: LocateId) {}

  /** Notes the ids of the next numbers, from `first` on. */
  note(first: number, ids: IdColumn): void {
    const last = this.#last;
    const next = this.#next;
    for (let row = 0; row < ids.count && this.#starts.length <= MAX_STRETCHES; row++) {
      ids.locate(row, next);
      if (this.#starts.length === 0 || compareIds(last, next) >= 0) this.#starts.push(first + row);
      last.bytes = next.bytes;
      last.from = next.from;
      last.length = next.length;
    }
  }

  /** An index of the numbers 0 … places − 1 that have an id now. */
  index(places: number): IndexedIds {
    if (this.#starts.length > MAX_STRETCHES) return this.#hashed(places);
    if (this.#starts.length <= 1) return { index: new SortedIds(places, this.locate), isUnique: true };
    const merged = this.#merged(this.#pieces(places));
    return { index: new SortedIds(merged, this.locate), isUnique: this.#ascends(merged) };
  }

  #hashed(places: number): IndexedIds {
    const index = new HashedIds(places, this.locate);
    let isUnique = true;
    for (let number = 0; number < places; number++)
      if (this.#has(number) && !index.add(number)) isUnique = false;
    return { index, isUnique };
  }

  /** The numbers of each stretch that have an id. */
  #pieces(places: number): Uint32Array[] {
    return this.#starts.map((start, at) => {
      const end = this.#starts[at + 1] ?? places;
      const piece = new Uint32Array(end - start);
      let count = 0;
      for (let number = start; number < end; number++) if (this.#has(number)) piece[count++] = number;
      return piece.subarray(0, count);
    });
  }

  #has(number: number): boolean {
    this.locate(number, this.#last);
    return this.#last.length > 0;
  }

  #merged(pieces: readonly Uint32Array[]): Uint32Array {
    let left = [...pieces];
    while (left.length > 1) {
      const next: Uint32Array[] = [];
      for (let at = 0; at < left.length; at += 2) next.push(this.#mergedTwo(left[at], left[at + 1]));
      left = next;
    }
    return left[0] as Uint32Array;
  }

  #mergedTwo(one: Uint32Array = NONE, other: Uint32Array = NONE): Uint32Array {
    const [left, right] = [noId(), noId()];
    const merged = new Uint32Array(one.length + other.length);
    let [fromOne, fromOther] = [0, 0];
    while (fromOne < one.length && fromOther < other.length) {
      this.locate(one[fromOne] as number, left);
      this.locate(other[fromOther] as number, right);
      const isOne = compareIds(left, right) <= 0;
      merged[fromOne + fromOther] = (isOne ? one[fromOne++] : other[fromOther++]) as number;
    }
    merged.set(one.subarray(fromOne), fromOne + fromOther);
    merged.set(other.subarray(fromOther), one.length + fromOther);
    return merged;
  }

  #ascends(numbers: Uint32Array): boolean {
    const [last, next] = [noId(), noId()];
    for (let at = 1; at < numbers.length; at++) {
      this.locate(numbers[at - 1] as number, last);
      this.locate(numbers[at] as number, next);
      if (compareIds(last, next) >= 0) return false;
    }
    return true;
  }
}
