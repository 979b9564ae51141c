// What the door lets through and what it refuses, each refusal with its path and each limit at its edge.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import {
  canonicalJson,
  decodePayload,
  encodePayload,
  payloadFromLatin1,
  payloadsEqual,
  payloadText,
  type Payload,
  type PayloadLimits,
} from '../../src/domain/payload.js';
import { isPawlError, type PawlError } from '../../src/errors.js';

const limits = DEFAULT_LIMITS;

function refusal(value: unknown, bounds: PayloadLimits = limits): PawlError {
  try {
    encodePayload(value, bounds);
  } catch (error) {
    if (isPawlError(error)) return error;
    throw error;
  }
  throw new Error('the value was accepted');
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { in: value };
  return value;
}

class Point {
  x = 1;
}

class List extends Array<number> {}

function withNamedProperty(): unknown {
  return Object.assign([1, 2], { name: 'pair' });
}

function withHole(): unknown[] {
  return Object.assign(new Array<unknown>(3), { 0: 1, 2: 3 });
}

function withGetter(target: object, key: string): unknown {
  return Object.defineProperty(target, key, { enumerable: true, get: () => 1 });
}

function withCycle(): unknown {
  const value: { a: unknown[] } = { a: [0] };
  value.a.push({ back: value });
  return value;
}

function throwing(): unknown {
  return new Proxy(
    { a: 1 },
    {
      getOwnPropertyDescriptor: () => {
        throw new Error('no');
      },
    },
  );
}

describe('a payload that JSON carries unchanged', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'null'],
    ['true', true, 'true'],
    ['zero', 0, '0'],
    ['a small number', -1.5e-7, '-1.5e-7'],
    ['the largest number', Number.MAX_VALUE, '1.7976931348623157e+308'],
    ['an empty string', '', '""'],
    ['an empty object', {}, '{}'],
    ['an empty array', [], '[]'],
    ['a nested value', { a: [1, { b: 'c' }], d: null }, '{"a":[1,{"b":"c"}],"d":null}'],
    ['text beyond ASCII', { é: '€ 😀 \u0000 "' }, '{"é":"€ 😀 \\u0000 \\""}'],
    ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 }), '{"a":1}'],
    ['a value of another realm', runInNewContext('({ a: [1, { b: 2 }] })'), '{"a":[1,{"b":2}]}'],
  ])('is accepted: %s', (_name, value, text) => {
    const payload = encodePayload(value, limits);
    expect(payload.startsWith('j')).toBe(true);
    expect(payloadText(payload)).toBe(text);
    expect(decodePayload(payload)).toEqual(JSON.parse(text));
  });

  it('has one character a byte, in UTF-8', () => {
    const payload = encodePayload('é😀', limits);
    expect(Buffer.from(payload, 'latin1').toString('utf8')).toBe('j"é😀"');
    expect(payload).toHaveLength(1 + 2 + 2 + 4);
  });

  it('leaves out properties that are undefined', () => {
    expect(payloadText(encodePayload({ a: undefined, b: 1, c: undefined }, limits))).toBe('{"b":1}');
  });

  it('writes an object out again for every place that refers to it', () => {
    const shared = { n: 1 };
    expect(payloadText(encodePayload([shared, shared], limits))).toBe('[{"n":1},{"n":1}]');
  });

  it('comes back deeply equal', () => {
    const value = fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 }).filter((made) => {
      const text = JSON.stringify(made, (_key, inner: unknown) => (Object.is(inner, -0) ? '-0' : inner));
      return text.isWellFormed() && !text.includes('"-0"') && !text.includes('"__proto__"');
    });
    fc.assert(
      fc.property(value, (made) => {
        const payload = encodePayload(made, limits);
        expect(decodePayload(payload)).toEqual(made);
        expect(payloadText(payload)).toBe(JSON.stringify(made));
        expect(encodePayload(decodePayload(payload), limits)).toBe(payload);
      }),
    );
  });
});

describe('bytes', () => {
  it('come back equal, as a fresh array', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const payload = encodePayload(bytes, limits);
        expect(payload.startsWith('b')).toBe(true);
        expect(payload).toHaveLength(bytes.length + 1);
        const decoded = decodePayload(payload);
        expect(decoded).toBeInstanceOf(Uint8Array);
        expect(Array.from(decoded as Uint8Array)).toEqual(Array.from(bytes));
        expect(JSON.parse(payloadText(payload))).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
  });

  it('may be a Buffer or a part of a larger array', () => {
    const whole = Uint8Array.from([1, 2, 3, 4]);
    expect(encodePayload(whole.subarray(1, 3), limits)).toBe('b\u0002\u0003');
    expect(encodePayload(Buffer.from([255]), limits)).toBe('b\u00ff');
  });

  it('do not change with the array they were made from', () => {
    const bytes = Uint8Array.from([1]);
    const payload = encodePayload(bytes, limits);
    bytes[0] = 9;
    expect(decodePayload(payload)).toEqual(Uint8Array.from([1]));
  });
});

describe('a payload that JSON cannot carry unchanged', () => {
  it.each<[string, unknown, string, string]>([
    ['undefined', undefined, '$', 'a value of type undefined'],
    ['a function', { a: { b: () => 1 } }, '$.a.b', 'a value of type function'],
    ['a symbol', [Symbol('s')], '$[0]', 'a value of type symbol'],
    ['a bigint', { n: 1n }, '$.n', 'a value of type bigint'],
    ['NaN', { a: [1, 2, 3, { b: NaN }] }, '$.a[3].b', 'the number NaN'],
    ['Infinity', [Infinity], '$[0]', 'the number Infinity'],
    ['minus Infinity', -Infinity, '$', 'the number -Infinity'],
    ['minus zero', { a: -0 }, '$.a', 'the number -0'],
    ['a lone high surrogate', { s: 'a\ud800' }, '$.s', 'a string with a lone surrogate'],
    ['a lone low surrogate', ['\udc00b'], '$[0]', 'a string with a lone surrogate'],
    [
      'a key with a lone surrogate',
      { a: { 'k\ud800': 1 } },
      '$.a["k\\ud800"]',
      'a key with a lone surrogate',
    ],
    ['undefined in an array', [1, undefined], '$[1]', 'a value of type undefined'],
    ['a hole', { a: withHole() }, '$.a[1]', 'a hole'],
    ['a hole beside a named property', Object.assign(withHole(), { name: 1 }), '$[1]', 'a hole'],
    ['a Map', { m: new Map() }, '$.m', 'an object of a class'],
    ['a Set', new Set(), '$', 'an object of a class'],
    ['a Date', { when: new Date(0) }, '$.when', 'an object of a class'],
    ['a RegExp', [/a/], '$[0]', 'an object of a class'],
    ['an error', new Error('e'), '$', 'an object of a class'],
    ['a promise', { p: Promise.resolve(1) }, '$.p', 'an object of a class'],
    ['an instance of a class', [[new Point()]], '$[0][0]', 'an object of a class'],
    ['an object made from another', Object.create({ a: 1 }), '$', 'an object of a class'],
    ['a boxed number', { n: Object(1) as unknown }, '$.n', 'an object of a class'],
    ['an array of a class', { l: List.from([1]) }, '$.l', 'an array of a class'],
    [
      'an array with named properties',
      { pair: withNamedProperty() },
      '$.pair',
      'an array with named properties',
    ],
    ['an object with toJSON', [{ toJSON: () => 1 }], '$[0]', 'an object with toJSON'],
    [
      'an array with toJSON',
      Object.defineProperty([], 'toJSON', { value: () => 1 }),
      '$',
      'an object with toJSON',
    ],
    ['a symbol key', { a: { [Symbol('s')]: 1 } }, '$.a', 'a symbol key'],
    ['a __proto__ key', JSON.parse('{"a":{"__proto__":1}}'), '$.a.__proto__', 'a key named __proto__'],
    ['a getter', { a: withGetter({}, 'b') }, '$.a.b', 'a getter or setter'],
    ['a getter in an array', { a: withGetter([0, 0], '1') }, '$.a[1]', 'a getter or setter'],
    [
      'a setter',
      Object.defineProperty({}, 'w', { enumerable: true, set: () => undefined }),
      '$.w',
      'a getter or setter',
    ],
    ['a cycle', withCycle(), '$.a[1].back', 'a cycle'],
    ['bytes inside an object', { a: Uint8Array.of(1) }, '$.a', 'an object of a class'],
    ['other typed arrays', Uint16Array.of(1), '$', 'an object of a class'],
    ['a DataView', new DataView(new ArrayBuffer(1)), '$', 'an object of a class'],
    ['a key that is no word', { 'a b': { '1': NaN } }, '$["a b"]["1"]', 'the number NaN'],
    [
      'the second of two members',
      { first: { ok: 1 }, second: { bad: NaN } },
      '$.second.bad',
      'the number NaN',
    ],
    ['a member after a nested one', [[1, 2], NaN], '$[1]', 'the number NaN'],
    ['a value that throws when it is read', { a: throwing() }, '$.a', 'a value that throws when it is read'],
  ])('is refused with its path: %s', (_name, value, path, what) => {
    const error = refusal(value);
    expect(error.code).toBe('PAYLOAD_NOT_SERIALIZABLE');
    expect(error.data).toEqual({ path });
    expect(error.message).toBe(`The payload holds ${what} at ${path}; pass JSON values or a Uint8Array.`);
  });

  it('keeps what was thrown as the cause', () => {
    expect(refusal(throwing()).cause).toEqual(new Error('no'));
  });

  it('is refused at depth 65, and accepted at 63 and 64', () => {
    for (const levels of [63, 64]) {
      expect(decodePayload(encodePayload(nested(levels), limits))).toEqual(nested(levels));
    }
    const error = refusal(nested(65));
    expect(error.code).toBe('PAYLOAD_NOT_SERIALIZABLE');
    expect(error.message).toContain('more than 64 levels');
    expect(error.data['path']).toBe('$' + '[0].in'.repeat(32));
  });

  it('does not overflow the stack however deep it is', () => {
    expect(refusal(nested(200_000)).code).toBe('PAYLOAD_NOT_SERIALIZABLE');
  });
});

describe('a payload at the limit of size', () => {
  const small = { maxPayloadBytes: 20, maxPayloadDepth: 64 };

  it.each([
    ['ASCII', (bytes: number) => 'x'.repeat(bytes - 2)],
    ['two bytes a character', (bytes: number) => (bytes % 2 === 0 ? '' : 'x') + 'é'.repeat((bytes - 2) >> 1)],
    ['bytes', (bytes: number) => new Uint8Array(bytes)],
    ['a list', (bytes: number) => [Number('1'.repeat(bytes - 6)), 1, 2]],
  ])('is accepted at limit − 1 and at it, refused above: %s', (_name, make) => {
    for (const bytes of [19, 20]) expect(encodePayload(make(bytes), small)).toHaveLength(bytes + 1);
    const error = refusal(make(21), small);
    expect(error.code).toBe('PAYLOAD_TOO_LARGE');
    expect(error.data).toEqual({ bytes: 21, limit: 20 });
    expect(error.message).toContain('maxPayloadBytes 20');
  });

  it('is 1 MiB by default', () => {
    const text = 'x'.repeat(1_048_576 - 2);
    expect(encodePayload(text, limits)).toHaveLength(1_048_577);
    expect(refusal(text + 'x').code).toBe('PAYLOAD_TOO_LARGE');
  });

  it('is refused early when shared references would write it out 2^60 times', () => {
    let value: unknown = 1;
    for (let level = 0; level < 60; level++) value = [value, value];
    expect(refusal(value).code).toBe('PAYLOAD_TOO_LARGE');
  });

  it('is refused by its length when it is a huge array', () => {
    expect(refusal(new Array(4_000_000_000).fill(0, 0, 1)).code).toBe('PAYLOAD_TOO_LARGE');
  });

  it('never refuses what fits', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (made) => {
        const text = JSON.stringify(made);
        fc.pre(text.isWellFormed() && !/-0|__proto__/.test(text) && !hasMinusZero(made));
        const bytes = Buffer.byteLength(text);
        const exact = { maxPayloadBytes: bytes, maxPayloadDepth: 64 };
        expect(encodePayload(made, exact)).toHaveLength(bytes + 1);
        expect(refusal(made, { ...exact, maxPayloadBytes: bytes - 1 }).code).toBe('PAYLOAD_TOO_LARGE');
      }),
    );
  });
});

function hasMinusZero(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0);
  return Object.values(value).some(hasMinusZero);
}

describe('payloads are equal', () => {
  const json = (value: unknown): Payload => encodePayload(value, limits);

  it.each<[string, Payload | undefined, Payload | undefined, boolean]>([
    ['both absent', undefined, undefined, true],
    ['one absent', json(null), undefined, false],
    ['the other absent', undefined, json(null), false],
    ['keys in another order', json({ a: 1, b: { d: 1, c: 2 } }), json({ b: { c: 2, d: 1 }, a: 1 }), true],
    ['lists in another order', json([1, 2]), json([2, 1]), false],
    ['another value', json({ a: 1 }), json({ a: 2 }), false],
    ['a property that is undefined', json({ a: 1, b: undefined }), json({ a: 1 }), true],
    ['equal bytes', json(Uint8Array.of(1)), json(Uint8Array.of(1)), true],
    ['other bytes', json(Uint8Array.of(1)), json(Uint8Array.of(2)), false],
    ['bytes that read like the JSON', json(Buffer.from('1')), json(1), false],
    ['numbers written differently', payloadFromLatin1('j1.0'), json(1), true],
  ])('or not: %s', (_name, left, right, equal) => {
    expect(payloadsEqual(left, right)).toBe(equal);
  });

  it('sorts the keys of every object and of none of the lists', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, 0], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1},0]}');
  });
});
