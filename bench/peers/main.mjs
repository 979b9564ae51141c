// `npm run bench:peers -- [--runs n] [--scale x] [--dir folder] [--json]`: Pawl and its peers in one run, on the same
// disk with the same payload. Prints every figure, how many times the peer's it is, and what each peer's
// acknowledgement is worth. Installs the peers into bench/peers/node_modules when they are not there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArguments } from '../../dist-bench/bench/support/arguments.js';
import { measureDisk, typicalDisk } from '../../dist-bench/bench/support/disk.js';
import { describeMachine } from '../../dist-bench/bench/support/machine.js';
import { spread } from '../../dist-bench/bench/support/stats.js';
import { columns, short } from '../../dist-bench/bench/support/table.js';
import { Workspace } from '../../dist-bench/bench/support/workspace.js';
import { redisMissing, startRedis } from './redis.mjs';
import { FIGURES } from './shared.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..');
const args = parseArguments(process.argv.slice(2));
const rounds = [String(args.runs), String(args.scale)];
const missing = [];

function runNode(program, programArgs) {
  const options = { encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'inherit'] };
  const { stdout, status } = spawnSync(process.execPath, [program, ...programArgs], options);
  if (status !== 0) throw new Error(`${path.basename(program)} ended with ${String(status)}`);
  return JSON.parse(stdout);
}

function install() {
  if (existsSync(path.join(here, 'node_modules', 'plainjob'))) return;
  console.error('Installing the peers into bench/peers/node_modules …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
  if (status !== 0)
    throw new Error(
      'npm ci in bench/peers failed, see above; better-sqlite3 is built here and needs a C++ compiler and Python.',
    );
}

function pawl(dir) {
  const names = ['drain', 'submit-one-by-one', 'submit-concurrently', 'idle-latency'];
  const options = ['--json', '--runs', rounds[0], '--scale', rounds[1], '--dir', dir];
  const { benches } = runNode(path.join(root, 'dist-bench', 'bench', 'main.js'), [...names, ...options]);
  const figures = benches.flatMap((bench) => bench.figures);
  return Object.fromEntries(
    FIGURES.map((wanted) => [wanted.key, figures.find(({ name }) => name === wanted.pawl)?.values ?? []]),
  );
}

function plainjob(dir, synchronous) {
  return runNode(path.join(here, 'plainjob.mjs'), [dir, synchronous, ...rounds]);
}

async function bullmq(dir, appendfsync) {
  const redis = await startRedis(dir, appendfsync);
  try {
    return runNode(path.join(here, 'bullmq.mjs'), [String(redis.port), ...rounds]);
  } finally {
    await redis.stop();
  }
}

const contestants = [
  { name: 'Pawl', durable: 'every change', run: pawl },
  { name: 'plainjob, synchronous=FULL', durable: 'every change', run: (dir) => plainjob(dir, 'FULL') },
  {
    name: 'plainjob, synchronous=NORMAL',
    durable: 'not on power loss',
    run: (dir) => plainjob(dir, 'NORMAL'),
  },
  {
    name: 'BullMQ, appendfsync always',
    durable: 'every change',
    run: (dir) => bullmq(dir, 'always'),
    redis: true,
  },
  {
    name: 'BullMQ, appendfsync everysec',
    durable: 'up to 1 s lost',
    run: (dir) => bullmq(dir, 'everysec'),
    redis: true,
  },
];

function cell(values) {
  if (values === undefined || values.length === 0) return '–';
  const { median, min, max } = spread(values);
  return `${short(median)} (${short(min)}–${short(max)})`;
}

/** How many times better Pawl is: more a second, or less time. */
function timesPawl(figure, own, peer) {
  if (peer === undefined || peer.length === 0 || own.length === 0) return '–';
  const ratio = spread(own).median / spread(peer).median;
  return `${short(figure.kind === 'time' ? 1 / ratio : ratio)} ×`;
}

install();
const machine = describeMachine(args.dir);
const workspace = new Workspace(args.dir);
const disks = [];
const results = [];
try {
  for (const { name, durable, run, redis } of contestants) {
    const reason = redis === true ? redisMissing() : undefined;
    if (reason !== undefined) {
      missing.push(`${name}: not measured, ${reason}.`);
      continue;
    }
    if (!args.json) console.error(`${name} …`);
    disks.push(measureDisk(workspace.root));
    results.push({ name, durable, values: await run(workspace.freshDir()) });
  }
} finally {
  workspace.remove();
}
const disk = typicalDisk(disks);
const [own] = results;
const json = JSON.stringify({ machine, dir: args.dir, disk, rounds: args.runs, results, missing }, null, 2);
mkdirSync(path.join(root, 'bench', 'results'), { recursive: true });
writeFileSync(path.join(root, 'bench', 'results', 'peers.json'), `${json}\n`);
if (args.json) console.log(json);
else {
  const head = ['', 'durable', ...FIGURES.map(({ label }) => label)];
  const figures = results.map(({ name, durable, values }) => [
    name,
    durable,
    ...FIGURES.map(({ key }) => cell(values[key])),
  ]);
  const ratios = results
    .slice(1)
    .map(({ name, durable, values }) => [
      name,
      durable,
      ...FIGURES.map((figure) => timesPawl(figure, own.values[figure.key], values[figure.key])),
    ]);
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, ${machine.fileSystem}, Node ${machine.node}, load ${machine.loadBefore}`,
  );
  console.log(
    `Disk: 256 B + fdatasync p50 ${disk.appendP50Ms.toFixed(3)} ms. Medians of ${args.runs} rounds (min–max).\n`,
  );
  console.log(columns([head, ...figures]).join('\n'));
  console.log('\nPawl against each, × better:');
  console.log(columns([head, ...ratios]).join('\n'));
  for (const line of missing) console.log(line);
}
