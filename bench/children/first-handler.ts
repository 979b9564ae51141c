// Opens a data directory that has pending runs and says so as soon as a handler runs; then it is killed by itself.
import { writeSync } from 'node:fs';
import { openOrchestrator } from '../../src/open-orchestrator.js';
import { defineTask } from '../../src/execution/define-task.js';

const [, , dataDir = ''] = process.argv;
const first = defineTask('noop', () => {
  writeSync(1, '1\n');
  process.exit(0);
});
await openOrchestrator({ dataDir, tasks: [first], concurrency: 1, snapshotEveryEvents: 0 });
