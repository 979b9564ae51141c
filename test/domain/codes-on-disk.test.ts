// The words of the domain that are written to disk by position: their order must never change.
import { describe, expect, it } from '@jest/globals';
import { EVENT_TYPES } from '../../src/domain/events.js';
import { ATTEMPT_RESULTS } from '../../src/domain/run.js';
import { isTerminal, RUN_STATES } from '../../src/domain/run-state.js';

/** The events of the first format, in the order of their codes. */
const FIRST_EVENTS = [
  'EpochStarted',
  'JournalRepaired',
  'ClockJumped',
  'EnginePaused',
  'EngineResumed',
  'TaskCreated',
  'TaskCanceled',
  'DependencyDeclared',
  'PolicyAdvanced',
  'TasksPruned',
  'RunCreated',
  'RunStateChanged',
  'RunResumed',
  'RunPriorityChanged',
  'RunContinued',
  'RunsPruned',
  'AttemptStarted',
  'AttemptFinished',
  'AttemptRefused',
  'ProgressReported',
  'StepRecorded',
  'WaitStarted',
  'WaitEnded',
  'RunSignaled',
  'LeaseAcquired',
  'LeaseHeartbeat',
  'LeaseExpired',
  'LeaseReleased',
  'BudgetAllocated',
  'BudgetConsumed',
  'BudgetExhausted',
  'BudgetReplenished',
  'SubscriptionCreated',
  'SubscriptionTriggered',
  'SubscriptionSpent',
  'SubscriptionCanceled',
  'CustomEventFired',
  'ActorRegistered',
  'ActorHeartbeat',
  'ActorDeregistered',
  'TenantCreated',
  'RoleAssigned',
  'CapabilityGranted',
  'CapabilityRevoked',
  'LedgerEntryAppended',
];

describe('the words on disk', () => {
  it('keep the order of the nine states', () => {
    expect(RUN_STATES).toEqual([
      'scheduled',
      'ready',
      'leased',
      'running',
      'retryWait',
      'suspended',
      'completed',
      'failed',
      'canceled',
    ]);
  });

  it('keep the order of the results of an attempt', () => {
    expect(ATTEMPT_RESULTS).toEqual(['success', 'failure', 'timeout', 'suspended', 'lost', 'canceled']);
  });

  it('keep the order of the events', () => {
    expect(EVENT_TYPES.slice(0, FIRST_EVENTS.length)).toEqual(FIRST_EVENTS);
    expect(new Set(EVENT_TYPES).size).toBe(EVENT_TYPES.length);
  });

  it('have three terminal states', () => {
    expect(RUN_STATES.filter(isTerminal)).toEqual(['completed', 'failed', 'canceled']);
  });
});
