// The door over a few hundred thousand values: what is accepted comes back equal, what is refused is refused by code,
// and neither takes the process down. A failing case is printed with its seed.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { decodePayload, encodePayload, payloadsEqual } from '../../src/domain/payload.js';
import { isPawlError } from '../../src/errors.js';

const RUNS = 200_000;

describe('payloads', () => {
  it('made of anything are refused by code or come back as JSON would bring them', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withObjectString: true,
      withBoxedValues: true,
      stringUnit: 'binary',
    });
    let accepted = 0;
    const property = fc.property(anything, (value) => {
      let payload;
      try {
        payload = encodePayload(value, DEFAULT_LIMITS);
      } catch (error) {
        expect(isPawlError(error)).toBe(true);
        return;
      }
      accepted++;
      const decoded = decodePayload(payload);
      if (value instanceof Uint8Array) expect(Array.from(decoded as Uint8Array)).toEqual(Array.from(value));
      else expect(decoded).toEqual(JSON.parse(JSON.stringify(value)));
      expect(encodePayload(decoded, DEFAULT_LIMITS)).toBe(payload);
      expect(payloadsEqual(payload, encodePayload(decoded, DEFAULT_LIMITS))).toBe(true);
    });
    fc.assert(property, { numRuns: RUNS });
    expect(accepted).toBeGreaterThan(RUNS / 20);
  });
});
