// The test kit: `pawl/testing`.
export { ManualClock } from './manual-clock.js';
export type { ManualClockOptions, QuietProbe } from './manual-clock.js';
export { seededRandom, testOrchestrator } from './test-orchestrator.js';
export type { TestOrchestrator, TestOrchestratorOptions } from './test-orchestrator.js';
export { MemoryBackend } from '../journal/memory-backend.js';
