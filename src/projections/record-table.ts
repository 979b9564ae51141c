// The rows of the smaller nouns: frozen records under a key, replaced as a whole when they change.
import { CapturableMap } from './capturable-map.js';
import { freezeDeep } from './freeze.js';
import { ShardedMap } from './sharded-map.js';

/** A map of frozen records. */
export class RecordTable<R extends object> extends CapturableMap<R, R> {
  constructor() {
    super((record) => record);
  }

  /** Adds or replaces a record and freezes it. Returns it. */
  put(key: string, record: R): R {
    this.willChange(key, this.get(key));
    this.set(key, freezeDeep(record));
    return record;
  }

  /** Removes a record. */
  remove(key: string): void {
    const record = this.get(key);
    if (record === undefined) return;
    this.willChange(key, record);
    this.delete(key);
  }
}

/** Keys by a value they share, such as the budgets of a task. */
export class KeyIndex {
  readonly #sets = new ShardedMap<Set<string>>();

  /** Keys under a value. */
  get(value: string): ReadonlySet<string> {
    return this.#sets.get(value) ?? EMPTY;
  }

  add(value: string, key: string): void {
    const set = this.#sets.get(value);
    if (set === undefined) this.#sets.set(value, new Set([key]));
    else set.add(key);
  }

  remove(value: string, key: string): void {
    const set = this.#sets.get(value);
    if (set?.delete(key) === true && set.size === 0) this.#sets.delete(value);
  }
}

const EMPTY: ReadonlySet<string> = new Set();
