// Disks that fail for real under a process that submits: an fsync that fails once and then succeeds although pages
// are lost, a file system that is full, one that turns read-only. Tells what the process was answered and what was there
// afterwards; the test judges. Runs in a mount namespace of its own.
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Refusal } from '../programs/protocol.js';
import { main, setupOf, tell } from '../programs/tell.js';
import { LoopDisk, dropCaches, mountMemory, run, unmount } from './loop-disk.js';
import { Program, opened } from './program.js';

/** Which disk. */
export type Failing = 'fsync' | 'full' | 'read-only';

/** How a campaign is started. */
export interface FailingSetup {
  readonly failing: Failing;
  readonly root: string;
  readonly home: string;
}

/** What came of it. */
export interface FailingReport {
  readonly acknowledged: number;
  /** What the process that met the failure was answered first, and then. */
  readonly refused: Refusal | undefined;
  readonly refusedThen: Refusal | undefined;
  /** Acknowledged tasks that it could not read any more, and whether a small urgent command was accepted. */
  readonly unreadable: readonly string[];
  readonly cancelRefused: Refusal | undefined;
  /** How its close ended. */
  readonly closeRefused: Refusal | undefined;
  /** Acknowledged tasks that the next process did not find; those that were added by it are counted then. */
  readonly lost: readonly string[];
  readonly added: number;
  /** The same after that one was killed, everything the kernel remembered was dropped, and a third began. */
  readonly lostThen: readonly string[];
  /** Only `fsync`: what became of a file whose writer tried again. */
  readonly naive?: NaiveWriter;
  /** Only `read-only`: how an opening on a read-only mount was refused. */
  readonly openingRefused?: Refusal;
}

/** A writer that takes the second fsync for good. */
export interface NaiveWriter {
  readonly errno: string;
  readonly secondSync: string;
  readonly wrongPagesCached: number;
  readonly wrongPagesOnDisk: number;
}

const MIB = 1_048_576;
const PAGE = 4_096;
const IMAGE_MIB = 64;
const MEMORY_MIB = 48;
/** What is left for a disk to grow by before it fails. */
const LEFT_BYTES = 1.5 * MIB;
const TASK_BYTES = 20_000;
const BEFORE = 20;
const AFTER = 5;
const MANY = 100_000;
const LATER = 1_000_000;

class Submitter extends Program {
  constructor(root: string, dataDir: string, from: number) {
    super({ root, file: 'test/process/programs/submitter', setup: { dataDir, from } });
  }
}

async function submitter(root: string, dataDir: string, from = 0): Promise<Submitter> {
  const program = new Submitter(root, dataDir, from);
  await opened(program);
  return program;
}

/** Fills the memory that the image lies in, but for a little; the space is given back by removing the file. */
function fill(memory: string, leftBytes: number): string {
  const [, freeText = '0'] = run('df', '--output=avail', '-B1', memory).trim().split('\n');
  const path = join(memory, 'filler');
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(MIB / 4, 0x66);
  for (let left = Number(freeText) - leftBytes; left > 0; left -= block.length) writeSync(fd, block);
  closeSync(fd);
  return path;
}

interface Scene {
  readonly root: string;
  readonly dataDir: string;
  /** Makes the disk fail from now on, or soon. */
  readonly fail: () => void;
  /** Makes it well again. */
  readonly mend: () => Promise<void>;
}

/** The story that all of them share. */
async function play({ root, dataDir, fail, mend }: Scene): Promise<FailingReport> {
  const first = await submitter(root, dataDir);
  const before = await first.ask('submitSome', BEFORE, TASK_BYTES);
  fail();
  const during = await first.ask('submitSome', MANY, TASK_BYTES);
  const acknowledged = [...before.acknowledged, ...during.acknowledged];
  const then = await first.ask('submitSome', 1, TASK_BYTES);
  const unreadable = await first.ask('unreadable', acknowledged);
  const cancel = await first.ask('cancel', acknowledged[0] ?? '');
  const close = await first.ask('finish');
  await first.kill();
  await mend();
  // The kernel may still show what the disk does not have: a start must not believe it.
  const second = await submitter(root, dataDir, LATER);
  const lost = await second.ask('unreadable', acknowledged);
  const more = await second.ask('submitSome', AFTER, TASK_BYTES);
  await second.kill();
  dropCaches();
  const third = await submitter(root, dataDir, 2 * LATER);
  const all = [...acknowledged, ...then.acknowledged, ...more.acknowledged];
  const lostThen = await third.ask('unreadable', all);
  await third.ask('finish');
  await third.ended;
  return {
    acknowledged: all.length,
    refused: during.refused,
    refusedThen: then.refused,
    unreadable,
    cancelRefused: cancel.refused,
    closeRefused: close.refused,
    lost,
    added: more.acknowledged.length,
    lostThen,
  };
}

/** Pages of a file that do not hold what was written. */
function wrongPages(path: string, written: number): number {
  const bytes = readFileSync(path);
  let wrong = 0;
  for (let at = 0; at < written; at += PAGE)
    if (bytes.subarray(at, at + PAGE).some((byte) => byte !== 0x6e)) wrong++;
  return wrong;
}

/** Shows that the disk lies: an fsync fails, the next one succeeds, and pages are lost all the same. */
function naiveWriter(path: string): NaiveWriter {
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(16 * PAGE, 0x6e);
  const sync = (): string => {
    try {
      fdatasyncSync(fd);
      return 'success';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'unknown';
    }
  };
  let errno = 'success';
  let written = 0;
  while (errno === 'success' && written < IMAGE_MIB * MIB) {
    writeSync(fd, block);
    written += block.length;
    errno = sync();
  }
  const secondSync = sync();
  closeSync(fd);
  const wrongPagesCached = wrongPages(path, written);
  dropCaches();
  return { errno, secondSync, wrongPagesCached, wrongPagesOnDisk: wrongPages(path, written) };
}

/** A disk on a sparse image in little memory: it has room, what it lies on has not. */
function thinDisk(memory: string): LoopDisk {
  // Without a journal of its own: that one would fail too, and take the whole file system down.
  const disk = new LoopDisk(memory, 'ext4', {
    bytes: IMAGE_MIB * MIB,
    options: ['-O', '^has_journal', '-b', String(PAGE)],
  });
  disk.mount();
  return disk;
}

async function failingSync({ root, home }: FailingSetup): Promise<FailingReport> {
  const memory = join(home, 'memory');
  mountMemory(memory, MEMORY_MIB);
  const disk = thinDisk(memory);
  let filler = fill(memory, LEFT_BYTES);
  const naive = naiveWriter(join(disk.mountPoint, 'naive'));
  rmSync(filler);
  rmSync(join(disk.mountPoint, 'naive'));
  run('fstrim', disk.mountPoint);
  const report = await play({
    root,
    dataDir: join(disk.mountPoint, 'data'),
    fail() {
      run('sync');
      filler = fill(memory, LEFT_BYTES);
    },
    mend() {
      rmSync(filler);
      return Promise.resolve();
    },
  });
  await disk.unmount();
  return { ...report, naive };
}

async function fullDisk({ root, home }: FailingSetup): Promise<FailingReport> {
  const memory = join(home, 'memory');
  mountMemory(memory, MEMORY_MIB);
  let filler = '';
  return play({
    root,
    dataDir: join(memory, 'data'),
    fail() {
      filler = fill(memory, LEFT_BYTES);
    },
    mend() {
      rmSync(filler);
      return Promise.resolve();
    },
  });
}

async function readOnlyDisk({ root, home }: FailingSetup): Promise<FailingReport> {
  const memory = join(home, 'memory');
  mountMemory(memory, 2 * IMAGE_MIB);
  const disk = new LoopDisk(memory, 'ext4');
  disk.mount();
  const dataDir = join(disk.mountPoint, 'data');
  let openingRefused: Refusal | undefined;
  const report = await play({
    root,
    dataDir,
    fail() {
      // As after an error of the disk: the file system refuses every write from now on.
      run('mount', '-o', 'remount,abort,errors=remount-ro', disk.mountPoint);
    },
    async mend() {
      // Its journal is replayed by a mount that may write.
      await disk.unmount();
      disk.mount();
      await disk.unmount();
      disk.mount('ro');
      const refused = new Submitter(root, dataDir, 0);
      await refused.ended;
      const failed = refused.told.find((told) => told.type === 'failed');
      openingRefused = failed?.type === 'failed' ? failed : undefined;
      await disk.unmount();
      disk.mount();
    },
  });
  await disk.unmount();
  return { ...report, ...(openingRefused === undefined ? {} : { openingRefused }) };
}

const SCENES: Readonly<Record<Failing, (setup: FailingSetup) => Promise<FailingReport>>> = {
  fsync: failingSync,
  full: fullDisk,
  'read-only': readOnlyDisk,
};

await main(async () => {
  const setup = setupOf() as FailingSetup;
  const report = await SCENES[setup.failing](setup);
  tell({ type: 'report', report });
  await unmount(join(setup.home, 'memory'));
  process.disconnect();
});
