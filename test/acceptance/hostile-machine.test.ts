// What the machine refuses: a directory that cannot be written, a full disk, another process on the directory. Each
// with a code, the path and what to do; on the real file system in processes of their own, and on the simulated one.
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { FileBackend } from '../../src/journal/file-backend.js';
import { openOrchestrator } from '../../src/open-orchestrator.js';
import { FaultyStorage, type StorageOperation } from '../../src/testing/faulty-storage.js';
import { onTestEnd, temporaryDirectory } from '../support/engine.js';
import { buildPackage, contentsOf, inChild } from './support/directories.js';
import { refusal } from './support/handlers.js';

/** In a child: gives up the right to write where nobody may. A user who is not root has none to give up. */
const AS_NOBODY = 'if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }';
const OPEN = 'await (await openOrchestrator({ dataDir, expectExisting: true })).close();';
/** Operations that change something. */
const CHANGES: readonly StorageOperation[] = ['write', 'truncate', 'mkdir', 'rename', 'unlink'];

beforeAll(buildPackage, 300_000);

async function usedDirectory(): Promise<string> {
  const parent = await temporaryDirectory();
  chmodSync(parent, 0o755);
  const dataDir = join(parent, 'data');
  const pawl = await openOrchestrator({ dataDir });
  await pawl.submit('nobody');
  await pawl.close();
  return dataDir;
}

describe('a directory that cannot be written', () => {
  it('is READ_ONLY_STORAGE with the path, and nothing in it changes', async () => {
    const dataDir = await usedDirectory();
    for (const path of [dataDir, ...['wal', 'snapshots', 'quarantine'].map((name) => join(dataDir, name))])
      chmodSync(path, 0o555);
    for (const name of ['lock', 'head']) chmodSync(join(dataDir, name), 0o444);
    const before = contentsOf(dataDir);
    const outcome = inChild(dataDir, `${AS_NOBODY} say(process.getuid()); ${OPEN}`);
    // Root may write anywhere: then this would have tested nothing.
    expect(outcome.said).not.toBe(0);
    expect(outcome).toMatchObject({
      code: 'READ_ONLY_STORAGE',
      data: { path: join(dataDir, 'lock'), errno: 'EACCES', stage: 'open' },
    });
    expect(outcome.message).toContain(join(dataDir, 'lock'));
    expect(outcome.message).toContain('make it writable for this user');
    expect(contentsOf(dataDir)).toEqual(before);
  });

  it('and does not exist yet is READ_ONLY_STORAGE, and is not created', async () => {
    const parent = await temporaryDirectory();
    const above = join(parent, 'above');
    mkdirSync(above);
    chmodSync(parent, 0o755);
    chmodSync(above, 0o555);
    const dataDir = join(above, 'data');
    const outcome = inChild(dataDir, `${AS_NOBODY} await openOrchestrator({ dataDir });`);
    expect(outcome).toMatchObject({ code: 'READ_ONLY_STORAGE', data: { path: dataDir, errno: 'EACCES' } });
    expect(contentsOf(above)).toEqual({});
  });

  it('because its file system is mounted read-only, is refused at the first change', async () => {
    const storage = new FaultyStorage();
    await (await openOrchestrator({ dataDir: '/data', backend: new FileBackend(storage, '/data') })).close();
    storage.setFaults((operation) =>
      operation === 'lock' || CHANGES.includes(operation) ? { kind: 'fail', errno: 'EROFS' } : undefined,
    );
    const opening = openOrchestrator({ dataDir: '/data', backend: new FileBackend(storage, '/data') });
    const error = await refusal(opening, 'READ_ONLY_STORAGE');
    expect(error.data).toMatchObject({ path: '/data/lock', errno: 'EROFS', stage: 'open' });
    expect(error.message).toContain('make it writable');
  });
});

describe('a full disk', () => {
  it.each(['mkdir', 'write'] as const)(
    'at the first start, at %s, is STORAGE_FULL with the path',
    async (full) => {
      const storage = new FaultyStorage();
      storage.setFaults((operation) => (operation === full ? { kind: 'fail', errno: 'ENOSPC' } : undefined));
      const opening = openOrchestrator({ dataDir: '/data', backend: new FileBackend(storage, '/data') });
      const error = await refusal(opening, 'STORAGE_FULL');
      expect(error.data['path']).toMatch(/^\/data/);
      expect(error.message).toContain(String(error.data['path']));
      expect(error.message).toContain('free some space and try again');
      storage.setFaults(undefined);
      const pawl = await openOrchestrator({ dataDir: '/data', backend: new FileBackend(storage, '/data') });
      await pawl.submit('nobody');
      await pawl.close();
    },
  );

  it('at a later start is STORAGE_FULL; what was there is there when there is room again', async () => {
    const storage = new FaultyStorage();
    const open = () => openOrchestrator({ dataDir: '/data', backend: new FileBackend(storage, '/data') });
    const pawl = await open();
    await pawl.submit('nobody');
    await pawl.close();
    const segment = '/data/wal/00000000000000000001.wal';
    const before = storage.contents(segment);
    storage.setFaults((operation, path) =>
      operation === 'write' && path !== '/data/lock' ? { kind: 'fail', errno: 'ENOSPC' } : undefined,
    );
    const error = await refusal(open(), 'STORAGE_FULL');
    expect(error.message).toContain('/data/');
    expect(storage.contents(segment)).toEqual(before);
    storage.setFaults(undefined);
    const again = await open();
    onTestEnd(() => again.close());
    expect(again.projections.tasks.count).toBe(1);
  });

  it('of the machine refuses a submission with STORAGE_FULL and keeps what was acknowledged', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const outcome = inChild(
      dataDir,
      `const pawl = await openOrchestrator({ dataDir });
       let acknowledged = 0;
       say(0);
       for (;;) {
         await pawl.submit('nobody', 'x'.repeat(10_000));
         say(++acknowledged);
       }`,
      'ulimit -f 128',
    );
    const segment = join(dataDir, 'wal', '00000000000000000001.wal');
    expect(outcome).toMatchObject({
      code: 'STORAGE_FULL',
      data: { path: segment, errno: 'EFBIG', outcome: 'notDone' },
    });
    expect(outcome.message).toContain(segment);
    expect(outcome.message).toContain('free some space');
    expect(outcome.said).toBeGreaterThan(0);
    const pawl = await openOrchestrator({ dataDir });
    onTestEnd(() => pawl.close());
    expect(pawl.projections.tasks.count).toBe(outcome.said);
  });
});

describe('a directory that another process has open', () => {
  it('is DATA_DIR_LOCKED with the holder, and nothing in it changes', async () => {
    const dataDir = await usedDirectory();
    const pawl = await openOrchestrator({ dataDir });
    onTestEnd(() => pawl.close());
    await pawl.submit('nobody');
    // Long enough for what the holder itself writes behind a commit.
    await pawl.idle();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = contentsOf(dataDir);
    const outcome = inChild(dataDir, OPEN);
    expect(contentsOf(dataDir)).toEqual(before);
    expect(outcome).toMatchObject({
      code: 'DATA_DIR_LOCKED',
      data: {
        path: join(dataDir, 'lock'),
        pid: process.pid,
        host: expect.any(String) as unknown,
        stage: 'open',
      },
    });
    expect(outcome.message).toContain(`Process ${String(process.pid)}`);
    expect(outcome.message).toContain(dirname(join(dataDir, 'lock')));
    expect(outcome.message).toContain('close it there first, or wait for it with lockWaitMs');
    expect(JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    await pawl.submit('nobody');
    await pawl.close();
    expect(inChild(dataDir, OPEN)).toEqual({ opened: true });
  });
});
