// Rows 1 to 20a of the storage again on a log of a hundred thousand events in many segments, with several snapshots, on
// the machine's disk: written once, then copied, damaged, cut, repaired and recovered through the front door.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Commit, PawlEvent } from '../../src/domain/events.js';
import { hostStorage } from '../../src/journal/host-storage.js';
import {
  loadProjectionFromStorage,
  openJournal,
  openWalReader,
  verify,
  type JournalHandle,
} from '../../src/journal/index.js';
import { FileSnapshots } from '../../src/journal/snapshot-store-files.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { Projections } from '../../src/projections/projections.js';
import { commitOf } from '../support/history-maker.js';
import { historyMaker } from '../support/history.js';
import { begun, changed, claimed, ended, runCreated, taskCreated } from '../support/projection-log.js';
import { usedBytes, usedFrames } from './damage-fixture.js';
import { recordingLogger } from './recovery-files.js';
import { dropSeal, newDir, newestSegment, removeDirs, segmentFiles } from './wal-fixtures.js';

const EVENTS = 100_000;
const SEGMENT_BYTES = 524_288;
const limits = { segmentBytes: SEGMENT_BYTES };
/** Commits that are awaited together. */
const TOGETHER = 500;
/** Of every kind, before the many that are alike. */
const RICH_COMMITS = 400;
const SNAPSHOTS_AT = [30_000, 55_000, 80_000];

let dir = '';
let last = 0;
let hash = '';
let snapshotSequences: number[] = [];
/** First sequence and hash of the state at some commit boundaries near the end. */
let beforeLast = { sequence: 0, hash: '' };

/** The whole life of a run, a commit at a time. */
function* lives(): Generator<PawlEvent[]> {
  for (let index = 0; ; index++) {
    const id = `r-${String(index)}`;
    const task = `t-${String(index)}`;
    yield [taskCreated(task), runCreated(id, task), changed(id, 'scheduled', 'ready')];
    yield claimed(id);
    yield begun(id);
    yield ended(id, index % 5 === 0 ? 'failed' : 'completed', {
      result: index % 5 === 0 ? 'failure' : 'success',
    });
  }
}

/** Every commit of the log, one behind the other. */
function* history(state: Projections): Generator<Commit> {
  const maker = historyMaker(7);
  for (let count = 0; count < RICH_COMMITS; count++) {
    const commit = maker.next();
    state.apply(commit);
    yield commit;
  }
  let at = maker.now;
  for (const events of lives()) {
    const commit = commitOf(events, state.sequence + 1, { at: at++ });
    state.apply(commit);
    yield commit;
  }
}

beforeAll(async () => {
  dir = newDir();
  const journal = await openJournal(dir, { limits });
  const state = new Projections();
  const store = new FileSnapshots(hostStorage, join(dir, 'snapshots'));
  const wanted = [...SNAPSHOTS_AT];
  let waiting: Promise<unknown>[] = [];
  for (const { header, events } of history(state)) {
    const { at: _at, ...rest } = header;
    waiting.push(journal.append(events, rest));
    if (waiting.length < TOGETHER && state.sequence < EVENTS) continue;
    await Promise.all(waiting);
    waiting = [];
    if (state.sequence >= (wanted[0] ?? Infinity)) {
      wanted.shift();
      snapshotSequences.push((await takeSnapshot(state, store, { takenAt: state.lastAt })).sequence);
    }
    if (state.sequence >= EVENTS) break;
  }
  beforeLast = { sequence: state.sequence, hash: state.stateHash() };
  const end = commitOf([taskCreated('the-end')], state.sequence + 1, { at: state.lastAt + 1 });
  state.apply(end);
  await journal.append(end.events);
  await journal.close();
  last = state.sequence;
  hash = state.stateHash();
  snapshotSequences = snapshotSequences.slice(-2);
}, 600_000);

afterAll(removeDirs);

/** A copy of the directory, to be spoiled. */
function copied(): string {
  const target = newDir();
  cpSync(dir, target, { recursive: true });
  return target;
}

async function recovered(
  where: string,
  more: object = {},
): Promise<{ sequence: number; hash: string; snapshot: number }> {
  const loaded = await loadProjectionFromStorage(where, { limits, ...more });
  const found = {
    sequence: loaded.projections.sequence,
    hash: loaded.projections.stateHash(),
    snapshot: loaded.snapshotSequence,
  };
  await loaded.writer?.close();
  return found;
}

async function count(log: Pick<JournalHandle, 'read'>, from: number, to?: number): Promise<number> {
  let events = 0;
  let next = 0;
  for await (const commit of log.read(to === undefined ? { from } : { from, to })) {
    if (next !== 0) expect(commit.firstSequence).toBe(next);
    next = commit.firstSequence + commit.events.length;
    events += commit.events.length;
  }
  return events;
}

describe('a log of a hundred thousand events', () => {
  it('has many segments and two snapshots, verifies, and is read from any place (rows 1 to 5)', async () => {
    expect(last).toBeGreaterThan(EVENTS);
    expect(segmentFiles(dir).length).toBeGreaterThanOrEqual(5);
    const names = readdirSync(join(dir, 'snapshots')).filter((name) => name.endsWith('.snapshot'));
    expect(names.length).toBe(2);
    expect(await verify(dir)).toMatchObject({
      firstSequence: 1,
      lastSequence: last,
      sealed: true,
      torn: false,
    });
    const reader = await openWalReader(dir);
    expect(reader.currentSequence).toBe(last);
    expect(await count(reader, 1)).toBe(last);
    for (const from of [66_666, last])
      expect(await count(reader, from)).toBeGreaterThanOrEqual(last - from + 1);
  }, 600_000);

  it('goes on behind its end and refuses what does not follow (rows 5 and 8)', async () => {
    const copy = copied();
    const journal = await openJournal(copy, { limits });
    expect(journal.currentSequence).toBe(last);
    for (const sequence of [last, last + 2])
      await expect(
        journal.append({ type: 'ActorHeartbeat', sequence, at: 1, actorId: 'a' }),
      ).rejects.toMatchObject({
        code: 'SEQUENCE_VIOLATION',
        data: { expected: last + 1, provided: sequence },
      });
    await journal.append({ type: 'ActorHeartbeat', sequence: last + 1, at: 1, actorId: 'a' });
    await journal.close();
    expect((await verify(copy)).lastSequence).toBe(last + 1);
  }, 600_000);

  it('torn at its end is refused by strict and cut by truncate-partial, the copy kept (rows 6, 9 and 10)', async () => {
    const copy = copied();
    rmSync(join(copy, 'head'));
    const newest = newestSegment(copy);
    dropSeal(newest);
    const bytes = readFileSync(newest);
    writeFileSync(newest, bytes.subarray(0, bytes.length - 3));
    const offset = usedFrames(bytes).at(-1)?.offset;
    await expect(loadProjectionFromStorage(copy, { limits })).rejects.toMatchObject({
      code: 'TORN_TAIL',
      data: { offset, reason: 'incompletePayload' },
    });
    const found = await recovered(copy, { repair: 'truncate-partial' });
    expect([found.sequence, found.hash]).toEqual([beforeLast.sequence, beforeLast.hash]);
    const [kept = ''] = readdirSync(join(copy, 'quarantine'));
    expect(
      readFileSync(join(copy, 'quarantine', kept)).equals(bytes.subarray(offset, bytes.length - 3)),
    ).toBe(true);
    const again = await recovered(copy);
    expect([again.sequence, again.hash]).toEqual([beforeLast.sequence, beforeLast.hash]);
    expect((await verify(copy)).lastSequence).toBe(beforeLast.sequence);
  }, 600_000);

  it('damaged anywhere in any segment is refused with segment and place; what stands before is read (row 11)', async () => {
    const files = segmentFiles(dir);
    for (const [index, original] of files.entries()) {
      const copy = copied();
      const path = join(copy, 'wal', original.slice(dirname(original).length + 1));
      const bytes = readFileSync(path);
      const frames = usedFrames(bytes);
      const frame = frames[Math.floor((frames.length * (index + 1)) / (files.length + 1))];
      if (frame === undefined) throw new Error('no frame');
      const at = frame.offset + 50;
      writeFileSync(
        path,
        Buffer.concat([bytes.subarray(0, at), Buffer.from([(bytes[at] ?? 0) ^ 4]), bytes.subarray(at + 1)]),
      );
      const data = { segment: path.slice(-24), offset: frame.offset };
      await expect(verify(copy)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', data });
      await expect(openJournal(copy, { limits })).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', data });
      const reader = await openWalReader(copy);
      expect(reader.currentSequence).toBe(frame.header.firstSequence - 1);
      expect(await count(reader, 1, reader.currentSequence)).toBe(reader.currentSequence);
      rmSync(dirname(copy), { recursive: true });
    }
  }, 600_000);

  it('of which a segment is missing, swapped or short is refused by name (rows 9 and 18)', async () => {
    const copy = copied();
    const [first = '', second = '', third = ''] = segmentFiles(copy);
    const bytes = [first, second, third].map((path) => readFileSync(path));
    rmSync(second);
    await expect(verify(copy)).rejects.toMatchObject({
      code: 'SEGMENT_MISSING',
      data: { segment: third.slice(-24) },
    });
    writeFileSync(second, bytes[2] ?? '');
    await expect(verify(copy)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
    writeFileSync(
      second,
      (bytes[1] ?? Buffer.alloc(0)).subarray(0, usedBytes(bytes[1] ?? Buffer.alloc(0)) - 60),
    );
    await expect(verify(copy)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { segment: second.slice(-24) },
    });
    rmSync(newestSegment(copy));
    writeFileSync(second, bytes[1] ?? '');
    await expect(verify(copy)).rejects.toMatchObject({
      code: 'ACKNOWLEDGED_DATA_MISSING',
      data: { watermark: last },
    });
  }, 600_000);

  it('comes to the same state from each snapshot, from the log alone, and with damaged snapshots (rows 15, 17 and 20)', async () => {
    const copy = copied();
    const paths = snapshotSequences.map((sequence) =>
      join(copy, 'snapshots', `${String(sequence)}.snapshot`),
    );
    const [older = '', newer = ''] = paths;
    const expected = { sequence: last, hash };
    expect(await recovered(copy)).toEqual({ ...expected, snapshot: snapshotSequences[1] });
    const { logger, lines } = recordingLogger();
    const bytes = readFileSync(newer);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    writeFileSync(newer, bytes);
    expect(await recovered(copy, { logger })).toEqual({ ...expected, snapshot: snapshotSequences[0] });
    const fallback = lines.find(({ level }) => level === 'warn');
    expect(fallback).toMatchObject({ path: newer, next: 'older' });
    expect(lines.find(({ message }) => message === 'recovery complete')).toMatchObject({
      snapshotLoaded: true,
    });
    writeFileSync(older, readFileSync(older).subarray(0, statSync(older).size - 1));
    expect(await recovered(copy)).toEqual({ ...expected, snapshot: 0 });
    rmSync(older);
    rmSync(newer);
    const loaded = await loadProjectionFromStorage(copy, { limits, readOnly: true });
    expect(loaded.observations).toMatchObject({ eventsAppliedTotal: last, walReplayEventsApplied: last });
  }, 600_000);

  it('dropped without close has everything, and every opening leaves it so (rows 3 and 20)', async () => {
    const copy = copied();
    dropSeal(newestSegment(copy));
    for (let times = 0; times < 2; times++) {
      const journal = await openJournal(copy, { limits, repair: 'truncate-partial' });
      expect([journal.currentSequence, journal.repaired]).toEqual([last, undefined]);
      await journal.close();
    }
    expect((await recovered(copy)).hash).toBe(hash);
    expect(existsSync(join(copy, 'head'))).toBe(true);
  }, 600_000);

  it('is opened by one process at a time (row 19)', async () => {
    const journal = await openJournal(dir, { limits, expectExisting: true });
    await expect(openJournal(dir, { limits })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    await journal.close();
  }, 600_000);
});
