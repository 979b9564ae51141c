// Runs of a snapshot that are ready and nothing else, as their frame has them: all are judged when the frame is read,
// each is made when somebody asks for it.
import type { RunHead } from './snapshot-codec-run.js';
import { ColumnReader, numberAt, sameNumber, type ColumnFrame, type NumberColumn } from './column-reader.js';
import type { IdColumn } from './id-column.js';
import type { RecordReader } from './record-reader.js';

const FIELDS = 3;

/** The runs of a frame. */
export interface PackedRuns {
  readonly count: number;
  readonly ids: IdColumn;
  readonly taskIds: IdColumn;
  readonly stateSequence: NumberColumn;
  readonly priority: NumberColumn;
  readonly scheduledAt: NumberColumn;
  readonly createdAt: NumberColumn;
  /** Puts one of them into `head`, and returns that. */
  run(row: number, head: RunHead): RunHead;
}

/** Reads a frame of runs, whose payload begins where `input` is. Errors: `DecodeError`. */
export function readPackedRuns(input: RecordReader, frame: ColumnFrame): PackedRuns {
  const { count } = frame;
  const columns = new ColumnReader(frame);
  const extra = input.open(FIELDS);
  const idBytes = input.nil() ? undefined : input.uint();
  const taskIdBytes = input.nil() ? undefined : input.uint();
  const same = input.nil() ? undefined : input.int();
  input.close(extra);
  columns.position = input.position;
  const createdAt = columns.times();
  const scheduledAt = columns.times();
  const lastStateChangeAt = columns.times();
  const createdSequence = columns.sequences();
  const stateSequence = columns.sequences();
  const priority = same === undefined ? columns.integers() : sameNumber(same);
  const ids = columns.ids(idBytes);
  const taskIds = columns.ids(taskIdBytes);
  columns.close(0);
  return {
    count,
    ids,
    taskIds,
    stateSequence,
    priority,
    scheduledAt,
    createdAt,
    run(row, head) {
      head.id = ids.text(row);
      head.taskId = taskIds.text(row);
      head.occurrence = 0;
      head.state = 'ready';
      head.priority = numberAt(priority, row);
      head.createdAt = numberAt(createdAt, row);
      head.scheduledAt = numberAt(scheduledAt, row);
      head.lastStateChangeAt = numberAt(lastStateChangeAt, row);
      head.createdSequence = numberAt(createdSequence, row);
      head.stateSequence = numberAt(stateSequence, row);
      return head;
    },
  };
}
