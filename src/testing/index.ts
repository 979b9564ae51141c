// The test kit: `pawl/testing`.
export { ManualClock } from './manual-clock.js';
export type { ManualClockOptions, QuietProbe } from './manual-clock.js';
export { seededRandom, testOrchestrator } from './test-orchestrator.js';
export type { TestOrchestrator, TestOrchestratorOptions } from './test-orchestrator.js';
export { MemoryBackend } from '../journal/memory-backend.js';
export { FaultyStorage, SimulatedErrno } from './faulty-storage.js';
export type { Fault, FaultPlan, FaultyStorageOptions, StorageOperation } from './faulty-storage.js';
export { given } from './given.js';
export type {
  Decided,
  EventDraft,
  Expected,
  GivenCommit,
  GivenOptions,
  GivenState,
  WhenDecided,
} from './given.js';
