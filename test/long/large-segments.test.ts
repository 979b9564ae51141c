// Segments beyond the sizes that a single read, a 32-bit offset or a buffer can hold; nothing of them is kept.
import { describe, it } from '@jest/globals';
import { openLarge } from '../journal/large-segment.js';

describe('a segment of many GiB', () => {
  it.each([3, 5])(
    '%i: is checked, written anew and read at its end in bounded memory',
    async (gibibytes) => {
      await openLarge(gibibytes * 2 ** 30, 2 ** 27);
    },
    600_000,
  );
});
