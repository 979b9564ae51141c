// A segment larger than what its reader may hold in memory; one of more than 2 GiB is in `test/long`.
import { describe, it } from '@jest/globals';
import { openLarge } from './large-segment.js';

describe('a segment of 128 MiB', () => {
  it('is checked, written anew and read at its end with less than 32 MiB of buffers', async () => {
    await openLarge(2 ** 27, 2 ** 25);
  }, 600_000);
});
