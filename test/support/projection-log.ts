// A log written by hand into projections, for the tests of single folds and rules.
import { expect } from '@jest/globals';
import type { Commit, CommitHeader, EventFields, PawlEvent } from '../../src/domain/events.js';
import { encodePayload, type Payload } from '../../src/domain/payload.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { RunState } from '../../src/domain/run-state.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  NONE,
  type Constraints,
  type TaskSpec,
} from '../../src/domain/task.js';
import { Projections, type ProjectionsOptions } from '../../src/projections/projections.js';
import type { ReplayRule } from '../../src/projections/refusal.js';
import { commitOf, event } from './history-maker.js';

/** Time of the first commit of a log. */
export const T0 = 1_700_000_000_000;

/** Applies commits of the given events, one millisecond after the other. */
export class Log {
  readonly state: Projections;
  at = T0;

  constructor(options: ProjectionsOptions = {}) {
    this.state = new Projections(options);
  }

  /** One commit; `header` may say when and what for. */
  commit(events: readonly PawlEvent[], header: Partial<CommitHeader> = {}): Commit {
    const made = commitOf(events, this.state.sequence + 1, { at: this.at, ...header });
    this.at = made.header.at + 1;
    this.state.apply(made);
    return made;
  }

  /** Expects the state to refuse a commit of the events by the rule. */
  refuses(rule: ReplayRule, events: readonly PawlEvent[]): void {
    expect(() => this.commit(events)).toThrow(
      expect.objectContaining({ code: 'REPLAY_REFUSED', data: expect.objectContaining({ rule }) }),
    );
  }
}

/** A specification with every default. */
export function spec(id: string, fields: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id,
    type: 'work',
    policy: DEFAULT_POLICY,
    constraints: DEFAULT_CONSTRAINTS,
    metadata: DEFAULT_METADATA,
    dependsOn: NONE,
    budgets: NONE,
    ...fields,
  };
}

/** Constraints with every other default. */
export function constraints(fields: Partial<Constraints>): Constraints {
  return { ...DEFAULT_CONSTRAINTS, ...fields };
}

/** The creation of a task. */
export function taskCreated(id: string, fields: Partial<TaskSpec> = {}): PawlEvent {
  return event('TaskCreated', { spec: spec(id, fields) });
}

/** The creation of a run, due at once. */
export function runCreated(
  runId: string,
  taskId: string,
  fields: Partial<EventFields['RunCreated']> = {},
): PawlEvent {
  return event('RunCreated', { runId, taskId, occurrence: 0, scheduledAt: T0, priority: 0, ...fields });
}

/** A change of state. */
export function changed(
  runId: string,
  from: RunState,
  to: RunState,
  more: { readonly reason?: string; readonly wakeAt?: number } = {},
): PawlEvent {
  return event('RunStateChanged', { runId, from, to, ...more });
}

/** Moment at which the leases of `claimed` expire. */
export const EXPIRY_AT = T0 + 30_000;

/** ready → leased with its lease. */
export function claimed(runId: string, owner = 'me'): PawlEvent[] {
  return [changed(runId, 'ready', 'leased'), event('LeaseAcquired', { runId, owner, expiryAt: EXPIRY_AT })];
}

/** leased → running with its attempt. */
export function begun(runId: string, number = 1, owner = 'me'): PawlEvent[] {
  return [
    changed(runId, 'leased', 'running'),
    event('AttemptStarted', { runId, attemptId: `${runId}-a${String(number)}`, number, owner }),
  ];
}

/** running → `to`, with the end of the attempt and of the lease. */
export function ended(
  runId: string,
  to: RunState,
  more: Partial<EventFields['AttemptFinished']> & {
    readonly reason?: string;
    readonly wakeAt?: number;
    readonly number?: number;
  } = {},
): PawlEvent[] {
  const { reason, wakeAt, number = 1, ...finish } = more;
  return [
    event('AttemptFinished', {
      runId,
      attemptId: `${runId}-a${String(number)}`,
      result: 'success',
      ...finish,
    }),
    event('LeaseReleased', { runId, owner: 'me', expiryAt: EXPIRY_AT }),
    changed(runId, 'running', to, {
      ...(reason === undefined ? {} : { reason }),
      ...(wakeAt === undefined ? {} : { wakeAt }),
    }),
  ];
}

/** A log with the task `t` and its run `r` in the given state. */
export function logWithRun(
  state: RunState,
  fields: Partial<TaskSpec> = {},
  options: ProjectionsOptions = {},
): Log {
  const log = new Log(options);
  log.commit([taskCreated('t', fields), runCreated('r', 't')]);
  if (state === 'scheduled') return log;
  if (state === 'canceled') {
    log.commit([changed('r', 'scheduled', 'canceled')]);
    return log;
  }
  log.commit([changed('r', 'scheduled', 'ready')]);
  if (state === 'ready') return log;
  log.commit(claimed('r'));
  if (state === 'leased') return log;
  log.commit(begun('r'));
  if (state === 'running') return log;
  const result = {
    completed: 'success',
    suspended: 'suspended',
    failed: 'failure',
    retryWait: 'failure',
  } as const;
  log.commit(
    ended('r', state, { result: result[state], ...(state === 'retryWait' ? { wakeAt: T0 + 5_000 } : {}) }),
  );
  return log;
}

/** A JSON payload. */
export function payload(value: unknown): Payload {
  return encodePayload(value, DEFAULT_LIMITS);
}
