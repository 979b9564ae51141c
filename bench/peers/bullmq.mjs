// BullMQ against a Redis that `main.mjs` has started. Client, worker and server share the machine.
// Arguments: port of Redis, rounds, scale.
import { Queue, Worker } from 'bullmq';
import * as shared from './shared.mjs';

const [, , port, roundsText, scaleText] = process.argv;
const rounds = Number(roundsText);
const scaled = (count) => Math.max(1, Math.round(count * Number(scaleText)));
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const BULK = 1_000;
let made = 0;

async function withQueue(work) {
  const name = `bench-${String(made++)}`;
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  try {
    return await work(queue, name);
  } finally {
    await queue.obliterate({ force: true });
    await queue.close();
  }
}

async function addBulk(queue, count) {
  const inputs = shared.jobInputs(count);
  for (let at = 0; at < count; at += BULK) {
    await queue.addBulk(inputs.slice(at, at + BULK).map((data) => ({ name: 'noop', data })));
  }
}

function drain(inFlight) {
  return withQueue(async (queue, name) => {
    const jobs = scaled(shared.DRAIN_JOBS);
    await addBulk(queue, jobs);
    const worker = new Worker(name, async () => {}, { connection, concurrency: inFlight, autorun: false });
    await worker.waitUntilReady();
    let done = 0;
    const all = new Promise((resolve) => {
      worker.on('completed', () => {
        if (++done === jobs) resolve();
      });
    });
    const ms = await shared.timed(async () => {
      void worker.run();
      await all;
    });
    await worker.close();
    return shared.perSecond(jobs, ms);
  });
}

function submits() {
  return withQueue(async (queue) => {
    const few = scaled(shared.ONE_BY_ONE_JOBS);
    const one = await shared.timed(async () => {
      for (let index = 0; index < few; index++) await queue.add('noop', shared.jobInput(index));
    });
    const many = scaled(shared.MANY_JOBS);
    const concurrent = await shared.timed(() =>
      shared.concurrently(many, shared.SUBMITTERS, (index) => queue.add('noop', shared.jobInput(index))),
    );
    const bulk = await shared.timed(() => addBulk(queue, many));
    return {
      one: shared.perSecond(few, one),
      concurrent: shared.perSecond(many, concurrent),
      bulk: shared.perSecond(many, bulk),
    };
  });
}

function idleLatency() {
  return withQueue(async (queue, name) => {
    let startedAt = 0;
    const starts = [];
    const worker = new Worker(
      name,
      async () => {
        startedAt = performance.now();
        starts.shift()?.();
      },
      { connection },
    );
    await worker.waitUntilReady();
    const latencies = [];
    for (let index = 0; index < scaled(shared.LATENCY_JOBS); index++) {
      const started = new Promise((resolve) => starts.push(resolve));
      const before = performance.now();
      await queue.add('noop', shared.jobInput(index));
      await started;
      latencies.push(startedAt - before);
      await shared.rest(2);
    }
    await worker.close();
    return shared.quantile(latencies, 0.5);
  });
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
