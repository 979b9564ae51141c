// The pairs of a snapshot that were not taken apart: the buffers they were read into, and a few numbers a pair. A
// buffer is let go of with the last of its records.
import type { SavedTask } from '../domain/nouns.js';
import { PAIR_FIELDS, type PackedKind, type PackedPairs, type Pair } from '../domain/packed-pairs.js';
import { IdStretches } from './id-stretches.js';
import { noId, type IdBytes, type IdIndex } from './packed-ids.js';
import type { FoundRecord } from './packed-scan.js';
import { PairOrder } from './pair-order.js';
import { RecordReader } from './record-reader.js';
import { SECTION_CODECS } from './snapshot-codec.js';
import { readRunInto, RunHead } from './snapshot-codec-run.js';

/** Bits of a place that say which of those in its chunk it is. Chunks, so that growing copies nothing. */
const CHUNK_BITS = 13;
const CHUNK_PLACES = 2 ** CHUNK_BITS;
const NOTHING = Buffer.alloc(0);

/** Numbers a place has, by `PAIR_FIELDS`: the first is of the task, the others are of the run. */
const NUMBERS = 5;
const CREATED = PAIR_FIELDS.createdSequence;
/** And small integers: where its records lie … */
const TASK = 0;
const RUN = 4;
/** … each in these … */
const BUFFER = 0;
const AT = 1;
const ID_FROM = 2;
const ID_LENGTH = 3;
/** … which kind it is, and 1 for a pair that was not read. */
const KIND = 8;
const LIVE = 9;
const INTEGERS = 10;

/** What belongs to a place is written, and read, together. */
class Chunk {
  readonly numbers = new Float64Array(CHUNK_PLACES * NUMBERS);
  readonly integers = new Int32Array(CHUNK_PLACES * INTEGERS);
}

/** Pairs, and tasks that may become part of one. */
export class PackedStore implements PackedPairs {
  readonly #chunks: Chunk[] = [];
  readonly #buffers: Buffer[] = [];
  /** Records of each of them that are still needed. */
  readonly #needed: number[] = [];
  /** The buffer in which something may still be kept. */
  #begun = -1;
  readonly #reader = new RecordReader();
  readonly #head = new RunHead();
  readonly #id = noId();
  readonly #taskIds = new IdStretches((place, into) => {
    this.locateTask(place, into);
  });
  readonly #runIds = new IdStretches((place, into) => {
    this.#locate(place, RUN, into);
  });
  readonly #order = new PairOrder();
  #tasks: IdIndex | undefined;
  #runs: IdIndex | undefined;
  readonly kinds: PackedKind[] = [];
  places = 0;
  size = 0;
  isUnique = true;

  /** Bytes of the buffers that are kept. */
  get heldBytes(): number {
    return this.#buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  }

  get ascends(): boolean {
    return this.#order.ascends;
  }

  get queues(): boolean {
    return this.#order.queues;
  }

  get(place: number, field: number): number {
    const { numbers } = this.#chunks[place >>> CHUNK_BITS] as Chunk;
    return numbers[(place & (CHUNK_PLACES - 1)) * NUMBERS + field] as number;
  }

  has(place: number): boolean {
    return this.#integer(place, LIVE) === 1;
  }

  kindOf(place: number): number {
    return this.#integer(place, KIND);
  }

  placeOfTask(taskId: string): number {
    return this.#liveOne(this.#tasks?.numberOf(taskId));
  }

  placeOfRun(runId: string): number {
    return this.#liveOne(this.#runs?.numberOf(runId));
  }

  read(place: number): Pair {
    const task = this.readTask(place);
    this.#point(place, RUN);
    readRunInto(this.#reader, this.#head);
    const { integers } = this.#chunks[place >>> CHUNK_BITS] as Chunk;
    integers[(place & (CHUNK_PLACES - 1)) * INTEGERS + LIVE] = 0;
    this.size--;
    this.#release(this.#integer(place, RUN + BUFFER));
    return { task, run: this.#head };
  }

  /** A buffer in which records lie that may be kept; returns its number. */
  begin(buffer: Buffer): number {
    this.#needed.push(0);
    this.#begun = this.#buffers.push(buffer) - 1;
    return this.#begun;
  }

  /** True when something in a buffer is kept. */
  needs(buffer: number): boolean {
    return (this.#needed[buffer] as number) > 0;
  }

  /** Adds a task that may become part of a pair; `like`: the id of one that was loaded and has its shape. */
  addTask(task: FoundRecord, buffer: number, like: string): void {
    if (this.kinds.at(-1)?.taskId !== like) this.kinds.push({ taskId: like });
    const place = this.places++;
    if ((place & (CHUNK_PLACES - 1)) === 0) this.#chunks.push(new Chunk());
    const { numbers, integers } = this.#chunks[place >>> CHUNK_BITS] as Chunk;
    numbers[(place & (CHUNK_PLACES - 1)) * NUMBERS + CREATED] = task.numbers[CREATED] as number;
    const first = (place & (CHUNK_PLACES - 1)) * INTEGERS;
    integers[first + KIND] = this.kinds.length - 1;
    this.#keepRecord(integers, first + TASK, task, buffer);
    this.#taskIds.note(place, this.#id);
  }

  /** Puts where the id of a task lies into `into`; that of one that was let go of has no bytes. */
  locateTask(place: number, into: IdBytes): void {
    this.#locate(place, TASK, into);
  }

  /** Makes a pair of a task and its run; runs come in the order of their tasks. */
  addRun(place: number, run: FoundRecord, buffer: number): void {
    const { numbers, integers } = this.#chunks[place >>> CHUNK_BITS] as Chunk;
    const firstNumber = (place & (CHUNK_PLACES - 1)) * NUMBERS;
    for (let field = CREATED + 1; field < NUMBERS; field++)
      numbers[firstNumber + field] = run.numbers[field] as number;
    this.#order.note(numbers, firstNumber);
    const first = (place & (CHUNK_PLACES - 1)) * INTEGERS;
    integers[first + LIVE] = 1;
    this.size++;
    this.#keepRecord(integers, first + RUN, run, buffer);
    this.#runIds.note(place, this.#id);
  }

  /** Ends the adding: the pairs are found by their ids from now on. */
  seal(): void {
    this.#begun = -1;
    for (const [buffer, needed] of this.#needed.entries()) if (needed === 0) this.#buffers[buffer] = NOTHING;
    const tasks = this.#taskIds.index(this.places);
    const runs = this.#runIds.index(this.places);
    this.isUnique = tasks.isUnique && runs.isUnique;
    this.#tasks = tasks.index;
    this.#runs = runs.index;
  }

  /** Takes apart a task that is part of no pair, or of one that is being read. */
  readTask(place: number): SavedTask {
    this.#point(place, TASK);
    const task = SECTION_CODECS.tasks.read(this.#reader);
    this.#release(this.#integer(place, TASK + BUFFER));
    return task;
  }

  #integer(place: number, field: number): number {
    const { integers } = this.#chunks[place >>> CHUNK_BITS] as Chunk;
    return integers[(place & (CHUNK_PLACES - 1)) * INTEGERS + field] as number;
  }

  /** Writes down, from `first` on, where a record lies, which needs its buffer from now on. */
  #keepRecord(integers: Int32Array, first: number, record: FoundRecord, buffer: number): void {
    const id = this.#id;
    id.bytes = this.#buffers[buffer] as Buffer;
    id.from = record.idFrom;
    id.length = record.idLength;
    integers[first + BUFFER] = buffer;
    integers[first + AT] = record.from;
    integers[first + ID_FROM] = id.from;
    integers[first + ID_LENGTH] = id.length;
    this.#needed[buffer] = (this.#needed[buffer] as number) + 1;
  }

  #locate(place: number, record: number, into: IdBytes): void {
    into.bytes = this.#buffers[this.#integer(place, record + BUFFER)] as Buffer;
    into.from = this.#integer(place, record + ID_FROM);
    into.length = into.bytes.length === 0 ? 0 : this.#integer(place, record + ID_LENGTH);
  }

  #liveOne(place = -1): number {
    return place >= 0 && this.has(place) ? place : -1;
  }

  #point(place: number, record: number): void {
    const bytes = this.#buffers[this.#integer(place, record + BUFFER)] as Buffer;
    this.#reader.reset(bytes, this.#integer(place, record + AT), bytes.length);
  }

  #release(buffer: number): void {
    const needed = (this.#needed[buffer] as number) - 1;
    this.#needed[buffer] = needed;
    if (needed === 0 && buffer !== this.#begun) this.#buffers[buffer] = NOTHING;
  }
}
