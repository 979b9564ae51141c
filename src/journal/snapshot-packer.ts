// Sorts out of a snapshot, as its frames go by, the tasks that wait with their one run: these are kept as they are
// written, and taken apart when they are needed. Runs come in the order of their tasks, so most often those of a frame are
// of tasks that stand one behind the other, which one comparison shows; whatever stands elsewhere is read in full.
import type { SavedTask } from '../domain/nouns.js';
import type { PackedPairs } from '../domain/packed-pairs.js';
import type { PlainRun } from '../domain/run.js';
import type { IdColumn } from './id-column.js';
import type { PackedRuns } from './packed-runs.js';
import { PackedStore } from './packed-store.js';
import type { LikeTasks, PackedTasks } from './packed-tasks.js';

/** How far ahead the task of a run is looked for; those between have none that waits. */
const TASKS_AHEAD = 4;
const NOTHING = Buffer.alloc(0);

/** Takes in what turned out to be part of no pair. */
export interface Unpaired {
  task(task: SavedTask): void;
  /** Valid until this returns. */
  run(run: PlainRun): void;
}

/** Packs pairs. */
export class SnapshotPacker {
  readonly #store = new PackedStore();
  /** The buffer of which something was kept last. */
  #kept: Buffer = NOTHING;
  /** What the tasks before had in common, and the one of them that was loaded. */
  #like: LikeTasks | undefined;
  #likeTaskId = '';
  /** The task whose run is expected next; those before it were settled. */
  #next = 0;

  constructor(private readonly load: Unpaired) {}

  /** True when something in these bytes was kept: they must not change any more. */
  keeps(bytes: Buffer): boolean {
    return this.#kept === bytes;
  }

  /** Keeps the tasks of a frame that lies in `bytes`; the first of a kind is loaded. */
  tasks(tasks: PackedTasks, bytes: Buffer): void {
    const isKnown = this.#like === tasks.like;
    if (!isKnown) {
      const first = tasks.task(0);
      this.#like = tasks.like;
      this.#likeTaskId = first.spec.id;
      this.load.task(first);
    }
    this.#kept = bytes;
    this.#store.addTasks(tasks, isKnown ? 0 : 1, this.#likeTaskId);
  }

  /** Pairs the runs of a frame that lies in `bytes` with their tasks, and loads those whose task is not kept. */
  runs(runs: PackedRuns, bytes: Buffer): void {
    this.#kept = bytes;
    const store = this.#store;
    const first = store.addRuns(runs);
    for (let row = 0; row < runs.count;) {
      const found = this.#paired(runs.taskIds.behind(row));
      if (found > 0) store.pair(this.#next - found, first + row, found);
      else this.load.run(store.readRun(first + row));
      row += Math.max(found, 1);
    }
  }

  /** A run goes by that is loaded as a row: its task is part of no pair. */
  pass({ taskId }: { readonly taskId: string }): void {
    const store = this.#store;
    const last = Math.min(this.#next + TASKS_AHEAD, store.places - 1);
    for (let place = this.#next; place <= last; place++) {
      if (store.taskIdOf(place) !== taskId) continue;
      this.#settle(place + 1);
      return;
    }
  }

  /** No frame comes any more: the pairs; `undefined` when there are none. */
  finish(): PackedPairs | undefined {
    const store = this.#store;
    this.#settle(store.places);
    if (store.size === 0) return undefined;
    store.seal();
    return store;
  }

  /** How many of these, from the first on, are the tasks that are expected next, which are behind us then; 0 when the first is not. */
  #paired(taskIds: IdColumn): number {
    const last = Math.min(this.#next + TASKS_AHEAD, this.#store.places - 1);
    for (let place = this.#next; place <= last; place++) {
      const count = taskIds.sameAs(this.#store.idsFrom(place));
      if (count === 0) continue;
      // Those between are part of no pair.
      this.#settle(place);
      this.#next = place + count;
      return count;
    }
    return 0;
  }

  /** Has the tasks before a place loaded. */
  #settle(place: number): void {
    for (; this.#next < place; this.#next++) this.load.task(this.#store.readTask(this.#next));
  }
}
