// Where tasks are found by type, tenant and tag. Lists are linked through the rows, so that neither a task nor
// a shape more ever makes a big table grow.
import { BucketList, type BucketPlace, type TaskRow, type TaskShape } from './rows.js';
import { ShardedMap } from './sharded-map.js';

/** What tasks are indexed by. */
export type TaskIndexName = 'all' | 'type' | 'tenantId' | 'tag';

/** The indexes over tasks. */
export class TaskIndex {
  readonly #lists: Readonly<Record<TaskIndexName, ShardedMap<BucketList>>> = {
    all: new ShardedMap(),
    type: new ShardedMap(),
    tenantId: new ShardedMap(),
    tag: new ShardedMap(),
  };
  #enlisted = 0;

  /** The list of a value; `undefined` when no task has it. That of `all` has the value ''. */
  list(index: TaskIndexName, value: string): BucketList | undefined {
    return this.#lists[index].get(value);
  }

  /** The first of all tasks: in the order of their shapes, then of creation. */
  first(): TaskRow | undefined {
    return this.list('all', '')?.first?.bucket.first;
  }

  /** The task behind one that is in. */
  after(row: TaskRow): TaskRow | undefined {
    // The first place of a shape is that in the list of all.
    return row.nextOfShape ?? row.shape.bucket.places[0]?.next?.bucket.first;
  }

  /** Adds a new task at the end. */
  add(row: TaskRow): void {
    const { bucket } = row.shape;
    if (bucket.tasks === 0) this.#enlist(row.shape);
    row.previousOfShape = bucket.last;
    if (bucket.last === undefined) bucket.first = row;
    else bucket.last.nextOfShape = row;
    bucket.last = row;
    bucket.tasks++;
    for (const place of bucket.places) place.list.tasks++;
  }

  /** Counts tasks of a shape, each with one run, that `link` brings later. */
  reserve(shape: TaskShape, tasks: number): void {
    shape.bucket.tasks += tasks;
    for (const { list } of shape.bucket.places) {
      list.tasks += tasks;
      list.runs += tasks;
    }
  }

  /** Puts a task that was counted in its place by creation. Of one shape they come in the order of their creation. */
  link(row: TaskRow): void {
    const { bucket } = row.shape;
    let before = bucket.linked;
    let after = before === undefined ? bucket.first : before.nextOfShape;
    while (after !== undefined && after.createdSequence < row.createdSequence) {
      before = after;
      after = after.nextOfShape;
    }
    row.previousOfShape = before;
    row.nextOfShape = after;
    if (before === undefined) bucket.first = row;
    else before.nextOfShape = row;
    if (after === undefined) bucket.last = row;
    else after.previousOfShape = row;
    bucket.linked = row;
  }

  /** Removes a task; true when no other has its shape. */
  remove(row: TaskRow): boolean {
    const { bucket } = row.shape;
    if (bucket.linked === row) bucket.linked = row.previousOfShape;
    if (row.previousOfShape === undefined) bucket.first = row.nextOfShape;
    else row.previousOfShape.nextOfShape = row.nextOfShape;
    if (row.nextOfShape === undefined) bucket.last = row.previousOfShape;
    else row.nextOfShape.previousOfShape = row.previousOfShape;
    row.nextOfShape = undefined;
    row.previousOfShape = undefined;
    bucket.tasks--;
    for (const place of bucket.places) place.list.tasks--;
    if (bucket.tasks > 0) return false;
    this.#delist(row.shape);
    return true;
  }

  /** Counts a run that was added to a task, or removed from it. */
  countRun(row: TaskRow, change: 1 | -1): void {
    for (const place of row.shape.bucket.places) place.list.runs += change;
  }

  #enlist(shape: TaskShape): void {
    const places: BucketPlace[] = [this.#append('all', '', shape), this.#append('type', shape.type, shape)];
    if (shape.tenantId !== undefined) places.push(this.#append('tenantId', shape.tenantId, shape));
    for (const tag of new Set(shape.metadata.tags)) places.push(this.#append('tag', tag, shape));
    shape.bucket.places = places;
    shape.bucket.order = ++this.#enlisted;
  }

  #append(index: TaskIndexName, value: string, shape: TaskShape): BucketPlace {
    let list = this.#lists[index].get(value);
    if (list === undefined) {
      list = new BucketList();
      this.#lists[index].set(value, list);
    }
    const place: BucketPlace = { bucket: shape.bucket, list, next: undefined, previous: list.last };
    if (list.last === undefined) list.first = place;
    else list.last.next = place;
    list.last = place;
    return place;
  }

  #delist(shape: TaskShape): void {
    for (const place of shape.bucket.places) {
      const { list } = place;
      if (place.previous === undefined) list.first = place.next;
      else place.previous.next = place.next;
      if (place.next === undefined) list.last = place.previous;
      else place.next.previous = place.previous;
    }
    shape.bucket.places = [];
    this.#dropEmpty('all', '');
    this.#dropEmpty('type', shape.type);
    if (shape.tenantId !== undefined) this.#dropEmpty('tenantId', shape.tenantId);
    for (const tag of shape.metadata.tags) this.#dropEmpty('tag', tag);
  }

  #dropEmpty(index: TaskIndexName, value: string): void {
    if (this.#lists[index].get(value)?.first === undefined) this.#lists[index].delete(value);
  }
}
