// The contract of backends on files: on the simulated disk, and on the real one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileBackend } from '../../src/journal/file-backend.js';
import { hostStorage } from '../../src/journal/host-storage.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { describeBackend } from './backend-contract.js';

describeBackend('file (simulated disk)', () => {
  const disk = new FaultyStorage();
  return Promise.resolve({
    next: () => new FileBackend(disk, '/data'),
    crash: () => {
      disk.crash(() => 0.9);
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});

describeBackend('file (real disk)', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'pawl-backend-'));
  let last: FileBackend | undefined;
  return {
    next: () => (last = new FileBackend(hostStorage, join(parent, 'data'))),
    crash: async () => {
      await last?.close({ abandon: true });
    },
    dispose: () => rm(parent, { recursive: true, force: true }),
  };
});
