// What a start leaves for later: of segments that end before the used snapshot it reads the ends only. A missing,
// swapped, replaced, duplicated or shortened one is still refused there; a damaged byte inside is found behind it.
import { describe, expect, it } from '@jest/globals';
import type { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { BackgroundCheck } from '../../src/journal/background-check.js';
import { plainPayload } from '../../src/journal/control-check.js';
import { readSeal, writeSeal, type Seal } from '../../src/journal/control-frames.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { FRAME_KIND, type FrameFields } from '../../src/journal/frame.js';
import { HeadWriter, readHead } from '../../src/journal/head-file.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn, type OpenJournalOptions } from '../../src/journal/open-journal-on.js';
import { openWalWriter, verify } from '../../src/journal/open-journal.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { Recovery, type Recovered } from '../../src/journal/recovery.js';
import { listSegments, segmentInfo, type SegmentInfo } from '../../src/journal/segment-list.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import type { Storage } from '../../src/journal/storage.js';
import { Projections } from '../../src/projections/projections.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { appendDurably, heartbeat } from './backend-contract.js';
import { at } from './recovery-files.js';
import { frameBehind, framesOf } from './wal-fixtures.js';

const ids = uuidV7(hostClock, hostRandom());
const EVENTS = 120;
const SNAPSHOT_AT = 90;
const limits = { segmentBytes: 2_000 };

/** A disk with a log of tenants in several segments and a snapshot taken at `SNAPSHOT_AT`. */
async function directory(events = EVENTS, snapshotAt = SNAPSHOT_AT): Promise<FaultyStorage> {
  const storage = new FaultyStorage();
  const state = new Projections();
  const writer = await openWalWriter('/data', { storage, limits });
  for (let sequence = 1; sequence <= events; sequence++) {
    const tenantId = `t${String(sequence)}`;
    const commit = await writer.append(
      at(sequence, 1_000, 'TenantCreated', { tenantId, name: 'n'.repeat(60) }),
    );
    state.apply(commit);
    if (sequence === snapshotAt)
      await takeSnapshot(state, new FileBackend(storage, '/data').snapshots, { takenAt: 1_000 });
  }
  await writer.close();
  return storage;
}

interface Started {
  readonly journal: Journal;
  readonly recovered: Recovered;
}

/** Starts as an orchestrator does. */
async function start(storage: Storage, more: Partial<OpenJournalOptions> = {}): Promise<Started> {
  const backend = new FileBackend(storage, '/data');
  const load = new Recovery({ backend, clock: hostClock });
  const journal = await openJournalOn(backend, {
    clock: hostClock,
    ids,
    repair: 'truncate-partial',
    checkRestLater: true,
    load,
    ...more,
  });
  return { journal, recovered: await load.finish(journal) };
}

async function segmentsOf(storage: Storage): Promise<string[]> {
  return (await storage.readdir('/data/wal')).map((name) => `/data/wal/${name}`);
}

/** The segments that end at or before the snapshot. */
async function older(storage: Storage): Promise<string[]> {
  const all = await segmentsOf(storage);
  return all.filter(
    (_, index) => Number.parseInt((all[index + 1] ?? '99999').slice(-24), 10) <= SNAPSHOT_AT + 1,
  );
}

function flip(storage: FaultyStorage, path: string, offset: number): void {
  const bytes = storage.contents(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 4;
  storage.place(path, bytes);
}

interface Forgery {
  readonly seal?: (seal: Seal) => Seal;
  readonly frame?: Partial<FrameFields>;
}

/** Puts another seal behind a segment, every checksum right, and lets `head` vouch for it. */
async function forgeSeal(storage: FaultyStorage, path: string, { seal, frame }: Forgery): Promise<void> {
  const bytes = storage.contents(path);
  const frames = framesOf(bytes);
  const last = frames.at(-1);
  if (last === undefined) throw new Error('no seal');
  const cursor = frames.slice(0, -1);
  const before = bytes.subarray(0, last.offset);
  const out = new RecordWriter(128);
  const plain = plainPayload(bytes, last.offset, last.header);
  writeSeal(out, seal?.(readSeal(plain)) ?? readSeal(plain));
  const forged = frameBehind(before, Buffer.from(out.written()), {
    kind: FRAME_KIND.seal,
    count: 0,
    batch: last.header.batch,
    firstSequence: last.header.firstSequence,
    previousCrc: cursor.at(-1)?.header.headerCrc ?? 0,
    ...frame,
  });
  storage.place(path, Buffer.concat([before, forged]));
  const head = await readHead(storage, '/data/head');
  if (head === undefined || frame?.epoch === undefined) return;
  // A head of that epoch alone: a later one would not let itself be written over.
  await storage.unlink('/data/head');
  const writer = new HeadWriter(storage, { root: '/data', head: '/data/head' }, 0);
  await writer.write({ ...head, epoch: frame.epoch });
  await writer.close();
}

describe('a start from a snapshot', () => {
  it('reads of older segments their ends, and says how much it left', async () => {
    const storage = await directory();
    const files = await older(storage);
    const all = await segmentsOf(storage);
    expect(files.length).toBeGreaterThan(2);
    expect(all.length - files.length).toBeGreaterThan(1);
    const sizes = (paths: string[]): number =>
      paths.reduce((sum, path) => sum + storage.contents(path).length, 0);
    const { journal, recovered } = await start(storage);
    expect(recovered).toMatchObject({ snapshotSequence: SNAPSHOT_AT, snapshotLoaded: true });
    expect(recovered.observations.walReplayEventsApplied).toBe(EVENTS - SNAPSHOT_AT);
    expect(recovered.projections.sequence).toBe(EVENTS);
    expect(journal.checked).toEqual({
      segments: all.length - files.length,
      bytes: sizes(all.filter((path) => !files.includes(path))),
      laterSegments: files.length,
      laterBytes: sizes(files),
    });
    expect(journal.lastAt).toBe(1_000);
    await journal.checkRest();
    await journal.close();
  });

  it('comes to the same as one that checks everything, and goes on in the same way', async () => {
    const one = await directory();
    const other = await directory();
    const partly = await start(one);
    const whole = await start(other, { checkRestLater: false });
    expect(whole.journal.checked).toMatchObject({ laterSegments: 0, laterBytes: 0 });
    expect(partly.recovered.projections.stateHash()).toBe(whole.recovered.projections.stateHash());
    expect(partly.journal.epoch).toBe(whole.journal.epoch);
    expect([partly.journal.firstSequence, partly.journal.currentSequence]).toEqual([1, EVENTS]);
    const first: number[] = [];
    for await (const commit of partly.journal.read({ from: 5, to: 7 })) first.push(commit.firstSequence);
    expect(first).toEqual([5, 6, 7]);
    await partly.journal.close();
    expect(await verify('/data', { storage: one })).toMatchObject({ lastSequence: EVENTS });
  });

  it('at the very end of a closed log reads no segment whole', async () => {
    const storage = await directory(EVENTS, EVENTS);
    const { journal, recovered } = await start(storage);
    expect(journal.checked).toMatchObject({ segments: 0, bytes: 0 });
    expect([recovered.projections.sequence, journal.currentSequence, journal.lastAt]).toEqual([
      EVENTS,
      EVENTS,
      1_000,
    ]);
    await journal.close();
  });

  it('at the very end reads the newest segment whole when nothing proves its seal durable', async () => {
    const storage = await directory(EVENTS, EVENTS);
    await storage.unlink('/data/head');
    const { journal } = await start(storage);
    expect(journal.checked).toMatchObject({ segments: 1 });
    await journal.close();
  });

  it.each<[string, Forgery, string]>([
    ['counts other events', { seal: (seal) => ({ ...seal, events: seal.events + 1 }) }, 'JOURNAL_CORRUPT'],
    [
      'ends at another event',
      { seal: (seal) => ({ ...seal, lastSequence: seal.lastSequence + 1 }) },
      'JOURNAL_CORRUPT',
    ],
    ['is of an earlier writer', { frame: { epoch: 0 } }, 'JOURNAL_CORRUPT'],
    ['has flags of a later release', { frame: { kind: FRAME_KIND.seal | 0x10000 } }, 'UNSUPPORTED_FORMAT'],
  ])(
    'at the very end believes no seal that %s, though its checksums are right',
    async (_name, forgery, code) => {
      const storage = await directory(EVENTS, EVENTS);
      const newest = (await segmentsOf(storage)).at(-1) ?? '';
      await forgeSeal(storage, newest, forgery);
      await expect(start(storage)).rejects.toMatchObject({ code, data: { segment: newest.slice(-24) } });
    },
  );

  it('of a snapshot that cannot be used checks what it reads instead', async () => {
    const storage = await directory();
    const path = `/data/snapshots/${String(SNAPSHOT_AT)}.snapshot`;
    flip(storage, path, 100);
    const whole = await start(storage);
    expect(whole.journal.checked).toMatchObject({ laterSegments: 0 });
    expect(whole.recovered.projections.sequence).toBe(EVENTS);
    await whole.journal.close();
    const [first = ''] = await older(storage);
    flip(storage, first, 700);
    await expect(start(storage)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { segment: first.slice(-24), reason: 'crcMismatch' },
    });
  });
});

describe('an older segment that is not what it was', () => {
  type Damage = (storage: FaultyStorage, files: string[]) => Promise<void> | void;
  const cases: [string, Damage, object][] = [
    ['missing', (storage, [, second = '']) => storage.unlink(second), { code: 'SEGMENT_MISSING' }],
    [
      'swapped with its neighbour',
      (storage, [, second = '', third = '']) => {
        const bytes = storage.contents(second);
        storage.place(second, storage.contents(third));
        storage.place(third, bytes);
      },
      { code: 'JOURNAL_CORRUPT', data: { reason: 'sequenceGap', offset: 0 } },
    ],
    [
      'replaced by that of another log',
      async (storage, [, second = '']) => {
        storage.place(second, (await directory()).contents(second));
      },
      { code: 'JOURNAL_CORRUPT', data: { reason: 'sealMismatch', offset: 0 } },
    ],
    [
      'there twice',
      (storage, [first = '', second = '']) => {
        const between = first.replace(/\d{20}/, String(2).padStart(20, '0'));
        expect(between < second).toBe(true);
        storage.place(between, storage.contents(first));
      },
      { code: 'JOURNAL_CORRUPT', data: { reason: 'sequenceGap' } },
    ],
    [
      'shortened by its seal',
      (storage, [, second = '']) => {
        const bytes = storage.contents(second);
        storage.place(second, bytes.subarray(0, framesOf(bytes).at(-1)?.offset));
      },
      { code: 'JOURNAL_CORRUPT', data: { reason: 'sealMismatch' } },
    ],
    [
      'shortened by a frame in the middle',
      (storage, [, second = '']) => {
        const bytes = storage.contents(second);
        const [, cut] = framesOf(bytes);
        if (cut === undefined) throw new Error('no frame to cut');
        storage.place(second, Buffer.concat([bytes.subarray(0, cut.offset), bytes.subarray(cut.end)]));
      },
      { code: 'JOURNAL_CORRUPT' },
    ],
    [
      'longer than its seal says',
      (storage, [, second = '']) => {
        storage.place(second, Buffer.concat([storage.contents(second), Buffer.from('x')]));
      },
      { code: 'JOURNAL_CORRUPT', data: { reason: 'sealMismatch' } },
    ],
    [
      'empty',
      (storage, [, second = '']) => {
        storage.place(second, Buffer.alloc(0));
      },
      { code: 'JOURNAL_CORRUPT', data: { offset: 0 } },
    ],
    [
      'of a later format',
      (storage, [, second = '']) => {
        const bytes = storage.contents(second);
        bytes[3] = 9;
        storage.place(second, bytes);
      },
      { code: 'UNSUPPORTED_FORMAT', data: { offset: 0, found: 9 } },
    ],
  ];

  it.each(cases)('%s is refused at the start, and nothing changes', async (_name, damage, refusal) => {
    const storage = await directory();
    await damage(storage, await older(storage));
    const contents = async (): Promise<string[][]> =>
      (await segmentsOf(storage)).map((path) => [path, storage.contents(path).toString('hex')]);
    const before = await contents();
    await expect(start(storage)).rejects.toMatchObject(refusal);
    expect(await contents()).toEqual(before);
  });

  it('any flipped bit of its header, and any that its seal says something with, is refused at the start', async () => {
    const storage = await directory();
    const [, second = ''] = await older(storage);
    const bytes = storage.contents(second);
    const frames = framesOf(bytes);
    const ends = [frames[0], frames.at(-1)];
    for (const frame of ends) {
      if (frame === undefined) throw new Error('no frame');
      for (let bit = frame.offset * 8; bit < frame.end * 8; bit += 3) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        storage.place(second, flipped);
        const refusal = await start(storage).then(
          () => undefined,
          (error: unknown) => error as PawlError,
        );
        expect([bit, refusal?.code]).toEqual([
          bit,
          expect.stringMatching(/^(JOURNAL_CORRUPT|UNSUPPORTED_FORMAT)$/),
        ]);
        expect(refusal?.data['segment']).toBe(second.slice(-24));
      }
    }
  }, 600_000);
});

describe('what was left is checked behind the start', () => {
  it.each([
    ['a payload', 200, 'crcMismatch'],
    ['a version byte', undefined, 'unsupportedVersion'],
  ])(
    '%s that is damaged stops appends with JOURNAL_CORRUPT, and reading goes on',
    async (_name, place, reason) => {
      const storage = await directory();
      const [, second = ''] = await older(storage);
      const frames = framesOf(storage.contents(second));
      flip(
        storage,
        second,
        place === undefined ? (frames[3]?.offset ?? 0) + 3 : (frames[3]?.offset ?? 0) + 60,
      );
      const { journal } = await start(storage);
      await expect(journal.checkRest()).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        data: { segment: second.slice(-24), offset: frames[3]?.offset, reason },
      });
      const refused = appendDurably(journal, [heartbeat('late')]);
      await expect(refused).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
      const seen: number[] = [];
      for await (const commit of journal.read({ from: SNAPSHOT_AT })) seen.push(commit.firstSequence);
      expect(seen[0]).toBe(SNAPSHOT_AT);
      await journal.close();
    },
  );

  it('a segment that was exchanged since the start is not taken for the one that was there', async () => {
    const storage = await directory();
    const [, second = ''] = await older(storage);
    const { journal } = await start(storage);
    storage.place(second, (await directory()).contents(second));
    await expect(journal.checkRest()).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { segment: second.slice(-24), reason: 'sealMismatch' },
    });
    await journal.close();
  });

  it('a segment that is gone is damage; one that cannot be opened just now is tried again', async () => {
    const storage = await directory();
    const [first = '', second = ''] = await older(storage);
    const fired: (() => void)[] = [];
    const clock = {
      ...hostClock,
      setTimer: (delayMs: number, fire: () => void) => {
        if (delayMs >= 1_000) fired.push(fire);
        else return hostClock.setTimer(0, fire);
        return { cancel: () => undefined };
      },
    };
    const { journal } = await start(storage, { clock });
    storage.failNext('open', 'EMFILE');
    const checked = journal.checkRest();
    // The upkeep of the directory waits for its second as well.
    while (fired.length < 2) await new Promise((resolve) => hostClock.yieldTurn(() => resolve(undefined)));
    await storage.unlink(second);
    for (const fire of fired.splice(0)) fire();
    await expect(checked).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { segment: second.slice(-24), reason: 'io' },
    });
    expect(first).not.toBe(second);
    await journal.close();
  });

  it('a segment that retention removes while it is being opened is no damage', async () => {
    const storage = await directory();
    const segments = await listSegments(storage, '/data/wal');
    const unread = segments.slice(0, 1).map((info) => ({ info, sealCrc: 1 }));
    let kept = true;
    storage.setFaults((operation) => {
      if (operation !== 'open') return undefined;
      kept = false;
      return { kind: 'fail', errno: 'ENOENT' };
    });
    await storage.unlink(segments[0]?.path ?? '');
    const isKept = (): boolean => kept;
    const parts = { storage, clock: hostClock, maxFrameBytes: 1_000_000, isKept };
    await new BackgroundCheck(parts, unread).run();
    expect(kept).toBe(false);
  });

  it('ends when the journal is closed, and reads nothing any more then', async () => {
    const storage = await directory();
    const clock = { ...hostClock, setTimer: () => ({ cancel: () => undefined }) };
    const { journal } = await start(storage, { clock });
    const checked = journal.checkRest();
    for (let turn = 0; turn < 40; turn++) await Promise.resolve();
    await journal.close();
    await checked;
    const { read } = storage.counts;
    await new Promise((resolve) => hostClock.yieldTurn(() => resolve(undefined)));
    expect(storage.counts.read).toBe(read);
  });

  it('is not begun any more once the journal is closed', async () => {
    const storage = await directory();
    const { journal } = await start(storage);
    expect(journal.checked?.laterSegments).toBeGreaterThan(0);
    await journal.close();
    const { operations } = storage;
    await journal.checkRest();
    expect(storage.operations).toBe(operations);
  });
});

describe('the check of what was left', () => {
  const [first, second] = [1, 3].map((sequence) => segmentInfo('/data/wal', sequence)) as [
    SegmentInfo,
    SegmentInfo,
  ];
  const unread = [first, second].map((info) => ({ info, sealCrc: 0 }));
  const clock = { setTimer: () => ({ cancel: () => undefined }) };

  it('that never began is over when it is stopped', async () => {
    const storage = new FaultyStorage();
    const check = new BackgroundCheck({ storage, clock, maxFrameBytes: 1_000, isKept: () => true }, unread);
    await check.stop();
    await check.run();
    expect(storage.operations).toBe(0);
  });

  it('passes over a segment that was removed, before it is looked at or while it is', async () => {
    const storage = new FaultyStorage();
    const gone = new Set([first]);
    storage.setFaults((operation, path) => {
      if (operation === 'open' && path === second.path) gone.add(second);
      return undefined;
    });
    const isKept = (info: SegmentInfo): boolean => !gone.has(info);
    await new BackgroundCheck({ storage, clock, maxFrameBytes: 1_000, isKept }, unread).run();
    expect(storage.counts).toMatchObject({ open: 1, stat: 0, read: 0 });
  });

  it('that is stopped while it reads ends behind that piece', async () => {
    const storage = await directory();
    const [path = ''] = await older(storage);
    const info = segmentInfo('/data/wal', Number.parseInt(path.slice(-24), 10));
    const parts = { storage, clock, maxFrameBytes: 1_000_000, isKept: () => true };
    const check = new BackgroundCheck(parts, [{ info, sealCrc: 0 }]);
    let stopped: Promise<void> | undefined;
    storage.setFaults((operation) => {
      if (operation === 'read') stopped = check.stop();
      return undefined;
    });
    await check.run();
    await stopped;
    expect(stopped).toBeDefined();
  });
});
