// What replay refuses: a whole event that the state cannot have come to. The log is not touched by it.
import { PawlError } from '../errors.js';
import type { PawlEvent } from '../domain/events.js';

/** What each rule that replay checks says, in one line. */
export const REPLAY_RULES = {
  broken: 'an earlier event was refused, so nothing can be applied any more',
  sequenceGap: 'the commit does not follow the last one',
  timeBackwards: 'the time of the commit lies before that of the last one',
  timeMismatch: 'the event has another time than its commit',
  alreadyPaused: 'the engine is paused already',
  notPaused: 'the engine is not paused',
  unknownTask: 'no task has this id',
  duplicateTask: 'a task has this id already',
  unknownRun: 'no run has this id',
  duplicateRun: 'a run has this id already',
  duplicateOccurrence: 'the occurrence has a run already, and this one neither continues nor retries it',
  occurrenceGap: 'the occurrences before this one are neither created nor skipped',
  skipMismatch: 'the number skipped is not that of the occurrences it advances by',
  chainMismatch: 'the run it continues or retries is of another task or occurrence',
  successorTaken: 'the run it continues or retries has another successor already',
  retryNotEnded: 'the run it retries has neither failed nor been canceled',
  stateMismatch: 'the run is in another state than the change starts from',
  illegalTransition: 'the run machine has no such edge',
  terminalRun: 'the run has ended',
  priorityWrongState: 'the run is neither scheduled nor ready',
  resumedWrongState: 'the run is not ready',
  attemptWrongState: 'the run is not running',
  attemptOpen: 'an attempt of the run is open',
  attemptNumber: 'the attempt has another number than the next one',
  attemptDuplicate: 'the run has an attempt with this id already',
  attemptMismatch: 'the attempt is not the one that is open',
  attemptLeftOpen: 'the run left running with its attempt open',
  stepDuplicate: 'the run has a step with this name already',
  waitDuplicate: 'the run has a wait with this name already',
  waitEnded: 'the wait has ended, or was answered, already',
  leaseHeld: 'a lease is in force',
  leaseMissing: 'the run has no lease',
  leaseOwnerMismatch: 'the lease belongs to another owner',
  leaseExpiryMismatch: 'the lease has another expiry',
  leaseExpiryRegression: 'a heartbeat cannot shorten a lease',
  leaseWrongState: 'the run is in a state that cannot hold a lease',
  leaseNotWithClaim: 'the lease is not acquired in the commit that made the run leased',
  leaseKept: 'the run left leased and running with its lease',
  leaseDropped: 'the lease ended and the run stayed in a state that needs one',
  pruneNotEnded: 'what is to be pruned has not ended',
  unknownBudget: 'the task has no allocation in this dimension',
  duplicateSubscription: 'a subscription has this id already',
  unknownSubscription: 'no subscription has this id',
  subscriptionOver: 'the subscription was triggered or canceled already',
  subscriptionNotTriggered: 'the subscription was not triggered, or was spent already',
  unknownActor: 'no registered actor has this id',
  duplicateTenant: 'a tenant has this id already',
  unknownGrant: 'no grant in force is like this',
  duplicateLedgerEntry: 'a ledger entry has this id already',
} as const;

/** A rule that replay checks. */
export type ReplayRule = keyof typeof REPLAY_RULES;

/** `REPLAY_REFUSED` for an event. `data` may name ids and the actual state. */
export function refusal(
  event: PawlEvent,
  rule: ReplayRule,
  data: Readonly<Record<string, unknown>> = {},
): PawlError {
  const about = Object.entries(data)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
  return new PawlError(
    'REPLAY_REFUSED',
    `Event ${String(event.sequence)} (${event.type}) is refused: ${REPLAY_RULES[rule]}${about === '' ? '' : ` (${about})`}; ` +
      'the log is unchanged, read it with openJournal(dir, { readOnly: true }).',
    { sequence: event.sequence, type: event.type, rule, ...data },
  );
}
