// A reader without the lock, while the writer goes on: whichever of the reader's operations the change falls behind, it
// sees the log as it was at one moment from then to now, and never damage or a loss that is not there.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { dataDirPaths } from '../../src/journal/data-dir.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { loadProjectionFromStorage, openWalReader, verify } from '../../src/journal/index.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { retain } from '../../src/journal/retention.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import type { Storage } from '../../src/journal/storage.js';
import { silentLogger } from '../../src/logger.js';
import { Projections } from '../../src/projections/projections.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { legalHistory } from '../support/history.js';
import { DIR } from './damage-fixture.js';

const paths = dataDirPaths(DIR);
const ids = uuidV7(hostClock, hostRandom());
const COMMITS = 60;

/** A directory at one moment. */
interface Moment {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Last sequence that a reader is shown whom nothing disturbs. */
  readonly sequence: number;
}

const moments = new Map<string, Moment>();
/** Hash of the state at each end of a commit. */
const hashes = new Map<number, string>([[0, new Projections().stateHash()]]);

async function imageOf(storage: FaultyStorage): Promise<Moment> {
  const files = new Map<string, Buffer>();
  for (const folder of [paths.wal, paths.snapshots])
    for (const name of await storage.readdir(folder))
      files.set(`${folder}/${name}`, storage.contents(`${folder}/${name}`));
  if ((await storage.stat(paths.head)) !== undefined) files.set(paths.head, storage.contents(paths.head));
  const { projections } = await loadProjectionFromStorage(DIR, { storage: diskOf(files), readOnly: true });
  expect(projections.stateHash()).toBe(hashes.get(projections.sequence));
  return { files, sequence: projections.sequence };
}

/** Begun, one commit, many in several segments, with two snapshots, and with the oldest segments gone. */
beforeAll(async () => {
  const storage = new FaultyStorage();
  const state = new Projections();
  const clock = hostClock;
  const backend = new FileBackend(storage, DIR);
  const journal = await openJournalOn(backend, { clock, ids, limits: { segmentBytes: 700 } });
  const note = async (name: string): Promise<void> => {
    await journal.flush();
    moments.set(name, await imageOf(storage));
  };
  await note('begun');
  for (const [index, { header, events }] of legalHistory(20, COMMITS).entries()) {
    journal.append({ header, events }, () => undefined);
    await journal.flush();
    state.apply({ header, firstSequence: state.sequence + 1, events });
    hashes.set(state.sequence, state.stateHash());
    if (index === 0) await note('one commit');
    if (index === 20) await note('several segments');
    if (index === 30 || index === 50) await takeSnapshot(state, backend.snapshots, { takenAt: 1 });
    if (index === 30) await note('just taken');
    if (index === 40) await note('a snapshot');
  }
  await note('two snapshots');
  const { segments, snapshots } = backend;
  await retain({
    how: 'delete',
    segments,
    snapshots,
    journal,
    clock,
    logger: silentLogger,
    isStopped: () => false,
    wantedFrom: () => Infinity,
  });
  await note('the oldest gone');
  await journal.close();
  moments.set('closed', await imageOf(storage));
});

function diskOf(files: Moment['files']): FaultyStorage {
  const storage = new FaultyStorage();
  for (const [path, bytes] of files) storage.place(path, bytes);
  for (const folder of ['wal', 'snapshots', 'quarantine'])
    storage.place(`${DIR}/${folder}/.keep`, Buffer.alloc(0));
  return storage;
}

/** A disk that changes behind so many operations of its reader; what is open stays as it was. */
function changing(
  before: Moment,
  after: Moment,
  operations: number,
): { storage: Storage; changed: () => boolean } {
  const [old, young] = [diskOf(before.files), diskOf(after.files)];
  let left = operations;
  const now = (): FaultyStorage => (left-- > 0 ? old : young);
  const storage: Storage = {
    open: (path, mode) => now().open(path, mode),
    mkdir: (path) => now().mkdir(path),
    rename: (from, to) => now().rename(from, to),
    unlink: (path) => now().unlink(path),
    readdir: (path) => now().readdir(path),
    stat: (path) => now().stat(path),
    syncDir: (path) => now().syncDir(path),
    lock: (path) => now().lock(path),
    holder: () => now().holder(),
  };
  return { storage, changed: () => left < 0 };
}

const CHANGES = [
  ['begun', 'one commit'],
  ['begun', 'several segments'],
  ['begun', 'the oldest gone'],
  ['one commit', 'several segments'],
  ['several segments', 'just taken'],
  ['several segments', 'a snapshot'],
  ['just taken', 'a snapshot'],
  ['several segments', 'the oldest gone'],
  ['a snapshot', 'the oldest gone'],
  ['two snapshots', 'the oldest gone'],
  ['the oldest gone', 'closed'],
] as const;

function pair(from: string, to: string): readonly [Moment, Moment] {
  const [before, after] = [moments.get(from), moments.get(to)];
  if (before === undefined || after === undefined) throw new Error(`no ${from}, ${to}`);
  return [before, after];
}

/** Asks with the change behind every operation, until it comes too late to be seen. */
async function atEveryOperation(
  [before, after]: readonly [Moment, Moment],
  ask: (storage: Storage, context: string) => Promise<void>,
): Promise<void> {
  let operations = 0;
  for (let seen = true; seen; operations++) {
    const { storage, changed } = changing(before, after, operations);
    await ask(storage, `behind operation ${String(operations)}`);
    seen = changed();
  }
  expect(operations).toBeGreaterThan(4);
}

describe.each(CHANGES)('a log that goes from "%s" to "%s" while it is read', (from, to) => {
  it('is loaded as it was at one moment', async () => {
    const [before, after] = pair(from, to);
    await atEveryOperation([before, after], async (storage, context) => {
      const options = { storage, readOnly: true, expectExisting: true } as const;
      const { projections } = await loadProjectionFromStorage(DIR, options).catch((error: unknown) => {
        throw new Error(context, { cause: error });
      });
      expect([context, projections.stateHash()]).toEqual([context, hashes.get(projections.sequence)]);
      expect([context, projections.sequence >= before.sequence]).toEqual([context, true]);
    });
  });

  it('verifies, and is whole for a reader', async () => {
    const [before, after] = pair(from, to);
    const isEnd = (sequence: number): boolean => sequence >= before.sequence && hashes.has(sequence);
    await atEveryOperation([before, after], async (storage, context) => {
      const { lastSequence } = await verify(DIR, { storage, repair: 'truncate-partial' }).catch(
        (error: unknown) => {
          throw new Error(context, { cause: error });
        },
      );
      expect([context, isEnd(lastSequence)]).toEqual([context, true]);
    });
    await atEveryOperation([before, after], async (storage, context) => {
      const reader = await openWalReader(DIR, { storage });
      expect([context, reader.damage, hashes.has(reader.currentSequence)]).toEqual([
        context,
        undefined,
        true,
      ]);
    });
  });
});

describe('what is gone since a reader looked', () => {
  it('is HISTORY_GONE with the first event that is kept', async () => {
    const [before, after] = pair('two snapshots', 'the oldest gone');
    let gone = 0;
    await atEveryOperation([before, after], async (storage, context) => {
      const reader = await openWalReader(DIR, { storage });
      const first = reader.firstSequence;
      const read: number[] = [];
      try {
        for await (const { firstSequence } of reader.read({ from: first })) read.push(firstSequence);
      } catch (error) {
        expect([context, error]).toMatchObject([context, { code: 'HISTORY_GONE' }]);
        gone++;
        return;
      }
      expect([context, read[0]]).toEqual([context, first]);
    });
    expect(gone).toBeGreaterThan(0);
  });
});
