// A whole directory as version 1 wrote it: segments that follow each other with every event type in them, a snapshot
// with every section, and `head`. It is read for ever, file by file, and this release still writes the same bytes.
import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_TYPES } from '../../src/domain/events.js';
import { readHead } from '../../src/journal/head-file.js';
import { SnapshotLoader, openJournal, openWalReader, verify, type Commit } from '../../src/journal/index.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { DIR } from './damage-fixture.js';
import { GOLDEN, goldenCommits, writeGoldenLog } from './golden-log.js';
import { fullSections, ofVersion1, sampleSnapshot } from './snapshot-samples.js';

const HOME = join(GOLDEN, 'log-v1');

function goldenFiles(): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const folder of ['wal', 'snapshots'])
    for (const name of readdirSync(join(HOME, folder)).sort())
      files.set(`${folder}/${name}`, readFileSync(join(HOME, folder, name)));
  files.set('head', readFileSync(join(HOME, 'head')));
  return files;
}

function placed(files: ReadonlyMap<string, Buffer>): FaultyStorage {
  const storage = new FaultyStorage();
  for (const [path, bytes] of files) storage.place(`${DIR}/${path}`, bytes);
  return storage;
}

async function headOf(files: ReadonlyMap<string, Buffer>): Promise<object> {
  const { generation: _generation, ...says } = (await readHead(placed(files), `${DIR}/head`)) ?? {};
  return says;
}

async function allCommits(read: AsyncIterable<Commit>): Promise<Commit[]> {
  const commits: Commit[] = [];
  for await (const commit of read) commits.push(commit);
  return commits;
}

/** The commits of the golden file as a log holds them. */
function expectedCommits(): Commit[] {
  let sequence = 0;
  return goldenCommits().map(({ header, events }) => {
    const stamped = events.map((event) => ({ ...event, sequence: ++sequence, at: header.at }));
    return { header, firstSequence: sequence - events.length + 1, events: stamped };
  });
}

describe('the golden directory of version 1', () => {
  // Written once; a new version of the format gets a directory of its own, and this one stays.
  it('is there, with several segments, a snapshot and head', () => {
    expect(existsSync(join(HOME, 'head'))).toBe(true);
    const names = [...goldenFiles().keys()];
    expect(names.filter((name) => name.endsWith('.wal')).length).toBeGreaterThanOrEqual(3);
    expect(names.filter((name) => name.endsWith('.snapshot'))).toEqual(['snapshots/9.snapshot']);
  });

  it('verifies, every byte of it', async () => {
    const found = await verify(DIR, { storage: placed(goldenFiles()) });
    const commits = expectedCommits();
    expect(found).toMatchObject({ commits: commits.length, firstSequence: 1, sealed: true, torn: false });
  });

  it('is read commit by commit, with the lock and without, and holds every event type', async () => {
    const expected = expectedCommits();
    const storage = placed(goldenFiles());
    const reader = await openWalReader(DIR, { storage });
    expect(await allCommits(reader.read({ from: 1 }))).toEqual(expected);
    const journal = await openJournal(DIR, { storage, expectExisting: true });
    expect(await allCommits(journal.read({ from: 1 }))).toEqual(expected);
    const types = new Set(expected.flatMap(({ events }) => events.map(({ type }) => type)));
    expect(types).toEqual(new Set(EVENT_TYPES));
  });

  it('has a head that knows its end: without its last segment it is not taken for a shorter log', async () => {
    const files = goldenFiles();
    const last = [...files.keys()].filter((name) => name.endsWith('.wal')).at(-1) ?? '';
    files.delete(last);
    const watermark = expectedCommits().at(-1)?.events.at(-1)?.sequence;
    await expect(verify(DIR, { storage: placed(files) })).rejects.toMatchObject({
      code: 'ACKNOWLEDGED_DATA_MISSING',
      data: { watermark },
    });
  });

  it('has a snapshot with every section and every field', async () => {
    const storage = placed(goldenFiles());
    const loader = new SnapshotLoader(`${DIR}/snapshots/9.snapshot`, { storage });
    expect(await loader.load()).toEqual(ofVersion1(sampleSnapshot(9, fullSections())));
  });

  it('is written to the same bytes, but for its snapshot, which is of version 2 now', async () => {
    const files = await writeGoldenLog();
    const golden = goldenFiles();
    expect([...files.keys()]).toEqual([...golden.keys()]);
    expect(files.get('snapshots/9.snapshot')).toEqual(readFileSync(join(GOLDEN, 'full-v2.snapshot')));
    files.delete('snapshots/9.snapshot');
    // How often head was written is no matter of the format; what it says in the end is.
    expect(await headOf(files)).toEqual(await headOf(golden));
    files.delete('head');
    for (const [path, bytes] of files) expect([path, golden.get(path)?.equals(bytes)]).toEqual([path, true]);
  });
});
