// Every bench by name, in the order in which a run makes them.
import type { Bench } from './support/figure.js';
import { drain } from './cases/drain.js';
import { idleLatency } from './cases/idle-latency.js';
import { oneMoreRun } from './cases/one-more-run.js';
import { recoverEvents } from './cases/recover-events.js';
import { runMemory } from './cases/run-memory.js';
import { snapshotSoak } from './cases/snapshot-soak.js';
import { soak } from './cases/soak.js';
import { startFromSnapshot } from './cases/start-from-snapshot.js';
import { submitConcurrently } from './cases/submit-concurrently.js';
import { submitOneByOne } from './cases/submit-one-by-one.js';
import { watchedRuns } from './cases/watched-runs.js';

/** The benches. */
export const BENCHES: readonly Bench[] = [
  drain,
  submitOneByOne,
  submitConcurrently,
  idleLatency,
  recoverEvents,
  startFromSnapshot,
  runMemory,
  oneMoreRun,
  watchedRuns,
  snapshotSoak,
  soak,
];

/** Programs that print their own figures: parts measured alone. */
export const PROGRAMS: readonly string[] = ['codec', 'memory', 'write-path'];
