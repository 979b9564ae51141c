// An orchestrator whose log is in files on the simulated disk, so that a test can hold its fsyncs and count them.
import { FileBackend } from '../../../src/journal/file-backend.js';
import { FaultyStorage } from '../../../src/testing/faulty-storage.js';
import type { TestOrchestrator, TestOrchestratorOptions } from '../../../src/testing/test-orchestrator.js';
import { openTest } from '../../support/engine.js';

/** An orchestrator on the simulated disk. */
export interface OnFaultyStorage {
  readonly kit: TestOrchestrator;
  readonly storage: FaultyStorage;
  /** fsyncs of the log since the last call, or since it was opened. */
  readonly fsyncs: () => number;
}

/** Opens an orchestrator on the simulated disk. */
export async function openOnFaultyStorage(options: TestOrchestratorOptions): Promise<OnFaultyStorage> {
  const storage = new FaultyStorage();
  const kit = await openTest({ ...options, backend: new FileBackend(storage, '/data') });
  await kit.clock.settle();
  let counted = storage.counts.datasync;
  return {
    kit,
    storage,
    fsyncs() {
      const before = counted;
      counted = storage.counts.datasync;
      return counted - before;
    },
  };
}
