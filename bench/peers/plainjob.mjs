// plainjob on better-sqlite3, `synchronous` as it is told: FULL fsyncs at every commit, NORMAL at checkpoints only.
// Arguments: data directory, FULL or NORMAL, rounds, scale.
import path from 'node:path';
import Database from 'better-sqlite3';
import { better, defineQueue, defineWorker } from 'plainjob';
import * as shared from './shared.mjs';

const [, , dataDir, synchronous, roundsText, scaleText] = process.argv;
const rounds = Number(roundsText);
const scaled = (count) => Math.max(1, Math.round(count * Number(scaleText)));
const silent = { error: console.error, warn() {}, info() {}, debug() {} };
let made = 0;

function openQueue() {
  const db = new Database(path.join(dataDir, `${made++}.db`));
  const queue = defineQueue({ connection: better(db), logger: silent });
  // defineQueue sets NORMAL; what is asked for comes after it.
  db.pragma(`synchronous = ${synchronous}`);
  return queue;
}

async function drain(inFlight) {
  const jobs = scaled(shared.DRAIN_JOBS);
  const queue = openQueue();
  queue.addMany('noop', shared.jobInputs(jobs));
  let done = 0;
  let finished = () => {};
  const all = new Promise((resolve) => (finished = resolve));
  const onCompleted = () => {
    if (++done === jobs) finished();
  };
  const workers = Array.from({ length: inFlight }, () =>
    defineWorker('noop', (job) => void JSON.parse(job.data), { queue, logger: silent, onCompleted }),
  );
  const ms = await shared.timed(async () => {
    for (const worker of workers) void worker.start();
    await all;
  });
  await Promise.all(workers.map((worker) => worker.stop()));
  queue.close();
  return shared.perSecond(jobs, ms);
}

async function submits() {
  const queue = openQueue();
  const few = scaled(shared.ONE_BY_ONE_JOBS);
  const one = await shared.timed(async () => {
    for (let index = 0; index < few; index++) queue.add('noop', shared.jobInput(index));
  });
  const many = scaled(shared.MANY_JOBS);
  const inputs = shared.jobInputs(many);
  const bulk = await shared.timed(async () => {
    for (let at = 0; at < many; at += 10_000) queue.addMany('noop', inputs.slice(at, at + 10_000));
  });
  queue.close();
  return { one: shared.perSecond(few, one), bulk: shared.perSecond(many, bulk) };
}

async function idleLatency() {
  const queue = openQueue();
  let startedAt = 0;
  const starts = [];
  const worker = defineWorker(
    'noop',
    () => {
      startedAt = performance.now();
      starts.shift()?.();
    },
    { queue, logger: silent, pollIntervall: 1 },
  );
  void worker.start();
  const latencies = [];
  for (let index = 0; index < scaled(shared.LATENCY_JOBS); index++) {
    const started = new Promise((resolve) => starts.push(resolve));
    const before = performance.now();
    queue.add('noop', shared.jobInput(index));
    await started;
    latencies.push(startedAt - before);
    await shared.rest(2);
  }
  await worker.stop();
  queue.close();
  return shared.quantile(latencies, 0.5);
}

const valuesOf = await shared.inRounds(rounds, async () => ({
  ...(await submits()),
  drain1: await drain(1),
  drain10: await drain(10),
  drain100: await drain(100),
  idleP50: await idleLatency(),
}));
shared.answer(Object.fromEntries(shared.FIGURES.map(({ key }) => [key, valuesOf(key)])));
process.exit(0);
