// Gathers runs that were made ready and nothing else, of whatever tasks, for one frame of columns.
import type { SavedRun } from '../domain/run.js';
import { ColumnNumbers, common, writeCommonLength, writeTexts, type ColumnGroup } from './column-group.js';
import { isWaitingRun, RUN_NUMBERS } from './columns.js';
import { FRAME_KIND } from './frame.js';
import type { RecordWriter } from './record-writer.js';
import { runOfHead } from './snapshot-codec-run.js';

/** Runs on their way to be columns. */
export class RunGroup implements ColumnGroup<SavedRun> {
  readonly kind = FRAME_KIND.snapshotRuns;
  count = 0;
  bytes = 0;
  readonly #ids: string[] = [];
  readonly #taskIds: string[] = [];
  readonly #numbers = new ColumnNumbers(RUN_NUMBERS);
  readonly #priorities = new ColumnNumbers(1);

  add(run: SavedRun): boolean {
    if (!isWaitingRun(run)) return false;
    const { id, taskId } = run;
    this.#ids.push(id);
    this.#taskIds.push(taskId);
    const row = this.count;
    const numbers = this.#numbers;
    numbers.set(0, row, run.createdAt);
    numbers.set(1, row, run.scheduledAt);
    numbers.set(2, row, run.lastStateChangeAt);
    numbers.set(3, row, run.createdSequence as number);
    numbers.set(4, row, run.stateSequence as number);
    this.#priorities.set(0, row, run.priority);
    this.count++;
    this.bytes += 8 * (RUN_NUMBERS + 1) + id.length + taskId.length;
    return true;
  }

  at(row: number): SavedRun {
    const numbers = this.#numbers;
    return runOfHead({
      id: this.#ids[row] as string,
      taskId: this.#taskIds[row] as string,
      occurrence: 0,
      state: 'ready',
      priority: this.#priorities.at(0, row),
      createdAt: numbers.at(0, row),
      scheduledAt: numbers.at(1, row),
      lastStateChangeAt: numbers.at(2, row),
      createdSequence: numbers.at(3, row),
      stateSequence: numbers.at(4, row),
    });
  }

  write(out: RecordWriter): void {
    const priority = common(this.count, (row) => this.#priorities.at(0, row));
    out.array(3);
    const idsAlike = writeCommonLength(out, this.#ids);
    const taskIdsAlike = writeCommonLength(out, this.#taskIds);
    if (priority === undefined) out.nil();
    else out.int(priority);
    this.#numbers.write(out, this.count);
    if (priority === undefined) this.#priorities.write(out, this.count);
    writeTexts(out, this.#ids, idsAlike);
    writeTexts(out, this.#taskIds, taskIdsAlike);
  }

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.#ids.length = 0;
    this.#taskIds.length = 0;
  }
}
