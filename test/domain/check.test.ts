// The checks at the door: what each lets through, and the path, rule and words of each refusal.
import { describe, expect, it } from '@jest/globals';
import {
  requireFields,
  requireInteger,
  requireList,
  requireText,
  requireWord,
} from '../../src/domain/check.js';
import { isPawlError, type PawlError } from '../../src/errors.js';

function refusal(check: () => unknown): PawlError {
  try {
    check();
  } catch (error) {
    if (isPawlError(error, 'INVALID_INPUT')) return error;
    throw error;
  }
  throw new Error('the value was accepted');
}

describe('an integer', () => {
  const check = (value: unknown): number => requireInteger(value, 'options.count', { min: 1, max: 10 });

  it('is accepted at its bounds', () => {
    expect([1, 2, 9, 10].map(check)).toEqual([1, 2, 9, 10]);
    expect(requireInteger(Number.MAX_SAFE_INTEGER, 'at', { min: 0 })).toBe(Number.MAX_SAFE_INTEGER);
    expect(requireInteger(0, 'at', { min: 0 })).toBe(0);
  });

  it.each([
    [0, '0'],
    [11, '11'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['2', '"2"'],
    [2n, '2n'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [[1, 2], 'an array of 2'],
    [{}, 'a value of type object'],
  ])('is refused: %p', (value, shown) => {
    const error = refusal(() => check(value));
    expect(error.message).toBe(`options.count is ${shown}; pass an integer from 1 to 10.`);
    expect(error.data).toEqual({ path: 'options.count', rule: 'pass an integer from 1 to 10' });
  });

  it('is refused beyond the safe integers, and as minus zero', () => {
    expect(refusal(() => requireInteger(2 ** 53, 'at', { min: 0 })).data['path']).toBe('at');
    expect(refusal(() => requireInteger(-0, 'at', { min: 0 })).data['path']).toBe('at');
  });
});

describe('a text', () => {
  it('is accepted from one character to the limit', () => {
    for (const length of [1, 4, 5]) expect(requireText('x'.repeat(length), 'type', 5)).toHaveLength(length);
  });

  it.each(['', 'x'.repeat(6), 'a\ud800', 5, undefined])('is refused: %p', (value) => {
    const error = refusal(() => requireText(value, 'type', 5));
    expect(error.data['path']).toBe('type');
    expect(error.message).toContain('pass a string of 1 to 5 characters');
  });

  it('is not shown in full when it is long', () => {
    expect(refusal(() => requireText('x'.repeat(100_000), 'type', 5)).message.length).toBeLessThan(200);
  });
});

describe('a word', () => {
  it('is one of those that are known', () => {
    expect(requireWord('full', 'jitter', ['full', 'none'])).toBe('full');
    expect(refusal(() => requireWord('half', 'jitter', ['full', 'none'])).message).toBe(
      'jitter is "half"; pass one of full, none.',
    );
    expect(refusal(() => requireWord(undefined, 'jitter', ['full', 'none'])).data['path']).toBe('jitter');
  });
});

describe('a list', () => {
  it('is accepted up to its limit', () => {
    for (const length of [0, 2, 3]) {
      expect(requireList(Array.from({ length }), 'tags', 3)).toHaveLength(length);
    }
    expect(refusal(() => requireList([1, 2, 3, 4], 'tags', 3)).message).toContain('an array of 4');
    expect(refusal(() => requireList('abc', 'tags', 3)).data['path']).toBe('tags');
    expect(refusal(() => requireList({ length: 1 }, 'tags', 3)).data['path']).toBe('tags');
  });
});

describe('an object of options', () => {
  it('has no fields but the known ones', () => {
    const options = { id: 'a' };
    expect(requireFields(options, 'options', ['id', 'policy'])).toBe(options);
    const error = refusal(() => requireFields({ id: 'a', polcy: 1 }, 'options', ['id', 'policy']));
    expect(error.data).toEqual({ path: 'options.polcy', rule: 'unknown field' });
    expect(error.message).toBe('options.polcy is not a known field; known are id, policy.');
  });

  it.each([null, undefined, 'a', 1, [], () => 1])('is an object: %p is refused', (value) => {
    expect(refusal(() => requireFields(value, 'options', ['id'])).data['path']).toBe('options');
  });
});
