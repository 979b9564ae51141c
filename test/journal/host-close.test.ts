// A close says nothing about the data, so only a number that is no descriptor is an error.
import { open } from 'node:fs';
import { devNull } from 'node:os';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { closeDescriptor } from '../../src/journal/host-close.js';

it('a descriptor is closed once; what is not open is EBADF', async () => {
  const fd = await promisify(open)(devNull, 'r');
  await closeDescriptor(fd);
  await expect(closeDescriptor(1_000_000)).rejects.toMatchObject({ code: 'EBADF' });
});
