// Opens a data directory that has pending runs, says as soon as a handler runs how long each step took since the
// process began, and is gone. It loads the package as it is published, by its name, as an application does.
import { writeSync } from 'node:fs';
import { defineTask, openOrchestrator, type StartReport } from 'pawl';

const loadedMs = performance.now();
const [, , dataDir = ''] = process.argv;
const opened: { report?: StartReport; ms: number } = { ms: 0 };

function stepsOf(handlerMs: number): Record<string, number> {
  const { report } = opened;
  if (report === undefined) return {};
  const { recoveryDurationSeconds, stepsMs, sweeps } = report;
  const { snapshot = 0, replay = 0 } = stepsMs;
  const recoveryMs = recoveryDurationSeconds * 1_000;
  const sweptMs = sweeps.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return {
    'Node and modules': loadedMs,
    'lock and log': recoveryMs - snapshot - replay,
    snapshot,
    tail: replay,
    ...Object.fromEntries(sweeps.map(({ name, durationMs }) => [`sweep ${name}`, durationMs])),
    'epoch, queues and the rest of the opening': opened.ms - loadedMs - recoveryMs - sweptMs,
    'first claim': handlerMs - opened.ms,
  };
}

const first = defineTask('noop', () => {
  const handlerMs = performance.now();
  writeSync(1, `${JSON.stringify({ steps: stepsOf(handlerMs) })}\n`);
  process.exit(0);
});
const pawl = await openOrchestrator({ dataDir, tasks: [first], concurrency: 1, snapshotEveryEvents: 0 });
opened.ms = performance.now();
opened.report = pawl.report;
