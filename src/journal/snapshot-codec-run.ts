// How a run is written in a snapshot: what most runs have first, the rest in a detail that is nil while there is
// none. A history that follows from the run itself is nil too. Fields are only ever added at the end.
import type { HistoryEntry, PlainRun, SavedRun } from '../domain/run.js';
import { RUN_STATES, type RunState } from '../domain/run-state.js';
import { NONE } from '../domain/task.js';
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';
import {
  readAnswer,
  readAttempt,
  readContinuation,
  readLease,
  readList,
  readSignal,
  readStep,
  readWaitRecord,
  writeAnswer,
  writeAttempt,
  writeContinuation,
  writeLease,
  writeList,
  writeSignal,
  writeStep,
  writeWaitRecord,
} from './snapshot-codec-run-parts.js';

const RUN_FIELDS = 12;
const DETAIL_FIELDS = 21;

/** Writes a run. */
export function writeRun(out: RecordWriter, run: SavedRun): void {
  out.array(RUN_FIELDS);
  out.int(run.createdAt);
  out.begin(run.createdAt);
  out.id(run.id);
  out.id(run.taskId);
  out.uint(run.occurrence);
  out.code(RUN_STATES, run.state);
  out.int(run.priority);
  out.time(run.scheduledAt);
  out.time(run.lastStateChangeAt);
  out.optUint(run.createdSequence);
  out.optUint(run.stateSequence);
  writeHistory(out, run);
  if (hasDetail(run)) writeDetail(out, run);
  else out.nil();
}

/** A run while it is read: every field is there from the start, so that all runs have one shape in memory. */
type RunDraft = { -readonly [K in keyof Required<SavedRun>]: SavedRun[K] | undefined };

/** What every run has, read into one object again and again. */
export class RunHead implements PlainRun {
  id = '';
  taskId = '';
  occurrence = 0;
  state: RunState = 'scheduled';
  priority = 0;
  createdAt = 0;
  scheduledAt = 0;
  lastStateChangeAt = 0;
  createdSequence: number | undefined = undefined;
  stateSequence: number | undefined = undefined;
}

/** Reads a run. */
export function readRun(input: RecordReader): SavedRun {
  const head = new RunHead();
  const extra = readHead(input, head);
  return readRest(input, head, { extra, implied: input.nil() });
}

/** Reads a run into `head`. When there is more to it than that, or more is claimed, all of it is returned. */
export function readRunInto(input: RecordReader, head: RunHead): SavedRun | undefined {
  const extra = readHead(input, head);
  const implied = input.nil();
  if (implied && (head.state === 'ready' || head.state === 'scheduled') && input.nil()) {
    input.close(extra);
    return undefined;
  }
  return readRest(input, head, { extra, implied });
}

function readHead(input: RecordReader, head: RunHead): number {
  const extra = input.open(RUN_FIELDS);
  const createdAt = input.int();
  input.begin(createdAt);
  head.id = input.id();
  head.taskId = input.id();
  head.occurrence = input.uint();
  head.state = input.code(RUN_STATES);
  head.priority = input.int();
  head.createdAt = createdAt;
  head.scheduledAt = input.time();
  head.lastStateChangeAt = input.time();
  head.createdSequence = input.optUint();
  head.stateSequence = input.optUint();
  return extra;
}

/** Reads what stands behind the head; `implied`: the history was nil, and is behind us. */
function readRest(
  input: RecordReader,
  head: RunHead,
  { extra, implied }: { readonly extra: number; readonly implied: boolean },
): SavedRun {
  const run = draftOf(head);
  if (implied) implyHistory(run, head);
  else readHistory(input, run);
  if (!input.nil()) readDetail(input, run);
  input.close(extra);
  return run as SavedRun;
}

/** The run of which no more is known than what every run has, and whose history follows from it. */
export function runOfHead(head: PlainRun): SavedRun {
  const run = draftOf(head);
  implyHistory(run, head);
  return run as SavedRun;
}

function draftOf(head: PlainRun): RunDraft {
  return {
    id: head.id,
    taskId: head.taskId,
    occurrence: head.occurrence,
    state: head.state,
    priority: head.priority,
    createdAt: head.createdAt,
    scheduledAt: head.scheduledAt,
    lastStateChangeAt: head.lastStateChangeAt,
    createdSequence: head.createdSequence,
    stateSequence: head.stateSequence,
    historyCount: 1,
    history: NONE,
    attemptCount: 0,
    failedAttempts: 0,
    lostAttempts: 0,
    wakeAt: undefined,
    currentAttemptId: undefined,
    lease: undefined,
    continuedFrom: undefined,
    continuedTo: undefined,
    retryOf: undefined,
    retriedBy: undefined,
    reason: undefined,
    input: undefined,
    type: undefined,
    resumedWith: undefined,
    progress: undefined,
    attempts: NONE,
    steps: NONE,
    waits: NONE,
    signals: NONE,
    answers: undefined,
    continuation: undefined,
  };
}

/** True when there is more to a run than its head and its history. */
export function hasDetail(run: SavedRun): boolean {
  return (
    run.attemptCount > 0 ||
    run.failedAttempts > 0 ||
    run.lostAttempts > 0 ||
    run.wakeAt !== undefined ||
    run.currentAttemptId !== undefined ||
    run.lease !== undefined ||
    run.continuedFrom !== undefined ||
    run.continuedTo !== undefined ||
    run.retryOf !== undefined ||
    run.retriedBy !== undefined ||
    run.reason !== undefined ||
    run.input !== undefined ||
    run.type !== undefined ||
    run.resumedWith !== undefined ||
    run.progress !== undefined ||
    run.attempts.length + run.steps.length + run.waits.length + run.signals.length > 0 ||
    run.answers !== undefined ||
    run.continuation !== undefined
  );
}

function writeDetail(out: RecordWriter, run: SavedRun): void {
  out.array(DETAIL_FIELDS);
  out.uint(run.attemptCount);
  out.uint(run.failedAttempts);
  out.uint(run.lostAttempts);
  out.optTime(run.wakeAt);
  out.optId(run.currentAttemptId);
  writeLease(out, run.lease);
  out.optId(run.continuedFrom);
  out.optId(run.continuedTo);
  out.optId(run.retryOf);
  out.optId(run.retriedBy);
  out.optStr(run.reason);
  out.optPayload(run.input);
  out.optStr(run.type);
  out.optPayload(run.resumedWith);
  out.optPayload(run.progress);
  writeList(out, run.attempts, writeAttempt);
  writeList(out, run.steps, writeStep);
  writeList(out, run.waits, writeWaitRecord);
  writeList(out, run.signals, writeSignal);
  writeList(out, run.answers, writeAnswer);
  writeContinuation(out, run.continuation);
}

/** Fills in what few runs have. */
function readDetail(input: RecordReader, run: RunDraft): void {
  const extra = input.open(DETAIL_FIELDS);
  run.attemptCount = input.uint();
  run.failedAttempts = input.uint();
  run.lostAttempts = input.uint();
  run.wakeAt = input.optTime();
  run.currentAttemptId = input.optId();
  run.lease = readLease(input);
  run.continuedFrom = input.optId();
  run.continuedTo = input.optId();
  run.retryOf = input.optId();
  run.retriedBy = input.optId();
  run.reason = input.optWord();
  run.input = input.optPayload();
  run.type = input.optWord();
  run.resumedWith = input.optPayload();
  run.progress = input.optPayload();
  run.attempts = readList(input, readAttempt);
  run.steps = readList(input, readStep);
  run.waits = readList(input, readWaitRecord);
  run.signals = readList(input, readSignal);
  run.answers = input.nil() ? undefined : readList(input, readAnswer);
  run.continuation = readContinuation(input);
  input.close(extra);
}

/** True when the history of a run follows from its head. */
export function isImplied(run: SavedRun): boolean {
  const { history, historyCount, state } = run;
  if (historyCount !== history.length || historyCount > 2) return false;
  // By index, as in `writeHistory`: an iterator and its steps are garbage for each of a million runs.
  const first = history[0];
  const second = history[1];
  if (
    first?.from !== undefined ||
    first?.to !== 'scheduled' ||
    first.at !== run.createdAt ||
    first.reason !== undefined
  )
    return false;
  if (second === undefined) return state === 'scheduled';
  const { from, to, at, reason } = second;
  return (
    state === 'ready' &&
    from === 'scheduled' &&
    to === 'ready' &&
    at === run.lastStateChangeAt &&
    reason === undefined
  );
}

/** Nil stands for: created, and perhaps made ready without a reason. */
function writeHistory(out: RecordWriter, run: SavedRun): void {
  if (isImplied(run)) {
    out.nil();
    return;
  }
  const { history, historyCount } = run;
  const { length } = history;
  out.array(length + 1);
  out.uint(historyCount);
  for (let index = 0; index < length; index++) writeEntry(out, history[index] as HistoryEntry);
}

function writeEntry(out: RecordWriter, { from, to, at, reason }: HistoryEntry): void {
  out.array(4);
  if (from === undefined) out.nil();
  else out.code(RUN_STATES, from);
  out.code(RUN_STATES, to);
  out.time(at);
  out.optStr(reason);
}

function implyHistory(run: RunDraft, head: PlainRun): void {
  const created: HistoryEntry = { to: 'scheduled', at: head.createdAt };
  const ready: HistoryEntry = { from: 'scheduled', to: 'ready', at: head.lastStateChangeAt };
  run.history = head.state === 'ready' ? [created, ready] : [created];
  run.historyCount = run.history.length;
}

function readHistory(input: RecordReader, run: RunDraft): void {
  const entries: HistoryEntry[] = [];
  let left = input.open(1);
  run.historyCount = input.uint();
  for (; left > 0; left--) entries.push(readEntry(input));
  run.history = entries;
}

function readEntry(input: RecordReader): HistoryEntry {
  const extra = input.open(4);
  const from: RunState | undefined = input.nil() ? undefined : input.code(RUN_STATES);
  const to = input.code(RUN_STATES);
  const at = input.time();
  const reason = input.optWord();
  input.close(extra);
  const start: { to: RunState; at: number } | { from: RunState; to: RunState; at: number } =
    from === undefined ? { to, at } : { from, to, at };
  return reason === undefined ? start : { ...start, reason };
}
