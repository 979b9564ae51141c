// A data directory as a short life of a real orchestrator leaves it: several segments, two snapshots in the middle of
// the log, payloads of both kinds, closed in good order. And what tests of offline tools do to it.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { defineTask, openOrchestrator } from '../../src/index.js';
import { dump, type DumpedEvent } from '../../src/journal/index.js';
import { framesOf, newDir, segmentFiles, type RawFrame } from './wal-fixtures.js';

const echo = defineTask('echo', (_context, input: unknown) => input);

/** Sequences of the two snapshots, older first. */
export interface Life {
  readonly dir: string;
  readonly snapshots: readonly [number, number];
}

let lived: Promise<{ readonly files: ReadonlyMap<string, Buffer>; readonly life: Life }> | undefined;

/** That life, in a new directory each time; it is lived once a suite. */
export async function shortLife(): Promise<Life> {
  lived ??= live(newDir()).then((life) => ({ life, files: filesUnder(life.dir) }));
  const { files, life } = await lived;
  const dir = newDir();
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  mkdirSync(join(dir, 'quarantine'), { recursive: true });
  return { ...life, dir };
}

function filesUnder(dir: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(relative(dir, path), readFileSync(path));
  }
  return files;
}

async function live(dir: string): Promise<Life> {
  const pawl = await openOrchestrator({
    dataDir: dir,
    tasks: [echo],
    limits: { segmentBytes: 4_096 },
  });
  const work = async (from: number, count: number): Promise<void> => {
    for (let index = from; index < from + count; index++) {
      await pawl.submit(echo, index % 5 === 0 ? new Uint8Array([index, 255]) : { index }, {
        id: `t-${String(index)}`,
      });
    }
    await pawl.idle();
  };
  await work(0, 25);
  const older = (await pawl.snapshot()).sequence;
  await work(25, 5);
  const newer = (await pawl.snapshot()).sequence;
  await work(30, 25);
  await pawl.close();
  return { dir, snapshots: [older, newer] };
}

/** All events of a directory. */
export async function everything(dir: string): Promise<DumpedEvent[]> {
  const events: DumpedEvent[] = [];
  for await (const event of dump(dir)) events.push(event);
  return events;
}

/** The commit that holds a sequence: its segment and its frame. */
export function commitOf(dir: string, sequence: number): { readonly path: string; readonly frame: RawFrame } {
  for (const path of segmentFiles(dir)) {
    for (const frame of framesOf(readFileSync(path))) {
      const { firstSequence, count } = frame.header;
      if (firstSequence <= sequence && firstSequence + count > sequence) return { path, frame };
    }
  }
  throw new Error(`no commit holds ${String(sequence)}`);
}

/** Flips a bit in the payload of the commit that holds a sequence. */
export function damageCommit(dir: string, sequence: number): RawFrame {
  const { path, frame } = commitOf(dir, sequence);
  flip(path, frame.end - 1);
  return frame;
}

/** Flips a bit of a file. */
export function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}
