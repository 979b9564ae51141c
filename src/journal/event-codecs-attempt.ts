// Codecs of the events of attempts, steps, waits and signals. Each entry writes and reads its fields in the
// order of the table in `docs/journal-format.md`; fields are only added at the end, with a default on reading.
import { ATTEMPT_RESULTS } from '../domain/run.js';
import type { EventCodecs } from './event-codec.js';
import { readOptError, readWait, writeOptError, writeWait } from './part-codec.js';

type AttemptEventType =
  | 'AttemptStarted'
  | 'AttemptFinished'
  | 'AttemptRefused'
  | 'ProgressReported'
  | 'StepRecorded'
  | 'WaitStarted'
  | 'WaitEnded'
  | 'RunSignaled';

/** Codecs of the events of attempts, steps, waits and signals. */
export const ATTEMPT_EVENT_CODECS: EventCodecs<AttemptEventType> = {
  AttemptStarted: {
    fields: 4,
    write(out, event) {
      out.id(event.runId);
      out.id(event.attemptId);
      out.uint(event.number);
      out.id(event.owner);
    },
    read: (input, sequence, at) => ({
      type: 'AttemptStarted',
      sequence,
      at,
      runId: input.id(),
      attemptId: input.id(),
      number: input.uint(),
      owner: input.sharedId(),
    }),
  },
  AttemptFinished: {
    fields: 5,
    write(out, event) {
      out.id(event.runId);
      out.id(event.attemptId);
      out.code(ATTEMPT_RESULTS, event.result);
      writeOptError(out, event.error);
      out.optPayload(event.output);
    },
    read: (input, sequence, at) => ({
      type: 'AttemptFinished',
      sequence,
      at,
      runId: input.id(),
      attemptId: input.id(),
      result: input.code(ATTEMPT_RESULTS),
      error: readOptError(input),
      output: input.optPayload(),
    }),
  },
  AttemptRefused: {
    fields: 4,
    write(out, event) {
      out.id(event.runId);
      out.id(event.attemptId);
      out.id(event.owner);
      out.str(event.why);
    },
    read: (input, sequence, at) => ({
      type: 'AttemptRefused',
      sequence,
      at,
      runId: input.id(),
      attemptId: input.id(),
      owner: input.sharedId(),
      why: input.word(),
    }),
  },
  ProgressReported: {
    fields: 3,
    write(out, event) {
      out.id(event.runId);
      out.id(event.attemptId);
      out.payload(event.value);
    },
    read: (input, sequence, at) => ({
      type: 'ProgressReported',
      sequence,
      at,
      runId: input.id(),
      attemptId: input.id(),
      value: input.payload(),
    }),
  },
  StepRecorded: {
    fields: 4,
    write(out, event) {
      out.id(event.runId);
      out.id(event.attemptId);
      out.str(event.name);
      out.optPayload(event.output);
    },
    read: (input, sequence, at) => ({
      type: 'StepRecorded',
      sequence,
      at,
      runId: input.id(),
      attemptId: input.id(),
      name: input.word(),
      output: input.optPayload(),
    }),
  },
  WaitStarted: {
    fields: 3,
    write(out, event) {
      out.id(event.runId);
      out.str(event.name);
      writeWait(out, event.wait);
    },
    read: (input, sequence, at) => ({
      type: 'WaitStarted',
      sequence,
      at,
      runId: input.id(),
      name: input.word(),
      wait: readWait(input),
    }),
  },
  WaitEnded: {
    fields: 4,
    write(out, event) {
      out.id(event.runId);
      out.str(event.name);
      out.optPayload(event.value);
      out.optBool(event.timedOut);
    },
    read: (input, sequence, at) => ({
      type: 'WaitEnded',
      sequence,
      at,
      runId: input.id(),
      name: input.word(),
      value: input.optPayload(),
      timedOut: input.optBool(),
    }),
  },
  RunSignaled: {
    fields: 3,
    write(out, event) {
      out.id(event.runId);
      out.str(event.key);
      out.optPayload(event.payload);
    },
    read: (input, sequence, at) => ({
      type: 'RunSignaled',
      sequence,
      at,
      runId: input.id(),
      key: input.word(),
      payload: input.optPayload(),
    }),
  },
};
