// The parts of a run in a snapshot: its lease, attempts, steps, waits, signals and early answers. Fields are only
// ever added at the end.
import { ATTEMPT_RESULTS, type AnswerRecord, type AttemptRecord, type LeaseRecord } from '../domain/run.js';
import type { Continuation, SignalRecord, StepRecord, WaitRecord } from '../domain/run.js';
import { NONE } from '../domain/task.js';
import { readOptError, readWait, writeOptError, writeWait } from './part-codec.js';
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

/** Writes a lease or nil. */
export function writeLease(out: RecordWriter, lease: LeaseRecord | undefined): void {
  if (lease === undefined) {
    out.nil();
    return;
  }
  out.array(4);
  out.id(lease.owner);
  out.time(lease.expiryAt);
  out.time(lease.acquiredAt);
  out.time(lease.updatedAt);
}

/** Reads a lease or nil. */
export function readLease(input: RecordReader): LeaseRecord | undefined {
  if (input.nil()) return undefined;
  const extra = input.open(4);
  const lease = {
    owner: input.sharedId(),
    expiryAt: input.time(),
    acquiredAt: input.time(),
    updatedAt: input.time(),
  };
  input.close(extra);
  return lease;
}

/** Writes an attempt. */
export function writeAttempt(out: RecordWriter, attempt: AttemptRecord): void {
  out.array(9);
  out.id(attempt.id);
  out.uint(attempt.number);
  out.time(attempt.startedAt);
  out.optTime(attempt.finishedAt);
  out.id(attempt.owner);
  if (attempt.result === undefined) out.nil();
  else out.code(ATTEMPT_RESULTS, attempt.result);
  writeOptError(out, attempt.error);
  out.optPayload(attempt.output);
  out.optBool(attempt.refused);
}

/** Reads an attempt. */
export function readAttempt(input: RecordReader): AttemptRecord {
  const extra = input.open(9);
  const attempt = {
    id: input.id(),
    number: input.uint(),
    startedAt: input.time(),
    finishedAt: input.optTime(),
    owner: input.sharedId(),
    result: input.nil() ? undefined : input.code(ATTEMPT_RESULTS),
    error: readOptError(input),
    output: input.optPayload(),
    refused: input.optBool(),
  } as AttemptRecord;
  input.close(extra);
  return attempt;
}

/** Writes a recorded step. */
export function writeStep(out: RecordWriter, step: StepRecord): void {
  out.array(4);
  out.str(step.name);
  out.id(step.attemptId);
  out.time(step.at);
  out.optPayload(step.output);
}

/** Reads a recorded step. */
export function readStep(input: RecordReader): StepRecord {
  const extra = input.open(4);
  const step = {
    name: input.word(),
    attemptId: input.id(),
    at: input.time(),
    output: input.optPayload(),
  } as StepRecord;
  input.close(extra);
  return step;
}

/** Writes a durable wait. */
export function writeWaitRecord(out: RecordWriter, wait: WaitRecord): void {
  out.array(7);
  out.str(wait.name);
  writeWait(out, wait.wait);
  out.id(wait.attemptId);
  out.time(wait.startedAt);
  out.optTime(wait.endedAt);
  out.optPayload(wait.value);
  out.optBool(wait.timedOut);
}

/** Reads a durable wait. */
export function readWaitRecord(input: RecordReader): WaitRecord {
  const extra = input.open(7);
  const wait = {
    name: input.word(),
    wait: readWait(input),
    attemptId: input.id(),
    startedAt: input.time(),
    endedAt: input.optTime(),
    value: input.optPayload(),
    timedOut: input.optBool(),
  } as WaitRecord;
  input.close(extra);
  return wait;
}

/** Writes a kept signal. */
export function writeSignal(out: RecordWriter, signal: SignalRecord): void {
  out.array(3);
  out.str(signal.key);
  out.time(signal.at);
  out.optPayload(signal.payload);
}

/** Reads a kept signal. */
export function readSignal(input: RecordReader): SignalRecord {
  const extra = input.open(3);
  const signal = { key: input.word(), at: input.time(), payload: input.optPayload() } as SignalRecord;
  input.close(extra);
  return signal;
}

/** Writes an answer that came early. */
export function writeAnswer(out: RecordWriter, answer: AnswerRecord): void {
  out.array(3);
  out.str(answer.name);
  out.time(answer.at);
  out.optPayload(answer.value);
}

/** Reads an answer that came early. */
export function readAnswer(input: RecordReader): AnswerRecord {
  const extra = input.open(3);
  const answer = { name: input.word(), at: input.time(), value: input.optPayload() } as AnswerRecord;
  input.close(extra);
  return answer;
}

/** Writes what a run gives to its successor, or nil. */
export function writeContinuation(out: RecordWriter, continuation: Continuation | undefined): void {
  if (continuation === undefined) {
    out.nil();
    return;
  }
  out.array(2);
  out.optPayload(continuation.input);
  out.optStr(continuation.type);
}

/** Reads what a run gives to its successor, or nil. */
export function readContinuation(input: RecordReader): Continuation | undefined {
  if (input.nil()) return undefined;
  const extra = input.open(2);
  const continuation = { input: input.optPayload(), type: input.optWord() } as Continuation;
  input.close(extra);
  return continuation;
}

/** Writes a list; nil when it is empty. */
export function writeList<T>(
  out: RecordWriter,
  list: readonly T[] | undefined,
  write: (out: RecordWriter, item: T) => void,
): void {
  if (list === undefined || list.length === 0) {
    out.nil();
    return;
  }
  const { length } = list;
  out.array(length);
  for (let index = 0; index < length; index++) write(out, list[index] as T);
}

/** Reads a list; nil is the shared empty one. */
export function readList<T>(input: RecordReader, read: (input: RecordReader) => T): readonly T[] {
  if (input.nil()) return NONE;
  const list: T[] = [];
  for (let left = input.array(); left > 0; left--) list.push(read(input));
  return list;
}
