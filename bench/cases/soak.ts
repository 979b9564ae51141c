// Claim: with pruning and retention on, memory and disk stay flat over 10 000 000 runs, while segments rotate, snapshots
// are taken and old segments are deleted. It prints a line for every twentieth of the runs; `--count` makes it shorter.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { LogFields, Logger } from '../../src/logger.js';
import { openOrchestrator } from '../../src/open-orchestrator.js';
import type { OrchestratorOptions } from '../../src/options.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import type { Bench, Figure } from '../support/figure.js';
import { settledHeapMiB } from '../support/heap.js';
import { jobInput } from '../support/payload.js';
import { bytesUnder, JOB_TYPE, noop } from '../support/pawl.js';
import { perSecond, rest } from '../support/rounds.js';
import { quantile, spread } from '../support/stats.js';

const RUNS = 10_000_000;
const LINES = 20;
const SUBMITTERS = 64;
/** Submitters wait while so many runs have not ended. */
const MAX_PENDING = 5_000;
const KEEP_NEWEST = 50_000;
/** Part of the lines after which everything has its size. */
const SETTLED = 0.4;
const MIB = 2 ** 20;
const NS_PER_MS = 1e6;

/** What a part of the soak came to; the keys are the heads of the columns. */
type Sample = Readonly<Record<(typeof COLUMNS)[number], number>>;

const COLUMNS = [
  'runs',
  'kept',
  'runs/s',
  'rss MiB',
  'heap MiB',
  'log MiB',
  'segments',
  'removed',
  'snapshots',
  'commit p50 ms',
  'p99 ms',
  'loop p99 ms',
  'max ms',
] as const;

/** Memory and disk over many runs. */
export const soak: Bench = {
  name: 'soak',
  claim: 'memory and disk are flat over 10 000 000 runs with pruning and retention on',
  onDemand: true,
  async run({ freshDir, scaled, count }) {
    const runs = count ?? scaled(RUNS);
    const dataDir = freshDir();
    const told = new Map<string, number>();
    const pawl = await openOrchestrator({ ...optionsOf(dataDir, runs), logger: counting(told) });
    const samples: Sample[] = [];
    print(COLUMNS);
    await submitAll(pawl, runs, (part) => {
      const sample = look({ pawl, dataDir, told, part });
      samples.push(sample);
      print(COLUMNS.map((name) => sample[name].toFixed(name.includes('ms') ? 2 : 0)));
    });
    await pawl.idle();
    const began = performance.now();
    await pawl.close();
    const closedMs = performance.now() - began;
    const again = await openOrchestrator({ ...optionsOf(dataDir, runs), prune: { keepNewest: 0 } });
    const { recoveryDurationSeconds } = again.report;
    await again.close();
    return figuresOf(samples, told, { closedMs, startMs: recoveryDurationSeconds * 1_000 });
  },
};

function optionsOf(dataDir: string, runs: number): OrchestratorOptions {
  return {
    dataDir,
    tasks: [noop],
    concurrency: 200,
    // A short soak rotates and takes snapshots as often as a long one, in smaller pieces.
    snapshotEveryEvents: Math.max(50_000, Math.min(1_000_000, Math.round(runs / 2))),
    limits: { segmentBytes: Math.max(2 * MIB, Math.min(64 * MIB, Math.round(runs * 32))) },
    retention: 'delete',
    prune: { keepNewest: KEEP_NEWEST, everyMs: 1_000 },
  };
}

/** A logger that only counts its lines, by their text; warnings are shown. */
function counting(told: Map<string, number>): Logger {
  const count = (_fields: LogFields, message: string): void => {
    told.set(message, (told.get(message) ?? 0) + 1);
  };
  const show = (fields: LogFields, message: string): void => {
    count(fields, message);
    console.log(message, fields);
  };
  return { debug: () => undefined, info: count, warn: show, error: show };
}

interface Part {
  readonly submitted: number;
  readonly latenciesMs: readonly number[];
  readonly ms: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

/** Submits one by one, a few at a time; tells of each part of the runs. */
async function submitAll(pawl: Orchestrator, runs: number, onPart: (part: Part) => void): Promise<void> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  const every = Math.max(1, Math.floor(runs / LINES));
  let submitted = 0;
  let latenciesMs: number[] = [];
  let began = performance.now();
  const submitter = async (): Promise<void> => {
    while (submitted < runs) {
      if (pawl.projections.runs.nonTerminal > MAX_PENDING) {
        await rest(5);
        continue;
      }
      const index = submitted++;
      const start = performance.now();
      await pawl.submit(JOB_TYPE, jobInput(index));
      latenciesMs.push(performance.now() - start);
      if ((index + 1) % every !== 0) continue;
      const ms = performance.now() - began;
      const delay = { loopP99Ms: histogram.percentile(99) / NS_PER_MS, loopMaxMs: histogram.max / NS_PER_MS };
      onPart({ submitted: index + 1, latenciesMs, ms, ...delay });
      // What looking costs, the collections among it, is no part of the next figures.
      await rest(50);
      latenciesMs = [];
      histogram.reset();
      began = performance.now();
    }
  };
  await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
  histogram.disable();
}

interface Seen {
  readonly pawl: Orchestrator;
  readonly dataDir: string;
  readonly told: ReadonlyMap<string, number>;
  readonly part: Part;
}

function look({ pawl, dataDir, told, part }: Seen): Sample {
  const { submitted, latenciesMs, ms, loopP99Ms, loopMaxMs } = part;
  const wal = path.join(dataDir, 'wal');
  return {
    runs: submitted,
    kept: pawl.projections.runs.count,
    'runs/s': perSecond(latenciesMs.length, ms),
    'rss MiB': process.memoryUsage.rss() / MIB,
    'heap MiB': settledHeapMiB(),
    'log MiB': bytesUnder(wal) / MIB,
    segments: readdirSync(wal).length,
    removed: told.get('segment removed') ?? 0,
    snapshots: told.get('snapshot written') ?? 0,
    'commit p50 ms': quantile(latenciesMs, 0.5),
    'p99 ms': quantile(latenciesMs, 0.99),
    'loop p99 ms': loopP99Ms,
    'max ms': loopMaxMs,
  };
}

function print(cells: readonly string[]): void {
  console.log(cells.map((cell, index) => cell.padStart(COLUMNS[index]?.length ?? 0).padStart(9)).join(' '));
}

/** The later lines against the first of them: what grows shows there. */
function figuresOf(
  samples: readonly Sample[],
  told: ReadonlyMap<string, number>,
  { closedMs, startMs }: { readonly closedMs: number; readonly startMs: number },
): Figure[] {
  const settled = samples.slice(Math.floor(samples.length * SETTLED));
  const of = (name: keyof Sample): number[] => settled.map((sample) => sample[name]);
  const growth = (name: keyof Sample): number[] => {
    const half = Math.ceil(settled.length / 2);
    const early = spread(settled.slice(0, half).map((sample) => sample[name]));
    const late = spread(settled.slice(-half).map((sample) => sample[name]));
    return [late.median / early.median];
  };
  const ratio = { kind: 'ratio', unit: '×' } as const;
  const ms = { kind: 'time', unit: 'ms' } as const;
  const bytes = { kind: 'bytes', unit: 'MiB' } as const;
  const written = String(told.get('snapshot written') ?? 0);
  const removed = String(told.get('segment removed') ?? 0);
  return [
    { name: 'heap, later half ÷ earlier half', ...ratio, values: growth('heap MiB'), goal: { atMost: 1.1 } },
    { name: 'rss, later half ÷ earlier half', ...ratio, values: growth('rss MiB'), goal: { atMost: 1.1 } },
    { name: 'log, later half ÷ earlier half', ...ratio, values: growth('log MiB') },
    { name: 'heap after collections', ...bytes, values: of('heap MiB') },
    { name: 'rss', ...bytes, values: of('rss MiB') },
    {
      name: 'log',
      ...bytes,
      values: of('log MiB'),
      note: `${written} snapshots, ${removed} segments removed`,
    },
    { name: 'runs', kind: 'rate', unit: 'runs/s', values: of('runs/s') },
    { name: 'commit p50', ...ms, values: of('commit p50 ms') },
    { name: 'commit p99', ...ms, values: of('p99 ms') },
    { name: 'loop delay p99', ...ms, values: of('loop p99 ms') },
    { name: 'loop delay max', ...ms, values: of('max ms') },
    { name: 'close, with its snapshot', ...ms, values: [closedMs] },
    { name: 'recovery at the next start', ...ms, values: [startMs] },
  ];
}
