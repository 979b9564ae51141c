// Writes to the log what a worker leaves behind that claimed a run and never started it, then waits to be killed.
import { openJournal } from '../../../src/journal/index.js';
import { main, setupOf, tell } from './tell.js';

interface LeaseSetup {
  readonly dataDir: string;
  readonly runId: string;
  readonly from: 'scheduled' | 'ready';
}

await main(async () => {
  const { dataDir, runId, from } = setupOf() as LeaseSetup;
  const journal = await openJournal(dataDir, { repair: 'truncate-partial' });
  const at = Date.now();
  let sequence = journal.currentSequence;
  const stamp = (): { sequence: number; at: number } => ({ sequence: ++sequence, at });
  await journal.append([
    ...(from === 'scheduled'
      ? [{ type: 'RunStateChanged', ...stamp(), runId, from, to: 'ready' } as const]
      : []),
    { type: 'RunStateChanged', ...stamp(), runId, from: 'ready', to: 'leased' },
    { type: 'LeaseAcquired', ...stamp(), runId, owner: 'worker-that-is-gone', expiryAt: at + 3_600_000 },
  ]);
  tell({ type: 'leased' });
});
