// Opens a data directory once, without handlers, and says how long recovery took and what the heap came to.
import { openOrchestrator } from '../../src/open-orchestrator.js';
import { heapMiB, settledHeapMiB } from '../support/heap.js';

const SAMPLE_MS = 20;
const [, , dataDir = ''] = process.argv;
let peakMiB = 0;
const sampler = setInterval(() => {
  peakMiB = Math.max(peakMiB, heapMiB());
}, SAMPLE_MS);
const start = performance.now();
const pawl = await openOrchestrator({ dataDir, snapshotEveryEvents: 0 });
const openMs = performance.now() - start;
clearInterval(sampler);
peakMiB = Math.max(peakMiB, heapMiB());
const { recoveryDurationSeconds, eventsAppliedTotal } = pawl.report;
const liveMiB = settledHeapMiB();
console.log(
  JSON.stringify({
    recoverySeconds: recoveryDurationSeconds,
    openMs,
    events: eventsAppliedTotal,
    peakMiB,
    liveMiB,
  }),
);
await pawl.close();
