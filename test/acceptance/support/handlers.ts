// What the acceptance tests share: an orchestrator, notes of what was called, gates that a test opens, short reads.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PawlEvent, EventType } from '../../../src/domain/events.js';
import type { RunRecord } from '../../../src/domain/run.js';
import { isPawlError, type ErrorCode, type PawlError } from '../../../src/errors.js';
import type { Orchestrator } from '../../../src/orchestrator.js';
import type { TestOrchestrator, TestOrchestratorOptions } from '../../../src/testing/test-orchestrator.js';
import { openTest } from '../../support/engine.js';

/** Opens an orchestrator on files for one test; see `openTest`. */
export function open(options: TestOrchestratorOptions = {}): Promise<TestOrchestrator> {
  return openTest(options);
}

/** A promise that the test settles. */
export interface Gate<T = undefined> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(error: unknown): void;
}

/** A closed gate. */
export function gate<T = undefined>(): Gate<T> {
  let open: (value: T) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** The run, which must exist. */
export function run(pawl: Orchestrator, runId: string | undefined): RunRecord {
  const record = pawl.projections.runs.get(runId ?? '');
  if (record === undefined) throw new Error(`No run ${String(runId)}.`);
  return record;
}

/** The first of a list that must not be empty. */
export function first<T>(list: readonly T[]): T {
  const [head] = list;
  if (head === undefined) throw new Error('The list is empty.');
  return head;
}

/** The error a promise rejects with, which must be Pawl's and have the code. */
export async function refusal(promise: PromiseLike<unknown>, code: ErrorCode): Promise<PawlError> {
  try {
    await promise;
  } catch (error) {
    if (isPawlError(error, code)) return error;
    throw error;
  }
  throw new Error(`Expected ${code}, but it was not refused.`);
}

/** Every durable event, in order. */
export async function history(pawl: Orchestrator): Promise<PawlEvent[]> {
  const { sequence } = pawl.projections;
  const events: PawlEvent[] = [];
  for await (const event of pawl.events({ from: 1 })) {
    events.push(event);
    if (event.sequence >= sequence) break;
  }
  return events;
}

function isOfType<T extends EventType>(event: PawlEvent, type: T): event is Extract<PawlEvent, PawlEvent<T>> {
  return event.type === type;
}

/** Every durable event of one type, in order. */
export async function eventsOf<T extends EventType>(pawl: Orchestrator, type: T): Promise<PawlEvent<T>[]> {
  const found: PawlEvent<T>[] = [];
  for (const event of await history(pawl)) if (isOfType(event, type)) found.push(event);
  return found;
}

/** Lets everything that needs no time go on. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** The runs of a task with one state each, by occurrence. */
export function states(pawl: Orchestrator, taskId: string): string[] {
  const { items } = pawl.projections.runs.list({ taskId }, { limit: 1_000 });
  return [...items].sort((left, right) => left.occurrence - right.occurrence).map((record) => record.state);
}
