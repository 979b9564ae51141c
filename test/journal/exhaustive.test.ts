// The tail question over every bit, every cut and thousands of torn batches of a small log, on the simulated disk:
// nothing acknowledged is lost in silence, nothing legal is refused. The model is that of the format page.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { isPawlError, type PawlError } from '../../src/errors.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { FRAME_KIND } from '../../src/journal/frame.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { openJournal, openWalReader, openWalWriter } from '../../src/journal/open-journal.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { event, framesOf } from './wal-fixtures.js';

const SEGMENT = '/data/wal/00000000000000000001.wal';
const EVENTS = 12;
let whole: Buffer = Buffer.alloc(0);
let commitEnds: number[] = [];

/** Same sequence for the same seed, in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function diskWith(bytes: Buffer): FaultyStorage {
  const storage = new FaultyStorage();
  storage.place(SEGMENT, bytes);
  return storage;
}

/** What opening for writing says: the last sequence, or the error. */
async function openPartial(bytes: Buffer): Promise<number | PawlError> {
  const storage = diskWith(bytes);
  try {
    const journal = await openJournal('/data', { storage, repair: 'truncate-partial' });
    const { currentSequence } = journal;
    await journal.close();
    return currentSequence;
  } catch (error) {
    if (isPawlError(error)) return error;
    throw error;
  }
}

beforeAll(async () => {
  const storage = new FaultyStorage();
  const writer = await openWalWriter('/data', { storage });
  for (let sequence = 1; sequence <= EVENTS; sequence++)
    await writer.append(event(sequence, `actor-${String(sequence)}`));
  await writer.close();
  const bytes = storage.contents(SEGMENT);
  const commits = framesOf(bytes).filter(({ header }) => header.kind === FRAME_KIND.commit);
  commitEnds = commits.map(({ end }) => end);
  whole = bytes.subarray(0, commitEnds.at(-1));
});

describe('row 11, exhaustively: every bit of a log of single-event batches', () => {
  it('flipped, is refused with its frame, and a reader shows all before it and nothing wrong', async () => {
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const answer = await openPartial(flipped);
      if (typeof answer === 'number') throw new Error(`bit ${String(bit)}: opened at ${String(answer)}`);
      const before = commitEnds.filter((end) => end <= bit >> 3).length;
      const offset =
        before === 0 && bit >> 3 < (firstCommit() ?? 0) ? 0 : (commitEnds[before - 1] ?? firstCommit());
      expect([
        answer.code === 'JOURNAL_CORRUPT' || answer.code === 'UNSUPPORTED_FORMAT',
        answer.data['offset'],
      ]).toEqual([true, offset]);
      if (bit % 16 === 0) {
        const reader = await openWalReader('/data', { storage: diskWith(flipped) });
        expect(reader.currentSequence).toBe(before);
      }
    }
  }, 600_000);
});

describe('the witness outside the log', () => {
  it('tells every cut of acknowledged events; without it a cut at the end is a shorter log', async () => {
    const storage = new FaultyStorage();
    const writer = await openWalWriter('/data', { storage });
    for (let sequence = 1; sequence <= EVENTS; sequence++) await writer.append(event(sequence));
    await writer.close();
    const head = storage.contents('/data/head');
    const bytes = storage.contents(SEGMENT);
    const first = framesOf(bytes)[1]?.offset ?? 0;
    for (let length = first; length < bytes.length; length++) {
      const lost = diskWith(bytes.subarray(0, length));
      lost.place('/data/head', head);
      const { lastSequence } = lastWhole(bytes, length);
      const opened = openJournal('/data', { storage: lost, repair: 'truncate-partial' });
      if (lastSequence === EVENTS) await (await opened).close();
      else if (lastSequence === 0)
        await expect(opened).rejects.toMatchObject({
          code: 'ACKNOWLEDGED_DATA_MISSING',
          data: { watermark: EVENTS },
        });
      else await expect(opened).rejects.toMatchObject({ data: { watermark: EVENTS, found: lastSequence } });
      const blind = await openPartial(bytes.subarray(0, length));
      expect(blind).toBe(lastSequence);
    }
  }, 600_000);
});

describe('row 12 and the tail: crashes while a batch is written', () => {
  it('keep every acknowledged commit, and a prefix of the batch, whatever became of its sectors', async () => {
    let torn = 0;
    for (let seed = 1; seed <= 600; seed++) {
      const random = seeded(seed * 7_919);
      const storage = new FaultyStorage();
      const ids = uuidV7(hostClock, hostRandom());
      const backend = new FileBackend(storage, '/data');
      const journal = await openJournalOn(backend, { clock: hostClock, ids, repair: 'truncate-partial' });
      const size = (): string => 'x'.repeat(1 + Math.floor(random() * (random() < 0.3 ? 3_000 : 100)));
      let acknowledged = 0;
      for (let index = Math.floor(random() * 4); index > 0; index--) {
        acknowledged = (await appendDurably(journal, [heartbeat(size())])).firstSequence;
      }
      storage.holdSyncs();
      for (let index = 1 + Math.floor(random() * 4); index > 0; index--) {
        journal.append({ header: { at: 5 }, events: [heartbeat(size()), heartbeat('b')] }, () => undefined);
      }
      const queued = journal.currentSequence;
      // Written, and the sync held: the power goes now.
      for (let turn = 0; turn < 60; turn++) await Promise.resolve();
      storage.crash(random);
      const again = await openJournalOn(new FileBackend(storage, '/data'), {
        clock: hostClock,
        ids,
        repair: 'truncate-partial',
      });
      const { currentSequence, repaired } = again;
      if (repaired !== undefined) torn++;
      const context = `seed ${String(seed)}`;
      expect([context, currentSequence >= acknowledged && currentSequence <= queued]).toEqual([
        context,
        true,
      ]);
      expect([context, (currentSequence - acknowledged) % 2]).toEqual([context, 0]);
      const next = await appendDurably(again, [heartbeat('after')]);
      expect(next.firstSequence).toBe(currentSequence + 1);
      // Recovering twice is recovering once, also from a crash right after.
      storage.crash(random);
      const third = await openJournalOn(new FileBackend(storage, '/data'), {
        clock: hostClock,
        ids,
        repair: 'truncate-partial',
      });
      expect([context, third.currentSequence, third.repaired]).toEqual([
        context,
        currentSequence + 1,
        undefined,
      ]);
      await third.close();
    }
    expect(torn).toBeGreaterThan(50);
  }, 600_000);
});

function firstCommit(): number | undefined {
  return framesOf(whole)[1]?.offset;
}

function lastWhole(bytes: Buffer, length: number): { lastSequence: number } {
  const commits = framesOf(bytes).filter(
    ({ end, header }) => end <= length && header.kind === FRAME_KIND.commit,
  );
  return { lastSequence: commits.length };
}
