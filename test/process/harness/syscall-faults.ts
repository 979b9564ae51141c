// System calls that fail, one at a time: a short life under strace, in which the n-th call of a kind on the files of the
// data directory returns an error, for every n until none is left to fail. What was acknowledged must be there at
// the next opening, every refusal must have a code, and nothing may hang or die of a signal.
import { appendFileSync, cpSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openOrchestrator } from '../../../src/index.js';
import { verify } from '../../../src/journal/index.js';
import { Child } from './child.js';
import { TOOL_PATH } from './machine.js';

/** Kinds of calls, each by the names it has on some machine. */
export const CALLS = {
  write: ['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
  fdatasync: ['fdatasync'],
  fsync: ['fsync'],
  open: ['open', 'openat'],
  rename: ['rename', 'renameat', 'renameat2'],
  truncate: ['ftruncate'],
  unlink: ['unlink', 'unlinkat'],
  mkdir: ['mkdir', 'mkdirat'],
  close: ['close'],
} as const;

/** A kind of call. */
export type CallKind = keyof typeof CALLS;

/** What a call returns. */
export const ERRNOS = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'EINTR'] as const;

/** What the sweep of one kind and one errno came to. */
export interface Sweep {
  /** Lives; the last one met no fault. */
  lives: number;
  /** Lives in which a call failed. */
  failed: number;
  acknowledged: number;
  /** How refusals were called, by code. */
  readonly codes: Record<string, number>;
  readonly breaches: string[];
}

const HANG_SECONDS = 30;
const MAX_CALLS = 500;
/** Number of the first task of a life; what was there before has smaller ones. */
const FROM = 100;

/** Where lives are lived: always at the same path, so that strace can be told the files by their names. */
export interface FaultScene {
  readonly dataDir: string;
  /** A directory to begin with; a new one when absent. */
  readonly template?: string;
  /** Ids of the tasks that are there at the beginning. */
  readonly before: readonly string[];
}

function prepare({ dataDir, template }: FaultScene): void {
  rmSync(dataDir, { recursive: true, force: true });
  if (template !== undefined) cpSync(template, dataDir, { recursive: true });
}

function life({ dataDir }: FaultScene, strace: readonly string[]): Child {
  return new Child(
    'short-life',
    { dataDir, from: FROM },
    {
      through: ['strace', '-D', '-f', '-qq', ...strace],
      // One thread for the disk: strace counts the calls of each thread by itself.
      env: { PATH: TOOL_PATH, UV_THREADPOOL_SIZE: '1' },
    },
  );
}

function namesOf(kinds: readonly CallKind[]): string {
  return kinds.flatMap((kind) => CALLS[kind].map((name) => `?${name}`)).join(',');
}

/** Lives once without a fault and gives every path of the data directory that a call named. */
export async function pathsTouched(scene: FaultScene): Promise<readonly string[]> {
  prepare(scene);
  const record = `${scene.dataDir}.calls`;
  const kinds = Object.keys(CALLS) as CallKind[];
  const child = life(scene, ['-s', '512', '-o', record, '-e', `trace=${namesOf(kinds)}`]);
  const { code } = await child.ended;
  if (code !== 0) throw new Error(`a life without faults ended with ${String(code)}: ${child.complaint}`);
  const paths = new Set<string>();
  for (const [, path = ''] of readFileSync(record, 'utf8').matchAll(/"([^"]+)"/g))
    if (path === scene.dataDir || path.startsWith(`${scene.dataDir}/`)) paths.add(path);
  return [...paths];
}

/** Fails the calls of a kind one after the other. */
export async function sweep(
  scene: FaultScene,
  paths: readonly string[],
  { kind, errno }: { readonly kind: CallKind; readonly errno: string },
): Promise<Sweep> {
  const result: Sweep = { lives: 0, failed: 0, acknowledged: 0, codes: {}, breaches: [] };
  for (let nth = 1; nth <= MAX_CALLS; nth++) {
    const name = `${errno} at ${kind} ${String(nth)}`;
    const fault = `error=${errno}:when=${String(nth)}`;
    if (!(await oneLife(scene, { paths, kind, fault, name }, result))) return result;
  }
  result.breaches.push(`${kind} was called more than ${String(MAX_CALLS)} times`);
  return result;
}

/** A life with a fault, and what is left. False when no call was left to fail. */
async function oneLife(
  scene: FaultScene,
  {
    paths,
    kind,
    fault,
    name,
  }: Readonly<Record<'fault' | 'name', string>> & { paths: readonly string[]; kind: CallKind },
  result: Sweep,
): Promise<boolean> {
  prepare(scene);
  const record = `${scene.dataDir}.faults`;
  rmSync(record, { force: true });
  const names = namesOf([kind]);
  const only = paths.flatMap((path) => ['-P', path]);
  const inject = ['-e', `trace=${names}`, '-e', `inject=${names}:${fault}`];
  const child = life(scene, ['-o', record, ...inject, ...only]);
  const ended = await child.endedWithin(HANG_SECONDS);
  await child.kill();
  const counts = result;
  counts.lives++;
  const fired = readFileSync(record, 'utf8').includes('(INJECTED)');
  if (fired) counts.failed++;
  const say = (what: string): void => void counts.breaches.push(`${name}: ${what}`);
  if (ended === undefined) say('hangs');
  else if (ended.code === null || (ended.code !== 0 && ended.code !== 1))
    say(`ended with ${String(ended.code ?? ended.signal)}: ${child.complaint}`);
  const failures = child.told.flatMap((told) => {
    if (told.type === 'refused') return [told.refusal];
    return told.type === 'failed' ? [told] : [];
  });
  for (const { code = 'untyped', message } of failures) {
    counts.codes[code] = (counts.codes[code] ?? 0) + 1;
    if (code === 'untyped') say(message);
  }
  if (ended?.code === 1 && failures.length === 0) say(`ended without a word: ${child.complaint}`);
  const tasks = child.told.flatMap((told) => (told.type === 'acknowledged' ? told.taskIds : []));
  const runs = child.told.flatMap((told) => (told.type === 'completed' ? told.runIds : []));
  counts.acknowledged += tasks.length;
  for (const breach of await missingFrom(scene, tasks, runs)) say(breach);
  return fired;
}

/** What a directory does not have, opened without faults, and checked byte for byte behind that. */
async function missingFrom(
  { dataDir, before, template }: FaultScene,
  tasks: readonly string[],
  runs: readonly string[],
): Promise<string[]> {
  if (!existsSync(dataDir) && tasks.length === 0 && template === undefined) return [];
  try {
    const pawl = await openOrchestrator({ dataDir });
    const missing = [...before, ...tasks].filter((id) => pawl.projections.tasks.get(id) === undefined);
    const undone = runs.filter((id) => pawl.projections.runs.get(id)?.state !== 'completed');
    await pawl.close();
    await verify(dataDir);
    return [...missing, ...undone].map((id) => `${id} was acknowledged and is lost`);
  } catch (error) {
    return [`it could not be opened again: ${String(error)}`];
  }
}

/** A directory whose process was killed with a batch half written, to begin with. */
export async function killedDirectory(template: string): Promise<readonly string[]> {
  const child = new Child('submitter', { dataDir: template, from: 0 });
  const { acknowledged } = await child.ask('submitSome', 3, 3_000);
  await child.kill();
  const newest = readdirSync(join(template, 'wal')).sort().at(-1) ?? '';
  // The first bytes of a frame of which the rest never came.
  appendFileSync(join(template, 'wal', newest), Buffer.from([0x50, 0x57]));
  return acknowledged;
}

/** A life in which the third fsync of the log takes longer than a second; the warnings it logged. */
export async function slowSync(
  scene: FaultScene,
): Promise<{ warned: readonly string[]; breaches: string[] }> {
  const paths = await pathsTouched(scene);
  prepare(scene);
  const inject = ['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:delay_exit=1500000:when=3'];
  const child = life(scene, ['-o', '/dev/null', ...inject, ...paths.flatMap((path) => ['-P', path])]);
  const { code } = await child.ended;
  const tasks = child.told.flatMap((told) => (told.type === 'acknowledged' ? told.taskIds : []));
  const breaches = await missingFrom(scene, tasks, []);
  if (code !== 0 || tasks.length === 0) breaches.push(`it ended with ${String(code)}: ${child.complaint}`);
  return { warned: child.told.flatMap((told) => (told.type === 'warned' ? [told.message] : [])), breaches };
}
