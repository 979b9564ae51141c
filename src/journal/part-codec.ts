// Errors, waits and subscription filters as they are written inside events and snapshot rows.
import type { SubscriptionFilter } from '../domain/nouns.js';
import { RUN_STATES } from '../domain/run-state.js';
import type { ErrorRecord, WaitSpec } from '../domain/run.js';
import { PawlError } from '../errors.js';
import { DecodeError } from './byte-reader.js';
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

/** Waits inside waits; the handler's own API makes one level. */
const MAX_WAIT_DEPTH = 8;
const WAIT_FIELDS = [2, 3, 3, 3, 2, 3];
const FILTER_FIELDS = [2, 3, 4, 2];

/** Writes an error record. */
export function writeError(out: RecordWriter, error: ErrorRecord): void {
  out.array(5);
  out.str(error.name);
  out.str(error.message);
  out.optStr(error.stack);
  out.optStr(error.code);
  out.bool(error.retryable);
}

/** Reads an error record. */
export function readError(input: RecordReader): ErrorRecord {
  const extra = input.open(5);
  const error = {
    name: input.word(),
    message: input.word(),
    stack: input.optStr(),
    code: input.optWord(),
    retryable: input.bool(),
  } as ErrorRecord;
  input.close(extra);
  return error;
}

/** Writes an error record or nil. */
export function writeOptError(out: RecordWriter, error: ErrorRecord | undefined): void {
  if (error === undefined) out.nil();
  else writeError(out, error);
}

/** Reads an error record or nil. */
export function readOptError(input: RecordReader): ErrorRecord | undefined {
  return input.nil() ? undefined : readError(input);
}

/** Writes what a wait waits for. */
export function writeWait(out: RecordWriter, wait: WaitSpec, depth = 0): void {
  switch (wait.kind) {
    case 'sleep':
      out.array(2);
      out.uint(0);
      out.time(wait.untilAt);
      return;
    case 'event':
    case 'signal':
      out.array(3);
      out.uint(wait.kind === 'event' ? 1 : 2);
      out.str(wait.key);
      break;
    case 'answer':
      out.array(3);
      out.uint(3);
      out.optPayload(wait.question);
      break;
    case 'children':
      out.array(2);
      out.uint(4);
      break;
    case 'any':
      if (depth === MAX_WAIT_DEPTH) {
        throw new PawlError('INVALID_INPUT', `A wait is nested more than ${String(MAX_WAIT_DEPTH)} deep.`, {
          path: 'wait',
          rule: 'depth',
        });
      }
      out.array(3);
      out.uint(5);
      out.array(wait.of.length);
      for (const part of wait.of) {
        out.array(2);
        out.str(part.name);
        writeWait(out, part.wait, depth + 1);
      }
      break;
  }
  out.optTime(wait.untilAt);
}

/** Reads what a wait waits for. */
export function readWait(input: RecordReader, depth = 0): WaitSpec {
  const fields = input.array();
  const kind = input.uint();
  const extra = fields - (WAIT_FIELDS[kind] ?? Infinity);
  if (extra < 0 || depth > MAX_WAIT_DEPTH)
    throw new DecodeError('a wait of an unknown kind, too few fields or too deep');
  const wait = readWaitFields(input, kind, depth);
  input.close(extra);
  return wait;
}

function readWaitFields(input: RecordReader, kind: number, depth: number): WaitSpec {
  switch (kind) {
    case 0:
      return { kind: 'sleep', untilAt: input.time() };
    case 1:
      return { kind: 'event', key: input.word(), untilAt: input.optTime() } as WaitSpec;
    case 2:
      return { kind: 'signal', key: input.word(), untilAt: input.optTime() } as WaitSpec;
    case 3:
      return { kind: 'answer', question: input.optPayload(), untilAt: input.optTime() } as WaitSpec;
    case 4:
      return { kind: 'children', untilAt: input.optTime() } as WaitSpec;
    default:
      return { kind: 'any', of: readParts(input, depth), untilAt: input.optTime() } as WaitSpec;
  }
}

function readParts(input: RecordReader, depth: number): { name: string; wait: WaitSpec }[] {
  const parts: { name: string; wait: WaitSpec }[] = [];
  for (let left = input.array(); left > 0; left--) {
    const extra = input.open(2);
    parts.push({ name: input.word(), wait: readWait(input, depth + 1) });
    input.close(extra);
  }
  return parts;
}

/** Writes the filter of a subscription. */
export function writeFilter(out: RecordWriter, filter: SubscriptionFilter): void {
  switch (filter.kind) {
    case 'taskCompleted':
      out.array(2);
      out.uint(0);
      out.id(filter.taskId);
      return;
    case 'runStateChanged':
      out.array(3);
      out.uint(1);
      out.id(filter.taskId);
      out.code(RUN_STATES, filter.state);
      return;
    case 'budgetThreshold':
      out.array(4);
      out.uint(2);
      out.id(filter.taskId);
      out.str(filter.dimension);
      out.num(filter.percent);
      return;
    case 'custom':
      out.array(2);
      out.uint(3);
      out.str(filter.key);
  }
}

/** Reads the filter of a subscription. */
export function readFilter(input: RecordReader): SubscriptionFilter {
  const fields = input.array();
  const kind = input.uint();
  const extra = fields - (FILTER_FIELDS[kind] ?? Infinity);
  if (extra < 0) throw new DecodeError('a filter of an unknown kind, or with too few fields');
  const filter = readFilterFields(input, kind);
  input.close(extra);
  return filter;
}

function readFilterFields(input: RecordReader, kind: number): SubscriptionFilter {
  switch (kind) {
    case 0:
      return { kind: 'taskCompleted', taskId: input.id() };
    case 1:
      return { kind: 'runStateChanged', taskId: input.id(), state: input.code(RUN_STATES) };
    case 2:
      return { kind: 'budgetThreshold', taskId: input.id(), dimension: input.word(), percent: input.num() };
    default:
      return { kind: 'custom', key: input.word() };
  }
}
