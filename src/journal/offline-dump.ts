// Prints a log for people and programs: every whole event as a plain JSON value, payloads decoded. It needs no lock and
// changes nothing; what is damaged is thrown after everything that stands before it was handed out.
import type { Commit, PawlEvent } from '../domain/events.js';
import { requireFields, requireInteger } from '../domain/check.js';
import { decodePayload, type JsonValue, type Payload } from '../domain/payload.js';
import { hostStorage } from './host-storage.js';
import { checkJournalOptions } from './journal-options.js';
import type { JournalOptions } from './open-journal.js';
import { WalReader } from './wal-reader.js';

/** Options of `dump`. */
export interface DumpOptions extends Pick<JournalOptions, 'storage' | 'limits'> {
  /** First sequence. Default: where the log begins. */
  readonly from?: number;
  /** Last sequence. Default: its end. */
  readonly to?: number;
}

/** An event as JSON: its fields, with payloads decoded; bytes are `{ "$base64": "…" }`. */
export interface DumpedEvent {
  readonly sequence: number;
  readonly at: number;
  readonly type: string;
  readonly [field: string]: JsonValue | undefined;
}

/** Fields of events that hold payloads, wherever they stand. */
const PAYLOAD_FIELDS: ReadonlySet<string> = new Set(['input', 'output', 'value', 'payload', 'question']);

/**
 * The events of the log in `dir`, in order: all that are whole, also the last batch of a log that was not closed.
 * Errors: `INVALID_INPUT`, `DATA_DIR_MISSING`, `DATA_DIR_FOREIGN`, `HISTORY_GONE`; the damage, when the range reaches it.
 */
export async function* dump(
  dir: string,
  options: DumpOptions = {},
): AsyncGenerator<DumpedEvent, void, undefined> {
  const { from, to, ...rest } = requireFields(options, 'options', ['from', 'to', 'storage', 'limits']);
  const { maxFrameBytes } = checkJournalOptions(dir, rest);
  const parts = { storage: options.storage ?? hostStorage, maxFrameBytes, unproven: true };
  const reader = await WalReader.open(dir, parts);
  const first = from === undefined ? reader.firstSequence : requireInteger(from, 'options.from', { min: 1 });
  const last = to === undefined ? {} : { to: requireInteger(to, 'options.to', { min: 1 }) };
  for await (const commit of reader.read({ from: first, ...last })) {
    yield* eventsOf(commit, first, last.to ?? Infinity);
  }
}

function* eventsOf({ events }: Commit, from: number, to: number): Generator<DumpedEvent> {
  for (const event of events) if (event.sequence >= from && event.sequence <= to) yield dumped(event);
}

/** An event as a plain JSON value. */
export function dumped(event: PawlEvent): DumpedEvent {
  const { sequence, at, type, ...fields } = event;
  return { sequence, at, type, ...(plain(fields) as Readonly<Record<string, JsonValue>>) };
}

/** A copy without absent fields and with payloads decoded; what events hold is never deeper than `MAX_WAIT_DEPTH`. */
function plain(value: object): JsonValue {
  if (Array.isArray(value)) return value.map((item: unknown) => plainValue(item));
  const entries = Object.entries(value).filter(([, held]) => held !== undefined);
  return Object.fromEntries(
    entries.map(([name, held]: [string, unknown]) => [
      name,
      PAYLOAD_FIELDS.has(name) && typeof held === 'string' ? decoded(held as Payload) : plainValue(held),
    ]),
  );
}

function plainValue(value: unknown): JsonValue {
  return typeof value === 'object' && value !== null ? plain(value) : (value as JsonValue);
}

function decoded(payload: Payload): JsonValue {
  const value = decodePayload(payload);
  if (!(value instanceof Uint8Array)) return value as JsonValue;
  return { $base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
}
