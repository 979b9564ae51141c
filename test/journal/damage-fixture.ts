// A small data directory as the real writer leaves it, the same at every run: three segments, two snapshots and `head`,
// dropped without close after the idle mark. And one case of damage: the directory with a file of it changed, opened
// through the front door, on the simulated disk.
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { isPawlError, type PawlError } from '../../src/errors.js';
import {
  loadProjectionFromStorage,
  openJournal,
  verify,
  type RepairPolicy,
} from '../../src/journal/index.js';
import { FRAME_KIND } from '../../src/journal/frame.js';
import { FileSnapshots } from '../../src/journal/snapshot-store-files.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { historyMaker } from '../support/history.js';
import { framesOf, type RawFrame } from './wal-fixtures.js';

/** Where the fixture lies on its disk. */
export const DIR = '/data';
/** The outside witness. */
export const HEAD = `${DIR}/head`;

const SEED = 11;
const SEGMENT_BYTES = 1_800;
const SEGMENTS = 3;
/** Commits after which the snapshots are taken. */
const SNAPSHOT_AFTER = [4, 8];
/** Commits between idle times, in which the log is marked and a slot of `head` is written. */
const IDLE_EVERY = 3;
const IDLE_MS = 1_000;
/** Bytes of a preallocated end that are kept: what follows looks the same. */
const KEPT_ZEROS = 1_024;
const LIMITS = { ...DEFAULT_LIMITS, segmentBytes: SEGMENT_BYTES };

/** The files, and what is true of them. */
export interface DamageFixture {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Paths, oldest first. */
  readonly segments: readonly string[];
  /** Paths, oldest first. */
  readonly snapshots: readonly string[];
  readonly lastSequence: number;
  /** Hash of the state at each commit boundary. */
  readonly hashes: ReadonlyMap<number, string>;
}

/** Ids that count up. */
export function countedIds(): { nextId(): string } {
  let made = 0;
  return { nextId: () => `01890000-0000-7000-8000-${String(++made).padStart(12, '0')}` };
}

/** Writes the fixture. */
export async function damageFixture(): Promise<DamageFixture> {
  const storage = new FaultyStorage();
  const clock = new ManualClock();
  const journal = await openJournal(DIR, { storage, clock, ids: countedIds(), limits: LIMITS });
  const store = new FileSnapshots(storage, `${DIR}/snapshots`);
  const maker = historyMaker(SEED);
  const hashes = new Map<number, string>();
  const names = (): Promise<readonly string[]> => storage.readdir(`${DIR}/wal`);
  for (let commits = 1; !(await isFull(storage, await names())); commits++) {
    const { header, events } = maker.next();
    const { at: _at, ...rest } = header;
    await journal.append(events, rest);
    hashes.set(maker.state.sequence, maker.state.stateHash());
    if (SNAPSHOT_AFTER.includes(commits)) await takeSnapshot(maker.state, store, { takenAt: maker.now });
    if (commits % IDLE_EVERY === 0) await clock.advance(IDLE_MS);
  }
  await clock.advance(IDLE_MS);
  const files = new Map<string, Buffer>();
  for (const folder of ['wal', 'snapshots']) {
    for (const name of await storage.readdir(`${DIR}/${folder}`)) {
      const path = `${DIR}/${folder}/${name}`;
      files.set(path, withoutZeros(storage.contents(path)));
    }
  }
  files.set(HEAD, storage.contents(HEAD));
  return {
    files,
    segments: [...files.keys()].filter((path) => path.endsWith('.wal')),
    snapshots: [...files.keys()].filter((path) => path.endsWith('.snapshot')).sort(bySequence),
    lastSequence: maker.state.sequence,
    hashes,
  };
}

async function isFull(storage: FaultyStorage, names: readonly string[]): Promise<boolean> {
  const segments = names.filter((name) => name.endsWith('.wal'));
  const newest = segments[SEGMENTS - 1];
  if (newest === undefined) return false;
  const file = await storage.open(`${DIR}/wal/${newest}`, 'read');
  const { sizeBytes } = await file.stat();
  const bytes = Buffer.alloc(sizeBytes);
  await file.read(bytes, 0, sizeBytes, 0);
  return usedBytes(bytes) > SEGMENT_BYTES / 2;
}

function bySequence(left: string, right: string): number {
  return sequenceOf(left) - sequenceOf(right);
}

/** The sequence in the name of a snapshot or a segment. */
export function sequenceOf(path: string): number {
  return Number(/(\d+)\.\w+$/.exec(path)?.[1]);
}

/** Bytes up to the last one that is not zero. */
export function usedBytes(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

function withoutZeros(bytes: Buffer): Buffer {
  return bytes.subarray(0, usedBytes(bytes) + KEPT_ZEROS);
}

/** The frames of a segment, without a preallocated end. */
export function usedFrames(bytes: Buffer): RawFrame[] {
  return framesOf(bytes.subarray(0, usedBytes(bytes)));
}

/** The last event that the first `length` bytes of a segment hold whole; undefined when they hold none. */
export function lastWhole(bytes: Buffer, length: number): number | undefined {
  const commits = usedFrames(bytes).filter(
    ({ header, end }) => header.kind === FRAME_KIND.commit && end <= length,
  );
  const last = commits.at(-1)?.header;
  return last === undefined ? undefined : last.firstSequence + last.count - 1;
}

/** What opening a damaged directory came to. */
export type Answer =
  | { readonly kind: 'refused'; readonly error: PawlError }
  | {
      readonly kind: 'opened';
      readonly sequence: number;
      readonly snapshotSequence: number;
      /** Snapshots that were passed over. */
      readonly rejected: readonly string[];
      /** Reads the state; what it costs is paid only where it is asked. */
      readonly hash: () => string;
    };

/** Opens damaged copies of a fixture, one after another. */
export class DamageBench {
  opened = 0;
  refused = 0;
  private storage: FaultyStorage | undefined;
  private readonly ids = countedIds();
  private changed: readonly string[] = [];

  constructor(private readonly files: ReadonlyMap<string, Buffer>) {}

  /** Opens the directory with some files replaced, or gone. A log that is refused must have been left alone. */
  async open(
    changes: ReadonlyMap<string, Buffer | undefined>,
    how: RepairPolicy | 'readOnly',
  ): Promise<Answer> {
    const storage = this.prepare(changes);
    const before = changesOf(storage);
    const { ids } = this;
    // One of its own: the timers of a log that is not closed hold on to all of it.
    const clock = new ManualClock();
    const readOnly = how === 'readOnly';
    const repair = readOnly ? 'strict' : how;
    const options = { storage, clock, ids, limits: LIMITS, repair, readOnly, expectExisting: true };
    try {
      const loaded = await loadProjectionFromStorage(DIR, options);
      this.opened++;
      if (!readOnly) this.storage = undefined;
      return {
        kind: 'opened',
        sequence: loaded.writer?.currentSequence ?? loaded.projections.sequence,
        snapshotSequence: loaded.snapshotSequence,
        rejected: loaded.snapshotsRejected.map(({ path }) => path),
        hash: () => loaded.projections.stateHash(),
      };
    } catch (error) {
      if (!isPawlError(error)) throw error;
      // Later stages find the newest segment written anew, which changes nothing of what it says.
      if (error.data['stage'] !== 'open') this.storage = undefined;
      else if (changesOf(storage) !== before) throw new Error('refused, and yet changed', { cause: error });
      if ((await storage.readdir(`${DIR}/wal`)).some((name) => name.endsWith('.tmp')))
        throw new Error('refused, and left a file behind', { cause: error });
      this.refused++;
      return { kind: 'refused', error };
    }
  }

  /** What `verify` says of the directory with some files replaced. */
  async verify(changes: ReadonlyMap<string, Buffer>, repair: RepairPolicy = 'strict'): Promise<Answer> {
    const storage = this.prepare(changes);
    try {
      const { lastSequence } = await verify(DIR, { storage, repair });
      const none = (): string => '';
      return { kind: 'opened', sequence: lastSequence, snapshotSequence: 0, rejected: [], hash: none };
    } catch (error) {
      if (!isPawlError(error)) throw error;
      this.refused++;
      return { kind: 'refused', error };
    }
  }

  /** A refused opening leaves the disk as it was, so only what the last case changed is put back. */
  private prepare(changes: ReadonlyMap<string, Buffer | undefined>): FaultyStorage {
    let { storage } = this;
    const gone = [...changes.values()].includes(undefined);
    if (storage === undefined || gone) {
      storage = new FaultyStorage();
      for (const [path, bytes] of this.files) if (!changes.has(path)) storage.place(path, bytes);
      for (const folder of ['snapshots', 'quarantine'])
        storage.place(`${DIR}/${folder}/.keep`, Buffer.alloc(0));
      this.changed = [];
    }
    for (const path of this.changed) storage.place(path, this.files.get(path) ?? Buffer.alloc(0));
    for (const [path, bytes] of changes) if (bytes !== undefined) storage.place(path, bytes);
    this.changed = [...changes.keys()];
    this.storage = gone ? undefined : storage;
    return storage;
  }
}

/** What could have changed a file that is there; a copy of the newest segment may have been begun and removed. */
function changesOf({ counts }: FaultyStorage): number {
  return counts.truncate + counts.rename + counts.mkdir;
}

/** A copy with one bit changed. */
export function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
