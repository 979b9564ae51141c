// Places are taken up to their number, and each is given back once.
import { describe, expect, it } from '@jest/globals';
import { Places } from '../../src/domain/places.js';
import { refusalOf } from '../support/refusal.js';

describe('places', () => {
  it('are taken up to their number; one more is refused with the option and what to do', () => {
    const places = new Places('maxCursors', 2, 'end a cursor');
    places.take();
    places.take();
    const error = refusalOf(() => places.take());
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', data: { limit: 'maxCursors', value: 2 } });
    expect(error.message).toContain('end a cursor');
    expect(places.taken).toBe(2);
  });

  it('given back twice are given back once', () => {
    const places = new Places('maxCursors', 2, 'end a cursor');
    const leave = places.take();
    places.take();
    leave();
    leave();
    expect(places.taken).toBe(1);
    places.take();
    expect(refusalOf(() => places.take()).code).toBe('LIMIT_EXCEEDED');
  });
});
