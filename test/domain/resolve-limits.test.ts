// Limits are checked each by itself and against each other: what follows by itself must fit into a commit.
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS, MAX_DIMENSIONS, type Limits } from '../../src/domain/limits.js';
import { checkLimits, resolveLimits } from '../../src/domain/resolve-limits.js';
import { refusalOf } from '../support/refusal.js';

const KIB = 1_024;
/** A frame with nothing but a payload of one byte, at the default depth. */
const SMALLEST_FRAME = 1 + 256 * KIB + 8 * 128 * KIB;

describe('limits that fit each other', () => {
  it.each<[string, keyof Limits, number, keyof Limits, Partial<Limits>]>([
    ['events of a reaction', 'maxCommitEvents', 4 * 1_000, 'reactionBatch', { reactionBatch: 1_000 }],
    [
      'what an attempt consumes',
      'maxCommitEvents',
      4 + 8 * MAX_DIMENSIONS,
      'maxHierarchyDepth',
      { reactionBatch: 1 },
    ],
    [
      'what an attempt of a deep hierarchy consumes',
      'maxCommitEvents',
      4 + 30 * MAX_DIMENSIONS,
      'maxHierarchyDepth',
      { maxHierarchyDepth: 30 },
    ],
    ['bytes of a reaction', 'maxFrameBytes', 2 * KIB * 2_000, 'reactionBatch', { reactionBatch: 2_000 }],
    [
      'bytes of an end',
      'maxFrameBytes',
      256 * KIB + 20 * 128 * KIB + 1,
      'maxPayloadBytes',
      { maxHierarchyDepth: 20, maxPayloadBytes: 1 },
    ],
    [
      'a payload',
      'maxFrameBytes',
      SMALLEST_FRAME + 4_999_999,
      'maxPayloadBytes',
      { maxPayloadBytes: 5_000_000 },
    ],
  ])('%s: %s from %d on', (_what, name, least, by, others) => {
    expect(resolveLimits({ ...others, [name]: least }, 'limits')[name]).toBe(least);
    expect(resolveLimits({ ...others, [name]: least + 1 }, 'limits')[name]).toBe(least + 1);
    const error = refusalOf(() => resolveLimits({ ...others, [name]: least - 1 }, 'limits'));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', data: { path: `limits.${name}` } });
    expect(error.message).toContain(`limits.${by}`);
    expect(error.message).toContain(String(least));
  });

  it('include the defaults', () => {
    expect(resolveLimits(undefined, 'limits')).toBe(DEFAULT_LIMITS);
    expect(resolveLimits({ ...DEFAULT_LIMITS }, 'limits')).toEqual(DEFAULT_LIMITS);
  });

  it('are asked for only where an engine needs them: a log alone takes each as it is', () => {
    expect(checkLimits({ maxFrameBytes: 999, maxCommitEvents: 1 }, 'limits')).toMatchObject({
      maxFrameBytes: 999,
      maxCommitEvents: 1,
      maxPayloadBytes: DEFAULT_LIMITS.maxPayloadBytes,
    });
  });
});

describe('a limit by itself', () => {
  it.each<[string, unknown]>([
    ['maxFrameBytes', 0],
    ['maxFrameBytes', 2 ** 30 + 1],
    ['maxCommitEvents', 2 ** 20 + 1],
    ['maxTags', -1],
    ['maxTags', 1.5],
    ['maxTags', Number.NaN],
    ['maxTags', Infinity],
    ['maxTags', '5'],
    ['maxTags', null],
    ['maxFun', 1],
  ])('%s: %p is refused', (name, value) => {
    const error = refusalOf(() => checkLimits({ [name]: value }, 'options.limits'));
    expect(error).toMatchObject({ code: 'INVALID_INPUT', data: { path: `options.limits.${name}` } });
  });

  it.each<[keyof Limits, number]>([
    ['maxFrameBytes', 2 ** 30],
    ['maxCommitEvents', 2 ** 20],
    ['maxTags', 1],
    ['maxTags', Number.MAX_SAFE_INTEGER],
  ])('%s: %p is taken', (name, value) => {
    expect(checkLimits({ [name]: value }, 'options.limits')[name]).toBe(value);
  });

  it.each([null, 7, 'x', []])('%p is refused in their place', (value) => {
    expect(refusalOf(() => checkLimits(value as never, 'options.limits')).code).toBe('INVALID_INPUT');
  });
});
