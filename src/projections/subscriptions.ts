// Subscriptions of tasks: each is triggered once or canceled, and a trigger is spent by the run it promotes.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { SubscriptionRecord } from '../domain/nouns.js';
import type { Fold } from './fold.js';
import { KeyIndex, RecordTable } from './record-table.js';
import { refusal } from './refusal.js';
import { mapSection } from './sections.js';
import type { Tasks } from './tasks.js';

/** The subscriptions of tasks. */
export class Subscriptions implements Fold {
  readonly handles: readonly EventType[] = [
    'SubscriptionCreated',
    'SubscriptionTriggered',
    'SubscriptionSpent',
    'SubscriptionCanceled',
    'TasksPruned',
  ];
  readonly #table = new RecordTable<SubscriptionRecord>();
  readonly #ofTask = new KeyIndex();
  readonly #watching = new KeyIndex();
  readonly #onKey = new KeyIndex();
  readonly sections = [mapSection('subscriptions', this.#table, (record) => this.#add({ ...record }))];

  constructor(private readonly tasks: Tasks) {}

  /** Number of subscriptions. */
  get count(): number {
    return this.#table.size;
  }

  /** The subscription; `undefined` when none has the id. */
  get(subscriptionId: string): SubscriptionRecord | undefined {
    return this.#table.get(subscriptionId);
  }

  /** The subscriptions of a task. */
  ofTask(taskId: string): readonly SubscriptionRecord[] {
    return this.#records(this.#ofTask.get(taskId));
  }

  /** The subscriptions that watch a task, over ones included. */
  watching(taskId: string): readonly SubscriptionRecord[] {
    return this.#records(this.#watching.get(taskId));
  }

  /** The subscriptions to a custom event, over ones included. */
  onKey(key: string): readonly SubscriptionRecord[] {
    return this.#records(this.#onKey.get(key));
  }

  /** All subscriptions. */
  list(): IterableIterator<SubscriptionRecord> {
    return this.#table.values();
  }

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'SubscriptionCreated': {
        this.#create(event);
        return;
      }
      case 'SubscriptionTriggered':
        this.#table.put(event.subscriptionId, { ...this.#waiting(event), triggeredAt: event.at });
        return;
      case 'SubscriptionSpent': {
        this.#spend(event);
        return;
      }
      case 'SubscriptionCanceled':
        this.#table.put(event.subscriptionId, { ...this.#waiting(event), canceledAt: event.at });
        return;
      case 'TasksPruned':
        for (const taskId of event.taskIds) for (const id of [...this.#ofTask.get(taskId)]) this.#forget(id);
        return;
      default:
        return;
    }
  }

  #create(event: PawlEvent<'SubscriptionCreated'>): void {
    const { subscriptionId, taskId, filter, at } = event;
    if (this.tasks.row(taskId) === undefined) throw refusal(event, 'unknownTask', { taskId });
    if (this.#table.has(subscriptionId)) throw refusal(event, 'duplicateSubscription', { subscriptionId });
    this.#add({ id: subscriptionId, taskId, filter, createdAt: at });
  }

  /** The subscription, which must be neither triggered nor canceled. */
  #waiting(event: PawlEvent<'SubscriptionTriggered' | 'SubscriptionCanceled'>): SubscriptionRecord {
    const record = this.#known(event, event.subscriptionId);
    const over = record.canceledAt !== undefined || record.spentBy !== undefined;
    if (over || (event.type === 'SubscriptionTriggered' && record.triggeredAt !== undefined)) {
      throw refusal(event, 'subscriptionOver', { subscriptionId: record.id });
    }
    return record;
  }

  #spend(event: PawlEvent<'SubscriptionSpent'>): void {
    const record = this.#known(event, event.subscriptionId);
    if (record.triggeredAt === undefined || record.spentBy !== undefined || record.canceledAt !== undefined) {
      throw refusal(event, 'subscriptionNotTriggered', { subscriptionId: record.id });
    }
    this.#table.put(record.id, { ...record, spentBy: event.runId });
  }

  #known(event: PawlEvent, subscriptionId: string): SubscriptionRecord {
    const record = this.#table.get(subscriptionId);
    if (record === undefined) throw refusal(event, 'unknownSubscription', { subscriptionId });
    return record;
  }

  #records(ids: ReadonlySet<string>): SubscriptionRecord[] {
    const records: SubscriptionRecord[] = [];
    for (const id of ids) {
      const record = this.#table.get(id);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #add(record: SubscriptionRecord): void {
    const { id, filter } = this.#table.put(record.id, record);
    this.#ofTask.add(record.taskId, id);
    if (filter.kind === 'custom') this.#onKey.add(filter.key, id);
    else this.#watching.add(filter.taskId, id);
  }

  #forget(subscriptionId: string): void {
    const record = this.#table.get(subscriptionId);
    if (record === undefined) return;
    this.#ofTask.remove(record.taskId, record.id);
    if (record.filter.kind === 'custom') this.#onKey.remove(record.filter.key, record.id);
    else this.#watching.remove(record.filter.taskId, record.id);
    this.#table.remove(record.id);
  }
}
