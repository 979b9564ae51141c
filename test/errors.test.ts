// The one error class and its guard. That code and docs/errors.md name the same codes is tested in docs/.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES, isPawlError, PawlError, TerminalError } from '../src/errors.js';

describe('a Pawl error', () => {
  it('carries code, message, data and cause', () => {
    const cause = new Error('disk');
    const error = new PawlError('STORAGE_FAILED', 'write to a.wal failed', { segment: 'a.wal' }, cause);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('PawlError');
    expect(error.code).toBe('STORAGE_FAILED');
    expect(error.data).toEqual({ segment: 'a.wal' });
    expect(error.cause).toBe(cause);
    expect(String(error)).toBe('PawlError: write to a.wal failed');
  });

  it('has no cause property when none was given', () => {
    expect(Object.hasOwn(new PawlError('CLOSED', 'closed'), 'cause')).toBe(false);
  });

  it('shows its mark to nobody who lists its properties', () => {
    expect(Object.keys(new PawlError('CLOSED', 'closed')).sort()).toEqual(['code', 'data', 'name']);
  });

  it('is terminal when a handler says so', () => {
    const error = new TerminalError('no such customer', { customer: 42 });
    expect(error.name).toBe('TerminalError');
    expect(isPawlError(error, 'TERMINAL')).toBe(true);
    expect(error.data).toEqual({ customer: 42 });
  });
});

describe('isPawlError', () => {
  it('asks for the code when one is given', () => {
    const error = new PawlError('CLOSED', 'closed');
    expect(isPawlError(error)).toBe(true);
    expect(isPawlError(error, 'CLOSED')).toBe(true);
    expect(isPawlError(error, 'LOST')).toBe(false);
  });

  it('knows the errors of another copy of the package', () => {
    const other: unknown = runInNewContext(
      "Object.defineProperty(Object.assign(new Error('x'), { code: 'LOST', data: {} }), 'brand', { value: '@pawl/error' })",
    );
    expect(other instanceof PawlError).toBe(false);
    expect(isPawlError(other, 'LOST')).toBe(true);
  });

  it.each([
    undefined,
    null,
    'CLOSED',
    new Error('closed'),
    { code: 'CLOSED' },
    Object.assign(new Error(), { code: 'CLOSED' }),
  ])('does not take others for its own: %p', (value) => {
    expect(isPawlError(value)).toBe(false);
    expect(isPawlError(value, 'CLOSED')).toBe(false);
  });
});

describe('the table of codes', () => {
  it('names each code in capitals and says in one line what it means', () => {
    for (const [code, meaning] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(meaning).toMatch(/^[A-Z`][^\n]+\.$/);
    }
  });
});
