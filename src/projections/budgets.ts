// Budgets of tasks: what was allocated and consumed in each dimension. What a task without an allocation uses
// is unlimited and not counted.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { BudgetRecord } from '../domain/nouns.js';
import type { Fold } from './fold.js';
import { KeyIndex, RecordTable } from './record-table.js';
import { refusal } from './refusal.js';
import { mapSection } from './sections.js';
import type { Tasks } from './tasks.js';

/** The budgets of tasks. */
export class Budgets implements Fold {
  readonly handles: readonly EventType[] = [
    'BudgetConsumed',
    'BudgetAllocated',
    'BudgetExhausted',
    'BudgetReplenished',
    'TasksPruned',
  ];
  readonly #table = new RecordTable<BudgetRecord>();
  readonly #ofTask = new KeyIndex();
  readonly sections = [mapSection('budgets', this.#table, (record) => this.#put({ ...record }))];

  constructor(private readonly tasks: Tasks) {}

  /** Number of allocations. */
  get count(): number {
    return this.#table.size;
  }

  /** The budget of a task in a dimension; `undefined` when none is allocated. */
  get(taskId: string, dimension: string): BudgetRecord | undefined {
    return this.#table.size === 0 ? undefined : this.#table.get(keyOf(taskId, dimension));
  }

  /** The budgets of a task. */
  ofTask(taskId: string): readonly BudgetRecord[] {
    const records: BudgetRecord[] = [];
    for (const key of this.#ofTask.get(taskId)) {
      const record = this.#table.get(key);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  /** All budgets. */
  list(): IterableIterator<BudgetRecord> {
    return this.#table.values();
  }

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'BudgetConsumed': {
        this.#consume(event);
        return;
      }
      case 'BudgetAllocated':
        this.#requireTask(event, event.taskId);
        {
          this.#put({ ...fresh(event), allocatedAt: event.at });
          return;
        }
      case 'BudgetExhausted': {
        this.#put({ ...this.#allocated(event), exhausted: true });
        return;
      }
      case 'BudgetReplenished': {
        this.#put({ ...fresh(event), allocatedAt: this.#allocated(event).allocatedAt });
        return;
      }
      case 'TasksPruned':
        for (const taskId of event.taskIds) this.#forget(taskId);
        return;
      default:
        return;
    }
  }

  #consume(event: PawlEvent<'BudgetConsumed'>): void {
    this.#requireTask(event, event.taskId);
    const record = this.get(event.taskId, event.dimension);
    if (record === undefined) return;
    const consumed = Math.min(record.consumed + event.amount, Number.MAX_SAFE_INTEGER);
    this.#table.put(keyOf(record.taskId, record.dimension), { ...record, consumed });
  }

  #allocated(event: PawlEvent<'BudgetExhausted' | 'BudgetReplenished'>): BudgetRecord {
    const { taskId, dimension } = event;
    this.#requireTask(event, taskId);
    const record = this.get(taskId, dimension);
    if (record === undefined) throw refusal(event, 'unknownBudget', { taskId, dimension });
    return record;
  }

  #requireTask(event: PawlEvent, taskId: string): void {
    if (this.tasks.row(taskId) === undefined) throw refusal(event, 'unknownTask', { taskId });
  }

  #put(record: BudgetRecord): void {
    const key = keyOf(record.taskId, record.dimension);
    this.#table.put(key, record);
    this.#ofTask.add(record.taskId, key);
  }

  #forget(taskId: string): void {
    for (const key of [...this.#ofTask.get(taskId)]) {
      this.#ofTask.remove(taskId, key);
      this.#table.remove(key);
    }
  }
}

/** A `/` never occurs in an id. */
function keyOf(taskId: string, dimension: string): string {
  return `${taskId}/${dimension}`;
}

function fresh(event: PawlEvent<'BudgetAllocated' | 'BudgetReplenished'>): Omit<BudgetRecord, 'allocatedAt'> {
  return {
    taskId: event.taskId,
    dimension: event.dimension,
    limit: event.limit,
    consumed: 0,
    exhausted: false,
  };
}
