// Sorts out of a snapshot, as its records go by, the tasks that wait with their one run: these are kept as they are
// written, and taken apart when they are needed. Tasks come in the order of their shapes and runs in that of their
// tasks, so each is compared with the one before; whatever stands elsewhere is read in full, as ever.
import type { SavedTask } from '../domain/nouns.js';
import type { PackedPairs } from '../domain/packed-pairs.js';
import { noId } from './packed-ids.js';
import { PackedScan, type LikeTask } from './packed-scan.js';
import { PackedStore } from './packed-store.js';
import { ByteReader } from './byte-reader.js';

/** How far ahead the task of a run is looked for; those between have none that waits. */
const TASKS_AHEAD = 4;
/** Fields that the specification of a task has behind its input. */
const FIELDS_BEHIND_INPUT = 8;

/** Packs pairs. Positions are those in the frame that was begun last. */
export class SnapshotPacker {
  readonly #store = new PackedStore();
  readonly #scan = new PackedScan();
  readonly #reader = new ByteReader();
  readonly #id = noId();
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  /** The number of that buffer. */
  #buffer = -1;
  /** What tasks must be like to be kept, and the task that it was learned from. */
  #like: LikeTask | undefined;
  #likeTaskId = '';
  /** The task whose run is expected next; those before it were settled. */
  #next = 0;

  /** `load` takes in the tasks that turned out to be part of no pair. */
  constructor(private readonly load: (task: SavedTask) => void) {}

  /** True when something in these bytes was kept: they must not change any more. */
  keeps(bytes: Buffer): boolean {
    return this.#bytes === bytes && this.#store.needs(this.#buffer);
  }

  /** Begins a frame whose records end at `end`. */
  frame(bytes: Buffer, end: number): void {
    if (this.#bytes !== bytes) this.#buffer = this.#store.begin(bytes);
    this.#bytes = bytes;
    this.#end = end;
    this.#scan.reset(bytes, end);
  }

  /** Keeps the task at a position; returns the position behind it, or −1 when it is to be read. */
  task(at: number): number {
    const scan = this.#scan;
    if (this.#like === undefined || !scan.isLike(at, this.#like) || !scan.taskTail()) return -1;
    this.#store.addTask(scan, this.#buffer, this.#likeTaskId);
    return scan.at;
  }

  /** Learns from a task that was read what those behind it may be like. */
  learn(at: number, task: SavedTask): void {
    if (this.#like !== undefined && this.#scan.isLike(at, this.#like)) return;
    this.#like = this.#likeOf(at, task);
    this.#likeTaskId = task.spec.id;
  }

  /** Keeps the run at a position; returns the position behind it, or −1 when it is to be read. */
  run(at: number): number {
    const scan = this.#scan;
    const store = this.#store;
    if (this.#next === store.places || !scan.runHead(at)) return -1;
    const place = this.#placeOfTask();
    if (place < 0) return -1;
    // Those between are part of no pair.
    this.#settle(place);
    this.#next = place + 1;
    if (!scan.runTail()) {
      this.load(store.readTask(place));
      return -1;
    }
    store.addRun(place, scan, this.#buffer);
    return scan.at;
  }

  /** No record comes any more: the pairs; `undefined` when there are none. */
  finish(): PackedPairs | undefined {
    const store = this.#store;
    this.#settle(store.places);
    if (store.size === 0) return undefined;
    store.seal();
    return store;
  }

  /** The task of the run that was looked at, when it is the expected one or one of the next; else −1. */
  #placeOfTask(): number {
    const id = this.#id;
    const { taskIdFrom, taskIdLength } = this.#scan;
    const last = Math.min(this.#next + TASKS_AHEAD, this.#store.places - 1);
    for (let place = this.#next; place <= last; place++) {
      this.#store.locateTask(place, id);
      if (id.length !== taskIdLength) continue;
      let same = 0;
      while (same < id.length && id.bytes[id.from + same] === this.#bytes[taskIdFrom + same]) same++;
      if (same === id.length) return place;
    }
    return -1;
  }

  /** Has the tasks before a place loaded. */
  #settle(place: number): void {
    for (; this.#next < place; this.#next++) this.load(this.#store.readTask(this.#next));
  }

  /** What tasks like this one have in common with it; `undefined` when such tasks need more than a place in the queue. */
  #likeOf(at: number, { spec }: SavedTask): LikeTask | undefined {
    const { policy, constraints } = spec;
    const isSimple =
      policy.kind === 'once' &&
      policy.startAt === undefined &&
      constraints.concurrencyKey === undefined &&
      constraints.expireAfterMs === undefined &&
      spec.parentId === undefined &&
      spec.tenantId !== spec.id &&
      spec.dependsOn.length === 0 &&
      spec.budgets.length === 0;
    return isSimple ? this.#common(at) : undefined;
  }

  /** Copied: the buffer is used again. */
  #common(at: number): LikeTask | undefined {
    const scan = this.#scan;
    if (!scan.taskHead(at)) return undefined;
    const reader = this.#reader;
    reader.reset(this.#bytes, scan.restFrom, this.#end);
    for (let fields = 0; fields < FIELDS_BEHIND_INPUT; fields++) reader.skipValue();
    return {
      type: Buffer.from(this.#bytes.subarray(scan.typeFrom, scan.typeEnd)),
      rest: Buffer.from(this.#bytes.subarray(scan.restFrom, reader.position)),
    };
  }
}
