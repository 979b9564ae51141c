// The machine's file system behind the port, and its lock.
import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tryLock } from '../../src/journal/host-lock.js';
import { hostStorage } from '../../src/journal/host-storage.js';
import { openJournal } from '../../src/journal/open-journal.js';
import { event, newDir, removeDirs } from './wal-fixtures.js';

afterEach(removeDirs);

function folder(): string {
  const dir = newDir();
  mkdirSync(dir);
  return dir;
}

describe('a file of the machine', () => {
  it('is written and read at positions, cut, synced and described', async () => {
    const path = join(folder(), 'file');
    const file = await hostStorage.open(path, 'create');
    await file.write(Buffer.from('xxhello worldxx'), 2, 11, 3);
    const into = Buffer.alloc(20, 46);
    expect(await file.read(into, 1, 19, 3)).toBe(11);
    expect(into.toString('latin1', 0, 13)).toBe('.hello world.');
    await file.truncate(8);
    await file.datasync();
    expect(await file.stat()).toMatchObject({ sizeBytes: 8, isDirectory: false, links: 1 });
    await hostStorage.unlink(path);
    expect((await file.stat()).links).toBe(0);
    await file.close();
  });

  it('answers nothing after close, since its number may mean another file by then', async () => {
    const dir = folder();
    const closed = await hostStorage.open(join(dir, 'one'), 'create');
    const last = closed.write(Buffer.from('one'), 0, 3, 0);
    await closed.close();
    await last;
    const other = await hostStorage.open(join(dir, 'two'), 'create');
    await expect(closed.write(Buffer.from('wrong'), 0, 5, 0)).rejects.toMatchObject({ code: 'EBADF' });
    await expect(closed.datasync()).rejects.toMatchObject({ code: 'EBADF' });
    expect((await other.stat()).sizeBytes).toBe(0);
    await closed.close();
    await other.close();
  });

  it('is closed only when what was asked of it before is done', async () => {
    const path = join(folder(), 'busy');
    writeFileSync(path, 'ten bytes!');
    const file = await hostStorage.open(path, 'read');
    // Reading beyond the end asks the machine twice.
    const reading = file.read(Buffer.alloc(100), 0, 100, 0);
    await file.close();
    expect(await reading).toBe(10);
  });

  it('opens what is there, or refuses, by its mode', async () => {
    const path = join(folder(), 'file');
    await expect(hostStorage.open(path, 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(hostStorage.open(path, 'update')).rejects.toMatchObject({ code: 'ENOENT' });
    await (await hostStorage.open(path, 'createNew')).close();
    await expect(hostStorage.open(path, 'createNew')).rejects.toMatchObject({ code: 'EEXIST' });
    await (await hostStorage.open(path, 'create')).close();
    expect(await hostStorage.stat(join(path, 'inside'))).toBeUndefined();
    expect(await hostStorage.readdir(dirname(path))).toEqual(['file']);
    await hostStorage.syncDir(dirname(path));
  });
});

describe('the lock', () => {
  it('is taken once, tells what its holder wrote, and is free again after release', async () => {
    const path = join(folder(), 'lock');
    const first = await tryLock(path);
    if (first.kind !== 'held') throw new Error('not held');
    await first.lock.describe('a note');
    expect(await tryLock(path)).toEqual({ kind: 'taken', text: 'a note' });
    await first.lock.release();
    await first.lock.release();
    const second = await tryLock(path);
    expect(second.kind).toBe('held');
    if (second.kind === 'held') await second.lock.release();
  });

  it('a file that nobody holds means nothing, whatever it says', async () => {
    const dir = newDir();
    mkdirSync(dir);
    writeFileSync(join(dir, 'lock'), '{"pid":1,"host":"elsewhere"}');
    const journal = await openJournal(dir);
    await expect(openJournal(dir)).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      data: { pid: process.pid, path: join(dir, 'lock'), since: expect.any(Number) },
    });
    await journal.append(event(1));
    await journal.close();
  });

  it('is waited for when asked', async () => {
    const dir = newDir();
    const first = await openJournal(dir);
    const second = openJournal(dir, { lockWaitMs: 5_000 });
    await first.close();
    await (await second).close();
    await expect(openJournal(dir, { lockWaitMs: 1 })).resolves.toBeDefined();
  });

  describe('without flock(1)', () => {
    it('is LOCK_UNAVAILABLE with what to install, never a silent file', async () => {
      const path = join(folder(), 'lock');
      await expect(tryLock(path, 'no-such-flock')).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        message: expect.stringContaining('Install flock'),
        data: { path },
      });
    });
  });
});
