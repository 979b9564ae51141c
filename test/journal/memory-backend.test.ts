// The contract of backends, on memory.
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { describeBackend } from './backend-contract.js';

describeBackend('memory', () => {
  const backend = new MemoryBackend();
  return Promise.resolve({
    next: () => backend,
    crash: () => {
      backend.crash();
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});
