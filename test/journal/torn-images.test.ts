// A hundred thousand power cuts while a batch was being written: every sector of it old, new or never written, the
// file grown or not, the room behind it preallocated or not. None is refused, nothing acknowledged is lost, and
// what is kept of the batch is what was written. Strict says that it is torn, or opens to the same.
import { describe, expect, it } from '@jest/globals';
import { isPawlError } from '../../src/errors.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { FRAME_KIND } from '../../src/journal/frame.js';
import { openJournal, verify } from '../../src/journal/index.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { Random } from '../support/random.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { DIR, countedIds, usedBytes } from './damage-fixture.js';
import { event, framesOf } from './wal-fixtures.js';

const SECTOR = 512;
const LOGS = 250;
const IMAGES = 410;
/** Of these images one is opened and written anew, the others are looked at by the same scan. */
const OPEN_EVERY = 25;
const GO_ON_EVERY = 50;
/** Bytes of an actor id: small, near a sector, several sectors. */
const SIZES = [1, 20, 90, 380, 420, 470, 900, 1_500, 2_600, 5_000];

/** A log whose last batch was written and not synced. */
interface TornLog {
  readonly segment: string;
  /** Every file as it was durable, the newest segment's among them. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** The newest segment before the batch, and with it. */
  readonly before: Buffer;
  readonly written: Buffer;
  readonly acknowledged: number;
  /** True when it is the seal that was being written: nothing is preallocated behind that. */
  readonly sealing: boolean;
  /** Where each event of the batch, and the last one before it, is whole; by sequence. */
  readonly ends: ReadonlyMap<number, number>;
}

async function tornLog(random: Random): Promise<TornLog> {
  const storage = new FaultyStorage();
  const clock = new ManualClock();
  const ids = countedIds();
  const limits = random.chance(0.2) ? { segmentBytes: 700 } : {};
  const backend = new FileBackend(storage, DIR);
  const journal = await openJournalOn(backend, { clock, ids, limits });
  const size = (): string => 'x'.repeat((random.pick(SIZES) ?? 1) + random.below(40));
  for (let left = 1 + random.below(4); left > 0; left--) await appendDurably(journal, [heartbeat(size())]);
  const acknowledged = journal.durableSequence;
  const segment = await newestOf(storage);
  const before = storage.contents(segment);
  // Rotation would sync in between: the batch that is torn goes to the segment that is there.
  if (limits.segmentBytes !== undefined) await journal.flush();
  const release = storage.holdSyncs();
  for (let left = 1 + random.below(5); left > 0; left--)
    journal.append({ header: { at: 5 }, events: [heartbeat(size()), heartbeat('b')] }, () => undefined);
  for (let turn = 0; turn < 60; turn++) await Promise.resolve();
  const written = storage.contents(segment);
  const files = await filesOf(storage);
  storage.forgetProcess();
  release();
  const used = written.subarray(0, usedBytes(written));
  const frames = framesOf(used);
  const sealing = frames.at(-1)?.header.kind === FRAME_KIND.seal;
  const commits = frames.filter(({ header }) => header.kind === FRAME_KIND.commit);
  const ends = new Map<number, number>();
  for (const { header, end } of commits) ends.set(header.firstSequence + header.count - 1, end);
  return {
    segment,
    files,
    before: before.subarray(0, usedBytes(before)),
    written: used,
    acknowledged,
    sealing,
    ends,
  };
}

async function newestOf(storage: FaultyStorage): Promise<string> {
  const names = (await storage.readdir(`${DIR}/wal`)).filter((name) => name.endsWith('.wal'));
  return `${DIR}/wal/${names.at(-1) ?? ''}`;
}

async function filesOf(storage: FaultyStorage): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of await storage.readdir(`${DIR}/wal`))
    files.set(`${DIR}/wal/${name}`, storage.contents(`${DIR}/wal/${name}`));
  return files;
}

/** One legal outcome of the power cut. */
function image(log: TornLog, random: Random): Buffer {
  const { before, written } = log;
  const grown = random.chance(0.5);
  const room = log.sealing ? 0 : random.chance(0.4) ? random.below(4) * SECTOR + random.below(SECTOR) : 0;
  // A file that grew may have grown to any sector; one whose room was there before has its size already.
  const size =
    room > 0 || grown
      ? written.length + room
      : before.length + random.below(written.length - before.length + 1);
  const bytes = Buffer.alloc(Math.max(size, before.length));
  before.copy(bytes);
  const mostly = random.unit();
  for (let sector = Math.floor(before.length / SECTOR); sector * SECTOR < written.length; sector++) {
    if (!random.chance(mostly)) continue;
    const end = Math.min((sector + 1) * SECTOR, written.length, bytes.length);
    written.copy(bytes, sector * SECTOR, sector * SECTOR, end);
  }
  return bytes;
}

function place(log: TornLog, bytes: Buffer): FaultyStorage {
  const storage = new FaultyStorage();
  for (const [path, contents] of log.files) storage.place(path, path === log.segment ? bytes : contents);
  return storage;
}

/** What `strict` says: the last sequence, or that the tail is torn. */
async function strictly(storage: FaultyStorage): Promise<number | 'torn'> {
  try {
    return (await verify(DIR, { storage })).lastSequence;
  } catch (error) {
    if (isPawlError(error, 'TORN_TAIL')) return 'torn';
    throw error;
  }
}

interface Found {
  readonly sequence: number;
  readonly torn: boolean;
}

/** What an opening that cuts would find, without it. */
async function look(storage: FaultyStorage): Promise<Found> {
  const { lastSequence, torn } = await verify(DIR, { storage, repair: 'truncate-partial' });
  return { sequence: lastSequence, torn };
}

/** What it finds; what it keeps is what was written, and strict says the same before. */
async function open(storage: FaultyStorage, log: TornLog): Promise<Found> {
  const strict = await strictly(storage);
  const journal = await openJournal(DIR, {
    storage,
    clock: new ManualClock(),
    ids: countedIds(),
    repair: 'truncate-partial',
  });
  const { currentSequence: sequence, repaired } = journal;
  const end = log.ends.get(sequence) ?? 0;
  const kept = storage.contents(log.segment).subarray(0, end);
  if (!kept.equals(log.written.subarray(0, end))) throw new Error('not what was written');
  const torn = repaired !== undefined;
  if (strict !== (torn ? 'torn' : sequence))
    throw new Error(`strict says ${String(strict)}, serving ${String(sequence)}`);
  return { sequence, torn };
}

describe('the power is cut while a batch is written', () => {
  it('a hundred thousand times: none refused, nothing acknowledged lost, nothing made up', async () => {
    const seen = { torn: 0, clean: 0, partOfBatch: 0, wholeBatch: 0, several: 0 };
    let images = 0;
    for (let seed = 1; seed <= LOGS; seed++) {
      const random = new Random(seed);
      const log = await tornLog(random);
      const last = Math.max(...log.ends.keys());
      if (log.files.size > 1) seen.several++;
      for (let count = 0; count < IMAGES; count++, images++) {
        const storage = place(log, image(log, random));
        const context = `seed ${String(seed)}, image ${String(count)}`;
        const whole = count % OPEN_EVERY === 0;
        const { sequence, torn } = await (whole ? open(storage, log) : look(storage)).catch(
          (error: unknown) => {
            throw new Error(context, { cause: error });
          },
        );
        if (sequence < log.acknowledged || !log.ends.has(sequence))
          throw new Error(`${context}: at ${String(sequence)}`);
        seen[torn ? 'torn' : 'clean']++;
        if (sequence === last) seen.wholeBatch++;
        else if (sequence > log.acknowledged) seen.partOfBatch++;
        if (whole && count % GO_ON_EVERY === 0) await goesOn(storage, sequence);
      }
    }
    expect(images).toBeGreaterThanOrEqual(100_000);
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  }, 600_000);
});

/** What was recovered takes commits, and is whole when it is opened again as the crash of that process leaves it. */
async function goesOn(storage: FaultyStorage, found: number): Promise<void> {
  storage.crash(() => 0);
  const clock = new ManualClock();
  const journal = await openJournal(DIR, { storage, clock, ids: countedIds(), repair: 'truncate-partial' });
  expect([journal.currentSequence, journal.repaired]).toEqual([found, undefined]);
  await journal.append(event(found + 1));
  storage.forgetProcess();
  expect((await verify(DIR, { storage })).lastSequence).toBe(found + 1);
}
