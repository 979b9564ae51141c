// Error records: whatever was thrown, a bounded plain record, and reading it never throws.
import { describe, expect, it } from '@jest/globals';
import { PawlError, TerminalError } from '../../src/errors.js';
import { errorRecord, MAX_MESSAGE_BYTES, MAX_STACK_BYTES } from '../../src/execution/error-record.js';

const messageOf = (text: string): string =>
  errorRecord(Object.assign(new Error(), { message: text })).message;

describe('an error record', () => {
  it('has name, message, stack and code of an error', () => {
    const error = new PawlError('LOST', 'gone');
    error.stack = 'the stack';
    expect(errorRecord(error)).toEqual({
      name: 'PawlError',
      message: 'gone',
      stack: 'the stack',
      code: 'LOST',
      retryable: true,
    });
  });

  it.each<[string, unknown, boolean]>([
    ['an error', new Error('x'), true],
    ['a TerminalError', new TerminalError('x'), false],
    ['what has its code', { code: 'TERMINAL' }, false],
    ['what says so', { retryable: false }, false],
    ['what says otherwise', { retryable: 0 }, true],
    ['undefined', undefined, true],
  ])('of %s says whether to try again', (_name, thrown, retryable) => {
    expect(errorRecord(thrown).retryable).toBe(retryable);
  });

  it.each<[unknown, string]>([
    [undefined, 'The handler threw undefined.'],
    [null, 'The handler threw null.'],
    [0, 'The handler threw 0.'],
    ['', 'The handler threw .'],
    [10n, 'The handler threw 10.'],
    [Symbol('s'), 'The handler threw Symbol(s).'],
    [{}, 'The handler threw [object Object].'],
    [Object.create(null), 'The handler threw a value that cannot be shown.'],
    [{ message: 5 }, 'The handler threw [object Object].'],
  ])('of %p has a message all the same', (thrown, message) => {
    expect(errorRecord(thrown)).toMatchObject({ name: 'NonError', message });
  });

  it('has the code HANDLER_FAILED for what is no object, and for nothing else', () => {
    expect(errorRecord('x').code).toBe('HANDLER_FAILED');
    expect(errorRecord(new Error('x'))).not.toHaveProperty('code');
    expect(errorRecord({ code: 7 })).not.toHaveProperty('code');
  });

  it('keeps messages and stacks up to their bounds in bytes', () => {
    for (const length of [MAX_MESSAGE_BYTES - 1, MAX_MESSAGE_BYTES])
      expect(messageOf('x'.repeat(length))).toHaveLength(length);
    expect(messageOf('x'.repeat(MAX_MESSAGE_BYTES + 1))).toHaveLength(MAX_MESSAGE_BYTES);
    const stack = errorRecord({ stack: 'x'.repeat(MAX_STACK_BYTES + 1) }).stack;
    expect(stack).toHaveLength(MAX_STACK_BYTES);
  });

  it.each(['é', '€', '😀'])('cuts between characters, not in %s', (character) => {
    const kept = messageOf(`x${character.repeat(MAX_MESSAGE_BYTES)}`);
    expect(kept).toBe(
      `x${character.repeat(Math.floor((MAX_MESSAGE_BYTES - 1) / Buffer.byteLength(character)))}`,
    );
  });

  it('is well-formed whatever the text was', () => {
    expect(messageOf('a\ud800b')).toBe('a\ufffdb');
    expect(messageOf(`${'x'.repeat(MAX_MESSAGE_BYTES - 1)}😀`).isWellFormed()).toBe(true);
  });
});
