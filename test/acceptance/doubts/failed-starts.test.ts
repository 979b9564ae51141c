// A start that fails in the middle leaves nothing behind: no timer that would keep the process alive, no lock.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../../src/execution/define-task.js';
import type { TimerHandle } from '../../../src/clock.js';
import { FileBackend } from '../../../src/journal/file-backend.js';
import { FaultyStorage, type StorageOperation } from '../../../src/testing/faulty-storage.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';
import { openTest } from '../../support/engine.js';
import { states } from '../support/handlers.js';

/** Knows which of its timers are armed. */
class CountingClock extends ManualClock {
  readonly armed = new Set<object>();

  override setTimer(delayMs: number, fire: () => void): TimerHandle {
    const timer = {};
    this.armed.add(timer);
    const handle = super.setTimer(delayMs, () => {
      this.armed.delete(timer);
      fire();
    });
    return {
      cancel: () => {
        this.armed.delete(timer);
        handle.cancel();
      },
    };
  }
}

const tick = defineTask('tick', () => undefined);

/** The nth operation of a kind fails; head is not counted, since a start does not fail of it. */
function failNth(storage: FaultyStorage, operation: StorageOperation, nth: number): void {
  let left = nth;
  storage.setFaults((begun, path) =>
    begun === operation && !path.endsWith('/head') && --left === 0
      ? { kind: 'fail', errno: 'EIO' }
      : undefined,
  );
}

describe('a start', () => {
  it.each(['write', 'datasync'] as const)(
    'that fails at any %s leaves no timer, and the directory opens again when it works',
    async (operation) => {
      const storage = new FaultyStorage();
      const clock = new CountingClock({ settleMs: 120_000 });
      const open = () =>
        openTest({ clock, tasks: [tick], concurrency: 1, backend: new FileBackend(storage, '/data') });
      const first = await open();
      const policy = { kind: 'repeat', count: 4, intervalMs: 10_000 } as const;
      const { taskId } = await first.pawl.submit(tick, undefined, { policy });
      await first.clock.settle();
      await first.pawl.close();
      expect(clock.armed.size).toBe(0);
      clock.jump(25_000);
      let failures = 0;
      for (let nth = 1; ; nth++) {
        failNth(storage, operation, nth);
        const opened = await open().catch(() => undefined);
        storage.setFaults(undefined);
        if (opened !== undefined) {
          await opened.clock.settle();
          await opened.pawl.close();
        } else failures++;
        expect(clock.armed.size).toBe(0);
        // After a failed fsync the lock is kept until the process ends.
        if (operation === 'datasync') storage.crash(() => 0.6);
        if (opened !== undefined) break;
      }
      expect(failures).toBeGreaterThan(operation === 'write' ? 2 : 1);
      const again = await open();
      await again.clock.settle();
      expect(states(again.pawl, taskId)).toEqual(['completed', 'completed', 'completed', 'scheduled']);
    },
  );
});
