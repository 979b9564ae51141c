// Row D8 below the engine: what is kept for a full disk is given up when something insists, made again when there is
// room, and is for nothing else meanwhile. The simulated disk has no size, so a plan says which writes find room.
import { describe, expect, it } from '@jest/globals';
import type { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { verify } from '../../src/journal/open-journal.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { actorsOf } from './wal-fixtures.js';

const RESERVE = '/data/reserve';
const RESERVE_BYTES = 4_096;
/** What each opening writes: who has written nothing gets no reserve. */
const OPENED = 'opened';
const ids = uuidV7(hostClock, hostRandom());

interface Opened {
  readonly storage: FaultyStorage;
  readonly clock: ManualClock;
  readonly journal: Journal;
}

async function open(storage = new FaultyStorage(), limits = {}): Promise<Opened> {
  const clock = new ManualClock();
  const journal = await openJournalOn(new FileBackend(storage, '/data'), {
    clock,
    ids,
    repair: 'truncate-partial',
    limits: { reserveBytes: RESERVE_BYTES, ...limits },
  });
  await appendDurably(journal, [heartbeat(OPENED)]);
  await clock.advance(1_000);
  return { storage, clock, journal };
}

/** From now on a write finds room only while the reserve is not there; `left` such writes at most. */
function fill(storage: FaultyStorage, left = Infinity): void {
  let room = left;
  let reserve = true;
  storage.setFaults((operation, path) => {
    if (operation === 'unlink' && path === RESERVE) reserve = false;
    if (operation !== 'write') return undefined;
    if (path.startsWith('/data/wal/') && !reserve && room-- > 0) return undefined;
    return { kind: 'fail', errno: 'ENOSPC', writtenBytes: 20 };
  });
}

function insist(journal: Journal, actorId: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const draft = { header: { at: 1_000 }, events: [heartbeat(actorId)], urgent: true, insists: true };
    journal.append(draft, (error: PawlError | undefined, commit) => {
      if (error === undefined) resolve(commit);
      else reject(error);
    });
  });
}

/** The actors of the log, but those of the openings. */
async function written(journal: Journal): Promise<string[]> {
  return (await actorsOf(journal)).filter((actor) => actor !== OPENED);
}

const FULL = { code: 'STORAGE_FULL', data: { outcome: 'notDone' } };

describe('the reserve', () => {
  it('is made within a second once something was written, as large as asked for, and found by the next opening', async () => {
    const { storage, journal } = await open();
    expect(storage.contents(RESERVE)).toHaveLength(RESERVE_BYTES);
    expect(storage.contents(RESERVE).every((byte) => byte === 0)).toBe(false);
    await journal.close();
    let made = 0;
    storage.setFaults((operation, path) => {
      if (operation === 'write' && path === RESERVE) made++;
      return undefined;
    });
    const again = await open(storage);
    await again.clock.advance(5_000);
    expect(made).toBe(0);
    await again.journal.close();
  });

  it.each([
    [0, undefined],
    [1, 1],
    [262_143, 262_143],
    [262_145, 262_145],
  ])('of %d bytes is a file of %p', async (reserveBytes, size) => {
    const { storage, journal } = await open(undefined, { reserveBytes });
    expect((await storage.stat(RESERVE))?.sizeBytes).toBe(size);
    await journal.close();
  });

  it('of another size is made anew', async () => {
    const { storage, journal } = await open(undefined, { reserveBytes: 100 });
    await journal.close();
    await (await open(storage)).journal.close();
    expect(storage.contents(RESERVE)).toHaveLength(RESERVE_BYTES);
  });

  it('for which there is no room is left out, with nothing of it in the way of the log, and tried again', async () => {
    const storage = new FaultyStorage();
    storage.setFaults((operation, path) =>
      operation === 'write' && path === RESERVE
        ? { kind: 'fail', errno: 'ENOSPC', writtenBytes: 9 }
        : undefined,
    );
    const { clock, journal } = await open(storage);
    expect(await storage.stat(RESERVE)).toBeUndefined();
    await appendDurably(journal, [heartbeat('one')]);
    storage.setFaults(undefined);
    await clock.advance(1_000);
    expect(storage.contents(RESERVE)).toHaveLength(RESERVE_BYTES);
    await journal.close();
  });

  it('is not made when the file system says that little more than it is free', async () => {
    let freeBytes = 2 * RESERVE_BYTES - 1;
    const storage = Object.assign(new FaultyStorage(), {
      fileSystem: () => Promise.resolve({ type: 0xef53, freeBytes }),
    });
    const { clock, journal } = await open(storage);
    expect(await storage.stat(RESERVE)).toBeUndefined();
    freeBytes++;
    await clock.advance(1_000);
    expect(storage.contents(RESERVE)).toHaveLength(RESERVE_BYTES);
    await journal.close();
  });
});

describe('on a full disk', () => {
  it('what insists is written into the room of the reserve, what does not is refused, whatever order they came in', async () => {
    const { storage, journal } = await open();
    await appendDurably(journal, [heartbeat('before')]);
    fill(storage);
    const outcomes = await Promise.allSettled([
      appendDurably(journal, [heartbeat('admission 1')]),
      insist(journal, 'needed 1'),
      appendDurably(journal, [heartbeat('admission 2')]),
      insist(journal, 'needed 2'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[0]).toMatchObject({ reason: FULL });
    expect(outcomes[1]).toMatchObject({ value: { firstSequence: 3 } });
    expect(outcomes[3]).toMatchObject({ value: { firstSequence: 4 } });
    expect(await storage.stat(RESERVE)).toBeUndefined();
    expect(await written(journal)).toEqual(['before', 'needed 1', 'needed 2']);
    storage.crash(() => 0.5);
    const again = await open(storage);
    expect(await written(again.journal)).toEqual(['before', 'needed 1', 'needed 2']);
    await again.journal.close();
  });

  it('what gathers meanwhile shares that fate', async () => {
    const { storage, journal } = await open();
    await appendDurably(journal, [heartbeat('before')]);
    fill(storage);
    const first = appendDurably(journal, [heartbeat('admission 1')]);
    first.catch(() => undefined);
    await Promise.resolve();
    await Promise.resolve();
    const rest = [appendDurably(journal, [heartbeat('admission 2')]), insist(journal, 'needed')];
    expect((await Promise.allSettled([first, ...rest])).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    await journal.flush();
    expect(await written(journal)).toEqual(['before', 'needed']);
    await journal.close();
  });

  it('whoever waits for the batch waits until what insists is durable', async () => {
    const { storage, journal } = await open();
    await appendDurably(journal, [heartbeat('before')]);
    fill(storage);
    let written = false;
    const needed = insist(journal, 'needed').then(() => (written = true));
    await journal.flush();
    await needed;
    expect(written).toBe(true);
    expect(journal.durableSequence).toBe(3);
    await journal.close();
  });

  it('nothing but what insists is taken while the reserve is in use; a second after there is room, everything is', async () => {
    const { storage, clock, journal } = await open();
    fill(storage);
    await insist(journal, 'needed 1');
    const { write } = storage.counts;
    await expect(async () => appendDurably(journal, [heartbeat('admission')])).rejects.toMatchObject({
      ...FULL,
      message: expect.stringContaining('free some space'),
    });
    expect(storage.counts.write).toBe(write);
    await insist(journal, 'needed 2');
    await clock.advance(3_000);
    await expect(async () => appendDurably(journal, [heartbeat('admission')])).rejects.toMatchObject(FULL);
    storage.setFaults(undefined);
    await clock.advance(1_000);
    await appendDurably(journal, [heartbeat('again')]);
    expect(storage.contents(RESERVE)).toHaveLength(RESERVE_BYTES);
    await journal.close();
    expect(await verify('/data', { storage })).toMatchObject({ lastSequence: 4, sealed: true });
  });

  it('what insists is refused too when the room of the reserve is used up, and the writer stays usable', async () => {
    const { storage, clock, journal } = await open();
    await appendDurably(journal, [heartbeat('before')]);
    fill(storage, 1);
    await insist(journal, 'needed 1');
    await expect(insist(journal, 'needed 2')).rejects.toMatchObject(FULL);
    storage.setFaults(undefined);
    await clock.advance(1_000);
    await insist(journal, 'needed 3');
    expect(await written(journal)).toEqual(['before', 'needed 1', 'needed 3']);
    await journal.close();
  });

  it('the room of the reserve is counted on when the file system has let go of it for good', async () => {
    const { storage, journal } = await open();
    let freed = false;
    storage.setFaults((operation, path) => {
      // As where freed blocks are handed out again only when the journal of the file system knows of it.
      if (operation === 'syncDir' && path === '/data') freed = true;
      const fits = operation !== 'write' || (freed && path.startsWith('/data/wal/'));
      return fits ? undefined : { kind: 'fail', errno: 'ENOSPC' };
    });
    await insist(journal, 'needed');
    expect(await written(journal)).toEqual(['needed']);
    await journal.close();
  });

  it('an admission alone does not cost the reserve', async () => {
    const { storage, journal } = await open();
    fill(storage);
    await expect(appendDurably(journal, [heartbeat('admission')])).rejects.toMatchObject(FULL);
    expect(storage.contents(RESERVE)).toHaveLength(RESERVE_BYTES);
    storage.setFaults(undefined);
    await appendDurably(journal, [heartbeat('admission')]);
    await journal.close();
  });

  it('without a reserve what insists is refused like everything else', async () => {
    const { storage, journal } = await open(undefined, { reserveBytes: 0 });
    fill(storage);
    await expect(insist(journal, 'needed')).rejects.toMatchObject(FULL);
    storage.setFaults(undefined);
    await insist(journal, 'again');
    await journal.close();
  });

  it('the seal of a close finds its room in the reserve', async () => {
    const { storage, journal } = await open();
    await appendDurably(journal, [heartbeat('one')]);
    fill(storage);
    await journal.close();
    storage.setFaults(undefined);
    expect(await verify('/data', { storage })).toMatchObject({ lastSequence: 2, sealed: true });
  });

  it('an abandoned journal writes nothing more, reserve or not', async () => {
    const { storage, journal } = await open();
    await appendDurably(journal, [heartbeat('before')]);
    fill(storage);
    insist(journal, 'needed').catch(() => undefined);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    await journal.abandon();
    storage.kill();
    const again = await open(storage);
    expect(await written(again.journal)).toEqual(['before']);
    await again.journal.close();
  });
});
