// The command line of the bench: names, and a few switches.
import os from 'node:os';

/** What was asked for. */
export interface BenchArguments {
  /** Empty: all. */
  readonly names: readonly string[];
  readonly json: boolean;
  readonly runs: number;
  readonly scale: number;
  readonly count: number | undefined;
  /** Parent of the data directories. */
  readonly dir: string;
  /** Where `--cpu-prof` files go; undefined: none are made. */
  readonly profileDir: string | undefined;
}

/** What `--help` prints. */
export const USAGE = `npm run bench -- [names…] [--json] [--runs n] [--scale x] [--count n] [--dir folder] [--profile folder]
  names      benches to run; none: all of them but soak, which takes an hour
  --json     print JSON instead of tables (both go to bench/results/ in any case)
  --runs     rounds that are measured, after one to warm up; default 3
  --scale    factor on the counts, for a short look; default 1
  --count    how many runs the soak makes; default 10 000 000
  --dir      where the data directories are made: a directory on the disk to be measured; default the temporary one
  --profile  write a CPU profile of each bench into this folder`;

/** Reads the command line. */
export function parseArguments(args: readonly string[]): BenchArguments {
  const names: string[] = [];
  const values = new Map<string, string>();
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '--json') json = true;
    else if (arg.startsWith('--')) values.set(arg, args[++at] ?? '');
    else names.push(arg);
  }
  const number = (name: string, fallback: number): number => {
    const value = values.has(name) ? Number(values.get(name)) : fallback;
    if (!(value > 0)) throw new Error(`${name} needs a number above 0.\n${USAGE}`);
    return value;
  };
  const known = ['--runs', '--scale', '--count', '--dir', '--profile'];
  const unknown = [...values.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is not an option.\n${USAGE}`);
  return {
    names,
    json,
    runs: Math.ceil(number('--runs', 3)),
    scale: number('--scale', 1),
    count: values.has('--count') ? Math.ceil(number('--count', 1)) : undefined,
    dir: values.get('--dir') ?? os.tmpdir(),
    profileDir: values.get('--profile'),
  };
}
