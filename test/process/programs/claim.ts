// A registered worker that claims what is ready and never starts it, in commits of their own, until it is killed. Its
// leases are in force for a moment longer, so that the next orchestrator lives beside leased runs.
import { setTimeout as sleep } from 'node:timers/promises';
import type { PawlEvent } from '../../../src/journal/index.js';
import { loadProjectionFromStorage } from '../../../src/journal/index.js';
import { main, setupOf, tell } from './tell.js';

interface ClaimSetup {
  readonly dataDir: string;
  readonly actorId: string;
  readonly leaseMs: number;
}

const MAX_SEEN = 1_000;
const MAX_CLAIMS = 20;

await main(async () => {
  const { dataDir, actorId, leaseMs } = setupOf() as ClaimSetup;
  const { writer, projections } = await loadProjectionFromStorage(dataDir, {
    repair: 'truncate-partial',
    expectExisting: true,
  });
  if (writer === undefined) throw new Error('the directory was opened without a writer');
  const append = async (events: readonly PawlEvent[]): Promise<void> => {
    const from = writer.currentSequence + 1;
    await writer.append(events.map((event, index) => ({ ...event, sequence: from + index })));
  };
  const at = Date.now();
  const stamp = { sequence: 0, at };
  const actor = { actorId, identity: 'a worker', capabilities: [], heartbeatIntervalMs: 10_000 };
  await append([{ type: 'ActorRegistered', ...stamp, ...actor }]);
  // One with a key would have to wait for its key too.
  const hasKey = (taskId: string): boolean =>
    projections.tasks.get(taskId)?.spec.constraints.concurrencyKey !== undefined;
  const ready = projections.runs.list({ state: 'ready' }, { limit: MAX_SEEN }).items;
  const free = ready.filter(({ taskId }) => !hasKey(taskId)).slice(0, MAX_CLAIMS);
  for (const { id: runId } of free) {
    await append([
      { type: 'RunStateChanged', ...stamp, runId, from: 'ready', to: 'leased' },
      { type: 'LeaseAcquired', ...stamp, runId, owner: actorId, expiryAt: at + leaseMs },
    ]);
    tell({ type: 'leased' });
  }
  tell({ type: 'progress', done: free.length });
  // Waits to be killed.
  for (;;) await sleep(1_000);
});
