// The ledger: append-only, in the order of its entries, found by id, key, tenant and actor.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { LedgerRecord } from '../domain/nouns.js';
import type { Fold } from './fold.js';
import { collectPage, decodeCursor, invalidCursor, type Page, type PageOptions } from './paging.js';
import { RecordQueue } from './record-queue.js';
import { refusal } from './refusal.js';
import { queueSection } from './sections.js';
import { ShardedMap } from './sharded-map.js';

/** Which entries are wanted; all fields together. */
export interface LedgerFilter {
  readonly key?: string;
  readonly tenantId?: string;
  readonly actorId?: string;
}

const FIELDS = ['key', 'actorId', 'tenantId'] as const satisfies readonly (keyof LedgerFilter)[];
const INDEXES = [...FIELDS, 'all'] as const;
type IndexName = (typeof INDEXES)[number];

interface Entry {
  readonly record: LedgerRecord;
  readonly place: number;
}

/** The entries of the ledger. */
export class Ledger implements Fold {
  readonly handles: readonly EventType[] = ['LedgerEntryAppended'];
  readonly #queue = new RecordQueue<LedgerRecord>();
  /** Entries by index and value, in order of appending. */
  readonly #lists = new ShardedMap<LedgerRecord[]>();
  readonly sections = [queueSection('ledger', this.#queue, (record) => this.#append({ ...record }))];

  /** Number of entries. */
  get count(): number {
    return this.#queue.size;
  }

  /** The entry; `undefined` when none has the id. */
  get(entryId: string): LedgerRecord | undefined {
    return this.#queue.get(entryId);
  }

  /** Entries that match, oldest first, over the shortest index. Errors: `INVALID_INPUT` for a limit or cursor. */
  list(filter: LedgerFilter = {}, options: PageOptions = {}): Page<LedgerRecord> {
    const after = decodeCursor(options.cursor);
    const index = after === undefined ? this.#shortest(filter) : INDEXES.find((name) => name === after.index);
    const [start = 0] = after?.place ?? [];
    if (index === undefined || typeof start !== 'number') throw invalidCursor();
    const value = index === 'all' ? '' : filter[index];
    if (value === undefined) throw invalidCursor();
    const walk = {
      rows: from(this.#lists.get(`${index}/${value}`) ?? [], start),
      positionOf: (entry: Entry) => ({ index, place: [entry.place + 1] }),
    };
    return collectPage(walk, options, {
      matches: ({ record }) =>
        FIELDS.every((name) => filter[name] === undefined || record[name] === filter[name]),
      toRecord: ({ record }) => record,
    });
  }

  apply(event: PawlEvent): void {
    if (event.type !== 'LedgerEntryAppended') return;
    const { entryId, tenantId, key, actorId, payload, at } = event;
    if (this.#queue.get(entryId) !== undefined) throw refusal(event, 'duplicateLedgerEntry', { entryId });
    this.#append({ id: entryId, tenantId, key, ...(actorId === undefined ? {} : { actorId }), payload, at });
  }

  #append(record: LedgerRecord): void {
    this.#queue.push(record.id, record);
    this.#enlist('all/', record);
    for (const name of FIELDS) {
      const value = record[name];
      if (value !== undefined) this.#enlist(`${name}/${value}`, record);
    }
  }

  #enlist(name: string, record: LedgerRecord): void {
    const list = this.#lists.get(name);
    if (list === undefined) this.#lists.set(name, [record]);
    else list.push(record);
  }

  #shortest(filter: LedgerFilter): IndexName {
    let best: IndexName = 'all';
    let length = Infinity;
    for (const name of FIELDS) {
      const value = filter[name];
      const count = value === undefined ? Infinity : (this.#lists.get(`${name}/${value}`)?.length ?? 0);
      if (count >= length) continue;
      best = name;
      length = count;
    }
    return best;
  }
}

function* from(records: readonly LedgerRecord[], start: number): IterableIterator<Entry> {
  for (let place = start; place < records.length; place++) {
    const record = records[place];
    if (record !== undefined) yield { record, place };
  }
}
