// What the way of a batch to the disk costs, in one run: growing files against space written ahead, and three ways to
// call the system (both calls in the thread pool; the write here and the fsync there; both here). The calls one after
// the other show the latency, and how long each held the event loop. Arguments: samples a round (1 500), folder.
import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync, write, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { median, quantile } from './support/stats.js';
import { Workspace } from './support/workspace.js';

const ROUNDS = 5;
const SIZES = [256, 65_536] as const;
const MAX_FILE_BYTES = 64 * 2 ** 20;
/** Zeros are written ahead in steps of this. */
const AHEAD_BYTES = 2 ** 20;

const writeAsync = promisify(write);
const fdatasyncAsync = promisify(fdatasync);

type Persist = (fd: number, bytes: Buffer, position: number) => Promise<number>;

/** Each gives the milliseconds for which the event loop was held. */
const WAYS: Readonly<Record<string, Persist>> = {
  'pool, pool': async (fd, bytes, position) => {
    await writeAsync(fd, bytes, 0, bytes.length, position);
    await fdatasyncAsync(fd);
    return 0;
  },
  'here, pool': async (fd, bytes, position) => {
    const start = performance.now();
    writeSync(fd, bytes, 0, bytes.length, position);
    const held = performance.now() - start;
    await fdatasyncAsync(fd);
    return held;
  },
  'here, here': (fd, bytes, position) => {
    const start = performance.now();
    writeSync(fd, bytes, 0, bytes.length, position);
    fdatasyncSync(fd);
    return Promise.resolve(performance.now() - start);
  },
};

interface Measured {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly held99: number;
}

async function measure(
  file: string,
  persist: Persist,
  bytes: number,
  ahead: number,
  samples: number,
): Promise<Measured> {
  const fd = openSync(file, 'w');
  const batch = Buffer.alloc(bytes, 0x61);
  const zeros = Buffer.alloc(ahead);
  const count = Math.min(samples, MAX_FILE_BYTES / bytes);
  const times: number[] = [];
  const held: number[] = [];
  let allocated = 0;
  try {
    const begun = performance.now();
    for (let index = 0; index < count; index++) {
      const start = performance.now();
      const position = index * bytes;
      if (ahead > 0 && position + bytes > allocated) {
        await writeAsync(fd, zeros, 0, ahead, allocated);
        allocated += ahead;
      }
      held.push(await persist(fd, batch, position));
      times.push(performance.now() - start);
    }
    const took = performance.now() - begun;
    fsyncSync(fd);
    return {
      rate: (count * 1000) / took,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      held99: quantile(held, 0.99),
    };
  } finally {
    closeSync(fd);
  }
}

const samples = Number(process.argv[2] ?? 1_500);
const workspace = new Workspace(process.argv[3] ?? os.tmpdir());
try {
  for (const bytes of SIZES) {
    const gathered = new Map<string, Measured[]>();
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [way, persist] of Object.entries(WAYS)) {
        for (const ahead of [0, AHEAD_BYTES]) {
          const name = `${way}, ${ahead === 0 ? 'growing' : 'written ahead'}`;
          const file = path.join(workspace.freshDir(), 'log');
          const measured = await measure(file, persist, bytes, ahead, samples);
          // The first round warms up.
          if (round > 0) gathered.set(name, [...(gathered.get(name) ?? []), measured]);
        }
      }
    }
    console.log(
      `\n${String(bytes)} bytes a batch, ${String(samples)} batches, medians of ${String(ROUNDS)} rounds (min–max)`,
    );
    const base = median((gathered.get('here, here, growing') ?? []).map(({ rate }) => rate));
    for (const [name, rounds] of gathered) {
      const rates = rounds.map(({ rate }) => rate);
      const of = (key: keyof Measured): string => median(rounds.map((one) => one[key])).toFixed(3);
      const range = `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`;
      console.log(
        `${name.padEnd(26)} ${median(rates).toFixed(0).padStart(6)}/s (${range}) ${(median(rates) / base).toFixed(2)} × | p50 ${of('p50')} ms, p99 ${of('p99')} ms, loop held p99 ${of('held99')} ms`,
      );
    }
  }
} finally {
  workspace.remove();
}
