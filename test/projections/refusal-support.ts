// What the cases of refused replay are made of.
import type { PawlEvent } from '../../src/domain/events.js';
import type { ReplayRule } from '../../src/projections/refusal.js';
import { event } from '../support/history-maker.js';
import { EXPIRY_AT, Log, taskCreated } from '../support/projection-log.js';

/** A history, and the events it refuses by a rule. */
export interface RefusalCase {
  readonly rule: ReplayRule;
  readonly when: string;
  readonly log: () => Log;
  readonly events: PawlEvent[];
}

export const lease = (
  type: 'LeaseHeartbeat' | 'LeaseExpired' | 'LeaseReleased' | 'LeaseAcquired',
  fields: { owner?: string; expiryAt?: number } = {},
): PawlEvent => event(type, { runId: 'r', owner: 'me', expiryAt: EXPIRY_AT, ...fields });
export const finished = (attemptId = 'r-a1'): PawlEvent =>
  event('AttemptFinished', { runId: 'r', attemptId, result: 'success' });
export const empty = (): Log => new Log();
export const withTask = (): Log => {
  const log = new Log();
  log.commit([
    taskCreated('t', {
      policy: { kind: 'repeat', count: 9, intervalMs: 1, misfire: { kind: 'skip' }, overlap: 'allow' },
    }),
  ]);
  return log;
};
export const then = (log: Log, ...events: PawlEvent[]): Log => {
  log.commit(events);
  return log;
};
