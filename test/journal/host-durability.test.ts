// That the machine is really asked: a sync reaches the kernel, which refuses it where nothing can be synced; and what
// the kernel writes only in part is written on, until the error that was not told yet is told.
import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostStorage } from '../../src/journal/host-storage.js';
import { builtProgramsRoot } from '../process/harness/child.js';
import { newDir, removeDirs } from './wal-fixtures.js';

afterEach(removeDirs);

describe('a sync of the machine', () => {
  it('of a file reaches the kernel: a device that cannot be synced refuses it', async () => {
    const file = await hostStorage.open('/dev/null', 'update');
    await expect(file.datasync()).rejects.toMatchObject({ code: 'EINVAL', syscall: 'fdatasync' });
    await file.close();
  });

  it('of a directory reaches the kernel: one that cannot be synced refuses it', async () => {
    await expect(hostStorage.syncDir('/proc')).rejects.toMatchObject({ code: 'EINVAL', syscall: 'fsync' });
  });
});

describe('a read that the kernel does in part', () => {
  it('is read on until it is whole', async () => {
    // The kernel makes this file as it is read, and hands out one of its pages at a time.
    const file = await hostStorage.open('/proc/self/maps', 'read');
    const bytes = Buffer.alloc(16_384);
    expect(await file.read(bytes, 0, bytes.length, 0)).toBe(bytes.length);
    expect(bytes.includes(0)).toBe(false);
    await file.close();
  });
});

describe('a process without a free descriptor', () => {
  it('can still sync a directory, for which one is held back, and can again when it has some', async () => {
    const directory = dirname(newDir());
    const program = `
      import { openSync, closeSync } from 'node:fs';
      import { hostStorage } from ${JSON.stringify(`${builtProgramsRoot()}/src/journal/host-storage.js`)};
      const path = ${JSON.stringify(directory)};
      await hostStorage.syncDir(path);
      const said = [];
      for (let times = 0; times < 2; times++) {
        const held = [];
        try {
          for (;;) held.push(openSync('/dev/null'));
        } catch (error) {
          said.push(error.code);
        }
        said.push(await hostStorage.syncDir(path).then(() => 'synced', (error) => error.code));
        for (const fd of held) closeSync(fd);
        said.push(await hostStorage.syncDir(path).then(() => 'synced', (error) => error.code));
      }
      process.stdout.write(said.join(' '));
    `;
    const said = await run(
      'sh',
      ['-c', `ulimit -n 64; exec "${process.execPath}" --input-type=module`],
      program,
    );
    expect(said).toBe('EMFILE synced synced EMFILE synced synced');
  }, 600_000);
});

describe('a write that the kernel does in part', () => {
  it('is written on, and fails with the error that was not told yet', async () => {
    const path = join(dirname(newDir()), 'limited');
    const program = `
      import { hostStorage } from ${JSON.stringify(`${builtProgramsRoot()}/src/journal/host-storage.js`)};
      const file = await hostStorage.open(${JSON.stringify(path)}, 'create');
      const bytes = Buffer.alloc(100_000, 0x61);
      const said = await file.write(bytes, 0, bytes.length, 0).then(() => 'done', (error) => error.code);
      process.stdout.write(said);
    `;
    // A limit of 64 blocks of 512 or 1 024 bytes, as the shell counts them: the write goes beyond either.
    const said = await run(
      'sh',
      ['-c', `ulimit -f 64; exec "${process.execPath}" --input-type=module`],
      program,
    );
    expect(said).toBe('EFBIG');
    expect(statSync(path).size).toBeGreaterThan(0);
    expect(statSync(path).size).toBeLessThan(100_000);
  }, 600_000);
});

function run(command: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    child.once('error', reject);
    child.once('close', () => {
      resolve(said);
    });
    child.stdin.end(input);
  });
}
