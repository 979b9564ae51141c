// Every door of the storage refuses what it cannot understand, names it, and touches nothing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  loadProjectionFromStorage,
  openJournal,
  openWalReader,
  openWalWriter,
  verify,
} from '../../src/journal/index.js';
import { temporaryDirectory } from '../support/engine.js';

type Door = (dir: string, options: never) => Promise<unknown>;

const DOORS: readonly (readonly [string, Door])[] = [
  ['openJournal', openJournal],
  ['openWalWriter', openWalWriter],
  ['openWalReader', openWalReader],
  ['verify', verify],
  ['loadProjectionFromStorage', loadProjectionFromStorage],
];

describe.each(DOORS)('%s', (_name, door) => {
  it.each<[string, unknown]>([
    ['options.repiar', { repiar: 'strict' }],
    ['options.repair', { repair: 'maybe' }],
    ['options.readOnly', { readOnly: 'yes' }],
    ['options.expectExisting', { expectExisting: 1 }],
    ['options.lockWaitMs', { lockWaitMs: -1 }],
    ['options.limits', { limits: 7 }],
    ['options.limits.maxFrameBytes', { limits: { maxFrameBytes: 0 } }],
    ['options.limits.maxFun', { limits: { maxFun: 1 } }],
    ['options', null],
    ['options', 'strict'],
  ])('refuses a bad %s: %j', async (path, options) => {
    const dir = join(await temporaryDirectory(), 'data');
    await expect(door(dir, options as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      data: { path },
    });
    expect(existsSync(dir)).toBe(false);
  });

  it.each([undefined, '', 5, null])('refuses %p for a directory', async (dir) => {
    await expect(door(dir as never, {} as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      data: { path: 'dir' },
    });
  });
});
