// Says how many bytes of heap one pending run and one completed run cost, payload not counted.
import { openOrchestrator } from '../../src/open-orchestrator.js';
import { settledHeapBytes } from '../support/heap.js';
import { noop, openIdle, submitJobs } from '../support/pawl.js';
import { PAYLOAD_BYTES } from '../support/payload.js';
import { rest } from '../support/rounds.js';

const IN_FLIGHT = 1_000;
const SETTLE_MS = 100;
const WARM_UP_RUNS = 30_000;
const [, , dataDir = '', count = '0'] = process.argv;
const runs = Number(count);
const kindByte = 1;

/** Heap of an open engine with nothing in flight, after the code that fills it has been compiled. */
async function settled(): Promise<number> {
  await rest(SETTLE_MS);
  return settledHeapBytes();
}

/** The heap the state of a directory costs: open it, look, close it, look again. */
async function costOf(dir: string): Promise<number> {
  const pawl = await openIdle(dir);
  const open = await settled();
  await pawl.close();
  return open;
}

async function fill(): Promise<number> {
  const idle = await openIdle(dataDir);
  // In lists as long as those that follow, so that the writer's buffers have their size before the count begins.
  await submitJobs(idle, WARM_UP_RUNS);
  const before = await settled();
  await submitJobs(idle, runs, WARM_UP_RUNS);
  const after = await settled();
  await idle.close();
  return (after - before) / runs - PAYLOAD_BYTES;
}

async function completeAll(): Promise<void> {
  const pawl = await openOrchestrator({
    dataDir,
    tasks: [noop],
    concurrency: IN_FLIGHT,
    snapshotEveryEvents: 0,
  });
  await pawl.idle();
  await pawl.close();
}

const pending = await fill();
await completeAll();
const none = await settled();
const full = await costOf(dataDir);
const completed = (full - none) / (runs + WARM_UP_RUNS) - PAYLOAD_BYTES;
console.log(JSON.stringify({ pending, completed, payloadBytes: PAYLOAD_BYTES + kindByte }));
