// Every bit of every segment of a real directory, changed: nothing is opened that is not what was acknowledged, under
// either policy, and a refusal names the frame and changes nothing. Rows 11 and 15 of the acceptance, exhaustively.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { verify } from '../../src/journal/index.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import {
  DIR,
  DamageBench,
  damageFixture,
  flipped,
  lastWhole,
  sequenceOf,
  usedBytes,
  usedFrames,
  type Answer,
  type DamageFixture,
} from './damage-fixture.js';

const REFUSALS = ['JOURNAL_CORRUPT', 'UNSUPPORTED_FORMAT'];
let fixture: DamageFixture;

beforeAll(async () => {
  fixture = await damageFixture();
});

function bytesOf(path: string): Buffer {
  const bytes = fixture.files.get(path);
  if (bytes === undefined) throw new Error(`no ${path}`);
  return bytes;
}

/** Throws when the answer is neither a refusal that names the frame nor, where it may be, the whole truth. */
function judge(answer: Answer, context: string, frame: { segment: string; offset: number }): void {
  if (answer.kind === 'opened') throw new Error(`${context}: opened at ${String(answer.sequence)}`);
  const { code, data } = answer.error;
  if (REFUSALS.includes(code) && data['segment'] === frame.segment && data['offset'] === frame.offset) return;
  throw new Error(
    `${context}: ${code} ${JSON.stringify(data)}, but the frame is ${frame.segment}:${String(frame.offset)}`,
  );
}

describe('the fixture', () => {
  it('has three segments, two snapshots, many frames, and opens whole', async () => {
    expect([fixture.segments.length, fixture.snapshots.length]).toEqual([3, 2]);
    for (const path of fixture.segments) expect(usedFrames(bytesOf(path)).length).toBeGreaterThan(8);
    const bench = new DamageBench(fixture.files);
    for (const repair of ['strict', 'truncate-partial'] as const) {
      const answer = await bench.open(new Map(), repair);
      expect(answer).toMatchObject({ kind: 'opened', sequence: fixture.lastSequence, rejected: [] });
      if (answer.kind !== 'opened') return;
      expect(answer.snapshotSequence).toBe(sequenceOf(fixture.snapshots[1] ?? ''));
      expect(answer.hash()).toBe(fixture.hashes.get(fixture.lastSequence));
    }
  });

  it('is the same at every run', async () => {
    expect((await damageFixture()).files).toEqual(fixture.files);
  });
});

describe('every bit of every segment', () => {
  it.each([0, 1, 2])(
    'flipped in segment %i is refused with its frame, or nothing of it is used',
    async (index) => {
      const path = fixture.segments[index] ?? '';
      const bytes = bytesOf(path);
      const frames = usedFrames(bytes);
      const used = frames.at(-1)?.end ?? 0;
      const bench = new DamageBench(fixture.files);
      const older = index + 1 < fixture.segments.length;
      let unseen = 0;
      let asked = 0;
      for (const { offset, end } of frames) {
        const frame = { segment: path.slice(path.lastIndexOf('/') + 1), offset };
        for (let bit = offset * 8; bit < end * 8; bit++) {
          const changes = new Map([[path, flipped(bytes, bit)]]);
          judge(await bench.verify(changes, 'strict'), `bit ${String(bit)}, strict`, frame);
          asked++;
          // An older segment is never cut, whatever the policy: there it is asked less often.
          if (!older || bit % 3 === 0)
            judge(await bench.verify(changes, 'truncate-partial'), `bit ${String(bit)}, cutting`, frame);
          // The same check as a start makes it, with the lock, for one bit of each byte.
          if (bit % 8 !== (bit >> 3) % 8) continue;
          judge(await bench.open(changes, 'strict'), `bit ${String(bit)}, opened strictly`, frame);
          const serving = await bench.open(changes, 'truncate-partial');
          if (serving.kind === 'refused' || !older) {
            judge(serving, `bit ${String(bit)}, serving`, frame);
          } else {
            // A start need not read what the snapshot stands for; it must not use it either.
            expect(serving.sequence).toBe(fixture.lastSequence);
            expect(serving.hash()).toBe(fixture.hashes.get(fixture.lastSequence));
            expect(serving.snapshotSequence).toBeGreaterThan(lastWhole(bytes, offset) ?? 0);
            unseen++;
          }
        }
      }
      expect(asked).toBe(used * 8);
      expect(bench.refused + unseen).toBeGreaterThan(used * (8 + 2));
    },
    600_000,
  );

  it('set in the zeros behind the newest is seen, and loses nothing', async () => {
    const path = fixture.segments.at(-1) ?? '';
    const bytes = bytesOf(path);
    const zeros = Buffer.concat([bytes.subarray(0, usedBytes(bytes)), Buffer.alloc(1_100)]);
    const bench = new DamageBench(fixture.files);
    for (let bit = usedBytes(bytes) * 8; bit < zeros.length * 8; bit += 13) {
      const changes = new Map([[path, flipped(zeros, bit)]]);
      const strict = await bench.open(changes, 'strict');
      if (strict.kind === 'opened') throw new Error(`bit ${String(bit)} was not seen`);
      const serving = await bench.open(changes, 'truncate-partial');
      if (serving.kind === 'refused') continue;
      expect([bit, serving.sequence]).toEqual([bit, fixture.lastSequence]);
      if (bit % 16 === 0) expect(serving.hash()).toBe(fixture.hashes.get(fixture.lastSequence));
    }
  }, 600_000);

  it('flipped in an older segment is found by verify, whatever a start has read', async () => {
    const path = fixture.segments[0] ?? '';
    const bytes = bytesOf(path);
    const storage = new FaultyStorage();
    for (const [name, contents] of fixture.files) storage.place(name, contents);
    for (let bit = 0; bit < usedBytes(bytes) * 8; bit += 5) {
      storage.place(path, flipped(bytes, bit));
      await expect(verify(DIR, { storage })).rejects.toMatchObject({ data: { segment: path.slice(-24) } });
    }
  }, 600_000);
});
