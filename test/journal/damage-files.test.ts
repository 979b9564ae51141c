// Every byte at which a file of a real directory can end, every bit of its snapshots and of `head`, and files that
// are gone: the state is the right one, or the opening says what is missing. Nothing acknowledged is lost in silence.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { isPawlError } from '../../src/errors.js';
import { SnapshotLoader } from '../../src/journal/index.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import {
  DamageBench,
  HEAD,
  damageFixture,
  flipped,
  lastWhole,
  sequenceOf,
  usedBytes,
  usedFrames,
  type Answer,
  type DamageFixture,
} from './damage-fixture.js';

const POLICIES = ['strict', 'truncate-partial'] as const;
const SLOT_BYTES = 512;
/** What a slot says; the rest of it is empty. */
const SLOT_USED = 76;
let fixture: DamageFixture;
let newest = '';
/** The newest segment without what may be preallocated behind it. */
let log: Buffer;

beforeAll(async () => {
  fixture = await damageFixture();
  newest = fixture.segments.at(-1) ?? '';
  const bytes = bytesOf(newest);
  log = bytes.subarray(0, usedFrames(bytes).at(-1)?.end);
});

function bytesOf(path: string): Buffer {
  const bytes = fixture.files.get(path);
  if (bytes === undefined) throw new Error(`no ${path}`);
  return bytes;
}

/** The whole truth; what it costs to hash is paid for some. */
function expectWhole(answer: Answer, context: string, hash: boolean): void {
  if (answer.kind === 'refused') throw new Error(`${context}: ${answer.error.message}`);
  expect([context, answer.sequence]).toEqual([context, fixture.lastSequence]);
  if (hash) expect([context, answer.hash()]).toEqual([context, fixture.hashes.get(fixture.lastSequence)]);
}

/** The reader of snapshots refuses it, as damage or as a format that it does not know. */
async function expectUnreadable(storage: FaultyStorage, path: string, context: string): Promise<void> {
  const error = await new SnapshotLoader(path, { storage }).load().catch((thrown: unknown) => thrown);
  if (isPawlError(error, 'SNAPSHOT_CORRUPT') || isPawlError(error, 'UNSUPPORTED_FORMAT')) return;
  throw new Error(`${context}: was read`, { cause: error });
}

describe('a snapshot', () => {
  it.each([0, 1])(
    'with any bit flipped is told by its own reader, and passed over for what is older: snapshot %i',
    async (index) => {
      const [old = '', young = ''] = fixture.snapshots;
      const path = fixture.snapshots[index] ?? '';
      const bytes = bytesOf(path);
      const bench = new DamageBench(fixture.files);
      const storage = new FaultyStorage();
      // The older one is asked only when the newer one is not there.
      const without = index === 0 ? [[young, undefined] as const] : [];
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const damaged = flipped(bytes, bit);
        storage.place(path, damaged);
        await expectUnreadable(storage, path, `bit ${String(bit)}`);
        // Through the front door one of each byte.
        if (bit % 8 !== (bit >> 3) % 8) continue;
        const changes = new Map<string, Buffer | undefined>([...without, [path, damaged]]);
        const context = `bit ${String(bit)}`;
        const answer = await bench.open(changes, POLICIES[(bit >> 3) % 2] ?? 'strict');
        expectWhole(answer, context, (bit >> 3) % 4 === 0);
        if (answer.kind === 'refused') return;
        expect([context, answer.rejected]).toEqual([context, [path]]);
        expect(answer.snapshotSequence).toBe(index === 0 ? 0 : sequenceOf(old));
      }
      expect(bench.opened).toBe(bytes.length);
    },
    600_000,
  );

  it.each([0, 1])(
    'cut at any byte is told by its own reader, and passed over: snapshot %i',
    async (index) => {
      const path = fixture.snapshots[index] ?? '';
      const bytes = bytesOf(path);
      const bench = new DamageBench(fixture.files);
      const storage = new FaultyStorage();
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length);
        storage.place(path, cut);
        await expectUnreadable(storage, path, `length ${String(length)}`);
        if (length % 4 !== 0) continue;
        const answer = await bench.open(new Map([[path, cut]]), 'truncate-partial');
        expectWhole(answer, `length ${String(length)}`, length % 16 === 0);
        if (answer.kind === 'opened') expect(answer.rejected).toEqual(index === 1 ? [path] : []);
      }
    },
    600_000,
  );

  it('that is gone, or both, costs time and nothing else', async () => {
    const [old = '', young = ''] = fixture.snapshots;
    const bench = new DamageBench(fixture.files);
    for (const gone of [[old], [young], [old, young]]) {
      const answer = await bench.open(new Map(gone.map((path) => [path, undefined])), 'strict');
      expectWhole(answer, gone.join(), true);
    }
  });
});

describe('a segment', () => {
  it.each([0, 1])(
    'that is not the newest, cut at any byte, is refused: segment %i',
    async (index) => {
      const path = fixture.segments[index] ?? '';
      const bytes = bytesOf(path);
      const bench = new DamageBench(fixture.files);
      for (let length = 0; length < usedBytes(bytes); length++) {
        const repair = POLICIES[length % 2] ?? 'strict';
        const answer = await bench.open(new Map([[path, bytes.subarray(0, length)]]), repair);
        if (answer.kind === 'opened') throw new Error(`length ${String(length)}: opened, ${repair}`);
        expect(['JOURNAL_CORRUPT', 'SEGMENT_MISSING']).toContain(answer.error.code);
      }
    },
    120_000,
  );

  it('that is the newest, cut at any byte, is whole or refused for what was acknowledged', async () => {
    const bench = new DamageBench(fixture.files);
    const seen = new Set<string>();
    for (let length = 0; length < log.length; length++) {
      const found = lastWhole(log, length);
      for (const repair of POLICIES) {
        const context = `length ${String(length)}, ${repair}`;
        const answer = await bench.open(new Map([[newest, log.subarray(0, length)]]), repair);
        if (found === fixture.lastSequence && (repair === 'truncate-partial' || answer.kind === 'opened')) {
          expectWhole(answer, context, true);
          seen.add('whole');
          continue;
        }
        if (answer.kind === 'opened') throw new Error(`${context}: opened at ${String(answer.sequence)}`);
        seen.add(answer.error.code);
        // Torn is what the mark behind the last event is when it is cut; without its header a segment is no segment.
        const codes =
          found === fixture.lastSequence ? ['TORN_TAIL'] : ['ACKNOWLEDGED_DATA_MISSING', 'JOURNAL_CORRUPT'];
        expect([context, codes.includes(answer.error.code)]).toEqual([context, true]);
      }
    }
    expect([...seen].sort()).toEqual(['ACKNOWLEDGED_DATA_MISSING', 'JOURNAL_CORRUPT', 'TORN_TAIL', 'whole']);
  }, 600_000);

  it('that is gone is missed by name', async () => {
    const bench = new DamageBench(fixture.files);
    const [first = '', second = '', third = ''] = fixture.segments;
    const codes: [string, string][] = [
      [first, 'JOURNAL_CORRUPT SEGMENT_MISSING'],
      [second, 'JOURNAL_CORRUPT SEGMENT_MISSING'],
      [third, 'ACKNOWLEDGED_DATA_MISSING'],
    ];
    for (const [path, expected] of codes) {
      for (const repair of POLICIES) {
        const answer = await bench.open(new Map([[path, undefined]]), repair);
        if (answer.kind === 'opened') {
          // Events that a snapshot stands for may be gone: retention takes them.
          expect([path, answer.hash()]).toEqual([first, fixture.hashes.get(fixture.lastSequence)]);
        } else expect(expected).toContain(answer.error.code);
      }
    }
  });
});

describe('the file head', () => {
  it('with any bit flipped, or cut at any byte, costs no event and no opening', async () => {
    const head = bytesOf(HEAD);
    const bench = new DamageBench(fixture.files);
    const judge = async (bytes: Buffer, context: string, open: boolean): Promise<void> => {
      const changes = new Map([[HEAD, bytes]]);
      expectWhole(await bench.verify(changes), context, false);
      if (open) expectWhole(await bench.open(changes, 'truncate-partial'), context, false);
    };
    for (let bit = 0; bit < head.length * 8; bit++) {
      const used = (bit >> 3) % SLOT_BYTES < SLOT_USED;
      if (!used && bit % 8 !== (bit >> 3) % 8) continue;
      await judge(flipped(head, bit), `bit ${String(bit)}`, used);
    }
    for (let length = 0; length < head.length; length++) {
      await judge(head.subarray(0, length), `length ${String(length)}`, length % 8 === 0);
    }
  }, 600_000);

  it('with one slot damaged speaks through the other; with both it is as if it were not there', async () => {
    const head = bytesOf(HEAD);
    const bench = new DamageBench(fixture.files);
    const known = [0, 1].map((slot) => head.readUInt32LE(slot * SLOT_BYTES + 16));
    const both = flipped(flipped(head, 200), SLOT_BYTES * 8 + 200);
    let missed = 0;
    for (let length = 1; length < log.length; length += 3) {
      const cut = new Map<string, Buffer | undefined>([[newest, log.subarray(0, length)]]);
      const context = `length ${String(length)}`;
      const without = await bench.open(new Map([...cut, [HEAD, undefined]]), 'truncate-partial');
      const blind = await bench.open(new Map([...cut, [HEAD, both]]), 'truncate-partial');
      expect([context, ...said(blind)]).toEqual([context, ...said(without)]);
      // Without a witness what is left is a shorter log, exactly; or a snapshot knows better.
      if (blind.kind === 'opened') expect(blind.hash()).toBe(fixture.hashes.get(blind.sequence));
      for (const slot of [0, 1]) {
        const damaged = flipped(head, slot * SLOT_BYTES * 8 + 200);
        const answer = await bench.open(new Map([...cut, [HEAD, damaged]]), 'truncate-partial');
        const other = known[1 - slot] ?? 0;
        if (blind.kind === 'opened' && blind.sequence < other) {
          expect([context, ...said(answer)]).toEqual([context, 'ACKNOWLEDGED_DATA_MISSING']);
          missed++;
        } else expect([context, ...said(answer)]).toEqual([context, ...said(blind)]);
      }
    }
    expect(missed).toBeGreaterThan(30);
  }, 600_000);
});

function said(answer: Answer): (string | number)[] {
  return answer.kind === 'refused' ? [answer.error.code] : ['opened', answer.sequence];
}
