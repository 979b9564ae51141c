// `npm run bench`: runs every bench in a process of its own and prints its figures, each with its claim, the machine,
// the Node version and the disk's own write + fdatasync from the same run. Results also go to bench/results/.
import { fork, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BENCHES, PROGRAMS } from './registry.js';
import { parseArguments, USAGE, type BenchArguments } from './support/arguments.js';
import { typicalDisk } from './support/disk.js';
import { keeps, type BenchResult } from './support/figure.js';
import { describeMachine } from './support/machine.js';
import { median } from './support/stats.js';
import { benchTable, diskRatio } from './support/table.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
/** Sources are compiled to dist-bench/bench; results belong beside the sources. */
const RESULTS = path.join(HERE, '..', '..', 'bench', 'results');

function runBench(name: string, args: BenchArguments): Promise<BenchResult> {
  return new Promise((resolve, reject) => {
    const profile = args.profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${args.profileDir}`];
    const child = fork(
      path.join(HERE, 'run-one.js'),
      [name, args.dir, String(args.runs), String(args.scale), String(args.count ?? '')],
      {
        execArgv: ['--expose-gc', ...profile],
      },
    );
    let result: BenchResult | undefined;
    child.once('message', (message) => {
      result = message as BenchResult;
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (result === undefined)
        reject(new Error(`The bench ${name} ended with ${String(code)} and without figures.`));
      else resolve(result);
    });
  });
}

/** A program prints what it measured; undefined when there is none of that name. */
function runProgram(name: string): string | undefined {
  const file = path.join(HERE, `${name}.js`);
  if (!existsSync(file)) return undefined;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', file], { encoding: 'utf8' });
  return status === 0 ? stdout : `failed: ${stderr}`;
}

function withRatios(result: BenchResult): object {
  const figures = result.figures.map((figure) => {
    const middle = median(figure.values);
    return {
      ...figure,
      median: middle,
      min: Math.min(...figure.values),
      max: Math.max(...figure.values),
      timesDisk: diskRatio(figure, result.disk),
      targetMet: figure.target === undefined ? undefined : keeps(figure.target, middle),
      goalMet: figure.goal === undefined ? undefined : keeps(figure.goal, middle),
    };
  });
  return { ...result, figures };
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const args = parseArguments(argv);
  const everything = [...BENCHES.map((bench) => bench.name), ...PROGRAMS];
  const unknown = args.names.find((name) => !everything.includes(name));
  if (unknown !== undefined)
    throw new Error(`No bench is named ${unknown}; there are ${everything.join(', ')}.`);
  const usual = [...BENCHES.filter(({ onDemand }) => onDemand !== true).map(({ name }) => name), ...PROGRAMS];
  const wanted = args.names.length === 0 ? usual : args.names;
  const say = (text: string): void => {
    if (!args.json) console.log(text);
  };
  const machine = describeMachine(args.dir);
  say(
    `${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, ${machine.kernel}, ${machine.fileSystem}, Node ${machine.node}, load ${String(machine.loadBefore)}`,
  );
  const results: BenchResult[] = [];
  const printed: Record<string, string> = {};
  for (const name of wanted) {
    if (PROGRAMS.includes(name)) {
      const text = runProgram(name);
      if (text === undefined) continue;
      printed[name] = text;
      say(`\n${name}:\n${text.trimEnd()}`);
    } else {
      const result = await runBench(name, args);
      results.push(result);
      say(benchTable(result));
    }
  }
  const disk = results.length === 0 ? undefined : typicalDisk(results.map((result) => result.disk));
  if (disk !== undefined) {
    say(
      `\nDisk in ${args.dir}: 256 B + fdatasync p50 ${disk.appendP50Ms.toFixed(3)} ms (p99 ${disk.appendP99Ms.toFixed(3)}), into written space p50 ${disk.preallocatedP50Ms.toFixed(3)} ms.`,
    );
    say(
      '× disk: how many a fdatasync (rates), how many fdatasyncs long (times), by the disk measured around each bench.',
    );
  }
  const json = JSON.stringify(
    { machine, dir: args.dir, disk, benches: results.map(withRatios), printed },
    null,
    2,
  );
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(path.join(RESULTS, 'latest.json'), `${json}\n`);
  if (args.json) console.log(json);
}

await main();
