// Cuts the power of the disk under a loaded orchestrator, as often as asked, at moments chosen by the seed, and mounts
// it again: what was acknowledged before the cut began must be there. An fsync that races with the cut may
// return success, so what is told behind its beginning proves nothing. Runs in a mount namespace of its own.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RandomSource } from '../../../src/clock.js';
import { seededRandom } from '../../../src/testing/index.js';
import { main, setupOf, tell } from '../programs/tell.js';
import { readEffects } from './effects.js';
import { Outside, breachesIn } from './judge.js';
import { chooseDeath, nextSetup, untilDeath, type Place } from './kill-lives.js';
import { LoopDisk, mountMemory, type FileSystem } from './loop-disk.js';
import { Program, opened } from './program.js';

/** How a campaign is started. */
export interface PowerSetup {
  readonly fileSystem: FileSystem;
  readonly cuts: number;
  readonly seed: number;
  /** Folder of the programs that are cut off. */
  readonly root: string;
  /** An empty folder. */
  readonly home: string;
}

/** What a campaign came to. */
export interface PowerReport {
  readonly fileSystem: FileSystem;
  readonly seed: number;
  cuts: number;
  disks: number;
  /** Submissions that were acknowledged before a cut began. */
  acknowledged: number;
  /** Runs whose completion was told before a cut began. */
  completed: number;
  /** What was lost or done twice; the campaign ends at the first. */
  breaches: string[];
  /** Cuts before the orchestrator was open. */
  startUp: number;
  /** Openings that found a torn batch, or one cut off. */
  repaired: number;
  /** Segments and snapshots at the end of the disks. */
  segments: number;
  snapshots: number;
  /** How processes ended that were left to notice the cut, by code. */
  noticed: Record<string, number>;
  durationMs: number;
}

const MEMORY_MIB = 512;
const CUTS_A_DISK = 10;
const MAX_TOLD_BREACHES = 5;
/** Half of the processes are left to notice that their disk is gone; they must end by themselves. */
const LEFT_SHARE = 0.5;
const LEFT_LIMIT_SECONDS = 30;

interface Campaign {
  readonly setup: PowerSetup;
  readonly report: PowerReport;
  readonly random: RandomSource;
}

interface Disk {
  readonly disk: LoopDisk;
  readonly place: Place;
  readonly outside: Outside;
}

function start({ setup }: Campaign, place: Place | object): Program {
  return new Program({ root: setup.root, file: 'test/process/programs/load', setup: place });
}

/** What an opened process does not have of what was told before; told itself when it cannot open. */
async function missingIn(program: Program, { outside }: Disk, report: PowerReport): Promise<string[]> {
  const counts = report;
  try {
    const { repaired } = await opened(program);
    if (repaired) counts.repaired++;
    const missing = await program.ask(
      'missing',
      [...outside.acknowledged],
      [...outside.completedBefore.keys()],
    );
    return missing.map((id) => `${id} was told before a cut and is lost`);
  } catch (error) {
    return [`the disk could not be opened: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** One process on the disk, and the cut. */
async function oneCut(campaign: Campaign, at: Disk): Promise<void> {
  const { random, report } = campaign;
  const { disk, place, outside } = at;
  disk.mount();
  const program = start(campaign, nextSetup(place, outside));
  const death = chooseDeath(random);
  if (death.messages !== undefined) report.breaches.push(...(await missingIn(program, at, report)));
  if (report.breaches.length === 0) await untilDeath(program, death);
  const before = program.told.slice();
  const calls = readEffects(place.effects).length;
  disk.cut();
  report.cuts++;
  if (!before.some(({ type }) => type === 'opened')) report.startUp++;
  if (random.nextUnit() < LEFT_SHARE) await leave(program, report);
  else await program.kill();
  const after = readEffects(place.effects).length;
  outside.take(before, after);
  outside.uncertain.push({ from: calls, to: after });
  await disk.unmount();
}

/** Waits until the process has noticed: it must end by itself, and not as if all were well. */
async function leave(program: Program, report: PowerReport): Promise<void> {
  const ended = await program.endedWithin(LEFT_LIMIT_SECONDS);
  const failed = program.told.find((told) => told.type === 'failed');
  const code = failed?.type === 'failed' ? (failed.code ?? 'untyped') : 'silent';
  const counts = report.noticed;
  counts[code] = (counts[code] ?? 0) + 1;
  if (ended === undefined) report.breaches.push('a process went on without its disk');
  else if (ended.code === 0) report.breaches.push('a process ended well without its disk');
  else if (code === 'untyped' || code === 'silent')
    report.breaches.push(
      `a process ended without a code: ${failed?.type === 'failed' ? failed.message : program.complaint}`,
    );
  await program.kill();
}

/** Brings what is left on the disk to its end and judges it. */
async function finish(campaign: Campaign, at: Disk): Promise<void> {
  const { report } = campaign;
  const { disk, place, outside } = at;
  disk.mount();
  const program = start(campaign, place);
  report.breaches.push(...(await missingIn(program, at, report)));
  if (report.breaches.length === 0) {
    const { code } = await program.ended;
    if (code !== 0) report.breaches.push(`the last process ended with ${String(code)}: ${program.complaint}`);
    outside.take(program.told, Infinity);
    report.breaches.push(...(await breachesIn(place.dataDir, place.effects, outside)));
    report.segments += readdirSync(join(place.dataDir, 'wal')).length;
    report.snapshots += readdirSync(join(place.dataDir, 'snapshots')).length;
  }
  await program.kill();
}

async function oneDisk(campaign: Campaign, number: number): Promise<void> {
  const { setup, report } = campaign;
  const home = join(setup.home, 'memory');
  const disk = new LoopDisk(home, setup.fileSystem);
  const place = { dataDir: join(disk.mountPoint, 'data'), effects: join(home, `effects-${String(number)}`) };
  const at = { disk, place, outside: new Outside() };
  try {
    report.disks++;
    for (let cut = 0; cut < CUTS_A_DISK && report.cuts < setup.cuts && report.breaches.length === 0; cut++) {
      await oneCut(campaign, at);
      tell({ type: 'progress', done: report.cuts });
    }
    if (report.breaches.length === 0) await finish(campaign, at);
    report.acknowledged += at.outside.acknowledged.size;
    report.completed += at.outside.completedBefore.size;
  } finally {
    await disk.dispose();
  }
}

await main(async () => {
  const setup = setupOf() as PowerSetup;
  const { fileSystem, seed } = setup;
  const startedAt = Date.now();
  const counts = { cuts: 0, disks: 0, acknowledged: 0, completed: 0, startUp: 0, repaired: 0 };
  const report: PowerReport = {
    ...{ fileSystem, seed, ...counts },
    ...{ segments: 0, snapshots: 0, breaches: [], noticed: {}, durationMs: 0 },
  };
  mountMemory(join(setup.home, 'memory'), MEMORY_MIB);
  const campaign = { setup, report, random: seededRandom(seed) };
  for (let disk = 0; report.cuts < setup.cuts && report.breaches.length === 0; disk++)
    await oneDisk(campaign, disk);
  report.breaches.splice(MAX_TOLD_BREACHES);
  tell({ type: 'report', report: { ...report, durationMs: Date.now() - startedAt } });
  process.disconnect();
});
