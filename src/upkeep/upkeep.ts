// What keeps the storage of a running engine small, and its memory, in the background: snapshots, retention, pruning, and
// the rest of the snapshot that the start used. None of it
// holds up a command, and none of its failures is a failure of the engine.
import type { PawlError } from '../errors.js';
import type { Pruning } from './pruning.js';
import type { RetentionKeeper } from './retention-keeper.js';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import type { Unpacker } from './unpacker.js';

/** The parts; what is switched off is absent. */
export interface UpkeepParts {
  readonly snapshots: SnapshotKeeper;
  readonly retention: RetentionKeeper | undefined;
  readonly pruning: Pruning | undefined;
  readonly unpacker: Unpacker;
}

/** The background work of a running engine. */
export class Upkeep {
  readonly snapshots: SnapshotKeeper;
  readonly #retention: RetentionKeeper | undefined;
  readonly #pruning: Pruning | undefined;
  readonly #unpacker: Unpacker;

  constructor({ snapshots, retention, pruning, unpacker }: UpkeepParts) {
    this.snapshots = snapshots;
    this.#retention = retention;
    this.#pruning = pruning;
    this.#unpacker = unpacker;
  }

  /** True while any of it is at work. */
  get busy(): boolean {
    return this.snapshots.busy || this.#retention?.busy === true || this.#pruning?.busy === true;
  }

  /** The engine is live. */
  start(): void {
    void this.#unpacker.run();
    this.#pruning?.start();
    this.#retention?.soon();
  }

  /** The engine takes nothing new: prunes and removes nothing more. */
  async beginClose(): Promise<void> {
    this.#unpacker.stop();
    await this.#pruning?.stop();
    await this.#retention?.stop();
  }

  /** Every commit is durable: takes the last snapshot. When this resolves, nothing here touches the directory any more. */
  async close(): Promise<void> {
    await this.beginClose();
    await this.snapshots.atClose();
  }

  /** Gives everything up, for the engine can go on no more. */
  async abandon(reason: PawlError): Promise<void> {
    this.#unpacker.stop();
    this.snapshots.stop(reason);
    await Promise.all([this.#pruning?.stop(), this.#retention?.stop(), this.snapshots.settled()]);
  }
}
