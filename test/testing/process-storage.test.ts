// The simulated disk as one process has it: what a process that has ended asks for is neither done nor answered.
import { describe, expect, it } from '@jest/globals';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';

const turns = async (count = 30): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};

describe('the storage of a process', () => {
  it('is the disk, as long as the process runs', async () => {
    const disk = new FaultyStorage();
    const process = disk.asProcess();
    await process.mkdir('/data');
    const file = await process.open('/data/a', 'createNew');
    await file.write(Buffer.from('abc'), 0, 3, 0);
    await file.datasync();
    await process.rename('/data/a', '/data/b');
    await process.syncDir('/data');
    expect(await process.readdir('/data')).toEqual(['b']);
    expect((await process.stat('/data/b'))?.sizeBytes).toBe(3);
    expect(await process.fileSystem?.('/data')).toEqual(await disk.fileSystem());
    expect(await process.holder()).toEqual(await disk.holder());
    expect((await process.lock('/data/lock')).kind).toBe('held');
    await process.unlink('/data/b');
    expect(await disk.readdir('/data')).toEqual(['lock']);
  });

  it.each(['forgetProcess', 'kill', 'crash'] as const)('does nothing more behind a %s', async (end) => {
    const disk = new FaultyStorage();
    disk.place('/data/there', Buffer.from('x'));
    const old = disk.asProcess();
    disk[end](() => 0.1);
    const operations = disk.operations;
    let answered = 0;
    const asked = [
      () => old.open('/data/new', 'create'),
      () => old.mkdir('/data/folder'),
      () => old.rename('/data/there', '/data/gone'),
      () => old.unlink('/data/there'),
      () => old.readdir('/data'),
      () => old.stat('/data/there'),
      () => old.syncDir('/data'),
      () => old.lock('/data/lock'),
      () => old.holder(),
      () => old.fileSystem?.('/data') ?? Promise.resolve(),
    ];
    for (const ask of asked) void ask().then(() => answered++);
    await turns();
    expect([answered, disk.operations]).toEqual([0, operations]);
    expect(await disk.asProcess().readdir('/data')).toEqual(['there']);
  });
});
