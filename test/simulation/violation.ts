// What a history is stopped with when a promise of the contract does not hold.

/** A promise that was broken: which one, and by what. */
export class Violation extends Error {
  constructor(
    readonly promise: string,
    what: string,
  ) {
    super(`${promise}: ${what}`);
    this.name = 'Violation';
  }
}

/** Throws a `Violation` unless the condition holds; `what` is made only then. */
export function demand(condition: boolean, promise: string, what: () => string): asserts condition {
  if (!condition) throw new Violation(promise, what());
}

/** A value that must be there. */
export function known<T>(value: T | undefined, promise: string, what: () => string): T {
  if (value === undefined) throw new Violation(promise, what());
  return value;
}
