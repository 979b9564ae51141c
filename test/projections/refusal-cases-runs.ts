// Events about runs, attempts and leases that replay refuses, each in the smallest history.
import { event } from '../support/history-maker.js';
import {
  changed,
  claimed,
  EXPIRY_AT,
  logWithRun,
  payload,
  runCreated,
  taskCreated,
} from '../support/projection-log.js';
import { finished, lease, then, withTask, type RefusalCase } from './refusal-support.js';

/** See above. */
export const RUN_CASES: readonly RefusalCase[] = [
  {
    rule: 'unknownRun',
    when: 'a change of no run',
    log: withTask,
    events: [changed('r', 'scheduled', 'ready')],
  },
  {
    rule: 'unknownRun',
    when: 'pruning no run',
    log: withTask,
    events: [event('RunsPruned', { runIds: ['r'] })],
  },
  {
    rule: 'unknownRun',
    when: 'a run that continues no run',
    log: withTask,
    events: [runCreated('r', 't', { continuedFrom: 'q' })],
  },
  {
    rule: 'duplicateRun',
    when: 'a run created twice',
    log: () => logWithRun('scheduled'),
    events: [runCreated('r', 't', { occurrence: 1 })],
  },
  {
    rule: 'duplicateOccurrence',
    when: 'an occurrence with two runs',
    log: () => logWithRun('scheduled'),
    events: [runCreated('q', 't')],
  },
  {
    rule: 'occurrenceGap',
    when: 'an occurrence before the one that is next',
    log: withTask,
    events: [runCreated('r', 't', { occurrence: 1 })],
  },
  {
    rule: 'chainMismatch',
    when: 'a retry in another occurrence',
    log: () => logWithRun('failed'),
    events: [runCreated('q', 't', { retryOf: 'r', occurrence: 1 })],
  },
  {
    rule: 'chainMismatch',
    when: 'a retry in another task',
    log: () => then(logWithRun('failed'), taskCreated('u')),
    events: [runCreated('q', 'u', { retryOf: 'r' })],
  },
  {
    rule: 'successorTaken',
    when: 'a second retry',
    log: () => then(logWithRun('failed'), runCreated('q', 't', { retryOf: 'r' })),
    events: [runCreated('p', 't', { retryOf: 'r' })],
  },
  {
    rule: 'successorTaken',
    when: 'a second continuation',
    log: () => then(logWithRun('running'), event('RunContinued', { runId: 'r', successorRunId: 'q' })),
    events: [event('RunContinued', { runId: 'r', successorRunId: 'p' })],
  },
  {
    rule: 'successorTaken',
    when: 'a successor other than the one named',
    log: () => then(logWithRun('running'), event('RunContinued', { runId: 'r', successorRunId: 'q' })),
    events: [runCreated('p', 't', { continuedFrom: 'r' })],
  },
  {
    rule: 'retryNotEnded',
    when: 'a retry of a completed run',
    log: () => logWithRun('completed'),
    events: [runCreated('q', 't', { retryOf: 'r' })],
  },
  {
    rule: 'retryNotEnded',
    when: 'a retry of a ready run',
    log: () => logWithRun('ready'),
    events: [runCreated('q', 't', { retryOf: 'r' })],
  },
  {
    rule: 'stateMismatch',
    when: 'a change from another state',
    log: () => logWithRun('ready'),
    events: [changed('r', 'scheduled', 'ready')],
  },
  {
    rule: 'illegalTransition',
    when: 'an edge the machine lacks',
    log: () => logWithRun('ready'),
    events: [changed('r', 'ready', 'running')],
  },
  {
    rule: 'terminalRun',
    when: 'a signal to an ended run',
    log: () => logWithRun('completed'),
    events: [event('RunSignaled', { runId: 'r', key: 'k' })],
  },
  {
    rule: 'terminalRun',
    when: 'the end of a wait of an ended run',
    log: () => logWithRun('canceled'),
    events: [event('WaitEnded', { runId: 'r', name: 'w' })],
  },
  {
    rule: 'priorityWrongState',
    when: 'a priority of a running run',
    log: () => logWithRun('running'),
    events: [event('RunPriorityChanged', { runId: 'r', priority: 1 })],
  },
  {
    rule: 'resumedWrongState',
    when: 'a resumption of a running run',
    log: () => logWithRun('running'),
    events: [event('RunResumed', { runId: 'r' })],
  },
  {
    rule: 'attemptWrongState',
    when: 'an attempt of a leased run',
    log: () => logWithRun('leased'),
    events: [event('AttemptStarted', { runId: 'r', attemptId: 'a', number: 1, owner: 'me' })],
  },
  {
    rule: 'attemptWrongState',
    when: 'a wait of a run without an attempt',
    log: () => logWithRun('ready'),
    events: [event('WaitStarted', { runId: 'r', name: 'w', wait: { kind: 'children' } })],
  },
  {
    rule: 'attemptWrongState',
    when: 'a continuation of a ready run',
    log: () => logWithRun('ready'),
    events: [event('RunContinued', { runId: 'r', successorRunId: 'q' })],
  },
  {
    rule: 'attemptOpen',
    when: 'a second open attempt',
    log: () => logWithRun('running'),
    events: [event('AttemptStarted', { runId: 'r', attemptId: 'a', number: 2, owner: 'me' })],
  },
  {
    rule: 'attemptNumber',
    when: 'an attempt out of turn',
    log: () => logWithRun('leased'),
    events: [
      changed('r', 'leased', 'running'),
      event('AttemptStarted', { runId: 'r', attemptId: 'a', number: 2, owner: 'me' }),
    ],
  },
  {
    rule: 'attemptDuplicate',
    when: 'an attempt id used twice',
    log: () => then(logWithRun('retryWait'), changed('r', 'retryWait', 'ready'), ...claimed('r')),
    events: [
      changed('r', 'leased', 'running'),
      event('AttemptStarted', { runId: 'r', attemptId: 'r-a1', number: 2, owner: 'me' }),
    ],
  },
  {
    rule: 'attemptMismatch',
    when: 'the end of another attempt',
    log: () => logWithRun('running'),
    events: [finished('other')],
  },
  {
    rule: 'attemptMismatch',
    when: 'a second end of an attempt',
    log: () => logWithRun('completed'),
    events: [finished()],
  },
  {
    rule: 'attemptMismatch',
    when: 'a step of another attempt',
    log: () => logWithRun('running'),
    events: [event('StepRecorded', { runId: 'r', attemptId: 'x', name: 's' })],
  },
  {
    rule: 'attemptLeftOpen',
    when: 'running left with its attempt open',
    log: () => logWithRun('running'),
    events: [lease('LeaseReleased'), changed('r', 'running', 'completed')],
  },
  {
    rule: 'stepDuplicate',
    when: 'a step name used twice',
    log: () =>
      then(logWithRun('running'), event('StepRecorded', { runId: 'r', attemptId: 'r-a1', name: 's' })),
    events: [event('StepRecorded', { runId: 'r', attemptId: 'r-a1', name: 's', output: payload(1) })],
  },
  {
    rule: 'waitDuplicate',
    when: 'a wait name used twice',
    log: () =>
      then(
        logWithRun('running'),
        event('WaitStarted', { runId: 'r', name: 'w', wait: { kind: 'children' } }),
      ),
    events: [event('WaitStarted', { runId: 'r', name: 'w', wait: { kind: 'children' } })],
  },
  {
    rule: 'waitEnded',
    when: 'a second answer before the wait',
    log: () => then(logWithRun('ready'), event('WaitEnded', { runId: 'r', name: 'w' })),
    events: [event('WaitEnded', { runId: 'r', name: 'w' })],
  },
  {
    rule: 'waitEnded',
    when: 'a second end of a wait',
    log: () =>
      then(
        logWithRun('running'),
        event('WaitStarted', { runId: 'r', name: 'w', wait: { kind: 'children' } }),
        event('WaitEnded', { runId: 'r', name: 'w' }),
      ),
    events: [event('WaitEnded', { runId: 'r', name: 'w' })],
  },
  {
    rule: 'leaseHeld',
    when: 'a lease while one is in force',
    log: () => logWithRun('leased'),
    events: [lease('LeaseAcquired')],
  },
  {
    rule: 'leaseWrongState',
    when: 'a lease of a ready run',
    log: () => logWithRun('ready'),
    events: [lease('LeaseAcquired')],
  },
  {
    rule: 'leaseWrongState',
    when: 'a heartbeat of a ready run',
    log: () => logWithRun('ready'),
    events: [lease('LeaseHeartbeat')],
  },
  {
    rule: 'leaseNotWithClaim',
    when: 'a lease later than the claim',
    log: () => then(logWithRun('ready'), changed('r', 'ready', 'leased')),
    events: [lease('LeaseAcquired')],
  },
  {
    rule: 'leaseMissing',
    when: 'a heartbeat without a lease',
    log: () => then(logWithRun('ready'), changed('r', 'ready', 'leased')),
    events: [lease('LeaseHeartbeat')],
  },
  {
    rule: 'leaseMissing',
    when: 'a release without a lease',
    log: () => then(logWithRun('ready'), changed('r', 'ready', 'leased')),
    events: [lease('LeaseReleased')],
  },
  {
    rule: 'leaseOwnerMismatch',
    when: 'a heartbeat of another owner',
    log: () => logWithRun('running'),
    events: [lease('LeaseHeartbeat', { owner: 'you' })],
  },
  {
    rule: 'leaseOwnerMismatch',
    when: 'a release by another owner',
    log: () => logWithRun('leased'),
    events: [lease('LeaseReleased', { owner: 'you' }), changed('r', 'leased', 'ready')],
  },
  {
    rule: 'leaseExpiryMismatch',
    when: 'an expiry of another lease',
    log: () => logWithRun('leased'),
    events: [lease('LeaseExpired', { expiryAt: EXPIRY_AT + 1 }), changed('r', 'leased', 'ready')],
  },
  {
    rule: 'leaseExpiryRegression',
    when: 'a heartbeat that shortens',
    log: () => logWithRun('running'),
    events: [lease('LeaseHeartbeat', { expiryAt: EXPIRY_AT - 1 })],
  },
  {
    rule: 'leaseKept',
    when: 'leased left with its lease',
    log: () => logWithRun('leased'),
    events: [changed('r', 'leased', 'ready')],
  },
  {
    rule: 'leaseKept',
    when: 'running left with its lease',
    log: () => logWithRun('running'),
    events: [finished(), changed('r', 'running', 'completed')],
  },
  {
    rule: 'leaseDropped',
    when: 'a release that stays leased',
    log: () => logWithRun('leased'),
    events: [lease('LeaseReleased')],
  },
  {
    rule: 'leaseDropped',
    when: 'an expiry that stays running',
    log: () => logWithRun('running'),
    events: [finished(), lease('LeaseExpired')],
  },
  {
    rule: 'pruneNotEnded',
    when: 'pruning a task with an open run',
    log: () => logWithRun('ready'),
    events: [event('TasksPruned', { taskIds: ['t'] })],
  },
  {
    rule: 'pruneNotEnded',
    when: 'pruning a canceled task with an open run',
    log: () => then(logWithRun('ready'), event('TaskCanceled', { taskId: 't' })),
    events: [event('TasksPruned', { taskIds: ['t'] })],
  },
  {
    rule: 'pruneNotEnded',
    when: 'pruning a task that derives more',
    log: withTask,
    events: [event('TasksPruned', { taskIds: ['t'] })],
  },
  {
    rule: 'pruneNotEnded',
    when: 'pruning a run that waits',
    log: () => logWithRun('suspended'),
    events: [event('RunsPruned', { runIds: ['r'] })],
  },
];
