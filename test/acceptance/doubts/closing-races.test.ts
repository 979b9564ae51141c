// Closing while something is still going on: it ends, and nothing is written once the directory is let go of.
import { describe, expect, it } from '@jest/globals';
import type { EngineRuntime } from '../../../src/engine-runtime.js';
import { PawlError } from '../../../src/errors.js';
import { defineTask } from '../../../src/execution/define-task.js';
import { MemoryBackend } from '../../../src/journal/memory-backend.js';
import type { SnapshotOutput } from '../../../src/journal/snapshot-store-port.js';
import { openWith } from '../../../src/open-orchestrator.js';
import { CancelWaits } from '../../../src/scheduling/cancel-waits.js';
import { gate, turns } from '../support/handlers.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';
import { onTestEnd } from '../../support/engine.js';

const work = defineTask('work', () => 'done');

async function openRuntime(backend: MemoryBackend, tasks = [work], snapshotEveryEvents = 0) {
  let runtime: EngineRuntime | undefined;
  const pawl = await openWith(
    { dataDir: 'memory', tasks, backend, clock: new ManualClock(), snapshotEveryEvents },
    {
      onRuntime: (opened) => {
        runtime = opened;
      },
    },
  );
  onTestEnd(() => pawl.close({ drainMs: 0 }));
  if (runtime === undefined) throw new Error('No runtime.');
  return { pawl, runtime };
}

describe('closing', () => {
  it('waits no longer for attempts once the engine has failed of a defect, and the host is told', async () => {
    const going = gate();
    const endless = defineTask('work', async () => {
      await going.promise;
      return 'done';
    });
    const { pawl, runtime } = await openRuntime(new MemoryBackend(), [endless]);
    await pawl.submit(endless);
    await turns(20);
    const closed = pawl.close({ drainMs: 60_000 });
    await turns(20);
    const defect = new PawlError('INTERNAL', 'A durable commit was refused by the state.');
    runtime.fail(defect);
    await closed;
    expect(await pawl.failed).toBe(defect);
  });

  it('begins no snapshot that would be written after the directory is let go of', async () => {
    const backend = new MemoryBackend();
    const { pawl } = await openRuntime(backend, [work], 1);
    await pawl.submit(work);
    await turns(50);
    const log: string[] = [];
    const write = backend.snapshots.write.bind(backend.snapshots);
    backend.snapshots.write = async (sequence): Promise<SnapshotOutput> => {
      await turns(10);
      const output = await write(sequence);
      log.push(`snapshot ${String(sequence)}`);
      return output;
    };
    const close = backend.close.bind(backend);
    backend.close = async () => {
      log.push('closed');
      await close();
    };
    const release = backend.holdSync();
    const submitted = pawl.submit(work);
    const closing = pawl.close({ drainMs: 0 });
    await turns(10);
    release();
    await Promise.all([submitted, closing]);
    await turns(50);
    expect(log.at(-1)).toBe('closed');
  });

  it('refuses waits for a cancellation that begin after the engine has ended', async () => {
    const waits = new CancelWaits(1);
    const closed = new PawlError('CLOSED', 'Closed.');
    waits.fail(closed);
    const { runtime, pawl } = await openRuntime(new MemoryBackend());
    const { taskId } = await pawl.submit(work, undefined, {
      policy: { kind: 'once', startAt: 1_900_000_000_000 },
    });
    const task = runtime.state.tasks.row(taskId);
    if (task === undefined) throw new Error('No task.');
    await expect(waits.wait(task)).rejects.toBe(closed);
  });
});
