// Gathers tasks that wait and are alike, for one frame of columns: what they have in common is written once.
import type { SavedTask } from '../domain/nouns.js';
import type { Payload } from '../domain/payload.js';
import type { TaskSpec } from '../domain/task.js';
import { ColumnNumbers, writeCommonLength, writeTexts, type ColumnGroup } from './column-group.js';
import { isWaitingTask, MAX_COMMON_BYTES, ONE_RUN, TASK_NUMBERS } from './columns.js';
import { FRAME_KIND } from './frame.js';
import { RecordWriter } from './record-writer.js';
import { writeSpec } from './task-codec.js';

/** Bytes of what tasks have in common, about; the buffer grows. */
const LIKE_BYTES = 256;

/** Tasks on their way to be columns. */
export class TaskGroup implements ColumnGroup<SavedTask> {
  readonly kind = FRAME_KIND.snapshotTasks;
  count = 0;
  bytes = 0;
  readonly #ids: string[] = [];
  readonly #inputs: string[] = [];
  readonly #numbers = new ColumnNumbers(TASK_NUMBERS);
  /** What all of them have in common, as a specification without id and input, and as it is written. */
  #like: TaskSpec | undefined;
  readonly #likeBytes = new RecordWriter(LIKE_BYTES);
  readonly #scratch = new RecordWriter(LIKE_BYTES);

  add(task: SavedTask): boolean {
    if (!isWaitingTask(task)) return false;
    const { spec } = task;
    if (this.count === 0) this.#learn(spec);
    else if (!this.#isLike(spec)) return false;
    // A frame cannot be cut into pieces.
    if (this.#likeBytes.position > MAX_COMMON_BYTES) return false;
    const input = spec.input ?? '';
    this.#ids.push(spec.id);
    this.#inputs.push(input);
    this.#numbers.set(0, this.count, task.createdAt);
    this.#numbers.set(1, this.count, task.createdSequence as number);
    this.count++;
    this.bytes += 8 * TASK_NUMBERS + spec.id.length + input.length;
    return true;
  }

  at(row: number): SavedTask {
    const input = this.#inputs[row] as Payload;
    const spec = { ...(this.#like as TaskSpec), id: this.#ids[row] as string };
    return {
      spec: input === '' ? spec : { ...spec, input },
      createdAt: this.#numbers.at(0, row),
      createdSequence: this.#numbers.at(1, row),
      counts: ONE_RUN,
    };
  }

  write(out: RecordWriter): void {
    out.array(3);
    writeLike(out, this.#like as TaskSpec);
    const idsAlike = writeCommonLength(out, this.#ids);
    const inputsAlike = writeCommonLength(out, this.#inputs);
    this.#numbers.write(out, this.count);
    writeTexts(out, this.#ids, idsAlike);
    writeTexts(out, this.#inputs, inputsAlike);
  }

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.#ids.length = 0;
    this.#inputs.length = 0;
  }

  #learn(spec: TaskSpec): void {
    const { input: _input, ...rest } = spec;
    this.#like = { ...rest, id: '' };
    this.#likeBytes.position = 0;
    writeLike(this.#likeBytes, this.#like);
  }

  #isLike(spec: TaskSpec): boolean {
    const like = this.#like as TaskSpec;
    if (
      spec.type === like.type &&
      spec.contentType === like.contentType &&
      spec.policy === like.policy &&
      spec.constraints === like.constraints &&
      spec.metadata === like.metadata &&
      spec.tenantId === like.tenantId
    )
      return true;
    // The same may come as other objects, as what was kept of a row before it changed.
    const { input: _input, ...rest } = spec;
    this.#scratch.position = 0;
    writeLike(this.#scratch, { ...rest, id: '' });
    return this.#scratch.written().equals(this.#likeBytes.written());
  }
}

/** A row of its own: nothing in it refers to anything outside. */
function writeLike(out: RecordWriter, like: TaskSpec): void {
  out.begin(0);
  writeSpec(out, like);
}
