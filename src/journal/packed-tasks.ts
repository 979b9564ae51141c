// Tasks of a snapshot that wait and are alike, as their frame has them: what all have in common is read, each task is
// made when somebody asks for it.
import type { SavedTask } from '../domain/nouns.js';
import { payloadFromLatin1, type Payload } from '../domain/payload.js';
import type { TaskSpec } from '../domain/task.js';
import { DecodeError } from './byte-reader.js';
import { ColumnReader, numberAt, type ColumnFrame, type NumberColumn } from './column-reader.js';
import type { IdColumn } from './id-column.js';
import { MAX_INPUT_BYTES, ONE_RUN, waitsInQueue } from './columns.js';
import type { RecordReader } from './record-reader.js';
import { readSpec } from './task-codec.js';

const FIELDS = 3;

/** As the codec of rows makes them: with every field. */
type Draft = { -readonly [K in keyof Required<SavedTask>]: SavedTask[K] | undefined };

/** What the tasks of a frame have in common. */
export interface LikeTasks {
  /** Without id and input. */
  readonly spec: TaskSpec;
  /** The same as it is written. */
  readonly bytes: Buffer;
}

/** The tasks of a frame. */
export interface PackedTasks {
  readonly count: number;
  readonly like: LikeTasks;
  readonly ids: IdColumn;
  readonly createdSequence: NumberColumn;
  /** Makes one of them. */
  task(row: number): SavedTask;
}

/** Reads a frame of tasks, whose payload begins where `input` is; `known`: what those before it have in common, which they have most often too. Errors: `DecodeError`. */
export function readPackedTasks(input: RecordReader, frame: ColumnFrame, known?: LikeTasks): PackedTasks {
  const { bytes, count } = frame;
  const columns = new ColumnReader(frame);
  const extra = input.open(FIELDS);
  const like = readLike(input, bytes, known);
  const idBytes = input.nil() ? undefined : input.uint();
  const inputBytes = input.nil() ? undefined : input.uint();
  input.close(extra);
  if (inputBytes !== undefined && inputBytes > MAX_INPUT_BYTES)
    throw new DecodeError('a length outside its limits');
  columns.position = input.position;
  const createdAt = columns.times();
  const createdSequence = columns.sequences();
  const ids = columns.ids(idBytes);
  const ends = inputBytes === undefined ? columns.ends(0, MAX_INPUT_BYTES) : undefined;
  const inputsFrom = columns.position;
  const inputEnd =
    ends === undefined
      ? (row: number) => (row + 1) * (inputBytes as number)
      : (row: number) => ends[row] as number;
  columns.close(inputEnd(count - 1));
  const inputOf = (row: number): Payload | undefined => {
    const from = row === 0 ? 0 : inputEnd(row - 1);
    const end = inputEnd(row);
    return from === end
      ? undefined
      : payloadFromLatin1(bytes.toString('latin1', inputsFrom + from, inputsFrom + end));
  };
  const task = (row: number): Draft => {
    const spec = { ...like.spec, id: ids.text(row), input: inputOf(row) } as TaskSpec;
    return {
      spec,
      createdAt: numberAt(createdAt, row),
      canceledAt: undefined,
      cancelReason: undefined,
      derivedThroughAt: undefined,
      createdSequence: numberAt(createdSequence, row),
      counts: ONE_RUN,
    };
  };
  return { count, like, ids, createdSequence, task: (row) => task(row) as SavedTask };
}

function readLike(input: RecordReader, bytes: Buffer, known: LikeTasks | undefined): LikeTasks {
  const from = input.position;
  if (known !== undefined && startsWith(bytes, from, input.end, known.bytes)) {
    input.position = from + known.bytes.length;
    return known;
  }
  input.begin(0);
  const spec = readSpec(input);
  if (spec.id !== '' || spec.input !== undefined || !waitsInQueue(spec))
    throw new DecodeError('what tasks in columns cannot have in common');
  // Copied: the buffer may be used again.
  return { spec, bytes: Buffer.from(bytes.subarray(from, input.position)) };
}

function startsWith(bytes: Buffer, from: number, end: number, wanted: Buffer): boolean {
  const wantedEnd = from + wanted.length;
  return wantedEnd <= end && bytes.compare(wanted, 0, wanted.length, from, wantedEnd) === 0;
}
