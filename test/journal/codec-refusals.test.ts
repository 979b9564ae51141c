// What the codecs refuse, each at its own place: tags where others belong, kinds and numbers without a meaning, records
// that are too short, values that no field takes. What is read ends in a DecodeError, what is written in an error that
// names the value, and every form of MessagePack is stepped over whole.
import { describe, expect, it } from '@jest/globals';
import { DecodeError } from '../../src/journal/byte-reader.js';
import { CommitDecoder, encodeCommit } from '../../src/journal/commit-codec.js';
import { readConstraints } from '../../src/journal/constraints-codec.js';
import { readFilter, readWait, writeWait } from '../../src/journal/part-codec.js';
import { readPolicy } from '../../src/journal/policy-codec.js';
import { RecordReader } from '../../src/journal/record-reader.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import type { PawlEvent, WaitSpec } from '../../src/index.js';

function reader(hex: string): RecordReader {
  const bytes = Buffer.from(hex, 'hex');
  const input = new RecordReader();
  input.reset(bytes, 0, bytes.length);
  input.begin(0);
  return input;
}

function write(run: (out: RecordWriter) => void): Buffer {
  const out = new RecordWriter();
  out.begin(0);
  run(out);
  return Buffer.from(out.written());
}

describe('reading', () => {
  it.each<[string, string, (input: RecordReader) => unknown]>([
    ['a boolean from a number', '01', (input) => input.bool()],
    ['a number from a string', 'a161', (input) => input.int()],
    ['a negative number where none may be', 'ff', (input) => input.uint()],
    ['a number of 64 bits beyond the safe ones', 'cfffffffffffffffff', (input) => input.uint()],
    ['a negative one of those', 'd38000000000000000', (input) => input.int()],
    ['an array from a map', '80', (input) => input.array()],
    ['an array longer than its record', 'dc000301', (input) => input.array()],
    ['the same with a long count', 'ddffffffff01', (input) => input.array()],
    ['bytes from a string', 'a161', (input) => input.bin()],
    ['bytes from what stands behind bytes', 'c70000', (input) => input.bin()],
    ['a string from bytes', 'c40161', (input) => input.str()],
    ['a string that ends early', 'a361', (input) => input.str()],
    ['a string that is not UTF-8', 'a1ff', (input) => input.str()],
    ['a shared string that is not UTF-8', 'a2c328', (input) => input.word()],
    ['nothing at all', '', (input) => input.int()],
    ['a look at nothing', '', (input) => input.peek()],
    ['a payload without a kind', 'c400', (input) => input.payload()],
    ['a code without a meaning', '05', (input) => input.code(['a', 'b'])],
    ['an id by a number that none has', '03', (input) => input.id()],
    ['the same by a longer number', 'cd0100', (input) => input.id()],
    ['a record with too few fields', '9101', (input) => input.open(2)],
    ['a value of no form', 'c1', (input) => input.skipValue()],
    ['an extension', 'd40000', (input) => input.skipValue()],
    ['an array that ends early', '9201', (input) => input.skipValue()],
    ['a policy of an unknown kind', '9309c0c0', readPolicy],
    ['a policy with too few fields', '9200c0', readPolicy],
    ['a misfire of an unknown number', '9300c009', readPolicy],
    ['a misfire with a cap of an unknown kind', '9300c0920105', readPolicy],
    ['constraints with a backoff of an unknown kind', '9a0101c0c0930901009c0c00c0c0', readConstraints],
    ['a wait of an unknown kind', '9209c0', (input) => readWait(input)],
    ['a wait with too few fields', '9101', (input) => readWait(input)],
    ['a filter of an unknown kind', '9209a161', readFilter],
    ['a filter with too few fields', '9100', readFilter],
  ])('%s is refused', (_name, hex, read) => {
    expect(() => read(reader(hex))).toThrow(DecodeError);
  });

  it('refuses a time outside the safe integers', () => {
    const input = reader('cf001fffffffffffff');
    input.begin(2);
    expect(() => input.time()).toThrow(DecodeError);
  });

  it('refuses a wait that is nested too deep', () => {
    const nested = (depth: number): string => (depth === 0 ? '9204c0' : `93059192a161${nested(depth - 1)}c0`);
    expect(readWait(reader(nested(8)))).toBeDefined();
    expect(() => readWait(reader(nested(9)))).toThrow(DecodeError);
  });

  it('refuses a commit with an event of an unknown type, or of too few fields, or with a byte behind it', () => {
    for (const hex of ['92059163', '9205920126', '92cd03e89226a16100']) {
      const bytes = Buffer.from(hex, 'hex');
      const frame = { bytes, from: 0, end: bytes.length, firstSequence: 1, count: 1 };
      expect(() => new CommitDecoder().decode(frame)).toThrow(DecodeError);
    }
    const unknown = Buffer.from('920591cd03e7', 'hex');
    const frame = { bytes: unknown, from: 0, end: unknown.length, firstSequence: 1, count: 1 };
    expect(() => new CommitDecoder().decode(frame)).toThrow('no event type has the code 999');
  });

  it.each([
    ['00', 'a small number'],
    ['ff', 'a small negative number'],
    ['c0', 'nil'],
    ['c2', 'false'],
    ['c3', 'true'],
    ['8101a161', 'a map'],
    ['920102', 'an array'],
    ['a3616263', 'a string'],
    ['c402aabb', 'bytes'],
    ['c50002aabb', 'bytes with a count of 16 bits'],
    ['c600000002aabb', 'bytes with a count of 32 bits'],
    ['ca00000000', 'a number of 32 bits with a fraction'],
    ['cb0000000000000000', 'a number of 64 bits with a fraction'],
    ['cc80', 'a number of 8 bits'],
    ['cd8000', 'a number of 16 bits'],
    ['ce80000000', 'a number of 32 bits'],
    ['cf0000000100000000', 'a number of 64 bits'],
    ['d080', 'a negative number of 8 bits'],
    ['d18000', 'a negative number of 16 bits'],
    ['d280000000', 'a negative number of 32 bits'],
    ['d3ffffffff00000000', 'a negative number of 64 bits'],
    ['d90161', 'a string with a count of 8 bits'],
    ['da000161', 'a string with a count of 16 bits'],
    ['db0000000161', 'a string with a count of 32 bits'],
    ['dc00020102', 'an array with a count of 16 bits'],
    ['dd000000020102', 'an array with a count of 32 bits'],
  ])('steps over %s (%s) and nothing else', (hex) => {
    const input = reader(`${hex}07`);
    input.skipValue();
    expect(input.uint()).toBe(7);
  });

  it('gives back numbers, strings and bytes of every size', () => {
    const numbers = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
    const all = [...numbers, ...numbers.map((value) => -value)];
    const texts = [0, 1, 31, 32, 255, 256, 65_535, 65_536].flatMap((size) => [
      'a'.repeat(size),
      'é'.repeat(size),
    ]);
    const bytes = write((out) => {
      for (const value of all) out.int(value);
      for (const value of [0.5, -0, 1e300]) out.num(value);
      for (const text of texts) {
        out.str(text);
        out.bin('b'.repeat(text.length));
      }
      for (const count of [0, 15, 16, 65_536]) {
        out.array(count);
        for (let left = count; left > 0; left--) out.bool(left % 2 === 0);
      }
    });
    const input = new RecordReader();
    input.reset(bytes, 0, bytes.length);
    for (const value of all) expect(input.int()).toBe(value === 0 ? 0 : value);
    for (const value of [0.5, -0, 1e300]) expect(input.num()).toBe(value);
    for (const text of texts) {
      expect(input.str()).toBe(text);
      expect(input.bin().length).toBe(text.length);
    }
    for (const count of [0, 15, 16, 65_536]) {
      expect(input.array()).toBe(count);
      let right = 0;
      for (let left = count; left > 0; left--) if (input.bool() === (left % 2 === 0)) right++;
      expect(right).toBe(count);
    }
  });
});

describe('writing', () => {
  it.each<[string, (out: RecordWriter) => void]>([
    ['a boolean that is none', (out) => out.bool('yes' as never)],
    ['a string that is none', (out) => out.str(5 as never)],
    ['bytes that are none', (out) => out.bin(5 as never)],
    ['a negative number where none may be', (out) => out.uint(-1)],
    ['a negative number beyond the safe ones', (out) => out.int(-(2 ** 53))],
    ['a fraction where none may be', (out) => out.int(-0.5)],
    ['a number without end', (out) => out.num(Infinity)],
  ])('%s is refused', (_name, run) => {
    expect(() => write(run)).toThrow();
  });

  it('of a wait that is nested too deep is refused with its place', () => {
    const nested = (depth: number): WaitSpec =>
      depth === 0 ? { kind: 'children' } : { kind: 'any', of: [{ name: 'a', wait: nested(depth - 1) }] };
    expect(write((out) => writeWait(out, nested(8))).length).toBeGreaterThan(8);
    expect(() => write((out) => writeWait(out, nested(9)))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', data: { path: 'wait', rule: 'depth' } }),
    );
  });

  it('of a commit refuses what is no event at all', () => {
    expect(() => {
      encodeCommit({ header: { at: 1 }, events: [undefined as never] }, new RecordWriter());
    }).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        data: { path: 'events', rule: 'event of the union' },
      }),
    );
  });

  it('of a commit passes a typed refusal on as it is', () => {
    const nested = (depth: number): WaitSpec =>
      depth === 0 ? { kind: 'children' } : { kind: 'any', of: [{ name: 'a', wait: nested(depth - 1) }] };
    const event: PawlEvent = {
      type: 'WaitStarted',
      sequence: 1,
      at: 1,
      runId: 'r',
      name: 'w',
      wait: nested(9),
    };
    expect(() => {
      encodeCommit({ header: { at: 1 }, events: [event] }, new RecordWriter());
    }).toThrow(expect.objectContaining({ data: { path: 'wait', rule: 'depth' } }));
  });

  it('remembers any number of ids', () => {
    const ids = Array.from({ length: 300 }, (_, index) => `id-${String(index)}`);
    const bytes = write((out) => {
      for (const id of [...ids, ...ids]) out.id(id);
    });
    const input = new RecordReader();
    input.reset(bytes, 0, bytes.length);
    input.begin(0);
    for (const id of [...ids, ...ids]) expect(input.id()).toBe(id);
  });
});
