// Locks by id. A command takes all of its locks at once, in sorted order, before it decides, and holds them
// until its commit is durable or refused; so two decisions on one aggregate never share a batch, and commands
// with disjoint locks always may. What a decision only builds on is not locked but kept: any number of commands may keep
// an id, and whoever would remove what it names looks for that.

type Grant = () => void;

/** Exclusive locks, granted in the order they were asked for. */
export class LockTable {
  readonly #held = new Map<string, Grant[] | undefined>();
  readonly #kept = new Map<string, number>();
  #missed = false;
  #onFreed: () => void = () => undefined;

  /** Number of locks that are held. */
  get size(): number {
    return this.#held.size;
  }

  /** True when the lock is held by somebody. */
  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  /** True when a command that is on its way builds on what has this id, or would change it. */
  isNeeded(key: string): boolean {
    return this.#held.has(key) || this.#kept.has(key);
  }

  /** Keeps what has these ids from being removed, as often as it is said. */
  keep(keys: readonly string[]): void {
    for (const key of keys) this.#kept.set(key, (this.#kept.get(key) ?? 0) + 1);
  }

  /** Takes back what `keep` said. */
  letGo(keys: readonly string[]): void {
    for (const key of keys) {
      const times = (this.#kept.get(key) ?? 0) - 1;
      if (times > 0) this.#kept.set(key, times);
      else this.#kept.delete(key);
    }
  }

  /** Calls `listener` whenever a lock was given back since somebody was refused one: a try may now succeed. */
  whenFreed(listener: () => void): void {
    this.#onFreed = listener;
  }

  /** Takes one lock if it is free. */
  tryAcquireOne(key: string): boolean {
    if (this.#held.has(key)) {
      this.#missed = true;
      return false;
    }
    this.#held.set(key, undefined);
    return true;
  }

  /** Takes all locks if all of them are free, else none. */
  tryAcquire(keys: readonly string[]): boolean {
    for (const key of keys) {
      if (!this.#held.has(key)) continue;
      this.#missed = true;
      return false;
    }
    for (const key of keys) this.#held.set(key, undefined);
    return true;
  }

  /** Takes all locks, waiting for those that are held. Keys must be distinct. */
  async acquire(keys: readonly string[]): Promise<void> {
    for (const key of [...keys].sort()) {
      if (this.tryAcquireOne(key)) continue;
      await new Promise<void>((grant) => {
        const waiting = this.#held.get(key);
        if (waiting === undefined) this.#held.set(key, [grant]);
        else waiting.push(grant);
      });
    }
  }

  /** Gives one lock back; whoever waits longest has it next. */
  releaseOne(key: string): void {
    const waiting = this.#held.get(key);
    const grant = waiting?.shift();
    if (grant === undefined) this.#held.delete(key);
    else grant();
    if (!this.#missed) return;
    this.#missed = false;
    this.#onFreed();
  }

  /**
   * Gives back, unused, what was taken in this very turn: nobody can have been refused it or wait for it, so nobody is
   * told. To be told would be to try again at once, and for ever, while another lock is in the way.
   */
  giveBack(keys: readonly string[]): void {
    for (const key of keys) this.#held.delete(key);
  }

  /** Gives locks back. */
  release(keys: readonly string[]): void {
    for (const key of keys) this.releaseOne(key);
  }
}
