// Claim: a pending run with its task costs at most 700 bytes of heap beyond its payload, a completed one with its
// history at most 1 200, in the projections alone; and these apply a million events a second. Run it with
// `node --expose-gc`; arguments: number of tasks (1 000 000), payload bytes (200).
import { hostClock, hostRandom, uuidV7 } from '../src/host-clock.js';
import type { PawlEvent } from '../src/domain/events.js';
import { encodePayload, type Payload } from '../src/domain/payload.js';
import { DEFAULT_LIMITS } from '../src/domain/limits.js';
import { DEFAULT_CONSTRAINTS, DEFAULT_METADATA, DEFAULT_POLICY, NONE } from '../src/domain/task.js';
import {
  attemptFinished,
  attemptStarted,
  leaseAcquired,
  leaseReleased,
} from '../src/decisions/new-events.js';
import { runCreated, stateChanged } from '../src/decisions/new-events.js';
import { Projections } from '../src/projections/projections.js';
import { settledHeapBytes } from './support/heap.js';

const OWNER = 'executor';
const DAY_MS = 86_400_000;

class Feed {
  readonly state = new Projections();
  events = 0;
  spentMs = 0;
  #sequence = 1;

  apply(events: readonly PawlEvent[], at: number): void {
    const firstSequence = this.#sequence;
    const stamped = events.map((event, index) => ({ ...event, at, sequence: firstSequence + index }));
    this.#sequence += stamped.length;
    this.events += stamped.length;
    const begun = performance.now();
    this.state.apply({ header: { at }, firstSequence, events: stamped });
    this.spentMs += performance.now() - begun;
  }

  report(what: string): void {
    console.log(`${what}: ${Math.round((this.events * 1000) / this.spentMs).toLocaleString('en')} events/s`);
    this.events = 0;
    this.spentMs = 0;
  }
}

const count = Number(process.argv[2] ?? 1_000_000);
const payloadBytes = Number(process.argv[3] ?? 200);
const ids = uuidV7(hostClock, hostRandom());

function payload(number: number): Payload {
  return encodePayload(Buffer.alloc(payloadBytes, String(number)).toString('latin1'), DEFAULT_LIMITS);
}

/** Heap bytes beyond `before`, and beyond the payloads, a run. */
function report(what: string, before: number): void {
  // A string of n bytes takes a header of 16 and is padded to 8.
  const payloadHeap = 16 + Math.ceil((payloadBytes + 3) / 8) * 8;
  const bytes = (settledHeapBytes() - before) / count - payloadHeap;
  console.log(`${what}: ${bytes.toFixed(0)} bytes a run beyond its payload`);
}

function submit(feed: Feed, number: number, startAt: number | undefined): string {
  const at = 1_800_000_000_000 + number;
  const taskId = ids.nextId();
  const runId = ids.nextId();
  const policy = startAt === undefined ? DEFAULT_POLICY : { kind: 'once' as const, startAt };
  const spec = {
    id: taskId,
    type: 'bench',
    input: payload(number),
    policy,
    constraints: DEFAULT_CONSTRAINTS,
    metadata: DEFAULT_METADATA,
    dependsOn: NONE,
    budgets: NONE,
  };
  const events: PawlEvent[] = [
    { type: 'TaskCreated', sequence: 0, at: 0, spec },
    runCreated({ runId, taskId, occurrence: 0, scheduledAt: startAt ?? at, priority: 0 }),
  ];
  if (startAt === undefined) events.push(stateChanged(runId, 'scheduled', 'ready'));
  feed.apply(events, at);
  return runId;
}

function drain(feed: Feed, runId: string): void {
  const at = feed.state.lastAt + 1;
  const attemptId = ids.nextId();
  feed.apply(
    [
      stateChanged(runId, 'ready', 'leased'),
      leaseAcquired(runId, OWNER, at + 30_000),
      stateChanged(runId, 'leased', 'running'),
      attemptStarted(runId, attemptId, 1, OWNER),
    ],
    at,
  );
  feed.apply(
    [
      attemptFinished(runId, attemptId, { result: 'success' }),
      leaseReleased(runId, OWNER, at + 30_000),
      stateChanged(runId, 'running', 'completed'),
    ],
    at + 1,
  );
}

function measure(kind: 'ready' | 'scheduled'): void {
  const empty = settledHeapBytes();
  const feed = new Feed();
  const runIds: string[] = [];
  for (let number = 0; number < count; number++) {
    const startAt = kind === 'scheduled' ? 1_800_000_000_000 + DAY_MS + number * 1_000 : undefined;
    const runId = submit(feed, number, startAt);
    if (kind === 'ready') runIds.push(runId);
  }
  // The list of ids is ours, not the state's.
  const before = empty + runIds.length * 8;
  report(`${kind} run with its task`, before);
  feed.report(`applied while submitting ${kind} runs`);
  if (kind === 'scheduled') return;
  for (const runId of runIds) drain(feed, runId);
  report('completed run with its history', before);
  feed.report('applied while draining');
  const begun = performance.now();
  let saved = 0;
  for (const section of feed.state.sections) for (const _record of section.records()) saved++;
  console.log(`records of a snapshot: ${((performance.now() - begun) / saved).toFixed(4)} ms each`);
}

measure('ready');
measure('scheduled');
