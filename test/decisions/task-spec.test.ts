// Every rule of a submission's fields: at its edge it passes, beyond it is refused by code, naming the path.
import { describe, expect, it } from '@jest/globals';
import { resolveSpec, specsEqual } from '../../src/decisions/task-spec.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { SubmitOptions } from '../../src/domain/submission.js';
import type { TaskSpec } from '../../src/domain/task.js';
import { spec } from './support/histories.js';

/** What a caller without types may pass. */
function door(type: unknown, options: unknown = {}, input?: unknown): TaskSpec {
  return resolveSpec({ type, input, options: options as SubmitOptions }, DEFAULT_LIMITS, () => 'made');
}

function refusal(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    const { code, data } = error as { code: string; data: { path?: string; field?: string } };
    return [code, data.path ?? data.field];
  }
  return 'accepted';
}

const text = (length: number): string => 'x'.repeat(length);
const list = (length: number): string[] => Array.from({ length }, (_unused, index) => `e${String(index)}`);

describe('defaults', () => {
  it('are those of the contract', () => {
    expect(door('work')).toEqual({
      id: 'made',
      type: 'work',
      policy: { kind: 'once' },
      constraints: {
        maxAttempts: 1,
        maxLostAttempts: 3,
        backoff: { kind: 'exponential', baseMs: 1_000, maxMs: 3_600_000, factor: 2, jitter: 'full' },
        keyHold: 'holdDuringRetry',
        safety: 'pure',
      },
      metadata: { tags: [], priority: 0 },
      dependsOn: [],
      budgets: [],
    });
  });

  it.each<[unknown, unknown]>([
    [
      { kind: 'exponential' },
      { kind: 'exponential', baseMs: 1_000, maxMs: 3_600_000, factor: 2, jitter: 'full' },
    ],
    [
      { kind: 'linear', stepMs: 5 },
      { kind: 'linear', stepMs: 5, maxMs: 3_600_000, jitter: 'full' },
    ],
    [
      { kind: 'fixed', delayMs: 5 },
      { kind: 'fixed', delayMs: 5, jitter: 'full' },
    ],
    [
      { kind: 'fixed', delayMs: 0, jitter: 'none' },
      { kind: 'fixed', delayMs: 0, jitter: 'none' },
    ],
  ])('of the backoff %j', (backoff, resolved) => {
    expect(door('work', { constraints: { backoff } }).constraints.backoff).toEqual(resolved);
  });

  it('of a repeat policy', () => {
    expect(door('work', { policy: { kind: 'repeat', count: 2, intervalMs: 3 } }).policy).toEqual({
      kind: 'repeat',
      count: 2,
      intervalMs: 3,
      misfire: { kind: 'catchUp' },
      overlap: 'allow',
    });
  });

  it('make a specification with each of them spelt out the same as one without', () => {
    const spelt = {
      policy: { kind: 'once' },
      constraints: { maxAttempts: 1, maxLostAttempts: 3, keyHold: 'holdDuringRetry', safety: 'pure' },
      metadata: { priority: 0, tags: [] },
      dependsOn: [],
      budgets: [],
    } as const;
    expect(specsEqual(spec('t1', spelt), spec('t1'))).toBe(true);
  });
});

describe('INVALID_INPUT', () => {
  it.each<[string, unknown]>([
    ['type', undefined],
    ['type', ''],
    ['type', text(129)],
    ['type', 7],
    ['type', '\ud800'],
  ])('names %s for %j', (path, type) => {
    expect(refusal(() => door(type))).toEqual(['INVALID_INPUT', path]);
  });

  it.each<[string, unknown]>([
    ['options', null],
    ['options', []],
    ['options', 'id'],
    ['options.prio', { prio: 1 }],
    ['contentType', { contentType: '' }],
    ['contentType', { contentType: text(257) }],
    ['dependsOn', { dependsOn: 'a' }],
    ['dependsOn', { dependsOn: list(1_001) }],
    ['budgets', { budgets: {} }],
    ['budgets', { budgets: list(65) }],
    ['budgets[0]', { budgets: ['token'] }],
    ['budgets[0].unit', { budgets: [{ dimension: 'token', limit: 1, unit: 'x' }] }],
    ['budgets[0].dimension', { budgets: [{ dimension: '', limit: 1 }] }],
    ['budgets[0].dimension', { budgets: [{ dimension: text(65), limit: 1 }] }],
    ['budgets[0].limit', { budgets: [{ dimension: 'token', limit: 0 }] }],
  ])('names %s for the options %j', (path, options) => {
    expect(refusal(() => door('work', options))).toEqual(['INVALID_INPUT', path]);
  });

  it.each<[string, unknown]>([
    ['policy.kind', null],
    ['policy.kind', {}],
    ['policy.kind', { kind: 'hourly' }],
    ['policy.count', { kind: 'once', count: 1 }],
    ['policy.startAt', { kind: 'once', startAt: -1 }],
    ['policy.startAt', { kind: 'once', startAt: 0.5 }],
    ['policy.startAt', { kind: 'once', startAt: 8_640_000_000_000_001 }],
    ['policy.startAt', { kind: 'once', startAt: null }],
    ['policy.count', { kind: 'repeat', intervalMs: 1 }],
    ['policy.count', { kind: 'repeat', count: 0, intervalMs: 1 }],
    ['policy.count', { kind: 'repeat', count: 2 ** 53, intervalMs: 1 }],
    ['policy.intervalMs', { kind: 'repeat', count: 1 }],
    ['policy.intervalMs', { kind: 'repeat', count: 1, intervalMs: 0 }],
    ['policy.startAt', { kind: 'repeat', count: 1, intervalMs: 1, startAt: '0' }],
    ['policy.overlap', { kind: 'repeat', count: 1, intervalMs: 1, overlap: 'queue' }],
    ['policy.expression', { kind: 'repeat', count: 1, intervalMs: 1, expression: '* * * * *' }],
    ['policy.misfire.kind', { kind: 'repeat', count: 1, intervalMs: 1, misfire: {} }],
    ['policy.misfire.kind', { kind: 'repeat', count: 1, intervalMs: 1, misfire: null }],
    ['policy.misfire.cap', { kind: 'repeat', count: 1, intervalMs: 1, misfire: { kind: 'skip', cap: 1 } }],
    ['policy.misfire.cap', { kind: 'repeat', count: 1, intervalMs: 1, misfire: { kind: 'catchUp', cap: 0 } }],
  ])('names %s for the policy %j', (path, policy) => {
    expect(refusal(() => door('work', { policy }))).toEqual(['INVALID_INPUT', path]);
  });

  it.each<[string, unknown]>([
    ['constraints', null],
    ['constraints.retries', { retries: 1 }],
    ['constraints.maxAttempts', { maxAttempts: 0 }],
    ['constraints.maxAttempts', { maxAttempts: 10_001 }],
    ['constraints.maxLostAttempts', { maxLostAttempts: 0 }],
    ['constraints.maxLostAttempts', { maxLostAttempts: 10_001 }],
    ['constraints.timeoutMs', { timeoutMs: 0 }],
    ['constraints.timeoutMs', { timeoutMs: 1.5 }],
    ['constraints.expireAfterMs', { expireAfterMs: 0 }],
    ['constraints.concurrencyKey', { concurrencyKey: '' }],
    ['constraints.concurrencyKey', { concurrencyKey: text(257) }],
    ['constraints.keyHold', { keyHold: 'never' }],
    ['constraints.safety', { safety: 'none' }],
    ['constraints.backoff.kind', { backoff: null }],
    ['constraints.backoff.kind', { backoff: { kind: 'cubic' } }],
    ['constraints.backoff.jitter', { backoff: { kind: 'fixed', delayMs: 1, jitter: 'some' } }],
    ['constraints.backoff.delayMs', { backoff: { kind: 'fixed' } }],
    ['constraints.backoff.delayMs', { backoff: { kind: 'fixed', delayMs: -1 } }],
    ['constraints.backoff.stepMs', { backoff: { kind: 'linear' } }],
    ['constraints.backoff.maxMs', { backoff: { kind: 'linear', stepMs: 1, maxMs: -1 } }],
    ['constraints.backoff.stepMs', { backoff: { kind: 'fixed', delayMs: 1, stepMs: 1 } }],
    ['constraints.backoff.baseMs', { backoff: { kind: 'exponential', baseMs: -1 } }],
    ['constraints.backoff.factor', { backoff: { kind: 'exponential', factor: 0.99 } }],
    ['constraints.backoff.factor', { backoff: { kind: 'exponential', factor: 100.1 } }],
    ['constraints.backoff.factor', { backoff: { kind: 'exponential', factor: null } }],
    ['constraints.backoff.factor', { backoff: { kind: 'exponential', factor: Number.NaN } }],
  ])('names %s for the constraints %j', (path, constraints) => {
    expect(refusal(() => door('work', { constraints }))).toEqual(['INVALID_INPUT', path]);
  });

  it.each<[string, unknown]>([
    ['metadata', 'x'],
    ['metadata.label', { label: 'x' }],
    ['metadata.tags', { tags: 'x' }],
    ['metadata.tags', { tags: list(33) }],
    ['metadata.tags[1]', { tags: ['a', ''] }],
    ['metadata.tags[0]', { tags: [text(129)] }],
    ['metadata.priority', { priority: 2_147_483_648 }],
    ['metadata.priority', { priority: -2_147_483_649 }],
    ['metadata.priority', { priority: 0.1 }],
    ['metadata.description', { description: text(4_097) }],
    ['metadata.description', { description: 'é'.repeat(2_049) }],
    ['metadata.description', { description: 7 }],
  ])('names %s for the metadata %#', (path, metadata) => {
    expect(refusal(() => door('work', { metadata }))).toEqual(['INVALID_INPUT', path]);
  });
});

describe('INVALID_ID', () => {
  it.each<[string, unknown]>([
    ['id', { id: '' }],
    ['id', { id: '-a' }],
    ['id', { id: text(129) }],
    ['id', { id: 5 }],
    ['parentId', { parentId: 'a b' }],
    ['tenantId', { tenantId: 'ü' }],
    ['dependsOn[1]', { dependsOn: ['a', '/'] }],
  ])('names %s', (field, options) => {
    expect(refusal(() => door('work', options))).toEqual(['INVALID_ID', field]);
  });
});

describe('NOT_SUPPORTED', () => {
  it.each<[string, unknown]>([
    ['dependsOn', { dependsOn: ['a'] }],
    ['budgets', { budgets: [{ dimension: 'token', limit: 1 }] }],
    ['policy.kind cron', { policy: { kind: 'cron', expression: '* * * * *' } }],
    ['constraints.requiredCapabilities and department', { constraints: { requiredCapabilities: ['gpu'] } }],
    ['constraints.requiredCapabilities and department', { constraints: { department: 'sales' } }],
  ])('is said of %s, which would otherwise be promised and not kept', (path, options) => {
    expect(refusal(() => door('work', options))).toEqual(['NOT_SUPPORTED', path]);
  });
});

describe('payloads', () => {
  it('are refused with the path when JSON cannot carry them', () => {
    expect(refusal(() => door('work', {}, { a: [1, Number.NaN] }))).toEqual([
      'PAYLOAD_NOT_SERIALIZABLE',
      '$.a[1]',
    ]);
    expect(refusal(() => door('work', {}, () => 1))).toEqual(['PAYLOAD_NOT_SERIALIZABLE', '$']);
  });

  it('pass at the limit and are refused above it', () => {
    const bytes = DEFAULT_LIMITS.maxPayloadBytes;
    expect(door('work', {}, text(bytes - 2)).input).toHaveLength(bytes + 1);
    expect(refusal(() => door('work', {}, text(bytes - 1)))).toEqual(['PAYLOAD_TOO_LARGE', undefined]);
  });
});

describe('what lies at the edge', () => {
  it.each<[string, unknown]>([
    ['an id of 128 characters', { id: text(128) }],
    ['a content type of 256', { contentType: text(256) }],
    ['a start at the end of time', { policy: { kind: 'once', startAt: 8_640_000_000_000_000 } }],
    ['10 000 attempts', { constraints: { maxAttempts: 10_000, maxLostAttempts: 10_000 } }],
    ['a key of 256 characters', { constraints: { concurrencyKey: text(256) } }],
    ['a millisecond', { constraints: { timeoutMs: 1, expireAfterMs: 1 } }],
    ['a backoff that does not grow', { constraints: { backoff: { kind: 'exponential', factor: 1 } } }],
    ['32 tags', { metadata: { tags: list(32) } }],
    ['a tag of 128 characters', { metadata: { tags: [text(128)] } }],
    ['the int32 range', { metadata: { priority: -2_147_483_648 } }],
    ['a description of 4 KiB', { metadata: { description: 'é'.repeat(2_048) } }],
    ['an empty description', { metadata: { description: '' } }],
  ])('passes: %s', (_what, options) => {
    expect(door('work', options).type).toBe('work');
  });

  it('passes: a type of 128 characters', () => {
    expect(door(text(128)).type).toHaveLength(128);
  });
});
