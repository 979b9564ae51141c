// The public door: every export by name. A test pins the list.
export { openOrchestrator } from './open-orchestrator.js';
export { Orchestrator } from './orchestrator.js';
export type {
  CancelTaskOptions,
  CloseOptions,
  ReasonOptions,
  RetryRunOptions,
  TaskOrType,
} from './orchestrator.js';
export type { SubmitItem, SubmitManyOptions, SubmitOutcome } from './submissions.js';
export type { OrchestratorOptions } from './options.js';
export type { CheckReport, RejectedSnapshot, RepairReport, StartReport } from './start-report.js';
export type { SweepReport } from './scheduling/sweeps/sweep.js';
export type { IdleReason, IdleReasonKind, IdleReport } from './scheduling/idle.js';
export { VERSION } from './version.js';

export { defineTask } from './execution/define-task.js';
export type { AnyTaskDefinition, Handler, TaskDefinition } from './execution/define-task.js';
export { HandlerContext } from './execution/handler-context.js';

export { ERROR_CODES, PawlError, TerminalError, isPawlError } from './errors.js';
export type { ErrorCode, ErrorData } from './errors.js';

export { runMachine } from './machines/run-machine.js';
export type { RunMachineContext, RunMachineEvent } from './machines/run-machine.js';
export { isValidTransition, validTransitions } from './machines/transition-table.js';
export { journalMachine } from './machines/journal-machine.js';
export { orchestratorMachine } from './machines/orchestrator-machine.js';
export { RUN_STATES, isTerminal } from './domain/run-state.js';
export type { RunState } from './domain/run-state.js';

export { decodePayload, encodePayload, payloadText } from './domain/payload.js';
export type { JsonValue, Payload, PayloadLimits } from './domain/payload.js';
export { DEFAULT_LIMITS } from './domain/limits.js';
export type { Limits } from './domain/limits.js';
export { EVENT_TYPES } from './domain/events.js';
export type {
  Commit,
  CommitHeader,
  CommitOrigin,
  EventFields,
  EventType,
  PawlEvent,
} from './domain/events.js';
export type {
  BackoffInput,
  CommandOptions,
  ConstraintsInput,
  MetadataInput,
  PolicyInput,
  Submission,
  SubmitOptions,
} from './domain/submission.js';
export type {
  Backoff,
  BudgetAllocation,
  Constraints,
  Jitter,
  KeyHold,
  Misfire,
  Overlap,
  Policy,
  Safety,
  TaskMetadata,
  TaskSpec,
} from './domain/task.js';
export type {
  AttemptRecord,
  AttemptResult,
  ErrorRecord,
  HistoryEntry,
  LeaseRecord,
  RunRecord,
  SignalRecord,
  StepRecord,
  WaitRecord,
  WaitSpec,
} from './domain/run.js';
export type {
  ActorRecord,
  BudgetRecord,
  CommandRecord,
  DependencyRecord,
  EngineRecord,
  GrantRecord,
  LedgerRecord,
  RoleRecord,
  SubscriptionFilter,
  SubscriptionRecord,
  TaskCounts,
  TaskRecord,
  TenantRecord,
} from './domain/nouns.js';
export type { Changed, Retried } from './decisions/runs.js';
export type { PruneArgs, Pruned } from './decisions/prune.js';

export type { Clock, IdSource, RandomSource, TimerHandle } from './clock.js';
export type { LogFields, Logger } from './logger.js';
export { EventStream } from './observe/event-stream.js';
export type { EventsOptions } from './observe/event-stream.js';
export { RunView } from './observe/run-view.js';
export { TaskView } from './observe/task-view.js';
export type { InspectOption, LiveActorsOption } from './observe/actor-system.js';
export type { PublicProjections } from './projections/public-projections.js';
export type { JournalBackend } from './journal/journal-backend.js';
export type { RepairPolicy } from './journal/repair-policy.js';
export { sweepContinuedRuns } from './scheduling/sweeps/continued-runs.js';
export type { StartupRecoveryContext } from './scheduling/sweeps/continued-runs.js';
