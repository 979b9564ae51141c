// Which strings are ids, at every edge of the rule.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isId, requireId } from '../../src/domain/ids.js';
import { isPawlError } from '../../src/errors.js';

describe('an id', () => {
  it.each(['a', '0', 'Z9', 'a_b.c:d-e', 'A'.repeat(127), 'A'.repeat(128), '1-'])('is %s', (id) => {
    expect(isId(id)).toBe(true);
    expect(requireId(id, 'task.id')).toBe(id);
  });

  it.each<[string, unknown]>([
    ['empty', ''],
    ['too long by one', 'A'.repeat(129)],
    ['a hidden file', '.a'],
    ['a leading dash', '-a'],
    ['a leading underscore', '_a'],
    ['a leading colon', ':a'],
    ['a slash', 'a/b'],
    ['a space', 'a b'],
    ['a line break at the end', 'a\n'],
    ['a zero', 'a\u0000'],
    ['beyond ASCII', 'é'],
    ['digits beyond ASCII', '\u0661'],
    ['a number', 1],
    ['absent', undefined],
    ['null', null],
    ['a String object', Object('a')],
    ['a list of one id', ['a']],
  ])('is not %s', (_name, value) => {
    expect(isId(value)).toBe(false);
    let thrown: unknown;
    try {
      requireId(value, 'task.id');
    } catch (error) {
      thrown = error;
    }
    expect(isPawlError(thrown, 'INVALID_ID')).toBe(true);
    expect(thrown).toMatchObject({ data: { field: 'task.id' } });
    expect((thrown as Error).message).toContain('task.id is ');
    expect((thrown as Error).message.length).toBeLessThan(400);
  });

  it('is made of the named characters only', () => {
    const head = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
    const tail = head + '_.:-';
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), (text) => {
        const legal = head.includes(text.charAt(0)) && text.split('').every((unit) => tail.includes(unit));
        expect(isId(text)).toBe(legal);
      }),
    );
  });
});
