// Which run holds which concurrency key, read from the state of the runs alone, so that restarts and remote
// leases keep it. A key is scoped by tenant.
import type { RunRow } from './rows.js';
import { wasIn } from './run-history.js';
import { ShardedMap } from './sharded-map.js';

/** The holders of concurrency keys. */
export class Keys {
  readonly #holders = new ShardedMap<RunRow>();
  /**
   * Further holders; the oldest takes over. A run that continues the holder is one until that has ended, so that the
   * key passes on without a gap; others only come of a log that broke the rule.
   */
  readonly #further = new Map<string, Set<RunRow>>();

  /** Number of keys that are held. */
  get size(): number {
    return this.#holders.size;
  }

  /** Name of the key of a run, scoped by tenant; `undefined` when its task has none. */
  keyOf(row: RunRow): string | undefined {
    return row.task.shape.key;
  }

  /** The run that holds a key, by the name from `keyOf`. */
  holder(key: string): RunRow | undefined {
    return this.#holders.get(key);
  }

  /** Brings the holder up to date after a run was created or changed. */
  update(row: RunRow): void {
    const { key } = row.task.shape;
    if (key === undefined) return;
    if (holdsKey(row)) this.#hold(key, row);
    else this.#release(key, row);
  }

  #hold(key: string, row: RunRow): void {
    const holder = this.#holders.get(key);
    if (holder === row) return;
    if (holder === undefined) {
      this.#holders.set(key, row);
      return;
    }
    const further = this.#further.get(key);
    if (further === undefined) this.#further.set(key, new Set([row]));
    else further.add(row);
  }

  #release(key: string, row: RunRow): void {
    const further = this.#further.get(key);
    if (this.#holders.get(key) !== row) {
      further?.delete(row);
      if (further?.size === 0) this.#further.delete(key);
      return;
    }
    this.#holders.delete(key);
    for (const next of further ?? []) {
      further?.delete(next);
      if (further?.size === 0) this.#further.delete(key);
      this.#holders.set(key, next);
      return;
    }
  }
}

/** True while a run of a task with a key holds it; contract §3.3 `keyHold`. */
export function holdsKey(row: RunRow): boolean {
  switch (row.state) {
    case 'completed':
    case 'failed':
    case 'canceled':
      return false;
    case 'leased':
    case 'running':
      return true;
    default:
      break;
  }
  // What it continues was running, so it has held the key from the moment it was created.
  if (row.detail?.continuedFrom !== undefined && row.attemptCount === 0) return true;
  return row.task.shape.constraints.keyHold === 'holdDuringRetry' && wasClaimed(row);
}

function wasClaimed(row: RunRow): boolean {
  if (row.attemptCount > 0) return true;
  return row.state !== 'scheduled' && row.detail !== undefined && wasIn(row.detail, 'leased');
}
