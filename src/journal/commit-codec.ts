// A commit as the payload of a frame: `[header, event, event, …]`, self-contained, readable by any
// MessagePack library. Encoding the same commit gives the same bytes, always; decoding never keeps the buffer.
import {
  EVENT_TYPES,
  type Commit,
  type CommitHeader,
  type CommitOrigin,
  type EventType,
  type PawlEvent,
} from '../domain/events.js';
import { PawlError } from '../errors.js';
import { DecodeError } from './byte-reader.js';
import type { EventCodec, EventCodecs } from './event-codec.js';
import { ATTEMPT_EVENT_CODECS } from './event-codecs-attempt.js';
import { ENGINE_EVENT_CODECS } from './event-codecs-engine.js';
import { NOUN_EVENT_CODECS } from './event-codecs-noun.js';
import { RUN_EVENT_CODECS } from './event-codecs-run.js';
import { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

const CODECS: EventCodecs<EventType> = {
  ...ENGINE_EVENT_CODECS,
  ...NOUN_EVENT_CODECS,
  ...RUN_EVENT_CODECS,
  ...ATTEMPT_EVENT_CODECS,
};
const BY_CODE: readonly EventCodec[] = EVENT_TYPES.map((type): EventCodec => CODECS[type]);
const CODE_OF = new Map<string, number>(EVENT_TYPES.map((type, code) => [type, code]));
const HEADER_FIELDS = 6;

/** What is encoded: the header, and the events in order. */
export interface CommitBody {
  readonly header: CommitHeader;
  readonly events: readonly PawlEvent[];
}

/**
 * Appends the payload of a commit to `out`. Errors: `INVALID_INPUT` when an event is not one of the union or a field
 * has a value the format cannot carry; `out` is then as it was.
 */
export function encodeCommit(commit: CommitBody, out: RecordWriter): void {
  const start = out.position;
  try {
    const { header, events } = commit;
    out.begin(header.at);
    out.array(events.length + 1);
    writeHeader(out, header);
    for (const event of events) writeEvent(out, event);
  } catch (error) {
    out.position = start;
    if (error instanceof PawlError) throw error;
    throw new PawlError(
      'INVALID_INPUT',
      'An event of the commit lacks a field or has one of another type; nothing was written.',
      { path: 'events', rule: 'event of the union' },
      error,
    );
  }
}

function writeEvent(out: RecordWriter, event: PawlEvent): void {
  const code = CODE_OF.get(event.type);
  const codec = code === undefined ? undefined : BY_CODE[code];
  if (code === undefined || codec === undefined) {
    throw new PawlError(
      'INVALID_INPUT',
      `${JSON.stringify(event.type)} is not an event type; nothing was written.`,
      {
        path: 'events.type',
        rule: 'event type',
      },
    );
  }
  out.array(codec.fields + 1);
  out.uint(code);
  codec.write(out, event);
}

function writeHeader(out: RecordWriter, header: CommitHeader): void {
  const { at, commandId, command, digest, by, trace } = header;
  if (
    commandId === undefined &&
    command === undefined &&
    by === undefined &&
    digest === undefined &&
    trace === undefined
  ) {
    out.uint(at);
    return;
  }
  out.array(HEADER_FIELDS);
  out.uint(at);
  out.optStr(commandId);
  out.optStr(command);
  out.optStr(digest);
  if (by === undefined) out.nil();
  else {
    out.array(3);
    out.optStr(by.actorId);
    out.optStr(by.tenantId);
    out.optStr(by.requestId);
  }
  out.optStr(trace);
}

/** Where a payload lies, and which sequences it has. */
export interface CommitFrame {
  readonly bytes: Buffer;
  /** First byte of the payload. */
  readonly from: number;
  /** One past its last byte. */
  readonly end: number;
  readonly firstSequence: number;
  /** Events the frame says there are. */
  readonly count: number;
  /** Where the frame lies, for messages. */
  readonly segment?: string;
  readonly offset?: number;
}

/** Decodes commits; one decoder serves a whole log, so that words met often are kept once. */
export class CommitDecoder {
  private readonly input = new RecordReader();

  /** Errors: `DecodeError`. */
  decode({ bytes, from, end, firstSequence, count }: CommitFrame): Commit {
    const { input } = this;
    input.reset(bytes, from, end);
    if (input.array() !== count + 1) throw new DecodeError('the frame counts other events than it holds');
    const header = this.readHeader();
    const { at } = header;
    input.begin(at);
    const events = new Array<PawlEvent>(count);
    for (let index = 0; index < count; index++) events[index] = this.readEvent(firstSequence + index, at);
    if (input.position !== end) throw new DecodeError('bytes after the last event');
    return { header, firstSequence, events };
  }

  private readEvent(sequence: number, at: number): PawlEvent {
    const { input } = this;
    const length = input.array();
    const code = input.uint();
    const codec = BY_CODE[code];
    if (codec === undefined) throw new DecodeError(`no event type has the code ${String(code)}`);
    const extra = length - 1 - codec.fields;
    if (extra < 0) throw new DecodeError('an event with too few fields');
    const event = codec.read(input, sequence, at);
    if (extra > 0) input.close(extra);
    return event;
  }

  private readHeader(): CommitHeader {
    const { input } = this;
    if (input.peek() < 0x90 || input.peek() > 0x9f) {
      return {
        at: input.uint(),
        commandId: undefined,
        command: undefined,
        digest: undefined,
        by: undefined,
        trace: undefined,
      };
    }
    const extra = input.open(HEADER_FIELDS);
    const header: CommitHeader = {
      at: input.uint(),
      commandId: input.optStr(),
      command: input.optWord(),
      digest: input.optStr(),
      by: this.readOrigin(),
      trace: input.optStr(),
    };
    input.close(extra);
    return header;
  }

  private readOrigin(): CommitOrigin | undefined {
    const { input } = this;
    if (input.nil()) return undefined;
    const extra = input.open(3);
    const origin = {
      actorId: input.optWord(),
      tenantId: input.optWord(),
      requestId: input.optStr(),
    } as CommitOrigin;
    input.close(extra);
    return origin;
  }
}
