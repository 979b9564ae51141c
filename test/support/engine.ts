// The fixture of the acceptance tests: an orchestrator on files in a temporary directory, on a manual clock, closed
// and removed when the test ends.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { ManualClock } from '../../src/testing/manual-clock.js';
import {
  testOrchestrator,
  type TestOrchestrator,
  type TestOrchestratorOptions,
} from '../../src/testing/test-orchestrator.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** A temporary directory that is removed when the test ends. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pawl-test-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Has `clean` called when the test ends. */
export function onTestEnd(clean: () => Promise<void>): void {
  cleanups.push(clean);
}

/** Opens an orchestrator for one test. Closing it, also after `restart` and `crash`, is not the test's business. */
export async function openTest(options: TestOrchestratorOptions = {}): Promise<TestOrchestrator> {
  const backend = options.backend === undefined ? { dataDir: join(await temporaryDirectory(), 'data') } : {};
  // A guard against hanging only: a loaded machine may take its time to settle.
  const clock = options.clock ?? new ManualClock({ settleMs: 120_000 });
  return closing(await testOrchestrator({ ...backend, ...options, clock }));
}

function closing(opened: TestOrchestrator): TestOrchestrator {
  cleanups.push(() => opened.pawl.close({ drainMs: 0 }));
  return {
    ...opened,
    restart: async (options) => closing(await opened.restart(options)),
    crash: async (options) => closing(await opened.crash(options)),
  };
}
