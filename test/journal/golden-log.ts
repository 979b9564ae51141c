// How the golden directory of version 1 was written: every event type in a log of several segments, a snapshot in the
// middle of it, and `head`; with counted ids, a clock that stands still, and one commit after the other.
import { readFileSync } from 'node:fs';
import type { CommitHeader, PawlEvent } from '../../src/domain/events.js';
import { openJournal, SnapshotWriter } from '../../src/journal/index.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { DIR, countedIds } from './damage-fixture.js';
import { fullSections, sampleSnapshot } from './snapshot-samples.js';

/** Where the golden files lie. */
export const GOLDEN = 'test/journal/golden';

/** A commit as the golden files have it. */
export interface GoldenCommit {
  readonly hex: string;
  readonly header: CommitHeader;
  readonly events: readonly PawlEvent[];
}

/** The commits of version 1, one of each event type at least. */
export function goldenCommits(): GoldenCommit[] {
  return readFileSync(`${GOLDEN}/commits-v1.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as GoldenCommit);
}

/** Bytes of a segment, so that the commits fill several. */
const SEGMENT_BYTES = 7_000;

/** Writes the directory again: its files by their path in it. */
export async function writeGoldenLog(): Promise<Map<string, Buffer>> {
  const storage = new FaultyStorage();
  const clock = new ManualClock();
  const limits = { segmentBytes: SEGMENT_BYTES };
  const journal = await openJournal(DIR, { storage, clock, ids: countedIds(), limits });
  let sequence = 0;
  for (const { header, events } of goldenCommits()) {
    const { at, ...rest } = header;
    await journal.append(
      events.map((event) => ({ ...event, at, sequence: ++sequence })),
      rest,
    );
  }
  const snapshot = new SnapshotWriter(`${DIR}/snapshots/9.snapshot`, { storage });
  await snapshot.write(sampleSnapshot(9, fullSections()));
  await snapshot.close();
  await journal.close();
  const files = new Map<string, Buffer>();
  for (const folder of ['wal', 'snapshots'])
    for (const name of await storage.readdir(`${DIR}/${folder}`))
      files.set(`${folder}/${name}`, storage.contents(`${DIR}/${folder}/${name}`));
  files.set('head', storage.contents(`${DIR}/head`));
  return files;
}
