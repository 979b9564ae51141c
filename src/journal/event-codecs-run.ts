// Codecs of the events of runs and leases. Each entry writes and reads its fields in the
// order of the table in `docs/journal-format.md`; fields are only added at the end, with a default on reading.
import type { PawlEvent } from '../domain/events.js';
import { RUN_STATES } from '../domain/run-state.js';
import type { EventCodecs } from './event-codec.js';
import type { RecordWriter } from './record-writer.js';

type RunEventType =
  | 'RunCreated'
  | 'RunStateChanged'
  | 'RunResumed'
  | 'RunPriorityChanged'
  | 'RunContinued'
  | 'RunsPruned'
  | 'LeaseAcquired'
  | 'LeaseHeartbeat'
  | 'LeaseExpired'
  | 'LeaseReleased';

type LeaseEvent = PawlEvent<'LeaseAcquired' | 'LeaseHeartbeat' | 'LeaseExpired' | 'LeaseReleased'>;

/** All events of leases have the same fields. */
const LEASE_FIELDS = {
  fields: 3,
  write(out: RecordWriter, event: LeaseEvent): void {
    out.id(event.runId);
    out.id(event.owner);
    out.time(event.expiryAt);
  },
};

/** Codecs of the events of runs and leases. */
export const RUN_EVENT_CODECS: EventCodecs<RunEventType> = {
  RunCreated: {
    fields: 9,
    write(out, event) {
      out.id(event.runId);
      out.id(event.taskId);
      out.uint(event.occurrence);
      out.time(event.scheduledAt);
      out.int(event.priority);
      out.optId(event.continuedFrom);
      out.optId(event.retryOf);
      out.optPayload(event.input);
      out.optStr(event.taskType);
    },
    read: (input, sequence, at) => ({
      type: 'RunCreated',
      sequence,
      at,
      runId: input.id(),
      taskId: input.id(),
      occurrence: input.uint(),
      scheduledAt: input.time(),
      priority: input.int(),
      continuedFrom: input.optId(),
      retryOf: input.optId(),
      input: input.optPayload(),
      taskType: input.optWord(),
    }),
  },
  RunStateChanged: {
    fields: 5,
    write(out, event) {
      out.id(event.runId);
      out.code(RUN_STATES, event.from);
      out.code(RUN_STATES, event.to);
      out.optStr(event.reason);
      out.optTime(event.wakeAt);
    },
    read: (input, sequence, at) => ({
      type: 'RunStateChanged',
      sequence,
      at,
      runId: input.id(),
      from: input.code(RUN_STATES),
      to: input.code(RUN_STATES),
      reason: input.optWord(),
      wakeAt: input.optTime(),
    }),
  },
  RunResumed: {
    fields: 2,
    write(out, event) {
      out.id(event.runId);
      out.optPayload(event.value);
    },
    read: (input, sequence, at) => ({
      type: 'RunResumed',
      sequence,
      at,
      runId: input.id(),
      value: input.optPayload(),
    }),
  },
  RunPriorityChanged: {
    fields: 2,
    write(out, event) {
      out.id(event.runId);
      out.int(event.priority);
    },
    read: (input, sequence, at) => ({
      type: 'RunPriorityChanged',
      sequence,
      at,
      runId: input.id(),
      priority: input.int(),
    }),
  },
  RunContinued: {
    fields: 4,
    write(out, event) {
      out.id(event.runId);
      out.id(event.successorRunId);
      out.optPayload(event.input);
      out.optStr(event.taskType);
    },
    read: (input, sequence, at) => ({
      type: 'RunContinued',
      sequence,
      at,
      runId: input.id(),
      successorRunId: input.id(),
      input: input.optPayload(),
      taskType: input.optWord(),
    }),
  },
  RunsPruned: {
    fields: 1,
    write(out, event) {
      out.idList(event.runIds);
    },
    read: (input, sequence, at) => ({ type: 'RunsPruned', sequence, at, runIds: input.idList() }),
  },
  LeaseAcquired: {
    ...LEASE_FIELDS,
    read: (input, sequence, at) => ({
      type: 'LeaseAcquired',
      sequence,
      at,
      runId: input.id(),
      owner: input.sharedId(),
      expiryAt: input.time(),
    }),
  },
  LeaseHeartbeat: {
    ...LEASE_FIELDS,
    read: (input, sequence, at) => ({
      type: 'LeaseHeartbeat',
      sequence,
      at,
      runId: input.id(),
      owner: input.sharedId(),
      expiryAt: input.time(),
    }),
  },
  LeaseExpired: {
    ...LEASE_FIELDS,
    read: (input, sequence, at) => ({
      type: 'LeaseExpired',
      sequence,
      at,
      runId: input.id(),
      owner: input.sharedId(),
      expiryAt: input.time(),
    }),
  },
  LeaseReleased: {
    ...LEASE_FIELDS,
    read: (input, sequence, at) => ({
      type: 'LeaseReleased',
      sequence,
      at,
      runId: input.id(),
      owner: input.sharedId(),
      expiryAt: input.time(),
    }),
  },
};
