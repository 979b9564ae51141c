// A bounded number of places for what stays open until its caller is done with it: waits, subscriptions.
import { PawlError } from '../errors.js';
import type { Limits } from './limits.js';

/** `LIMIT_EXCEEDED`, naming the option. */
export function limitExceeded(limit: keyof Limits, value: number, next: string): PawlError {
  return new PawlError('LIMIT_EXCEEDED', `${limit} is ${String(value)} and reached; ${next}, or raise it.`, {
    limit,
    value,
  });
}

/** Places, of which no more are taken than there are. */
export class Places {
  readonly #limit: keyof Limits;
  readonly #max: number;
  readonly #next: string;
  #taken = 0;

  /** `next` tells who finds no place what to do. */
  constructor(limit: keyof Limits, max: number, next: string) {
    this.#limit = limit;
    this.#max = max;
    this.#next = next;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes a place; what is returned gives it back, once. Errors: `LIMIT_EXCEEDED`. */
  take(): () => void {
    if (this.#taken >= this.#max) throw limitExceeded(this.#limit, this.#max, this.#next);
    this.#taken++;
    let held = true;
    return () => {
      if (held) this.#taken--;
      held = false;
    };
  }
}
