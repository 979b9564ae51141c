// Actors: the workers that claim runs. One that registers again begins anew.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { ActorRecord } from '../domain/nouns.js';
import type { Fold } from './fold.js';
import { RecordTable } from './record-table.js';
import { refusal } from './refusal.js';
import { mapSection } from './sections.js';

/** The actors. */
export class Actors implements Fold {
  readonly handles: readonly EventType[] = ['ActorRegistered', 'ActorHeartbeat', 'ActorDeregistered'];
  readonly #table = new RecordTable<ActorRecord>();
  /** Those that are registered, of which there is a limit. */
  readonly #live = new Set<string>();
  readonly sections = [mapSection('actors', this.#table, (record) => this.#put({ ...record }))];

  /** Number of actors, deregistered ones included. */
  get count(): number {
    return this.#table.size;
  }

  /** Number of registered actors. */
  get liveCount(): number {
    return this.#live.size;
  }

  /** The actor; `undefined` when none has the id. */
  get(actorId: string): ActorRecord | undefined {
    return this.#table.get(actorId);
  }

  /** The registered actors. */
  live(): readonly ActorRecord[] {
    const records: ActorRecord[] = [];
    for (const id of this.#live) {
      const record = this.#table.get(id);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  /** All actors, deregistered ones included. */
  list(): IterableIterator<ActorRecord> {
    return this.#table.values();
  }

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'ActorRegistered': {
        this.#register(event);
        return;
      }
      case 'ActorHeartbeat': {
        this.#put({ ...this.#registered(event), lastHeartbeatAt: event.at });
        return;
      }
      case 'ActorDeregistered': {
        this.#put({ ...this.#registered(event), deregisteredAt: event.at });
        return;
      }
      default:
        return;
    }
  }

  #register(event: PawlEvent<'ActorRegistered'>): void {
    this.#put({
      id: event.actorId,
      identity: event.identity,
      capabilities: [...event.capabilities],
      ...(event.department === undefined ? {} : { department: event.department }),
      heartbeatIntervalMs: event.heartbeatIntervalMs,
      ...(event.tenantId === undefined ? {} : { tenantId: event.tenantId }),
      registeredAt: event.at,
    });
  }

  #registered(event: PawlEvent<'ActorHeartbeat' | 'ActorDeregistered'>): ActorRecord {
    const record = this.#table.get(event.actorId);
    if (record === undefined || record.deregisteredAt !== undefined) {
      throw refusal(event, 'unknownActor', { actorId: event.actorId });
    }
    return record;
  }

  #put(record: ActorRecord): void {
    this.#table.put(record.id, record);
    if (record.deregisteredAt === undefined) this.#live.add(record.id);
    else this.#live.delete(record.id);
  }
}
