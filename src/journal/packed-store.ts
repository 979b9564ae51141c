// The pairs of a snapshot that were not taken apart: the buffers they were read into, and a few numbers a pair. A
// buffer is let go of with the last of its records.
import type { SavedTask } from '../domain/nouns.js';
import { PAIR_FIELDS, type PackedKind, type PackedPairs, type Pair } from '../domain/packed-pairs.js';
import { PackedIds, type IdBytes } from './packed-ids.js';
import { RecordReader } from './record-reader.js';
import { SECTION_CODECS } from './snapshot-codec.js';
import { readRunInto, RunHead } from './snapshot-codec-run.js';

/** Places there is room for at first. */
const FIRST_PLACES = 1_024;
/** How many times as many there are after each growth. */
const GROWTH = 4;
const NOTHING = Buffer.alloc(0);
/** Bytes between the time of a record and its id: for a task the tag of its specification. */
const TASK_GAP = 1;
const RUN_GAP = 0;
const TEXT_OF_8_BITS = 0xd9;

/** Numbers a place has beside `PAIR_FIELDS`. */
const TASK_BUFFER = 5;
const TASK_AT = 6;
const RUN_BUFFER = 7;
const RUN_AT = 8;
const TASK_HASH = 9;
const RUN_HASH = 10;
const KIND = 11;
/** 1 for a pair that was not read. */
const LIVE = 12;
/** How many numbers a place has. */
const NUMBERS = 13;

/** Where a record lies: number of the buffer, and offset in it. */
export interface RecordPlace {
  readonly buffer: number;
  readonly at: number;
}

/** What is known of a task. */
export interface PackedTaskKeys {
  readonly idHash: number;
  readonly createdSequence: number;
}

/** What is known of a pair's run. */
export interface PackedRunKeys {
  readonly idHash: number;
  readonly stateSequence: number;
  readonly priority: number;
  readonly scheduledAt: number;
  readonly createdAt: number;
}

/** Pairs, and tasks that may become part of one. */
export class PackedStore implements PackedPairs {
  /** The numbers of one place after those of another: what belongs to a pair is written, and read, together. */
  #numbers = new Float64Array(FIRST_PLACES * NUMBERS);
  readonly #buffers: Buffer[] = [];
  /** Records of each of them that are still needed. */
  readonly #needed: number[] = [];
  readonly #reader = new RecordReader();
  readonly #head = new RunHead();
  #tasks: PackedIds | undefined;
  #runs: PackedIds | undefined;
  readonly kinds: PackedKind[] = [];
  places = 0;
  size = 0;
  isUnique = true;

  /** Bytes of the buffers that are kept. */
  get heldBytes(): number {
    return this.#buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  }

  get(place: number, field: number): number {
    return this.#numbers[place * NUMBERS + field] as number;
  }

  has(place: number): boolean {
    return this.get(place, LIVE) === 1;
  }

  kindOf(place: number): number {
    return this.get(place, KIND);
  }

  placeOfTask(taskId: string): number {
    return this.#liveOne(this.#tasks?.numberOf(taskId));
  }

  placeOfRun(runId: string): number {
    return this.#liveOne(this.#runs?.numberOf(runId));
  }

  read(place: number): Pair {
    const task = this.readTask(place);
    const buffer = this.get(place, RUN_BUFFER);
    this.#point(buffer, this.get(place, RUN_AT));
    readRunInto(this.#reader, this.#head);
    this.#numbers[place * NUMBERS + LIVE] = 0;
    this.size--;
    this.#release(buffer);
    return { task, run: this.#head };
  }

  /** Keeps a buffer in which records lie; returns its number. */
  keep(buffer: Buffer): number {
    this.#needed.push(0);
    return this.#buffers.push(buffer) - 1;
  }

  /** Adds a task that may become part of a pair; `like`: the id of one that was loaded and has its shape. */
  addTask({ buffer, at }: RecordPlace, like: string, keys: PackedTaskKeys): void {
    if (this.kinds.at(-1)?.taskId !== like) this.kinds.push({ taskId: like });
    const first = this.places++ * NUMBERS;
    if (first === this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    numbers[first + PAIR_FIELDS.createdSequence] = keys.createdSequence;
    numbers[first + TASK_BUFFER] = buffer;
    numbers[first + TASK_AT] = at;
    numbers[first + TASK_HASH] = keys.idHash;
    numbers[first + KIND] = this.kinds.length - 1;
    this.#needed[buffer] = (this.#needed[buffer] as number) + 1;
  }

  /** Puts where the id of a task lies into `into`. */
  locateTask(place: number, into: IdBytes): void {
    locateId(this.#buffers[this.get(place, TASK_BUFFER)] as Buffer, this.get(place, TASK_AT), TASK_GAP, into);
  }

  /** Makes a pair of a task and its run. */
  addRun(place: number, { buffer, at }: RecordPlace, keys: PackedRunKeys): void {
    const numbers = this.#numbers;
    const first = place * NUMBERS;
    numbers[first + PAIR_FIELDS.stateSequence] = keys.stateSequence;
    numbers[first + PAIR_FIELDS.priority] = keys.priority;
    numbers[first + PAIR_FIELDS.scheduledAt] = keys.scheduledAt;
    numbers[first + PAIR_FIELDS.createdAt] = keys.createdAt;
    numbers[first + RUN_BUFFER] = buffer;
    numbers[first + RUN_AT] = at;
    numbers[first + RUN_HASH] = keys.idHash;
    numbers[first + LIVE] = 1;
    this.#needed[buffer] = (this.#needed[buffer] as number) + 1;
    this.size++;
  }

  /** Ends the adding: the pairs are found by their ids from now on. */
  seal(): void {
    const tasks = new PackedIds(this.size, (place, into) => {
      this.locateTask(place, into);
    });
    const runs = new PackedIds(this.size, (place, into) => {
      locateId(this.#buffers[this.get(place, RUN_BUFFER)] as Buffer, this.get(place, RUN_AT), RUN_GAP, into);
    });
    for (let place = 0; place < this.places; place++) {
      if (!this.has(place)) continue;
      const isNew = tasks.add(place, this.get(place, TASK_HASH));
      if (!runs.add(place, this.get(place, RUN_HASH)) || !isNew) this.isUnique = false;
    }
    this.#tasks = tasks;
    this.#runs = runs;
  }

  /** Takes apart a task that is part of no pair, or of one that is being read. */
  readTask(place: number): SavedTask {
    const buffer = this.get(place, TASK_BUFFER);
    this.#point(buffer, this.get(place, TASK_AT));
    const task = SECTION_CODECS.tasks.read(this.#reader);
    this.#release(buffer);
    return task;
  }

  #liveOne(place = -1): number {
    return place >= 0 && this.has(place) ? place : -1;
  }

  #point(buffer: number, at: number): void {
    const bytes = this.#buffers[buffer] as Buffer;
    this.#reader.reset(bytes, at, bytes.length);
  }

  #release(buffer: number): void {
    const needed = (this.#needed[buffer] as number) - 1;
    this.#needed[buffer] = needed;
    if (needed === 0) this.#buffers[buffer] = NOTHING;
  }

  #grow(): void {
    const more = new Float64Array(GROWTH * this.#numbers.length);
    more.set(this.#numbers);
    this.#numbers = more;
  }
}

/** Finds the id of a record that was seen to be in the form of `PackedScan`; that of one that was let go of has no bytes. */
function locateId(buffer: Buffer, at: number, gap: number, into: IdBytes): void {
  into.bytes = buffer;
  const time = into.bytes[at + 1] ?? 0;
  const place = at + 2 + gap + (time >= 0xcc && time <= 0xd3 ? 1 << (time & 3) : 0);
  const tag = into.bytes[place] ?? 0;
  const isLong = tag === TEXT_OF_8_BITS;
  into.from = place + (isLong ? 2 : 1);
  into.length = isLong ? (into.bytes[place + 1] as number) : Math.max(0, tag - 0xa0);
}
