// Prerequisites of tasks, both ways. A later declaration adds to an earlier one and keeps its time.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { DependencyRecord } from '../domain/nouns.js';
import { NONE } from '../domain/task.js';
import type { Fold } from './fold.js';
import type { Pruned } from './pruned.js';
import { KeyIndex, RecordTable } from './record-table.js';
import { refusal } from './refusal.js';
import { mapSection } from './sections.js';
import type { Tasks } from './tasks.js';

/** The prerequisites of tasks. */
export class Dependencies implements Fold {
  readonly handles: readonly EventType[] = ['DependencyDeclared', 'TasksPruned'];
  readonly #table = new RecordTable<DependencyRecord>();
  readonly #dependents = new KeyIndex();
  readonly sections = [mapSection('dependencies', this.#table, (record) => this.#put({ ...record }))];

  constructor(
    private readonly tasks: Tasks,
    private readonly pruned: Pruned,
  ) {}

  /** Number of tasks with prerequisites. */
  get count(): number {
    return this.#table.size;
  }

  /** The prerequisites of a task, with the time of their declaration; `undefined` when it has none. */
  get(taskId: string): DependencyRecord | undefined {
    return this.#table.get(taskId);
  }

  /** Ids of the prerequisites of a task. */
  prerequisitesOf(taskId: string): readonly string[] {
    return this.#table.get(taskId)?.dependsOn ?? NONE;
  }

  /** Ids of the tasks that have this one as a prerequisite. */
  dependentsOf(taskId: string): ReadonlySet<string> {
    return this.#dependents.get(taskId);
  }

  /** All declarations. */
  list(): IterableIterator<DependencyRecord> {
    return this.#table.values();
  }

  apply(event: PawlEvent): void {
    if (event.type === 'DependencyDeclared') this.#declare(event);
    else if (event.type === 'TasksPruned') for (const taskId of event.taskIds) this.#forget(taskId);
  }

  #declare(event: PawlEvent<'DependencyDeclared'>): void {
    const { taskId } = event;
    if (this.tasks.row(taskId) === undefined) throw refusal(event, 'unknownTask', { taskId });
    for (const prerequisite of event.dependsOn) {
      if (this.tasks.row(prerequisite) === undefined && !this.pruned.hasTask(prerequisite)) {
        throw refusal(event, 'unknownTask', { taskId: prerequisite, dependent: taskId });
      }
    }
    const earlier = this.#table.get(taskId);
    const dependsOn = [...new Set([...(earlier?.dependsOn ?? NONE), ...event.dependsOn])];
    this.#put({ taskId, dependsOn, declaredAt: earlier?.declaredAt ?? event.at });
  }

  #put(record: DependencyRecord): void {
    this.#table.put(record.taskId, record);
    for (const prerequisite of record.dependsOn) this.#dependents.add(prerequisite, record.taskId);
  }

  #forget(taskId: string): void {
    for (const prerequisite of this.prerequisitesOf(taskId)) this.#dependents.remove(prerequisite, taskId);
    this.#table.remove(taskId);
  }
}
