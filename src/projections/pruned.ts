// Ids of what was pruned, the latest 100 000 tasks and as many runs, so that a late question about one is
// answered by what became of it.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { PrunedRecord } from '../domain/nouns.js';
import type { Fold } from './fold.js';
import { RecordQueue } from './record-queue.js';
import type { SectionCapture, SnapshotSection } from './snapshot-section.js';

/** The ids that are remembered. Those of runs are told by the fold that drops them, with their task or alone. */
export class Pruned implements Fold {
  readonly handles: readonly EventType[] = ['TasksPruned'];
  readonly #tasks = new RecordQueue<PrunedRecord>();
  readonly #runs = new RecordQueue<PrunedRecord>();
  readonly sections: readonly SnapshotSection[] = [this.#section()];

  /** `window`: ids of either kind that are remembered. */
  constructor(private readonly window: number) {}

  /** True when the task was pruned, as far as is remembered. */
  hasTask(taskId: string): boolean {
    return this.#tasks.get(taskId) !== undefined;
  }

  /** True when the run was pruned, as far as is remembered. */
  hasRun(runId: string): boolean {
    return this.#runs.get(runId) !== undefined;
  }

  apply(event: PawlEvent): void {
    if (event.type === 'TasksPruned') for (const id of event.taskIds) this.remember({ kind: 'task', id });
  }

  /** Remembers an id, and forgets the oldest one beyond the window. */
  remember(record: PrunedRecord): void {
    const queue = record.kind === 'task' ? this.#tasks : this.#runs;
    queue.push(record.id, record);
    if (queue.size > this.window) queue.shift();
  }

  #section(): SnapshotSection<'pruned'> {
    return {
      name: 'pruned',
      count: () => this.#tasks.size + this.#runs.size,
      records: () => both(this.#tasks.records(), this.#runs.records()),
      load: (record) => this.remember({ kind: record.kind, id: record.id }),
      capture: () => joined(this.#tasks.capture(), this.#runs.capture()),
    };
  }
}

function joined(
  tasks: SectionCapture<PrunedRecord>,
  runs: SectionCapture<PrunedRecord>,
): SectionCapture<PrunedRecord> {
  return {
    count: tasks.count + runs.count,
    savedRecords: 0,
    records: () => both(tasks.records(), runs.records()),
    release() {
      tasks.release();
      runs.release();
    },
  };
}

function* both<R>(first: Iterable<R>, second: Iterable<R>): IterableIterator<R> {
  yield* first;
  yield* second;
}
