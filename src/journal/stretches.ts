// Finds the stretch that a number lies in. Numbers are asked for in order most of the time, so the stretch that was found
// last is looked at first.

/** The numbers `first` … `first + count − 1`. */
export interface Stretch {
  readonly first: number;
  readonly count: number;
}

/** Stretches, each of which begins where the one before it ends; none is empty. */
export class Stretches<T extends Stretch> {
  readonly all: T[] = [];
  #last = 0;

  /** One more than the highest number. */
  get end(): number {
    const last = this.all.at(-1);
    return last === undefined ? 0 : last.first + last.count;
  }

  add(stretch: T): void {
    this.all.push(stretch);
  }

  /** The stretch of a number, which has to be in one of them. */
  at(number: number): T {
    const found = this.all[this.#last] as T;
    if (number >= found.first && number < found.first + found.count) return found;
    let low = 0;
    let high = this.all.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.all[middle] as T).first <= number) low = middle;
      else high = middle - 1;
    }
    this.#last = low;
    return this.all[low] as T;
  }
}
