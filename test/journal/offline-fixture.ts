// A data directory as a short life of a real orchestrator leaves it: several segments, two snapshots in the middle of
// the log, payloads of both kinds, closed in good order. And what tests of offline tools do to it.
import { readFileSync, writeFileSync } from 'node:fs';
import { defineTask, openOrchestrator } from '../../src/index.js';
import { dump, type DumpedEvent } from '../../src/journal/index.js';
import { framesOf, newDir, segmentFiles, type RawFrame } from './wal-fixtures.js';

const echo = defineTask('echo', (_context, input: unknown) => input);

/** Sequences of the two snapshots, older first. */
export interface Life {
  readonly dir: string;
  readonly snapshots: readonly [number, number];
}

/** Lives that life in a new directory. */
export async function shortLife(): Promise<Life> {
  const dir = newDir();
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
