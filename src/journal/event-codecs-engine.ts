// Codecs of the events of journal, engine and tasks. Each entry writes and reads its fields in the
// order of the table in `docs/journal-format.md`; fields are only added at the end, with a default on reading.
import type { EventCodecs } from './event-codec.js';
import { readSpec, writeSpec } from './task-codec.js';

type EngineEventType =
  | 'EpochStarted'
  | 'JournalRepaired'
  | 'ClockJumped'
  | 'EnginePaused'
  | 'EngineResumed'
  | 'TaskCreated'
  | 'TaskCanceled'
  | 'DependencyDeclared'
  | 'PolicyAdvanced'
  | 'TasksPruned';

/** Codecs of the events of journal, engine and tasks. */
export const ENGINE_EVENT_CODECS: EventCodecs<EngineEventType> = {
  EpochStarted: {
    fields: 3,
    write(out, event) {
      out.uint(event.epoch);
      out.id(event.instance);
      out.str(event.version);
    },
    read: (input, sequence, at) => ({
      type: 'EpochStarted',
      sequence,
      at,
      epoch: input.uint(),
      instance: input.sharedId(),
      version: input.word(),
    }),
  },
  JournalRepaired: {
    fields: 4,
    write(out, event) {
      out.str(event.segment);
      out.uint(event.offset);
      out.uint(event.bytes);
      out.str(event.quarantine);
    },
    read: (input, sequence, at) => ({
      type: 'JournalRepaired',
      sequence,
      at,
      segment: input.str(),
      offset: input.uint(),
      bytes: input.uint(),
      quarantine: input.str(),
    }),
  },
  ClockJumped: {
    fields: 2,
    write(out, event) {
      out.time(event.fromAt);
      out.time(event.toAt);
    },
    read: (input, sequence, at) => ({
      type: 'ClockJumped',
      sequence,
      at,
      fromAt: input.time(),
      toAt: input.time(),
    }),
  },
  EnginePaused: {
    fields: 1,
    write(out, event) {
      out.optStr(event.reason);
    },
    read: (input, sequence, at) => ({ type: 'EnginePaused', sequence, at, reason: input.optWord() }),
  },
  EngineResumed: {
    fields: 0,
    write: () => undefined,
    read: (_input, sequence, at) => ({ type: 'EngineResumed', sequence, at }),
  },
  TaskCreated: {
    fields: 1,
    write(out, event) {
      writeSpec(out, event.spec);
    },
    read: (input, sequence, at) => ({ type: 'TaskCreated', sequence, at, spec: readSpec(input) }),
  },
  TaskCanceled: {
    fields: 2,
    write(out, event) {
      out.id(event.taskId);
      out.optStr(event.reason);
    },
    read: (input, sequence, at) => ({
      type: 'TaskCanceled',
      sequence,
      at,
      taskId: input.id(),
      reason: input.optWord(),
    }),
  },
  DependencyDeclared: {
    fields: 2,
    write(out, event) {
      out.id(event.taskId);
      out.idList(event.dependsOn);
    },
    read: (input, sequence, at) => ({
      type: 'DependencyDeclared',
      sequence,
      at,
      taskId: input.id(),
      dependsOn: input.idList(),
    }),
  },
  PolicyAdvanced: {
    fields: 5,
    write(out, event) {
      out.id(event.taskId);
      out.int(event.throughOccurrence);
      out.time(event.throughAt);
      out.uint(event.skipped);
      out.str(event.reason);
    },
    read: (input, sequence, at) => ({
      type: 'PolicyAdvanced',
      sequence,
      at,
      taskId: input.id(),
      throughOccurrence: input.int(),
      throughAt: input.time(),
      skipped: input.uint(),
      reason: input.word(),
    }),
  },
  TasksPruned: {
    fields: 1,
    write(out, event) {
      out.idList(event.taskIds);
    },
    read: (input, sequence, at) => ({ type: 'TasksPruned', sequence, at, taskIds: input.idList() }),
  },
};
